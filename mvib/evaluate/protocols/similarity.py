"""How alike two representations of the same examples are."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from mvib.evaluate.spread import without_constant_dimensions

Matrix = npt.NDArray[np.floating]

CKA_PROTOCOL = (
    "cka: linear centred kernel alignment of the representations of the same held-out examples, between 0 and 1 "
    "(Kornblith et al. 2019, arXiv:1905.00414, section 3); unchanged by rotations and by one scale for all"
)


def linear_cka(x: Float[Matrix, "N D"], y: Float[Matrix, "N E"]) -> float | None:
    """Linear CKA: |Y^T X|^2 / (|X^T X| |Y^T Y|) with Frobenius norms and centred columns, in float64.

    Args:
        x: one representation, row by row of the same examples as the other.
        y: the other.

    Returns:
        Between 0 and 1; none where one of them is the same for every example but for rounding, in proportion to its
        largest number, as in the spread of the evaluation's table.

    Source: Kornblith, Norouzi, Lee, Hinton 2019, arXiv:1905.00414, section 3.
    """
    assert len(x) == len(y), "CKA compares representations of the same examples"
    centred_x, centred_y = (without_constant_dimensions(rows) for rows in (x, y))
    # Of length one: fourth powers of very small or large numbers would leave the range.
    for centred in (centred_x, centred_y):
        length = float(np.linalg.norm(centred))
        if length == 0:
            return None
        centred /= length
    shared = _square_norm(centred_x, centred_y)
    own = np.sqrt(_square_norm(centred_x, centred_x) * _square_norm(centred_y, centred_y))
    return float(shared / own)


def _square_norm(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """|Y^T X|^2, by the products between examples where these are fewer."""
    if len(x) < max(x.shape[1], y.shape[1]):
        return float(((x @ x.T) * (y @ y.T)).sum())
    return float(np.square(y.T @ x).sum())

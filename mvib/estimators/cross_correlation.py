"""The redundancy reduction of Barlow Twins, read as a surrogate of I(Z1; Z2)."""

# Shape suffixes: D dimension.

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.gram import off_diagonal_square_sum
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def cross_correlation(
    s1: Float[Tensor, "B D"],
    s2: Float[Tensor, "B D"],
    *,
    lambda_: float | Float[Tensor, ""] = 0.0051,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) by the distance of the cross-correlation matrix of two views from the identity.

    -( sum_d (C_dd - 1)^2 + lambda sum_{d != e} C_de^2 ), with C = s1's2 / B. Neither an upper nor a lower bound. At
    most 0; invariant to an affine map of each column of each view before standardisation, up to its eps.

    Args:
        s1: projections of the first view, columns standardised over the batch (`rows.standardized`), each view alone.
        s2: the same of the second view, row i from the same example as row i of `s1`.
        lambda_: weight of the off-diagonal entries. Both parts are sums, so they grow with D and D^2.
        ranks: that share the batch.

    Returns:
        Scalar without unit.

    Source: Zbontar et al. 2021, arXiv:2103.03230, eq. 1 and 2. Official code: facebookresearch/barlowtwins, main.py at
    8e8d284, lines 212-220; identical on
    one process. Differs from solo-learn, and from lightly before its issue 1977 was fixed, whose gradients are divided
    by the number of ranks.
    """
    s1, s2 = at_least_float32(s1), at_least_float32(s2)
    total = sum(ranks.counts(len(s1)))
    with without_autocast(s1):
        diagonal_D = ranks.sum((s1 * s2).sum(dim=0)) / total
        on_diagonal = (diagonal_D - 1).square().sum()
        off_diagonal = off_diagonal_square_sum(s1, s2, ranks=ranks) / total**2
    return -(on_diagonal + lambda_ * off_diagonal)

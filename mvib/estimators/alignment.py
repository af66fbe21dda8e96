"""The distance of the two views of an example: a surrogate of a conditional entropy."""

# Shape suffixes: B batch.

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def alignment(u1: Float[Tensor, "B D"], u2: Float[Tensor, "B D"], *, alpha: float = 2.0) -> Float[Tensor, ""]:
    """Surrogate of H(U1 | U2) by the mean distance of the views of an example, to a power.

    mean_i ||u1_i - u2_i||^alpha. With alpha = 2 it is, on the sphere, 2 less twice the cosine: the cross-entropy with
    a von Mises-Fisher density of concentration 2, without its normaliser, so a surrogate and no bound.

    Args:
        u1: values of one variable, rows of unit norm (`rows.unit`).
        u2: the other view, row i from the same example as row i of `u1`, rows of unit norm.
        alpha: power of the distance, greater than 0. Below 1 equal rows have no gradient, where that of others grows
            without bound as they approach each other; here it is zero for equal ones at any power.

    Returns:
        Scalar without unit in [0, 2^alpha], symmetric.

    Source: Wang, Isola 2020, arXiv:2005.10242, section 4.1.1. Official code: SsnL/align_uniform, align_loss; identical.
    """
    squares_B = (at_least_float32(u1) - at_least_float32(u2)).square().sum(dim=1)
    if alpha == 2:
        return squares_B.mean()
    # What is not a number is not equal, and stays so.
    apart_B = squares_B != 0
    return squares_B.where(apart_B, 1.0).pow(alpha / 2).where(apart_B, 0.0).mean()

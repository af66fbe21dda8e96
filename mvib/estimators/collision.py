"""How often two rows meet: a surrogate of the entropy H(Z) by the mean squared cosine of all pairs."""

# Shape suffixes: B rows of this rank.

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.gram import smaller_side
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def collision(u: Float[Tensor, "B D"], *, ranks: Ranks = ALONE) -> Float[Tensor, ""]:
    """Surrogate of H(U) by minus the mean squared cosine of all pairs of rows, those of a row with itself included.

    -mean_ij <u_i, u_j>^2 = -||u'u||_F^2 / N^2: minus the sum of the squared eigenvalues of the matrix of second
    moments, the probability that two draws from that spectrum coincide. It is -exp(-S), S the entropy of `renyi` of
    order 2 with the linear kernel, and so rises with it; its gradient is that of S times exp(-S), weak where the rows
    are spread. The pairs of a row with itself add the constant 1 / N.

    Args:
        u: representations, rows of unit norm (`rows.unit`).
        ranks: that share the batch.

    Returns:
        Scalar without unit, in [-1, -1 / min(N, D)].

    Source: Zhang, Wang, Wang 2022, arXiv:2210.08344 (U-MAE, uniformity). Official code: zhangq327/U-MAE, loss_func.py,
    uniformity_loss. Differs from it across ranks: there the rows are gathered without gradient, which divides the
    gradient by their number.
    """
    u = at_least_float32(u)
    with without_autocast(u):
        moment, total = smaller_side(u, ranks=ranks)
    return -(moment / total).square().sum()

"""How evenly rows cover the sphere: a surrogate of their entropy by a Gaussian kernel."""

# Shape suffixes: B rows of this rank.

import math

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, offset_and_total
from mvib.estimators.scores import log_partition


def uniformity(
    u: Float[Tensor, "B D"], *, t: float | Float[Tensor, ""] = 2.0, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Surrogate of H(U) by minus the log of the mean Gaussian kernel of two different rows (uniformity).

    -log mean_{i < j} exp(-t ||u_i - u_j||^2). Up to a constant of t it estimates the Renyi entropy of order 2 of the
    rows with Gaussian noise of variance 1 / (4 t) added, which is at most their Shannon entropy with that noise; as an
    estimate of H(U) itself it bounds nothing.

    Args:
        u: rows of this rank, of unit norm (`rows.unit`).
        t: width of the kernel, greater than 0; a schedule may be a scalar tensor.
        ranks: that share the batch, of at least 2 rows.

    Returns:
        Scalar, nats up to the constant, in [0, 2 t N / (N - 1)]; 0 for equal rows. Minus it is the loss of the paper.

    Source: Wang, Isola 2020, arXiv:2005.10242, section 4.1.2. Official code: SsnL/align_uniform, uniform_loss, the mean
    of the two views; identical. lightly has t = 1. The official loss is of the rows of one rank, here of all.
    """
    u = at_least_float32(u)
    offset, total = offset_and_total(len(u), ranks)
    with without_autocast(u):
        row_bias_B = -t * u.square().sum(dim=1)
        others, column_bias = (u, row_bias_B) if ranks.size == 1 else (ranks.rows(u), ranks.rows(row_bias_B))
        log_sums_B = log_partition(
            u, others, scale=2 * t, row_bias=row_bias_B, column_bias=column_bias, without_diagonal=offset
        )
    return math.log(total * (total - 1)) - ranks.rows(log_sums_B).logsumexp(dim=0)

"""CLUB: upper bound on mutual information from a conditional density, by its values at pairs that do not belong."""

# Shape suffixes: B rows of this rank, N rows of all ranks, K sufficient statistics.

from typing import Literal, assert_never

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from mvib.estimators.densities import ExponentialFamily, PairwiseDensity
from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks, row_before_each

Negatives = Literal["all", "shuffle"]


def club(
    density: PairwiseDensity, y: Shaped[Tensor, "B *E"], *, negatives: Negatives = "all", ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Upper bound on I(X; Y) in nats by how much better q(y | x) predicts its own y than that of others (CLUB).

    mean_i log q(y_i | x_i) - mean_{i, j != i} log q(y_j | x_i), both means over the global batch. With q = p(y | x) its
    expectation is I(X; Y) + KL(p(x) p(y) || p(x, y)): never below I, and far above it where the dependence is strong
    (Gaussian pairs of correlation rho: rho^2 / (1 - rho^2) a dimension, where I is -log(1 - rho^2) / 2). With any
    other q it is a bound on neither side, and may be negative.

    In an exponential family, log q(y | x) = <t(y), n(x)> - a(x), it is the covariance of t and n, summed over their
    dimensions: O(N K) operations, and ranks exchange O(K) numbers. In other families (Laplace) the N x N pairs are
    evaluated, and ranks exchange y.

    Args:
        density: q(y | x), one distribution for each row of this rank.
        y: row i from the same example as distribution i.
        negatives: all: every other row, without bias and with the least variance; shuffle: one y for each x, by one
            cyclic shift of the batch (vCLUB-S).
        ranks: that share the batch.

    Returns:
        Scalar, nats, sum over the dimensions of Y and mean over the batch.

    Raises:
        ValueError: fewer than two examples.

    Source: Cheng et al. 2020, arXiv:2006.12013, theorem 3.1, vCLUB and vCLUB-S. Official code:
    Linear95/CLUB, mi_estimators.py at 57b4ad7. Differs from it: its negatives are all N^2 pairs, the N positive ones
    included, which shrinks the value by (N - 1) / N; its CLUBSample draws a random permutation, which may leave rows in
    place, and returns half the difference. (Here the 1/2 is that of the Gaussian.) It knows one process only.
    """
    total = sum(ranks.counts(len(y)))
    if total < 2:
        raise ValueError(f"`club` compares the rows of different examples, and has {total}: give at least 2")
    match negatives:
        case "all" if isinstance(density, ExponentialFamily):
            return _covariance(density, y, total, ranks)
        case "all":
            return _all_pairs(density, y, ranks)
        case "shuffle":
            gain_B = density.log_prob(y) - density.log_prob(row_before_each(y, ranks))
            return mean_over_ranks(gain_B.mean(), len(y), ranks)
        case _:
            assert_never(negatives)


def _covariance(density: ExponentialFamily, y: Shaped[Tensor, "B *E"], total: int, ranks: Ranks) -> Float[Tensor, ""]:
    """Return the unbiased covariance of sufficient statistics and natural parameters, summed over dimensions.

    The normalisers a(x) appear as often in the one mean as in the other.
    """
    origin = ranks.sum(at_least_float32(y.detach()).sum(dim=0)) / total
    statistics_BK, natural_BK, _ = density.factors(y, origin=origin)
    both_2BK = torch.stack([statistics_BK, natural_BK])
    centered_2BK = both_2BK - ranks.sum(both_2BK.sum(dim=1, keepdim=True)) / total
    return ranks.sum((centered_2BK[0] * centered_2BK[1]).sum()) / (total - 1)


def _all_pairs(density: PairwiseDensity, y: Shaped[Tensor, "B *E"], ranks: Ranks) -> Float[Tensor, ""]:
    y_N = ranks.rows(y)
    total = len(y_N)
    positive = density.log_prob(y).sum()
    negative = density.log_prob_pairs(y_N).sum() - positive
    return ranks.sum(positive / total - negative / (total * (total - 1)))

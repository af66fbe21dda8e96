"""Leave-one-out: upper bound on mutual information from a conditional density, the other examples as its marginal."""

# Shape suffixes: B rows of this rank, N rows of all ranks.

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from mvib.estimators.densities import ExponentialFamily, PairwiseDensity
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks, offset_and_total
from mvib.estimators.scores import log_partition


def l1out(density: PairwiseDensity, y: Shaped[Tensor, "B *E"], *, ranks: Ranks = ALONE) -> Float[Tensor, ""]:
    """Upper bound on I(X; Y) in nats, the marginal p(y) being the mixture of q(y | x) over the other examples (L1Out).

    mean_i [ log q(y_i | x_i) - log( 1 / (N - 1) sum_{j != i} q(y_i | x_j) ) ]. With q = p(y | x) it is at least I in
    expectation; the gap shrinks slowly with N where I is large. With any other q it is a bound on neither side.

    In an exponential family, log q(y | x) = <t(y), n(x)> - a(x), the N x N log densities are the scores of two tables,
    and are never all held (`scores.log_partition`).

    Args:
        density: q(y | x), one distribution for each row of this rank.
        y: row i from the same example as distribution i.
        ranks: that share the batch; the distributions of all are gathered.

    Returns:
        Scalar, nats, mean over the batch. Needs at least two examples.

    Source: Poole et al. 2019, arXiv:1905.06922 (leave-one-out upper bound). Differs from Linear95/CLUB,
    mi_estimators.py at 57b4ad7, whose mask of the own row is broadcast to a third axis, so that its value is that of
    its CLUB; it knows one process only.
    """
    offset, total = offset_and_total(len(y), ranks)
    partition_B = _log_partition_of_others(density.with_rows(ranks.rows), y, offset)
    gain_B = density.log_prob(y) - partition_B
    return mean_over_ranks(gain_B.mean(), len(y), ranks) + math.log(total - 1)


def _log_partition_of_others(density: PairwiseDensity, y: Shaped[Tensor, "B *E"], offset: int) -> Float[Tensor, " B"]:
    """Return log sum_{j != offset + i} q(y_i | x_j) over the N distributions."""
    if isinstance(density, ExponentialFamily):
        origin = at_least_float32(y.detach()).sum(dim=0) / max(1, len(y))
        statistics_BK, natural_NK, log_normalizer_N = density.factors(y, origin=origin)
        with without_autocast(statistics_BK):
            return log_partition(statistics_BK, natural_NK, column_bias=-log_normalizer_N, without_diagonal=offset)
    own_B1 = offset + torch.arange(len(y), device=y.device).unsqueeze(1)
    # Minus infinity before the exponential takes the row's own distribution out.
    return density.log_prob_pairs(y).scatter(1, own_B1, -math.inf).logsumexp(dim=1)

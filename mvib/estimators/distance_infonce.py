"""InfoNCE by distances, without the term of the pair itself: I(A; B) by how far the rows of B lie from those of A."""

# Shape suffixes: B rows of this rank, D dimension, V views.

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks
from mvib.estimators.scores import log_partition


def distance_infonce(
    *variables: Float[Tensor, "B _"], bandwidth: float | Float[Tensor, ""] = 20.0, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Surrogate of I(Z; M) in nats by the distances of samples Z from means M (the lower bound of InfoCL).

    log N - mean_i logsumexp_j(-||z_i - m_j||^2 / bandwidth). That is InfoNCE with the scores -||z - m||^2 / bandwidth
    but for its positive term, the mean of -||z_i - m_i||^2 / bandwidth, which is a constant where z is m plus noise of
    a fixed variance. So it bounds nothing: it exceeds the bound by that constant, and says how far the means lie
    apart in units of the bandwidth, as `pairwise` does.

    Args:
        variables: one or several views of Z (`rows.raw`), row i of all from the same example; and last M, row i the
            means of the samples of row i, of several views those of each side by side. The rows of all views are
            pooled, each a sample, and each mean a candidate.
        bandwidth: what squared distances are divided by, in squared units of the rows, greater than 0; in the paper
            fixed, and not twice the variance of the noise.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over the rows of all views. `constant` taken off, it is the authors' bound.

    Source: Wang, Guo, Deng, Lu 2022, arXiv:2203.07004 (LBE). Official code: Haoqing-Wang/InfoCL,
    contrastive_learning/*/modules/mi_estimators.py at bd31159, which has bandwidth 80 for ImageNet.
    """
    *views, last = (at_least_float32(variable) for variable in variables)
    samples = torch.cat(views)
    means = torch.cat(last.chunk(len(views), dim=1))
    with without_autocast(samples):
        candidates = ranks.rows(means)
        # Distances are differences of norms and products, which lose their digits far from the origin.
        origin = candidates.detach().mean(dim=0)
        samples, candidates = samples - origin, candidates - origin
        log_sums_B = log_partition(
            samples,
            candidates,
            scale=2 / bandwidth,
            row_bias=-samples.square().sum(dim=1) / bandwidth,
            column_bias=-candidates.square().sum(dim=1) / bandwidth,
        )
    return constant(*variables, ranks=ranks) - mean_over_ranks(log_sums_B.mean(), len(samples), ranks)


def constant(
    *variables: Float[Tensor, "B _"], bandwidth: float | Float[Tensor, ""] = 20.0, ranks: Ranks = ALONE
) -> float:
    """Return the log of the number of candidates, the examples times the views, in nats."""
    return math.log(sum(ranks.counts(len(variables[0]))) * (len(variables) - 1))

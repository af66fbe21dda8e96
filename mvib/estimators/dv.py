"""The bound of Donsker and Varadhan from the scores of a critic, and the gradient of MINE."""

# Shape suffixes: B pairs of this rank, M others for each.

import math

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks


def dv(
    positive: Float[Tensor, " B"],
    negative: Float[Tensor, "B M"],
    *,
    log_normalizer: Float[Tensor, ""] | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Lower bound on I(X; Y) in nats by a critic, with the log of the mean of its exponential (Donsker-Varadhan).

    mean(T(positive)) - log mean(exp T(negative)). A lower bound for the expectations of the population, tight at the
    log density ratio plus any constant; on a batch the log of the mean is biased (by about one nat at I = 10 and 64
    examples) and the value bounds nothing. A constant added to T does not change it.

    With `log_normalizer` the value is the same, and the second term's gradient is mean(exp(T) grad T) divided by
    exp(log_normalizer) in the place of the batch's own mean: that of MINE, which a moving average makes less biased.

    Args:
        positive: T(x_i, y_i), the critic on this rank's pairs, linear output.
        negative: T of row i with M others of the global batch; M is the same on all ranks.
        log_normalizer: log of a moving average of mean(exp T(negative)) over batches (see `log_mean_exp`).
        ranks: that share the batch.

    Returns:
        Scalar, nats.

    Source: Belghazi et al. 2018, arXiv:1801.04062, section 3.2 (gradient). Official code:
    ermongroup/smile-mi-estimator at afa72e0, estimators.py, which starts the average at 1 and returns the batch's mean
    for it, so that nothing accumulates; Linear95/CLUB, mi_estimators.py at 57b4ad7, has no average.
    """
    log_mean = log_mean_exp(positive, negative, ranks=ranks)
    if log_normalizer is not None:
        ratio = (log_mean.detach() - log_normalizer.detach()).exp()
        log_mean = log_mean.detach() + ratio * (log_mean - log_mean.detach())
    return mean_over_ranks(at_least_float32(positive).mean(), len(positive), ranks) - log_mean


def log_mean_exp(
    positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Return log mean(exp T(negative)) over the global batch: what a moving average for `dv` is fed with.

    Args:
        positive: without effect.
        negative: scores of this rank's rows with M others each.
        ranks: that share the batch.
    """
    local = at_least_float32(negative).flatten().logsumexp(dim=0)
    log_count = math.log(sum(ranks.counts(negative.numel())))
    if ranks.size == 1:
        return local - log_count
    largest = ranks.maximum(local)
    return largest + ranks.sum((local - largest).exp()).log() - log_count

"""The unnormalised bound of a critic with a constant baseline (TUBA); with baseline e it is that of NWJ."""

# Shape suffixes: B pairs of this rank, M others for each.

import math

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks


def tuba(
    positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, baseline: float = 1.0, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Lower bound on I(X; Y) in nats by a critic whose exponential need not be normalised (TUBA).

    1 + mean(T(positive)) - log a - mean(exp T(negative)) / a, from log u <= u / a + log a - 1. It is a lower bound in
    expectation for any critic and any a > 0, without bias from the batch, and tight at T = log a + log density ratio.
    Its variance grows like exp(I) over the number of negatives.

    Args:
        positive: T(x_i, y_i), the critic on this rank's pairs, linear output.
        negative: T of row i with M others of the global batch; M is the same on all ranks.
        baseline: a, greater than 0, no unit. 1 is tight at the log density ratio, e is NWJ.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over pairs.

    Source: Poole et al. 2019, arXiv:1905.06922 (I_TUBA), with a(y) constant. Official code:
    ermongroup/smile-mi-estimator at afa72e0, estimators.py (log a is subtracted from the scores there). With a = 1 it
    is what Multi-View-Information-Bottleneck at 296fbb9, utils/modules.py, returns as its estimate of I.
    """
    log_baseline = math.log(baseline)
    scores_B, scores_BM = at_least_float32(positive), at_least_float32(negative)
    local = 1 + (scores_B - log_baseline).mean() - (scores_BM - log_baseline).exp().mean()
    return mean_over_ranks(local, len(positive), ranks)

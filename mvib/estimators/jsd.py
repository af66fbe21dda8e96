"""The Jensen-Shannon objective of a critic: a surrogate of mutual information with bounded gradients."""

# Shape suffixes: B pairs of this rank, M others for each.

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks


def jsd(positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, ranks: Ranks = ALONE) -> Float[Tensor, ""]:
    """Surrogate of I(X; Y) by the logistic discrimination of joint from independent pairs (Jensen-Shannon).

    mean(-softplus(-T(positive))) - mean(softplus(T(negative))). Plus 2 log 2 it is a lower bound on twice the
    Jensen-Shannon divergence of p(x, y) from p(x) p(y), in nats. That divergence is no function of I(X; Y), so the
    value bounds the information on neither side. The best critic is the log density ratio; at 10 nats the value is
    within 0.03 of its largest, and its gradient as small.

    Args:
        positive: T(x_i, y_i), the critic on this rank's pairs, linear output (no softplus).
        negative: T of row i with M others of the global batch; M is the same on all ranks.
        ranks: that share the batch.

    Returns:
        Scalar without the unit of information, at most 0; -2 log 2 for a critic that is zero.

    Source: Nowozin, Cseke, Tomioka 2016, arXiv:1606.00709; Hjelm et al. 2019, arXiv:1808.06670, eq. 4. Official code:
    Multi-View-Information-Bottleneck at 296fbb9, utils/modules.py line 72 (MVIB), whose negatives pair each row with
    the next by one roll of the batch; identical. DIM and ermongroup/smile-mi-estimator at afa72e0 take all pairs off
    the diagonal; DIM adds log 2 to each expectation.
    """
    local = -F.softplus(-at_least_float32(positive)).mean() - F.softplus(at_least_float32(negative)).mean()
    return mean_over_ranks(local, len(positive), ranks)

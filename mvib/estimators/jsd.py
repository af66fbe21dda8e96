"""The Jensen-Shannon objective of a critic: a surrogate of mutual information with bounded gradients."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def jsd(positive_scores: Float[Tensor, " P"], negative_scores: Float[Tensor, " M"]) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) by the logistic discrimination of joint from independent pairs (Jensen-Shannon).

    mean(-softplus(-T(positive))) - mean(softplus(T(negative))). Plus 2 log 2 it is a lower bound on twice the
    Jensen-Shannon divergence of p(z1, z2) from p(z1) p(z2), in nats. That divergence is no function of I(Z1; Z2), so
    the value bounds the information on neither side. The best critic is the log density ratio.

    Args:
        positive_scores: critic on pairs of the joint distribution, linear output (no softplus).
        negative_scores: critic on pairs of the product of the marginals; their number may differ.

    Returns:
        Scalar without the unit of information, at most 0; -2 log 2 for a critic that is zero.

    Source: Nowozin, Cseke, Tomioka 2016, arXiv:1606.00709; Hjelm et al. 2019, arXiv:1808.06670, eq. 4. Official code:
    Multi-View-Information-Bottleneck at 296fbb9, utils/modules.py line 72 (MVIB), whose negatives pair each row with
    the next by one roll of the batch; identical.
    """
    positive = -F.softplus(-at_least_float32(positive_scores)).mean()
    return positive - F.softplus(at_least_float32(negative_scores)).mean()

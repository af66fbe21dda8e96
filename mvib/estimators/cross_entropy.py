"""Cross-entropy of a classifier: upper bound on the conditional entropy of a label."""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def cross_entropy(logits: Float[Tensor, "B K"], labels: Int[Tensor, " B"] | Float[Tensor, "B K"]) -> Float[Tensor, ""]:
    """Upper bound on H(Y | Z) in nats by the cross-entropy of a classifier q(y | z).

    -mean_i sum_k p_ik log softmax(logits_i)_k, where p_i puts all mass on the label if `labels` are integers. The gap
    is E KL(p(y | z) || q(y | z)); H(Y) minus it is the Barber-Agakov lower bound on I(Y; Z).

    Args:
        logits: unnormalised log probabilities of K classes (`rows.raw`).
        labels: int64 classes in [0, K), or a distribution over the classes for each example.

    Returns:
        Scalar, nats, mean over the batch, at least 0.

    Source: Barber, Agakov 2003; Alemi et al. 2017, arXiv:1612.00410, eq. 17. Official code: alexalemi/vib_demo,
    MNISTVIB.ipynb at e719469, which divides by log 2 (bits).
    """
    lifted = at_least_float32(logits)
    target = labels.to(lifted.dtype) if labels.is_floating_point() else labels
    return F.cross_entropy(lifted, target)

"""Cross-entropy of a classifier: upper bound on the conditional entropy of a label, or of a class that is predicted."""

# Shape suffixes: B rows of this rank, K tokens, C classes.

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def cross_entropy(
    logits: Float[Tensor, "B *K C"],
    target: Int[Tensor, "B *K"] | Float[Tensor, "B *K C"],
    *,
    temperature: float | Float[Tensor, ""] = 1.0,
) -> Float[Tensor, ""]:
    """Upper bound on H(Y | Z) in nats by the cross-entropy of a classifier q(y | z).

    -mean_i sum_k p_ik log softmax(logits_i / temperature)_k, where p_i puts all mass on the label if `target` are
    integers. The gap is E KL(p(y | z) || q(y | z)); H(Y) minus it is the Barber-Agakov lower bound on I(Y; Z). With a
    distribution for each example, Y is a class drawn from it: the prediction of another view, or of a teacher. The mean
    is over all rows, those whose distribution is zero throughout included: a mask that takes examples out changes
    nothing for the others.

    Args:
        logits: unnormalised log probabilities of C classes (`rows.raw`), of each example or of each of its tokens.
        target: int64 classes in [0, C), or non-negative numbers that add up to one over the classes, or are all zero.
            The gradient reaches them; a teacher's are to be detached.
        temperature: divides the logits; greater than 0, no unit. Those of the target are the target's own affair.

    Returns:
        Scalar, nats, mean over the batch and over tokens, at least 0.

    Source: Barber, Agakov 2003; Alemi et al. 2017, arXiv:1612.00410, eq. 17. Official code: alexalemi/vib_demo,
    MNISTVIB.ipynb at e719469, which divides by log 2 (bits). Distributions: Caron et al. 2020, arXiv:2006.09882, eq. 2
    (SwAV); Caron et al. 2021, arXiv:2104.14294, eq. 2 (DINO); zero rows: Sohn et al. 2020, arXiv:2001.07685, eq. 4
    (FixMatch), whose mean is over the rows below the threshold too.
    """
    scores = at_least_float32(logits) / temperature
    if not target.is_floating_point():
        return F.cross_entropy(scores.flatten(end_dim=-2), target.flatten())
    return -(target.to(scores.dtype) * scores.log_softmax(dim=-1)).sum(dim=-1).mean()

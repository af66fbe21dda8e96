"""Relative entropy of two predicted distributions: how far one prediction is from another."""

# Shape suffixes: B rows of this rank, K tokens, C classes.

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def relative_entropy(
    a: Float[Tensor, "B *K C"], b: Float[Tensor, "B *K C"], *, temperature: float | Float[Tensor, ""] = 1.0
) -> Float[Tensor, ""]:
    """Surrogate of H(A | B) by the relative entropy of the classes that two rows of logits predict, in nats.

    mean_i KL(softmax(a_i / temperature) || softmax(b_i / temperature)). It is the cross-entropy of the class drawn from
    a's prediction, which is an upper bound on its entropy given B, less the entropy of that class given A: what B fails
    to predict of it. Zero where both predict the same, whatever that is, so by itself it keeps no entropy in A.

    Args:
        a: unnormalised log probabilities of C classes (`rows.raw`); the prediction to be met, often without gradient.
        b: those that are to meet it, of the same shape.
        temperature: divides both; greater than 0, no unit.

    Returns:
        Scalar, nats, mean over the batch and over tokens, at least 0; the gradient reaches both.

    Source: Miyato et al. 2018, arXiv:1704.03976, eq. 5 (virtual adversarial training; a without gradient). Official
    code: takerum/vat_tf, layers.py, kl_divergence_with_logit; identical.
    """
    log_p = (at_least_float32(a) / temperature).log_softmax(dim=-1)
    log_q = (at_least_float32(b) / temperature).log_softmax(dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1).mean()

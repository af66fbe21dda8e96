"""Log-likelihood of a decoder: the part of the Barber-Agakov bound that has parameters."""

from jaxtyping import Float, Shaped
from torch import Tensor

from mvib.estimators.densities import Density


def barber_agakov(
    prediction: Density, target: Shaped[Tensor, "B *E"], *, weights: Float[Tensor, " B"] | None = None
) -> Float[Tensor, ""]:
    """Lower bound on I(A; B) - H(A) = -H(A | B) in nats by the log-likelihood of a decoder q(a | b).

    E log q(a | b) <= -H(A | B), the gap being E KL(p(a | b) || q(a | b)); so minus it is an upper bound on H(A | B),
    and H(A) plus it the Barber-Agakov lower bound on I(A; B). H(A) is left out: it is a constant where A is data, and
    must not be dropped silently where A is learnt.

    Args:
        prediction: q(a | b), one distribution for each example. If it drops its normaliser
            (`VonMisesFisher`), so does the value, which then is a surrogate.
        target: the values a, row i the one to be predicted by row i.
        weights: by which the log-likelihood of each example is multiplied; all 1 when left out.

    Returns:
        Scalar, nats, sum over the dimensions of A and mean over the batch.

    Source: Barber, Agakov 2003 (NIPS); as distortion of the VAE: Kingma, Welling 2014, arXiv:1312.6114, eq. 7.
    Official code: Multi-View-Information-Bottleneck at 296fbb9, training/vae.py line 57; identical.
    """
    log_likelihood_B: Tensor = prediction.log_prob(target)
    return (log_likelihood_B if weights is None else weights * log_likelihood_B).mean()

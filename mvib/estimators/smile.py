"""SMILE: the value of Donsker and Varadhan with a clipped partition, at the gradient of Jensen and Shannon."""

# Shape suffixes: B pairs of this rank, M others for each.

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.dv import dv
from mvib.estimators.jsd import jsd
from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks


def smile(
    positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, clip: float = 5.0, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Estimate of I(X; Y) in nats by a critic trained as in `jsd`, with a clipped mean of its exponential (SMILE).

    Value: mean(T(positive)) - log mean(exp clip(T(negative), -clip, clip)), where the positive scores are not clipped.
    Gradient: that of `jsd`, whose best critic is the log density ratio. The clip bounds the variance of the mean by
    about exp(2 clip) over the number of negatives, and makes a bias of either sign that no batch removes: the value
    bounds the information on neither side.

    Args:
        positive: T(x_i, y_i), the critic on this rank's pairs, linear output.
        negative: T of row i with M others of the global batch; M is the same on all ranks.
        clip: largest absolute score in the mean of the exponential, in nats; infinity is no clip.
        ranks: that share the batch.

    Returns:
        Scalar, nats, at most mean(T(positive)) + clip.

    Source: Song, Ermon 2020, arXiv:1910.06222 (I_SMILE). Official code: ermongroup/smile-mi-estimator at
    afa72e0, estimators.py; identical.
    """
    clipped = at_least_float32(negative.detach()).clamp(-clip, clip)
    value = dv(positive.detach(), clipped, ranks=ranks)
    surrogate = jsd(positive, negative, ranks=ranks)
    return value + (surrogate - surrogate.detach())

"""The bound of Nguyen, Wainwright and Jordan from the scores of a critic (also f-GAN-KL and MINE-f)."""

# Shape suffixes: B pairs of this rank, M others for each.

import math

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.tuba import tuba


def nwj(positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, ranks: Ranks = ALONE) -> Float[Tensor, ""]:
    """Lower bound on I(X; Y) in nats by a critic, linear in the mean of its exponential (NWJ).

    mean(T(positive)) - mean(exp(T(negative) - 1)). A lower bound in expectation for any critic and without bias from
    the batch, tight at T = 1 + log density ratio (at the ratio itself it is lower by 1/e). Its variance grows like
    exp(I) over the number of negatives, so that it is of no use once I is above the log of that number.

    Args:
        positive: T(x_i, y_i), the critic on this rank's pairs, linear output.
        negative: T of row i with M others of the global batch; M is the same on all ranks.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over pairs.

    Source: Nguyen, Wainwright, Jordan 2010; Nowozin et al. 2016, arXiv:1606.00709, table 2; Poole et al. 2019,
    arXiv:1905.06922 (I_NWJ). Official code: ermongroup/smile-mi-estimator at afa72e0; identical with all pairs off the
    diagonal. Differs from Linear95/CLUB, mi_estimators.py at 57b4ad7, whose negatives include the positive pairs.
    """
    return tuba(positive, negative, baseline=math.e, ranks=ranks)

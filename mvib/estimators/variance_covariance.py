"""The variance and covariance terms of VICReg, read as a surrogate of the entropy H(Z)."""

# Shape suffixes: D dimension.

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.gram import off_diagonal_square_sum
from mvib.estimators.precision import at_least_float32, without_autocast


def variance_covariance(
    c: Float[Tensor, "B D"],
    *,
    std: float | Float[Tensor, ""] = 25.0,
    cov: float | Float[Tensor, ""] = 1.0,
    gamma: float = 1.0,
    eps: float = 1e-4,
) -> Float[Tensor, ""]:
    """Surrogate of the differential entropy H(Z) by a hinge on standard deviations and a penalty on covariances.

    -( std mean_d relu(gamma - sqrt(C_dd + eps)) + cov sum_{d != e} C_de^2 / D ), with C = c'c / (B - 1) the unbiased
    covariance. Neither an upper nor a lower bound: log det C would give the Gaussian upper bound on H(Z), which this
    replaces. It is at most 0, and 0 iff the columns are uncorrelated and sqrt(C_dd + eps) is at least gamma.

    Args:
        c: representations with centred columns (`rows.centered`), B >= 2.
        std: weight of the hinge on the standard deviations.
        cov: weight of the squared covariances.
        gamma: standard deviation from which a column is spread enough.
        eps: added to the variance inside the root, which keeps the gradient finite at collapse.

    Returns:
        Scalar without unit, one view.

    Source: Bardes, Ponce, LeCun 2022, arXiv:2105.04906, eq. 1 to 4; entropy reading: Shwartz-Ziv et al. 2023,
    arXiv:2303.00633. Official code: facebookresearch/vicreg, main_vicreg.py at 4e12602, lines 202-213. Differs from
    it: the code halves the hinge of each view (give std=12.5 for its default); the covariance is divided by the size
    of the given batch less one, not of the configured one, which matters for an incomplete last batch.
    """
    c = at_least_float32(c)
    batch, dimension = c.shape
    with without_autocast(c):
        variance_D = c.square().sum(dim=0) / (batch - 1)
        hinge = F.relu(gamma - torch.sqrt(variance_D + eps)).mean()
        covariance = off_diagonal_square_sum(c, c) / ((batch - 1) ** 2 * dimension)
    return -(std * hinge + cov * covariance)

"""Mean squared error: the Gaussian surrogate of a conditional entropy."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def mse(z1: Float[Tensor, "B *D"], z2: Float[Tensor, "B *D"]) -> Float[Tensor, ""]:
    """Surrogate of H(Z1 | Z2) by the mean squared difference over examples and dimensions.

    With D dimensions and a Gaussian of variance v, -E log q(z1 | z2) = D mse / (2 v) + (D / 2) log(2 pi v), an upper
    bound on H(Z1 | Z2). The constants and the factor D / (2 v) are dropped, so the value is a surrogate and no bound.

    Args:
        z1: values of one variable, at any shape (`rows.raw`).
        z2: their predictions, or the other view, of the same shape.

    Returns:
        Scalar in squared units of the input, at least 0, symmetric.

    Source: Bardes, Ponce, LeCun 2022, arXiv:2105.04906, eq. 5, with the mean over the D dimensions of the official code
    (facebookresearch/vicreg, main_vicreg.py at 4e12602, line 198), where the equation sums over them.
    """
    return F.mse_loss(at_least_float32(z1), at_least_float32(z2))

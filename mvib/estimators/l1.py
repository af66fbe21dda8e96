"""Mean absolute error: the Laplace surrogate of a conditional entropy."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def l1(z1: Float[Tensor, "B *D"], z2: Float[Tensor, "B *D"] | None = None) -> Float[Tensor, ""]:
    """Surrogate of H(Z1 | Z2) by the mean absolute difference over examples and dimensions, or of H(Z1) by its size.

    With D dimensions and a Laplace density of scale s, -E log q(z1 | z2) = D l1 / s + D log(2 s), an upper bound on
    H(Z1 | Z2). The constants and the factor D / s are dropped, so the value is a surrogate and no bound.

    Args:
        z1: values of one variable, at any shape (`rows.raw`).
        z2: their predictions, or the other view, of the same shape; left out: 0, which makes codes sparse.

    Returns:
        Scalar in units of the input, at least 0, symmetric. Equal entries have no gradient.

    Source: Xie et al. 2022, arXiv:2111.09886, section 3.4 (SimMIM). Official code: microsoft/SimMIM,
    models/simmim.py; there the mean is over the masked pixels, their number being 1e-5 more.
    """
    lifted = at_least_float32(z1)
    return lifted.abs().mean() if z2 is None else F.l1_loss(lifted, at_least_float32(z2))

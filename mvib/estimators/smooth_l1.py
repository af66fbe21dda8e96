"""Smooth absolute error: a surrogate of a conditional entropy that is squared near zero and absolute far away."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def smooth_l1(z1: Float[Tensor, "B *D"], z2: Float[Tensor, "B *D"], *, beta: float = 1.0) -> Float[Tensor, ""]:
    """Surrogate of H(Z1 | Z2) by a difference whose square counts up to beta, and whose size beyond.

    The mean over examples and dimensions of d^2 / (2 beta) where |d| < beta, of |d| - beta / 2 elsewhere: minus the log
    of a density that is Gaussian near its mode and has the tails of a Laplace density, without scale and normaliser.

    Args:
        z1: values of one variable, at any shape (`rows.raw`).
        z2: their predictions, or the other view, of the same shape.
        beta: where the square ends, in units of the input; greater than 0.

    Returns:
        Scalar in units of the input, at least 0, symmetric.

    Source: Huber 1964; Girshick 2015, arXiv:1504.08083, eq. 3 (beta 1). Official code of I-JEPA (Assran et al. 2023,
    arXiv:2301.08243): facebookresearch/ijepa, src/train.py, which has beta 1, where the paper writes squares.
    """
    return F.smooth_l1_loss(at_least_float32(z1), at_least_float32(z2), beta=beta)

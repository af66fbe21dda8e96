"""Probabilities raised to a power."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape


class Sharpen(nn.Module):
    """Raises probabilities to the power 1 / T and normalises them again; what is all zeros stays so."""

    def __init__(self, axis: int, *, temperature: float) -> None:
        """Name the axis of the probabilities, the batch being axis 0, and the temperature (> 0)."""
        super().__init__()
        self.axis = axis
        self.temperature = temperature

    def forward(self, p: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return p^(1/T) / sum p^(1/T), in at least float32."""
        p = at_least_float32(p)
        tiny = torch.finfo(p.dtype).tiny
        # Relative to the largest, which cancels: high powers of small probabilities would vanish otherwise.
        largest = p.detach().amax(dim=self.axis, keepdim=True).clamp_min(tiny)
        powers = (p / largest) ** (1 / self.temperature)
        return powers / powers.sum(dim=self.axis, keepdim=True).clamp_min(tiny)


def sharpen(shape: Shape, *, temperature: float = 0.25) -> nn.Module:
    """Build the sharpening of probabilities, which are those of `softmax` for the same shape.

    Raises:
        ShapeError: the shape has no axis.

    Source: Berthelot et al. 2019 (MixMatch), arXiv:1905.02249, eq. 7; Assran et al. 2022 (MSN), arXiv:2204.07141,
    official code (facebookresearch/msn, src/losses.py, `sharpen`).
    """
    return Sharpen(resolve_features(shape).axis, temperature=temperature)

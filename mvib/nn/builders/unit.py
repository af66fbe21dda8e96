"""Vectors of unit length."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape

_LEAST_NORM = 1e-12  # that of `torch.nn.functional.normalize`


class Unit(nn.Module):
    """Divides each vector of features by its Euclidean norm, in at least float32."""

    def __init__(self, axis: int) -> None:
        """Name the axis of the features, the batch being axis 0."""
        super().__init__()
        self.axis = axis

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return x / max(||x||, 1e-12)."""
        return F.normalize(at_least_float32(x), dim=self.axis, eps=_LEAST_NORM)


def unit(shape: Shape) -> nn.Module:
    """Build the map to unit length: of a vector, of each step of a sequence, of the channels at each place of a map.

    Raises:
        ShapeError: the shape has no axis.
    """
    return Unit(resolve_features(shape).axis)

"""One step of a sequence, or one place of a map."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError


class StepAt(nn.Module):
    """A step of a sequence."""

    def __init__(self, index: int) -> None:
        """Take the step, counted from 0."""
        super().__init__()
        self.index = index

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B D"]:
        """Return the step."""
        return x[:, self.index]


class PlaceAt(nn.Module):
    """The channels at a place of a map."""

    def __init__(self, index: int) -> None:
        """Take the place in raster order, counted from 0."""
        super().__init__()
        self.index = index

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C"]:
        """Return the channels."""
        return x.flatten(2)[:, :, self.index]


def position(shape: Shape, *, index: int) -> nn.Module:
    """Build the choice of step `index` of a sequence, or of place `index` of a map in raster order; both from 1.

    Raises:
        ShapeError: the shape is neither, or it has fewer positions.
    """
    match len(shape):
        case 2:
            number = shape[0]
        case 3:
            number = math.prod(shape[1:])
        case _:
            raise ShapeError(
                expected="a sequence (steps, features) or a map (channels, height, width)",
                found=shape,
                remedy="use it before `pool()` or `flatten()`",
            )
    if not 1 <= index <= number:
        raise ShapeError(
            expected=f"at least {index} positions", found=shape, remedy=f"positions run from 1 to {number}"
        )
    return StepAt(index - 1) if len(shape) == 2 else PlaceAt(index - 1)

"""One entry of a vector, one step of a sequence, or one place of a map."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError


class EntryAt(nn.Module):
    """An entry of a vector."""

    def __init__(self, index: int) -> None:
        """Take the entry, counted from 0."""
        super().__init__()
        self.index = index

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B 1"]:
        """Return the entry as a vector of one number."""
        return x[:, self.index : self.index + 1]


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


def position(shape: Shape, *, index: int, of: int | None = None) -> nn.Module:
    """Build the choice of one position, from 1: of a vector an entry, of a sequence a step, of a map a place.

    The places of a map are counted in raster order.

    Args:
        shape: of an example.
        index: which position.
        of: how many positions there are, so that a family of all of them cannot miss any; left out: any number.

    Raises:
        ShapeError: the shape is none of these, it has fewer positions, or another number than `of`.
    """
    match len(shape):
        case 1 | 2:
            number = shape[0]
        case 3:
            number = math.prod(shape[1:])
        case _:
            raise ShapeError(
                expected="a vector, a sequence (steps, features) or a map (channels, height, width)",
                found=shape,
                remedy="use `flatten()` first",
            )
    if of is not None and of != number:
        raise ShapeError(
            expected=f"{of} positions and no other number",
            found=shape,
            remedy=f"write `of: {number}`, or `--set` the parameter behind it",
            argument="of",
            needed=number,
        )
    if not 1 <= index <= number:
        raise ShapeError(
            expected=f"at least {index} positions", found=shape, remedy=f"positions run from 1 to {number}"
        )
    return (EntryAt, StepAt, PlaceAt)[len(shape) - 1](index - 1)

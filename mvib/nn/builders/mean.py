"""The mean of several variables."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError, describe


class Mean(nn.Module):
    """The mean of its inputs, entry by entry."""

    def forward(self, *values: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return the mean."""
        return torch.stack(values).mean(dim=0)


def mean(shapes: tuple[Shape, ...]) -> nn.Module:
    """Build the mean of variables of one shape.

    Raises:
        ShapeError: their shapes differ.
    """
    for shape in shapes[1:]:
        if shape != shapes[0]:
            raise ShapeError(
                expected=f"variables of one shape, as the first is {describe(shapes[0])}",
                found=shape,
                remedy="bring them to one width first, as by `linear(128)`",
            )
    return Mean()

"""A constant: one axis of a space."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError


class Axis(nn.Module):
    """A vector that is one at an index and zero elsewhere, for every example."""

    axis: Tensor

    def __init__(self, index: int, size: int) -> None:
        """Take the index, counted from 0, and the size of the vector."""
        super().__init__()
        self.register_buffer("axis", torch.eye(size)[index], persistent=False)

    def forward(self, x: Shaped[Tensor, "B *E"]) -> Float[Tensor, "B D"]:
        """Return the vector once for each row, in the precision of the rows where they have one."""
        axis = self.axis.to(x.dtype) if x.is_floating_point() else self.axis
        return axis.expand(x.shape[0], -1)


def axis(shape: Shape, *, index: int, size: int) -> nn.Module:
    """Build axis `index` (from 1) of a space of `size` dimensions: the code of a class, whatever the example.

    Raises:
        ShapeError: the index is larger than the size.
    """
    if index > size:
        raise ShapeError(expected=f"a space of at least {index} dimensions", found=(size,), remedy="raise `size`")
    return Axis(index - 1, size)

"""The shape of a vector, as linear layers ask for it."""

import math

from torch import nn

from mvib.nn.shapes import Shape, ShapeError


def flat_width(shape: Shape) -> int:
    """Return the number of features of an example of this shape.

    Raises:
        ShapeError: it has no axis.
    """
    if not shape:
        raise ShapeError(
            expected="at least one axis beside the batch", found=shape, remedy="give each example a vector of size 1"
        )
    return math.prod(shape)


def flattening(shape: Shape) -> tuple[nn.Module, ...]:
    """Return the layers that turn an example of this shape into a vector: none if it is one."""
    return () if len(shape) == 1 else (nn.Flatten(),)

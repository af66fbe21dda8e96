"""One linear map."""

from torch import nn

from mvib.nn.builders.vectors import flat_width, flattening
from mvib.nn.shapes import Shape


def linear(shape: Shape, *, width: int, bias: bool = True) -> nn.Module:
    """Build a linear map to `width` features; anything but a vector is flattened first.

    Raises:
        ShapeError: the shape has no axis.
    """
    layer = nn.Linear(flat_width(shape), width, bias=bias)
    flatten = flattening(shape)
    return nn.Sequential(*flatten, layer) if flatten else layer

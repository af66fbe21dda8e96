"""Flattening to a vector."""

from torch import nn

from mvib.nn.builders.vectors import flat_width
from mvib.nn.shapes import Shape


def flatten(shape: Shape) -> nn.Module:
    """Build the map of an example of any shape to the vector of its numbers.

    Raises:
        ShapeError: the shape has no axis.
    """
    flat_width(shape)
    return nn.Flatten()

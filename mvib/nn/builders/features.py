"""The axis of an example that holds its features: the last one, and of a map (channels, height, width) the channels."""

from typing import NamedTuple

from mvib.nn.builders.vectors import flat_width
from mvib.nn.shapes import Shape


class Features(NamedTuple):
    """Where the features of a batch are, and how many: `axis` counts with the batch, and is 1 or -1."""

    axis: int
    width: int


def resolve_features(shape: Shape) -> Features:
    """Return the features of an example of this shape.

    Raises:
        ShapeError: it has no axis.
    """
    flat_width(shape)
    return Features(1, shape[0]) if len(shape) == 3 else Features(-1, shape[-1])

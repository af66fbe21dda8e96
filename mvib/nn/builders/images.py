"""The shape of an image, as convolutional networks ask for it."""

import math
from typing import NamedTuple

from mvib.nn.shapes import Shape, ShapeError


class ImageShape(NamedTuple):
    """Channels, height and width of an image."""

    channels: int
    height: int
    width: int


def resolve_image(shape: Shape) -> ImageShape:
    """Return `shape` as that of an image.

    Raises:
        ShapeError: it has not three axes.
    """
    if len(shape) == 3:
        return ImageShape(*shape)
    match shape:
        case (height, width):
            remedy = f"give it a channel axis, 1 x {height} x {width}, or use `mlp(512, 128)`"
        case _:
            width = 2 ** math.ceil(math.log2(max(math.prod(shape), 2)))
            remedy = f"use `mlp({width}, {width})`, which takes any shape"
    raise ShapeError(expected="an image (channels, height, width)", found=shape, remedy=remedy)

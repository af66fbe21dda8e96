"""A plain convolutional network for small images."""

from torch import nn

from mvib.nn.builders.images import resolve_image
from mvib.nn.builders.layers import Activation, Norm, activation_layer, image_norm
from mvib.nn.builders.pool import GlobalAverage
from mvib.nn.shapes import Shape


def conv(shape: Shape, *, widths: tuple[int, ...], norm: Norm = "batch", activation: Activation = "relu") -> nn.Module:
    """Build 3 x 3 convolutions with normalisation and activation, then a global average: a vector of the last width.

    A convolution has stride 2 where the width grows, except the first.

    Raises:
        ShapeError: the shape is not an image.
    """
    channels = resolve_image(shape).channels
    layers: list[nn.Module] = []
    for index, width in enumerate(widths):
        stride = 2 if index > 0 and width > channels else 1
        layers += [
            nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=norm != "batch"),
            image_norm(norm, width),
            activation_layer(activation),
        ]
        channels = width
    return nn.Sequential(*layers, GlobalAverage((2, 3)))

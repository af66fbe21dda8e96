"""A plain convolutional network for small images."""

from torch import nn

from mvib.nn.builders.images import resolve_image
from mvib.nn.builders.layers import Activation, Norm, activation_layer, image_norm
from mvib.nn.builders.pool import GlobalAverage
from mvib.nn.shapes import Shape


def conv(
    shape: Shape,
    *,
    widths: tuple[int, ...],
    norm: Norm = "batch",
    activation: Activation = "relu",
    pool: bool = True,
) -> nn.Module:
    """Build 3 x 3 convolutions with normalisation and activation, then a global average: a vector of the last width.

    A convolution has stride 2 where the width grows, except the first.

    Args:
        shape: of an example.
        widths: channels after each convolution.
        norm: normalisation.
        activation: after each normalisation.
        pool: whether to average over places; otherwise it gives the map (channels, height, width).

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
    if pool:
        layers.append(GlobalAverage((2, 3)))
    return nn.Sequential(*layers)

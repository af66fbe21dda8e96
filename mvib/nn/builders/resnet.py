"""ResNet-18, the backbone that the field compares on."""

from typing import Literal, assert_never

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.builders.images import resolve_image
from mvib.nn.builders.pool import GlobalAverage
from mvib.nn.shapes import Shape

Stem = Literal["small", "imagenet"]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut, which a 1 x 1 convolution fits where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        """Make the convolutions and their batch normalisations."""
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """Return the features of the block."""
        h = F.relu(self.bn1(self.conv1(x)), inplace=True)
        h = self.bn2(self.conv2(h))
        return F.relu(h + self.shortcut(x), inplace=True)


def resnet18(shape: Shape, *, width: int = 64, stem: Stem = "small") -> nn.Module:
    """Build a ResNet-18 up to its global average: a vector of 8 times `width`.

    Args:
        shape: of an image.
        width: channels of the first of the four stages; each further one doubles them and halves the sides.
        stem: `imagenet` is the 7 x 7 convolution of stride 2 with max-pooling of the paper; `small`, for images of
            about 32 x 32, is a 3 x 3 convolution of stride 1 and padding 1 without pooling.

    Source: He et al. 2016, arXiv:1512.03385, table 1; small stem: Chen et al. 2020, arXiv:2002.05709, appendix B.9.
    Differs from torchvision: weights are drawn as torch's layers draw them.

    Raises:
        ShapeError: the shape is not an image.
    """
    layers = _stem_layers(resolve_image(shape).channels, width, stem)
    channels = width
    for stage in range(4):
        channels_out = width * 2**stage
        stride = 1 if stage == 0 else 2
        layers.append(BasicBlock(channels, channels_out, stride=stride))
        layers.append(BasicBlock(channels_out, channels_out, stride=1))
        channels = channels_out
    return nn.Sequential(*layers, GlobalAverage((2, 3)))


def _stem_layers(channels: int, width: int, stem: Stem) -> list[nn.Module]:
    match stem:
        case "small":
            convolution = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
            pooling: list[nn.Module] = []
        case "imagenet":
            convolution = nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False)
            pooling = [nn.MaxPool2d(kernel_size=3, stride=2, padding=1)]
        case _:
            assert_never(stem)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True), *pooling]

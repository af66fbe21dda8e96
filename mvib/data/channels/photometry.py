"""Random brightness, contrast, saturation, hue, greyness, blur and erased rectangles of a batch of images in [0, 1].

Every function takes and returns float32 or float64 images, keeps [0, 1], and draws for each image on its own.
Factors follow SimCLR (Chen et al. 2020, appendix A), whose strength s gives brightness, contrast and saturation 0.8 s
and hue 0.2 s. They are applied in this order, not in a random one.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from kornia.color import hsv_to_rgb, rgb_to_hsv
from torch import Tensor

from mvib.data.channels.warp import Range, draw_uniform
from mvib.estimators.draws import uniform

Images = Float[Tensor, "B C H W"]
_COLOUR_CHANNELS = 3
# ITU-R BT.601 luma, as in most image libraries.
_LUMA = (0.299, 0.587, 0.114)
_ERASED_AREA = (0.02, 0.33)
_ERASED_RATIO = (0.3, 3.3)
_BLUR_SIGMA = (0.1, 2.0)


def jitter_images(images: Images, *, strength: float) -> Images:
    """Changes brightness and contrast, and of colour images saturation and hue, by random factors."""
    largest = 0.8 * strength
    factors = (max(0.0, 1.0 - largest), 1.0 + largest)
    images = (images * _draw_factors(images, factors)).clamp(0, 1)
    mean = to_grey(images).mean(dim=(1, 2, 3), keepdim=True)
    images = _blend(images, mean, _draw_factors(images, factors))
    if images.shape[1] == _COLOUR_CHANNELS:
        images = _blend(images, to_grey(images), _draw_factors(images, factors))
        # Hue is a share of the whole circle.
        turn = _draw_factors(images, (-0.2 * strength, 0.2 * strength)) * (2 * math.pi)
        hsv = rgb_to_hsv(images)
        images = hsv_to_rgb(torch.cat((hsv[:, :1] + turn, hsv[:, 1:]), dim=1)).clamp(0, 1)
    return images


def to_grey(images: Images) -> Float[Tensor, "B 1 H W"]:
    """Returns the luma of colour images, and the mean over channels of all others."""
    if images.shape[1] != _COLOUR_CHANNELS:
        return images.mean(dim=1, keepdim=True)
    return _LUMA[0] * images[:, 0:1] + _LUMA[1] * images[:, 1:2] + _LUMA[2] * images[:, 2:3]


def blur_images(images: Images) -> Images:
    """Blurs with a Gaussian of random width, a tenth of the image at most as in SimCLR."""
    count, channels, height, width = images.shape
    sigma = draw_uniform(count, _BLUR_SIGMA, like=images)
    radius = max(1, min(height, width) // 20)
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.softmax(-0.5 * (offsets / sigma[:, None]).square(), dim=1).repeat_interleave(channels, dim=0)
    planes = F.pad(images.reshape(1, count * channels, height, width), (radius,) * 4, mode="reflect")
    planes = F.conv2d(planes, kernel[:, None, None, :], groups=count * channels)
    planes = F.conv2d(planes, kernel[:, None, :, None], groups=count * channels)
    # The weights sum to one only up to rounding.
    return planes.reshape(images.shape).clamp(0, 1)


def erase_images(images: Images) -> Images:
    """Sets a random rectangle of each image to zero (Zhong et al. 2020): 2 to 33 per cent of its area."""
    count, _, height, width = images.shape
    area = draw_uniform(count, _ERASED_AREA, like=images)
    stretch = draw_uniform(count, (math.log(_ERASED_RATIO[0]), math.log(_ERASED_RATIO[1])), like=images).exp()
    rows = _draw_span((area / stretch).sqrt(), height)
    columns = _draw_span((area * stretch).sqrt(), width)
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def apply_to_some(images: Images, changed: Images, *, probability: float) -> Images:
    """Takes the changed image with the given probability and the given one otherwise, for each example."""
    if probability >= 1.0:
        return changed
    drawn = uniform((len(images), 1, 1, 1), like=images)
    return torch.where(drawn < probability, changed, images)


def _draw_factors(images: Images, interval: Range) -> Float[Tensor, "B 1 1 1"]:
    return draw_uniform(len(images), interval, like=images).view(-1, 1, 1, 1)


def _blend(images: Images, other: Float[Tensor, "B ..."], factor: Float[Tensor, "B 1 1 1"]) -> Images:
    return (other + factor * (images - other)).clamp(0, 1)


def _draw_span(share: Float[Tensor, "B"], size: int) -> Bool[Tensor, "B S"]:
    """Marks a random interval of `share` of the pixels along one axis, at least one of them."""
    length = (share * size).round().clamp(1, size)
    start = (uniform(tuple(share.shape), like=share) * (size - length + 1)).floor()
    place = torch.arange(size, device=share.device, dtype=share.dtype)
    return (place >= start[:, None]) & (place < (start + length)[:, None])

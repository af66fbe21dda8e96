"""Random crop, flip and affine map of a batch of images, composed into one resampling.

Composing the maps first and reading the image once is cheaper than one resampling per map and blurs a small image
only once. Coordinates are those of `torch.nn.functional.affine_grid`: -1 and 1 are the outer edges of the image,
x to the right, y down. A matrix maps a place in the view to the place in the source that is read there.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.draws import uniform

Range = tuple[float, float]


def draw_uniform(count: int, interval: Range, *, like: Tensor) -> Float[Tensor, "B"]:
    """Draws one number per example, uniform in an interval, on the device and in the dtype of `like`."""
    low, high = interval
    return uniform((count,), like=like) * (high - low) + low


def draw_signs(count: int, probability: float, *, like: Tensor) -> Float[Tensor, "B"]:
    """Draws -1 with the given probability and 1 otherwise, one sign per example."""
    drawn = uniform((count,), like=like)
    return torch.where(drawn < probability, -torch.ones_like(drawn), torch.ones_like(drawn))


def draw_crops(count: int, area: Range, ratio: Range, *, like: Tensor) -> Float[Tensor, "B 2 3"]:
    """Draws random resized crops as matrices: a part of the image's area, with a ratio of sides, at a random place.

    Args:
        count: number of examples.
        area: interval of the crop's share of the image's area, in (0, 1].
        ratio: interval of width over height relative to the image's own, drawn uniform in its logarithm.
        like: tensor whose device and dtype the matrices take.

    Returns:
        One matrix per example. A side that would be longer than the image is cut to the image, so a crop stays inside.
    """
    share = draw_uniform(count, area, like=like)
    stretch = draw_uniform(count, (math.log(ratio[0]), math.log(ratio[1])), like=like).exp()
    width = (share * stretch).sqrt().clamp(max=1.0)
    height = (share / stretch).sqrt().clamp(max=1.0)
    shift_x = draw_uniform(count, (-1.0, 1.0), like=like) * (1.0 - width)
    shift_y = draw_uniform(count, (-1.0, 1.0), like=like) * (1.0 - height)
    zero = torch.zeros_like(width)
    return torch.stack((width, zero, shift_x, zero, height, shift_y), dim=1).view(count, 2, 3)


def draw_affines(
    count: int, *, rotate: float, translate: float, scale: Range, shear: float, aspect: float, like: Tensor
) -> Float[Tensor, "B 2 3"]:
    """Draws random rotations, translations, scales and shears as matrices.

    Args:
        count: number of examples.
        rotate: largest angle in degrees, to either side.
        translate: largest shift as a share of the image's side, in each direction.
        scale: interval of the factor by which the content is enlarged.
        shear: largest angle of a shear in degrees, along x and along y.
        aspect: width over height of the image in pixels, so that a rotation is one in pixels.
        like: tensor whose device and dtype the matrices take.

    Returns:
        One matrix per example.
    """
    angle = draw_uniform(count, (-math.radians(rotate), math.radians(rotate)), like=like)
    reach = math.radians(shear)
    shear_x = draw_uniform(count, (-reach, reach), like=like).tan()
    shear_y = draw_uniform(count, (-reach, reach), like=like).tan()
    shrink = draw_uniform(count, scale, like=like).reciprocal()
    cos, sin = angle.cos() * shrink, angle.sin() * shrink
    # Rotation times (1 shear_x; shear_y 1), in pixels; the off-diagonal takes the aspect to go back to [-1, 1].
    linear_x = (cos - sin * shear_y, (cos * shear_x - sin) / aspect)
    linear_y = ((sin + cos * shear_y) * aspect, sin * shear_x + cos)
    # The image's side is 2 in these coordinates, so a share t of it is a shift of 2t.
    shift_x = draw_uniform(count, (-2.0 * translate, 2.0 * translate), like=like)
    shift_y = draw_uniform(count, (-2.0 * translate, 2.0 * translate), like=like)
    return torch.stack((*linear_x, shift_x, *linear_y, shift_y), dim=1).view(count, 2, 3)


def compose(first: Float[Tensor, "B 2 3"], second: Float[Tensor, "B 2 3"]) -> Float[Tensor, "B 2 3"]:
    """Returns the matrix that applies `second` to a place and `first` to the result."""
    linear = first[:, :, :2] @ second[:, :, :2]
    shift = first[:, :, :2] @ second[:, :, 2:] + first[:, :, 2:]
    return torch.cat((linear, shift), dim=2)


def resample(
    images: Float[Tensor, "B C H W"], matrices: Float[Tensor, "B 2 3"], *, outside: str
) -> Float[Tensor, "B C H W"]:
    """Reads each image once, bilinearly, at the places that its matrix gives.

    Args:
        images: the batch; float32 or float64.
        matrices: one per image, from places of the view to places of the source.
        outside: what lies beyond the edges: "zeros", "border" or "reflection".

    Returns:
        Images of the same shape. Each pixel is a convex combination of source pixels (and zero), so ranges are kept.
    """
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=outside, align_corners=False)

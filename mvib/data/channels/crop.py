"""A random part of an image, resized to the size of the whole."""

from torch import nn

from mvib.data.channels.arguments import Shape, check_image, check_interval
from mvib.data.channels.augmentation import Augmentation
from mvib.data.channels.recipe import CROP_LIMITS, Recipe, check_recipe
from mvib.data.channels.warp import Range


def crop(shape: Shape, *, area: Range = (0.2, 1.0), flip: float = 0.0) -> nn.Module:
    """Builds the channel of a random resized crop, with sides in a ratio of 3:4 to 4:3 of the image's.

    Args:
        shape: (channels, height, width).
        area: interval of the share of the area that is cropped.
        flip: probability of a left-right flip.

    Returns:
        A module from images in [0, 1], (B, C, H, W), to their views.

    Raises:
        ChannelError: the shape is not an image's, or a number is out of its range.
    """
    check_image(shape, channel="crop")
    check_interval(area, CROP_LIMITS, name="area", channel="crop")
    recipe = Recipe(crop=area, flip=flip)
    check_recipe(recipe, shape, channel="crop")
    return Augmentation(recipe)

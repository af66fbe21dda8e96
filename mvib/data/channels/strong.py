"""A strong random view of an image, as consistency methods contrast with a weak one."""

from torch import nn

from mvib.data.channels.arguments import Shape, check_image
from mvib.data.channels.augmentation import Augmentation
from mvib.data.channels.recipe import check_recipe, choose_strong_recipe


def strong(shape: Shape) -> nn.Module:
    """Builds the channel of large affine maps, strong changes of colour and erased rectangles.

    Args:
        shape: (channels, height, width).

    Returns:
        A module from images in [0, 1], (B, C, H, W), to their views.

    Raises:
        ChannelError: the shape is not an image's.

    Source: in the place of FixMatch's RandAugment and Cutout (Sohn et al. 2020), without their integer operations.
    """
    check_image(shape, channel="strong")
    recipe = choose_strong_recipe(shape)
    check_recipe(recipe, shape, channel="strong")
    return Augmentation(recipe)

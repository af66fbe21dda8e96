"""A weak random view of an image: shifted a little, and flipped where a mirrored image is as likely."""

from torch import nn

from mvib.data.channels.arguments import Shape, check_image
from mvib.data.channels.augmentation import Augmentation
from mvib.data.channels.recipe import Recipe, check_recipe


def weak(shape: Shape, *, translate: float = 0.125, flip: float | None = None) -> nn.Module:
    """Builds the channel of a small shift and, for images of more than one channel, a left-right flip.

    Args:
        shape: (channels, height, width).
        translate: largest shift as a share of the side.
        flip: probability of the flip; left out, it is 0.5, and 0 for images of one channel.

    Returns:
        A module from images in [0, 1], (B, C, H, W), to their views.

    Raises:
        ChannelError: the shape is not an image's, or a number is out of its range.

    Source: Sohn et al. 2020 (FixMatch), section 2.3.
    """
    check_image(shape, channel="weak")
    usual_flip = 0.0 if shape[0] == 1 else 0.5
    recipe = Recipe(translate=translate, flip=usual_flip if flip is None else flip)
    check_recipe(recipe, shape, channel="weak")
    return Augmentation(recipe)

"""The usual random view of an image for representation learning."""

from typing import TypeVar

from torch import nn

from mvib.data.channels.arguments import Shape, check_image
from mvib.data.channels.augmentation import Augmentation
from mvib.data.channels.recipe import Recipe, check_recipe, choose_recipe
from mvib.data.channels.warp import Range

_Value = TypeVar("_Value")


def augment(
    shape: Shape,
    *,
    crop: Range | None = None,
    flip: float | None = None,
    jitter: float | None = None,
    gray: float | None = None,
    blur: float | None = None,
    rotate: float | None = None,
    translate: float | None = None,
    scale: Range | None = None,
    shear: float | None = None,
    erase: float | None = None,
) -> nn.Module:
    """Builds the channel that crops, moves and recolours an image at random.

    Every number that is left out is that of the recipe for the shape: SimCLR's for colour images, small affine maps and
    no flip for images of one channel. 0, or (1, 1) for an interval, switches a change off.

    Args:
        shape: (channels, height, width).
        crop: interval of the share of the area that is cropped and resized.
        flip: probability of a left-right flip.
        jitter: strength of the change of brightness, contrast, saturation and hue (SimCLR's s; 0.5 is 0.4/0.4/0.4/0.1).
        gray: probability that a colour image is made grey.
        blur: probability of a Gaussian blur.
        rotate: largest angle in degrees.
        translate: largest shift as a share of the side.
        scale: interval of the factor by which the content is enlarged.
        shear: largest shear angle in degrees.
        erase: probability that a random rectangle is set to zero.

    Returns:
        A module from images in [0, 1], (B, C, H, W), to their views.

    Raises:
        ChannelError: the shape is not an image's, or a number is out of its range.

    Source: Chen et al. 2020 (SimCLR), appendix A, for colour images.
    """
    check_image(shape, channel="augment")
    usual = choose_recipe(shape)
    recipe = Recipe(
        crop=_first(crop, usual.crop),
        flip=_first(flip, usual.flip),
        jitter=_first(jitter, usual.jitter),
        gray=_first(gray, usual.gray),
        blur=_first(blur, usual.blur),
        rotate=_first(rotate, usual.rotate),
        translate=_first(translate, usual.translate),
        scale=_first(scale, usual.scale),
        shear=_first(shear, usual.shear),
        erase=_first(erase, usual.erase),
    )
    check_recipe(recipe, shape, channel="augment")
    return Augmentation(recipe)


def _first(given: _Value | None, usual: _Value) -> _Value:
    return usual if given is None else given

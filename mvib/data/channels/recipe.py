"""The numbers of an augmentation, and the recipes that are taken unless a spec says otherwise."""

from dataclasses import dataclass, fields

from mvib.data.channels.arguments import Shape, check_interval, check_number
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.warp import Range

# The crop's ratio of sides of Szegedy et al. 2015 and everyone since.
CROP_RATIO: Range = (3 / 4, 4 / 3)
# A crop of less than a thousandth of the area is less than a pixel.
CROP_LIMITS: Range = (1e-3, 1.0)
# SimCLR (Chen et al. 2020, appendix A): the share of images whose colours are changed.
JITTER_PROBABILITY = 0.8
_SMALLEST_BLURRED_WIDTH = 64
_COLOUR_CHANNELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How strongly each random change of a view acts; every default is 'not at all'.

    Attributes:
        crop: interval of the share of the image's area that is cropped and resized to the whole.
        flip: probability of a left-right flip.
        jitter: SimCLR's strength s: brightness, contrast and saturation change by up to 0.8 s, hue by up to 0.2 s.
        gray: probability that a colour image is made grey.
        blur: probability of a Gaussian blur.
        rotate: largest angle in degrees.
        translate: largest shift as a share of the side.
        scale: interval of the factor by which the content is enlarged.
        shear: largest shear angle in degrees.
        erase: probability that a rectangle is set to zero.
    """

    crop: Range = (1.0, 1.0)
    flip: float = 0.0
    jitter: float = 0.0
    gray: float = 0.0
    blur: float = 0.0
    rotate: float = 0.0
    translate: float = 0.0
    scale: Range = (1.0, 1.0)
    shear: float = 0.0
    erase: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether the image is resampled at all."""
        still = (self.rotate, self.translate, self.shear, self.flip) == (0.0, 0.0, 0.0, 0.0)
        return not (still and self.crop == self.scale == (1.0, 1.0))


def choose_recipe(shape: Shape) -> Recipe:
    """Returns the usual augmentation for images of a shape.

    Images of one channel are taken for handwriting, line art or scans, where a mirrored sign is another sign: they are
    cropped, rotated, shifted, scaled and sheared a little. All others get SimCLR's recipe for colour photographs.
    """
    channels, _, width = shape
    if channels == 1:
        return Recipe(crop=(0.4, 1.0), jitter=0.5, rotate=15.0, translate=0.1, scale=(0.9, 1.1), shear=10.0)
    return Recipe(
        crop=(0.2, 1.0),
        flip=0.5,
        jitter=0.5,
        gray=0.2 if channels == _COLOUR_CHANNELS else 0.0,
        blur=0.5 if width >= _SMALLEST_BLURRED_WIDTH else 0.0,
    )


def choose_strong_recipe(shape: Shape) -> Recipe:
    """Returns a strong augmentation for images of a shape: all changes at about twice their usual size, and erasing."""
    if shape[0] == 1:
        return Recipe(
            crop=(0.4, 1.0), jitter=1.0, rotate=30.0, translate=0.125, scale=(0.7, 1.3), shear=20.0, erase=0.5
        )
    gray = 0.2 if shape[0] == _COLOUR_CHANNELS else 0.0
    return Recipe(
        crop=(0.2, 1.0), flip=0.5, jitter=1.0, gray=gray, blur=0.5, rotate=30.0, translate=0.125, shear=15.0, erase=0.5
    )


def check_recipe(recipe: Recipe, shape: Shape, *, channel: str) -> None:
    """Fails if a number of the recipe is out of its range or means nothing for the shape.

    Raises:
        ChannelError: the first number that cannot be used.
    """
    intervals = {"crop": CROP_LIMITS, "scale": (0.1, 10.0)}
    limits = {"jitter": 5.0, "rotate": 180.0, "shear": 60.0}
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name in intervals:
            check_interval(value, intervals[field.name], name=field.name, channel=channel)
        else:
            check_number(value, (0.0, limits.get(field.name, 1.0)), name=field.name, channel=channel)
    if recipe.gray > 0.0 and shape[0] != _COLOUR_CHANNELS:
        raise ChannelError(
            f"a colour image of 3 channels for `gray` of `{channel}`", shape, f"leave `gray` out of `{channel}`"
        )
    if recipe.blur > 0.0 and min(shape[1:]) < 2:
        raise ChannelError(
            f"an image of at least 2x2 pixels for `blur` of `{channel}`", shape, f"leave `blur` out of `{channel}`"
        )

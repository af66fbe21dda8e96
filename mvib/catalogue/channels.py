"""The view channels p(view given source)."""

from mvib.catalogue.signature import Argument, ChannelEntry, Kind

_IMAGE = ("image",)
_ARRAYS = ("image", "vector", "sequence")


def _probability(name: str, about: str) -> Argument:
    return Argument(name=name, default=None, minimum=0, maximum=1, about=about)


def _interval(name: str, about: str, default: tuple[float, float] | None = None) -> Argument:
    return Argument(name=name, kind=Kind.INTERVAL, default=default, minimum=0, open_minimum=True, about=about)


CHANNELS = (
    ChannelEntry(
        name="augment",
        about=(
            "Random crop, affine map and change of colours; numbers left out follow the recipe for the image's shape."
        ),
        arguments=(
            _interval("crop", "share of the area that is cropped"),
            _probability("flip", "probability of a left-right flip"),
            Argument(name="jitter", default=None, minimum=0, about="SimCLR's strength of the change of colours"),
            _probability("gray", "probability that a colour image is made grey"),
            _probability("blur", "probability of a Gaussian blur"),
            Argument(name="rotate", default=None, minimum=0, maximum=180, about="largest angle in degrees"),
            _probability("translate", "largest shift as a share of the side"),
            _interval("scale", "factor by which the content is enlarged"),
            Argument(name="shear", default=None, minimum=0, maximum=89, about="largest shear angle in degrees"),
            _probability("erase", "probability that a rectangle is set to zero"),
        ),
        takes_types=_IMAGE,
        source="Chen et al. 2020, appendix A, for colour images",
        implementation="mvib.data.channels.augment:augment",
    ),
    ChannelEntry(
        name="weak",
        about="A small shift and, for colour images, a left-right flip.",
        arguments=(
            Argument(
                name="translate", default=0.125, minimum=0, maximum=1, about="largest shift as a share of the side"
            ),
            _probability("flip", "probability of the flip; 0.5 for colour images"),
        ),
        takes_types=_IMAGE,
        source="Sohn et al. 2020, section 2.3",
        implementation="mvib.data.channels.weak:weak",
    ),
    ChannelEntry(
        name="strong",
        about="Large affine maps, strong changes of colour, erased rectangles.",
        takes_types=_IMAGE,
        source="in the place of RandAugment and Cutout in Sohn et al. 2020",
        implementation="mvib.data.channels.strong:strong",
    ),
    ChannelEntry(
        name="crop",
        about="A random resized crop.",
        arguments=(
            _interval("area", "share of the area that is cropped", (0.2, 1.0)),
            Argument(name="flip", default=0.0, minimum=0, maximum=1, about="probability of a left-right flip"),
        ),
        takes_types=_IMAGE,
        implementation="mvib.data.channels.crop:crop",
    ),
    ChannelEntry(
        name="noise",
        about="Adds independent Gaussian noise.",
        arguments=(Argument(name="std", default=0.1, minimum=0, positional=True, about="its standard deviation"),),
        takes_types=_ARRAYS,
        implementation="mvib.data.channels.noise:noise",
    ),
    ChannelEntry(
        name="mask",
        about="Sets pixels or features to zero independently.",
        arguments=(
            Argument(
                name="ratio", default=0.5, minimum=0, maximum=1, positional=True, about="probability that one is lost"
            ),
        ),
        takes_types=_ARRAYS,
        implementation="mvib.data.channels.mask:mask",
    ),
    ChannelEntry(
        name="select",
        about="Keeps a range of columns, rows and channels, as for two halves of an image.",
        arguments=(
            Argument(
                name="columns", kind=Kind.RANGE, default=None, minimum=1, about="first and last column kept, from 1"
            ),
            Argument(name="rows", kind=Kind.RANGE, default=None, minimum=1, about="first and last row kept"),
            Argument(name="channels", kind=Kind.RANGE, default=None, minimum=1, about="first and last channel kept"),
        ),
        takes_types=_ARRAYS,
        deterministic=True,
        implementation="mvib.data.channels.select:select",
    ),
)

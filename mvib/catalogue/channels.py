"""The view channels p(view given source)."""

from mvib.catalogue.signature import Argument, ChannelEntry, Kind

_IMAGE = ("image",)
_ARRAYS = ("image", "vector", "sequence")
_SEQUENCE = ("sequence",)


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
    ChannelEntry(
        name="strip",
        about="One of several strips of equal width that together cover the source, side by side or overlapping.",
        arguments=(
            Argument(
                name="columns",
                kind=Kind.INTEGER,
                default=None,
                minimum=1,
                maximum=1 << 20,
                about="which strip of columns, from 1",
            ),
            Argument(
                name="rows",
                kind=Kind.INTEGER,
                default=None,
                minimum=1,
                maximum=1 << 20,
                about="which strip of rows, in the place of `columns`",
            ),
            Argument(
                name="of",
                kind=Kind.INTEGER,
                minimum=1,
                maximum=1 << 20,
                about="number of strips; it is an error where so many do not cover the source",
            ),
            Argument(
                name="overlap",
                default=0.0,
                minimum=0,
                maximum=0.99,
                about="share of a strip that it has in common with the next",
            ),
        ),
        takes_types=_ARRAYS,
        deterministic=True,
        implementation="mvib.data.channels.strip:strip",
    ),
    ChannelEntry(
        name="patches",
        about="Cuts an image into square patches: tokens that know their row and column.",
        arguments=(
            Argument(name="size", kind=Kind.INTEGER, default=4, minimum=1, maximum=4096, about="side of a patch"),
        ),
        takes_types=_IMAGE,
        deterministic=True,
        gives_type="sequence",
        placed=True,
        implementation="mvib.data.channels.patches:patches",
    ),
    ChannelEntry(
        name="split",
        about="Splits tokens at random into visible and hidden ones: `view (V, T) ~ split(P)`.",
        arguments=(Argument(name="ratio", default=0.75, minimum=0, maximum=1, about="share of hidden tokens"),),
        takes_types=_SEQUENCE,
        outputs=2,
        placed=True,
        source="He et al. 2022, section 3",
        implementation="mvib.data.channels.split:split",
    ),
    ChannelEntry(
        name="hide",
        about="Empties some tokens at random, and gives what they held: `view (V, T) ~ hide(P)`.",
        arguments=(
            Argument(name="ratio", default=0.6, minimum=0, maximum=1, about="share of hidden tokens"),
            Argument(
                name="block",
                kind=Kind.INTEGER,
                default=1,
                minimum=1,
                maximum=4096,
                about="side of the squares of tokens that are hidden together",
            ),
        ),
        takes_types=_SEQUENCE,
        outputs=2,
        placed=True,
        source="Xie et al. 2022, section 3.2",
        implementation="mvib.data.channels.hide:hide",
    ),
    ChannelEntry(
        name="blocks",
        about="A large block of tokens and target blocks that it does not overlap: `view (V, T[b: 1..4]) ~ blocks(P)`.",
        arguments=(
            _interval("scale", "a target's share of the tokens", (0.15, 0.2)),
            _interval("aspect", "a target's height over its width", (0.75, 1.5)),
            _interval("context", "the large block's share of the tokens, before it loses the targets", (0.85, 1.0)),
            Argument(
                name="keep",
                kind=Kind.INTEGER,
                default=1,
                minimum=1,
                maximum=1 << 20,
                about="least number of tokens that the large block keeps",
            ),
        ),
        takes_types=_SEQUENCE,
        outputs=0,
        placed=True,
        source="Assran et al. 2023, section 3",
        implementation="mvib.data.channels.blocks:blocks",
    ),
    ChannelEntry(
        name="adversarial",
        about="Moves the source in the direction that changes a prediction the most.",
        arguments=(
            Argument(name="against", kind=Kind.VARIABLE, about="the logits that it changes, computed from the source"),
            Argument(name="radius", default=1.0, minimum=0, about="length of the move, in the unit of the data"),
            Argument(name="step", default=1e-6, minimum=0, open_minimum=True, about="length of the finite difference"),
            Argument(name="rounds", kind=Kind.INTEGER, default=1, minimum=1, maximum=100, about="of power iteration"),
        ),
        takes_types=_ARRAYS,
        against="against",
        source="Miyato et al. 2018, algorithm 1",
        implementation="mvib.data.channels.adversarial:adversarial",
    ),
    ChannelEntry(
        name="located",
        about=(
            "A random resized crop, and where in the image the cells of a map of it lie: "
            "`view (V, G) ~ located(X, cells: 7)`."
        ),
        arguments=(
            Argument(
                name="cells", kind=Kind.INTEGER, default=7, minimum=1, maximum=4096, about="cells along each side"
            ),
            _interval("crop", "share of the area that is cropped"),
            _probability("flip", "probability of a left-right flip"),
        ),
        takes_types=_IMAGE,
        outputs=2,
        source="Bardes et al. 2022 (VICRegL), section 3.2",
        implementation="mvib.data.channels.located:located",
    ),
)

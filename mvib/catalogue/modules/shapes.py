"""Normalisations, maps without weights, and maps of several variables."""

from mvib.catalogue.modules.shared import ACTIVATION, BIAS, NORM, widths
from mvib.catalogue.signature import Argument, Features, Kind, Layout, ModuleEntry, Output, Spread

_SAME = "what it takes"
_EPS = Argument(name="eps", default=1e-5, minimum=0, open_minimum=True, about="added to the variance, inside the root")

SHAPES = (
    ModuleEntry(
        name="unit",
        about="Vectors divided by their length.",
        gives=_SAME,
        implementation="mvib.nn.builders.unit:unit",
        learns=False,
        output=Output(),
    ),
    ModuleEntry(
        name="sigmoid",
        about="The logistic function of each entry.",
        gives=_SAME,
        implementation="mvib.nn.builders.sigmoid:sigmoid",
        learns=False,
        output=Output(),
    ),
    ModuleEntry(
        name="standardize",
        about="Vectors less their mean, divided by their standard deviation: a layer normalisation without weights.",
        arguments=(
            _EPS,
            Argument(
                name="unbiased",
                kind=Kind.BOOLEAN,
                default=False,
                about="whether the variance is divided by the number of features less one",
            ),
        ),
        gives=_SAME,
        source="Ba et al. 2016; unbiased with eps 1e-6: He et al. 2021 (MAE), official code",
        implementation="mvib.nn.builders.standardize:standardize",
        learns=False,
        output=Output(),
    ),
    ModuleEntry(
        name="layer_norm",
        about="Layer normalisation with learned scale and shift.",
        arguments=(_EPS,),
        gives=_SAME,
        source="Ba et al. 2016",
        implementation="mvib.nn.builders.layer_norm:layer_norm",
        output=Output(),
    ),
    ModuleEntry(
        name="whiten",
        about="Features without correlation over the global batch, in groups; running statistics in evaluation mode.",
        arguments=(
            Argument(
                name="method",
                kind=Kind.CHOICE,
                default="iternorm",
                choices=("iternorm", "zca", "cholesky"),
                about="iternorm, zca: inverse root of the covariance, by Newton's iteration or exactly; cholesky: L^-1",
            ),
            Argument(
                name="groups",
                kind=Kind.INTEGER,
                default=None,
                minimum=1,
                maximum=1 << 20,
                about="groups of features, each whitened on its own; left out, 64 for iternorm and 1 otherwise",
            ),
            Argument(
                name="iterations", kind=Kind.INTEGER, default=5, minimum=1, maximum=20, about="of Newton's method"
            ),
            Argument(
                name="eps",
                default=1e-5,
                minimum=0,
                maximum=1,
                about="added to the variances; cholesky: share of the identity in the covariance",
            ),
            Argument(
                name="momentum", default=0.1, minimum=0, maximum=1, about="share of a batch in the running statistics"
            ),
            Argument(name="affine", kind=Kind.BOOLEAN, default=True, about="whether a learned scale and shift follow"),
            Argument(
                name="size",
                kind=Kind.INTEGER,
                default=None,
                minimum=2,
                maximum=1 << 24,
                about="rows that are whitened together; left out, all",
            ),
        ),
        gives=_SAME,
        source="iternorm: Huang et al. 2019, algorithm 1; zca: Huang et al. 2018; cholesky: Ermolov et al. 2021",
        implementation="mvib.nn.builders.whiten:whiten",
        crosses=True,
        couples_batch=True,
        learns_by="affine",
        spread=Spread.WHITENING,
        output=Output(),
    ),
    ModuleEntry(
        name="mean",
        about="The mean of several variables, entry by entry.",
        takes="variables of one shape",
        gives="what each of them is",
        implementation="mvib.nn.builders.mean:mean",
        separate=True,
        learns=False,
        output=Output(),
    ),
    ModuleEntry(
        name="gru",
        about="Recurrent network over steps: its state after the last.",
        arguments=(
            Argument(
                name="width",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=1 << 16,
                about="width of the state",
            ),
        ),
        takes="vectors in order, or one sequence (steps, features)",
        source="Cho et al. 2014",
        implementation="mvib.nn.builders.gru:gru",
        separate=True,
        layouts=(Layout.VECTOR, Layout.SEQUENCE),
        output=Output(layout=Layout.VECTOR, features="width"),
    ),
    ModuleEntry(
        name="position",
        about="One entry of a vector, one step of a sequence, or one place of a map in raster order.",
        arguments=(
            Argument(
                name="index",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=1 << 20,
                about="which, from 1",
            ),
            Argument(
                name="of",
                kind=Kind.INTEGER,
                default=None,
                minimum=1,
                maximum=1 << 20,
                about="how many there are, where another number is to be an error; left out: any",
            ),
        ),
        takes="a vector, a sequence (steps, features) or a map (channels, height, width)",
        implementation="mvib.nn.builders.position:position",
        learns=False,
        output=Output(layout=Layout.VECTOR, features=Features.UNSAID),
    ),
    ModuleEntry(
        name="axis",
        about="A constant vector, one at an index and zero elsewhere: the code of a class, whatever the example.",
        arguments=(
            Argument(
                name="index", kind=Kind.INTEGER, positional=True, minimum=1, maximum=1 << 20, about="which, from 1"
            ),
            Argument(
                name="size", kind=Kind.INTEGER, positional=True, minimum=1, maximum=1 << 20, about="size of the vector"
            ),
        ),
        implementation="mvib.nn.builders.axis:axis",
        learns=False,
        output=Output(layout=Layout.VECTOR, features="size"),
    ),
    ModuleEntry(
        name="match",
        about="Vectors of one map beside their nearest of another: first those of the one, then those of the other.",
        arguments=(
            Argument(
                name="count",
                kind=Kind.INTEGER,
                default=None,
                minimum=1,
                maximum=1 << 20,
                about="pairs that are kept, those that are nearest; left out, one for each vector of the first",
            ),
            Argument(
                name="by",
                kind=Kind.CHOICE,
                default="features",
                choices=("features", "location"),
                about="what is near; by location two maps of places follow those of features",
            ),
        ),
        takes="two maps (channels, height, width) or sequences (steps, features), by location with their places",
        gives="a sequence of 2 count vectors",
        source="Bardes et al. 2022 (VICRegL), section 3.2",
        implementation="mvib.nn.builders.match:match",
        separate=True,
        learns=False,
        contents=2,
        layouts=(Layout.SEQUENCE, Layout.MAP),
        output=Output(layout=Layout.SEQUENCE),
    ),
    ModuleEntry(
        name="local",
        about="A perceptron at each place of a map or step of a sequence, the same at all; on a map 1x1 convolutions.",
        arguments=(
            widths("width of each layer; the last is the new number of features"),
            NORM,
            ACTIVATION,
            BIAS,
        ),
        takes="a map (channels, height, width) or a sequence (steps, features)",
        gives="what it takes, of the last width",
        implementation="mvib.nn.builders.local:local",
        layouts=(Layout.SEQUENCE, Layout.MAP),
        output=Output(features="widths"),
    ),
)

"""Networks, and what reshapes their outputs."""

from mvib.catalogue.modules.shared import ACTIVATION, BIAS, NORM, widths
from mvib.catalogue.signature import Argument, Features, Kind, Layout, ModuleEntry, Output

NETWORKS = (
    ModuleEntry(
        name="mlp",
        about="Linear layers with normalisation and nonlinearity between them; the last is bare.",
        arguments=(
            widths("width of each layer; the last is the output"),
            NORM,
            ACTIVATION,
            BIAS,
            Argument(name="last_norm", kind=Kind.BOOLEAN, default=False, about="whether the output is normalised too"),
            Argument(
                name="last_affine",
                kind=Kind.BOOLEAN,
                default=True,
                about="whether that normalisation has a learned scale and shift",
            ),
        ),
        takes="anything; an image is flattened",
        implementation="mvib.nn.builders.mlp:mlp",
        output=Output(layout=Layout.VECTOR, features="widths"),
    ),
    ModuleEntry(
        name="linear",
        about="One linear layer.",
        arguments=(
            Argument(
                name="width",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=1 << 20,
                about="width of the output",
            ),
            BIAS,
        ),
        takes="anything; an image is flattened",
        implementation="mvib.nn.builders.linear:linear",
        output=Output(layout=Layout.VECTOR, features="width"),
    ),
    ModuleEntry(
        name="conv",
        about="3x3 convolutions; the resolution is halved where the width grows; averaged over positions.",
        arguments=(
            widths("channels of each block"),
            NORM,
            ACTIVATION,
            Argument(
                name="pool",
                kind=Kind.BOOLEAN,
                default=True,
                about="whether to average over positions; without it a map (channels, height, width)",
            ),
        ),
        takes="an image (channels, height, width)",
        gives="a vector, or a map",
        implementation="mvib.nn.builders.conv:conv",
        layouts=(Layout.MAP,),
        output=Output(layout=Layout.VECTOR, layout_when=(("pool", "false", Layout.MAP),), features="widths"),
    ),
    ModuleEntry(
        name="resnet18",
        about="Residual network of 18 layers, averaged over positions.",
        arguments=(
            Argument(
                name="width",
                kind=Kind.INTEGER,
                default=64,
                minimum=1,
                maximum=4096,
                about="channels of the first stage",
            ),
            Argument(
                name="stem",
                kind=Kind.CHOICE,
                default="small",
                choices=("small", "imagenet"),
                about="small: 3x3 without pooling, for images up to 64 pixels; imagenet: 7x7 with pooling",
            ),
        ),
        takes="an image (channels, height, width)",
        source="He et al. 2016, table 1",
        implementation="mvib.nn.builders.resnet:resnet18",
        layouts=(Layout.MAP,),
        output=Output(layout=Layout.VECTOR, features="width", times=8),
    ),
    ModuleEntry(
        name="backbone",
        about=(
            "Whatever `train { backbone: ... }` names; without it conv(64, 128, 256) for an image and "
            "mlp(512, 512) otherwise."
        ),
        implementation="",
    ),
    ModuleEntry(
        name="identity",
        about="Its input.",
        gives="what it takes",
        implementation="mvib.nn.builders.identity:identity",
        learns=False,
        output=Output(),
    ),
    ModuleEntry(
        name="pool",
        about="Mean over positions.",
        arguments=(
            Argument(
                name="skip",
                kind=Kind.INTEGER,
                default=0,
                minimum=0,
                maximum=1 << 20,
                about="number of steps at the front of a sequence that are left out",
            ),
        ),
        takes="an image (channels, height, width) or a sequence (steps, features)",
        implementation="mvib.nn.builders.pool:pool",
        learns=False,
        layouts=(Layout.SEQUENCE, Layout.MAP),
        output=Output(layout=Layout.VECTOR),
    ),
    ModuleEntry(
        name="flatten",
        about="All entries as one vector.",
        implementation="mvib.nn.builders.flatten:flatten",
        learns=False,
        output=Output(layout=Layout.VECTOR, features=Features.FLATTENED),
    ),
)

"""The builders of networks, critics and copies."""

from mvib.catalogue.signature import Argument, Kind, ModuleEntry, Role

_NORM = Argument(
    name="norm", kind=Kind.CHOICE, default="batch", choices=("batch", "layer", "none"), about="normalisation"
)
_ACTIVATION = Argument(
    name="activation", kind=Kind.CHOICE, default="relu", choices=("relu", "gelu"), about="nonlinearity"
)
_BIAS = Argument(name="bias", kind=Kind.BOOLEAN, default=True, about="whether the last linear layer has a bias")


def _widths(about: str) -> Argument:
    return Argument(
        name="widths", kind=Kind.INTEGER, positional=True, variadic=True, minimum=1, maximum=1 << 20, about=about
    )


MODULES = (
    ModuleEntry(
        name="mlp",
        about="Linear layers with normalisation and nonlinearity between them; the last is bare.",
        arguments=(
            _widths("width of each layer; the last is the output"),
            _NORM,
            _ACTIVATION,
            _BIAS,
            Argument(name="last_norm", kind=Kind.BOOLEAN, default=False, about="whether the output is normalised too"),
        ),
        takes="anything; an image is flattened",
        implementation="mvib.nn.builders.mlp:mlp",
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
            _BIAS,
        ),
        takes="anything; an image is flattened",
        implementation="mvib.nn.builders.linear:linear",
    ),
    ModuleEntry(
        name="conv",
        about="3x3 convolutions; the resolution is halved where the width grows; averaged over positions.",
        arguments=(
            _widths("channels of each block"),
            Argument(name="norm", kind=Kind.CHOICE, default="batch", choices=("batch", "none"), about="normalisation"),
            _ACTIVATION,
        ),
        takes="an image (channels, height, width)",
        implementation="mvib.nn.builders.conv:conv",
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
        name="identity", about="Its input.", gives="what it takes", implementation="mvib.nn.builders.identity:identity"
    ),
    ModuleEntry(
        name="pool",
        about="Mean over positions.",
        takes="an image or a sequence",
        implementation="mvib.nn.builders.pool:pool",
    ),
    ModuleEntry(name="flatten", about="All entries as one vector.", implementation="mvib.nn.builders.flatten:flatten"),
    ModuleEntry(
        name="ema",
        about=(
            "A slow copy of an encoder: t <- m t + (1 - m) s after each step. It starts as an exact copy "
            "and never gets a gradient."
        ),
        arguments=(
            Argument(name="encoder", kind=Kind.ENCODER, positional=True, about="the encoder that is copied"),
            Argument(
                name="momentum", default=0.996, minimum=0, maximum=1, scheduled=True, about="m, the share that stays"
            ),
        ),
        source="He et al. 2020, eq. 2; Grill et al. 2020",
        gives="what the encoder gives",
        role=Role.MOMENTUM,
        implementation="mvib.nn.momentum:MomentumCopy",
    ),
    ModuleEntry(
        name="stopgrad",
        about="An encoder with the same weights whose output carries no gradient.",
        arguments=(
            Argument(name="encoder", kind=Kind.ENCODER, positional=True, about="the encoder whose weights it uses"),
        ),
        gives="what the encoder gives",
        role=Role.STOP_GRADIENT,
    ),
    ModuleEntry(
        name="frozen",
        about="A network that is not trained: weights and running statistics stay, and normalisation uses the latter.",
        arguments=(
            Argument(name="network", kind=Kind.MODULE, positional=True, about="the network, or an encoder to copy"),
        ),
        gives="what the network gives",
        role=Role.FROZEN,
    ),
    ModuleEntry(
        name="queue",
        about="The rows of the last batches, oldest out first, without gradient.",
        arguments=(
            Argument(
                name="size", kind=Kind.INTEGER, positional=True, minimum=1, maximum=1 << 24, about="number of rows"
            ),
        ),
        takes="rows",
        gives="rows",
        role=Role.MEMORY,
        source="He et al. 2020, section 3.2",
        implementation="mvib.nn.memory:Queue",
    ),
    ModuleEntry(
        name="joint",
        about="Critic on the concatenation of both variables.",
        arguments=(_widths("hidden widths; a last layer of width 1 is added"),),
        gives="a score",
        role=Role.CRITIC,
        source="Belghazi et al. 2018; Federici et al. 2020, official code",
        implementation="mvib.nn.builders.critics:joint",
    ),
    ModuleEntry(
        name="separable",
        about="Critic that is the inner product of two embeddings.",
        arguments=(
            _widths("hidden widths"),
            Argument(
                name="dim", kind=Kind.INTEGER, default=32, minimum=1, maximum=1 << 16, about="width of the embeddings"
            ),
        ),
        gives="a score",
        role=Role.CRITIC,
        source="van den Oord et al. 2018; Poole et al. 2019",
        implementation="mvib.nn.builders.critics:separable",
    ),
    ModuleEntry(
        name="bilinear",
        about="Critic that is a bilinear form of both variables, a' W b.",
        gives="a score",
        role=Role.CRITIC,
        source="van den Oord et al. 2018, eq. 3",
        implementation="mvib.nn.builders.critics:bilinear",
    ),
)

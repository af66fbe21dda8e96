"""Networks of tokens that know their places."""

from mvib.catalogue.signature import Argument, Features, Kind, Layout, ModuleEntry, Output

_MAX_WIDTH = 1 << 16


def _count(name: str, default: int, about: str, *, minimum: int = 1, maximum: int = 1024) -> Argument:
    return Argument(name=name, kind=Kind.INTEGER, default=default, minimum=minimum, maximum=maximum, about=about)


_MLP_RATIO = Argument(
    name="mlp_ratio",
    default=4.0,
    minimum=0,
    open_minimum=True,
    maximum=64,
    about="width of the hidden layer of a block's perceptron, in widths",
)


def _transformer_arguments(width: int, depth: int, heads: int, *, about_width: str) -> tuple[Argument, ...]:
    return (
        _count("width", width, f"{about_width}; a multiple of 4 and of the heads", minimum=4, maximum=_MAX_WIDTH),
        _count("depth", depth, "number of blocks", minimum=0),
        _count("heads", heads, "heads of attention"),
    )


TOKENS: tuple[ModuleEntry, ...] = (
    ModuleEntry(
        name="vit",
        about="Vision transformer of an image or of some of its patches; hidden patches become a learned token.",
        arguments=(
            *_transformer_arguments(192, 6, 3, about_width="width of a token"),
            _count("patch", 4, "side of the patches that an image is cut into"),
            Argument(
                name="class_token", kind=Kind.BOOLEAN, default=True, about="whether a learned token stands in front"
            ),
            _MLP_RATIO,
        ),
        takes="an image (channels, height, width) or tokens (number, features)",
        gives="tokens, the class token first",
        placed=True,
        source="Dosovitskiy et al. 2021, with the fixed places of He et al. 2022",
        implementation="mvib.nn.builders.vit:vit",
        layouts=(Layout.SEQUENCE, Layout.MAP),
        output=Output(layout=Layout.SEQUENCE, features="width"),
    ),
    ModuleEntry(
        name="embedding",
        about="A learned vector for each word of a vocabulary: tokens, which are whole numbers, become a sequence.",
        arguments=(
            Argument(
                name="width",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=_MAX_WIDTH,
                about="of each vector",
            ),
            Argument(
                name="vocabulary",
                kind=Kind.INTEGER,
                minimum=1,
                maximum=1 << 24,
                about="how many words there are; the tokens are 0 to one less",
            ),
        ),
        takes="tokens of type `tokens`, whole numbers (steps)",
        gives="a sequence (steps, width)",
        words=True,
        implementation="mvib.nn.builders.embedding:embedding",
        output=Output(layout=Layout.SEQUENCE, features="width"),
    ),
    ModuleEntry(
        name="transformer",
        about="Transformer from tokens to tokens, without a class token.",
        arguments=(*_transformer_arguments(192, 6, 3, about_width="width of a token"), _MLP_RATIO),
        takes="tokens (number, features)",
        gives="tokens at the same places",
        placed=True,
        source="Dosovitskiy et al. 2021, equations 2 to 4",
        implementation="mvib.nn.builders.transformer:transformer",
        layouts=(Layout.SEQUENCE,),
        output=Output(layout=Layout.SEQUENCE, features="width"),
    ),
    ModuleEntry(
        name="predictor",
        about="Transformer that predicts tokens of which only the places are known, from encoded ones.",
        arguments=(*_transformer_arguments(128, 4, 4, about_width="width of a token inside"), _MLP_RATIO),
        takes="encoded tokens (number, features)",
        gives="a prediction for each token of the target",
        placed=True,
        aims=True,
        source="the decoder of He et al. 2022 and the predictor of Assran et al. 2023",
        implementation="mvib.nn.builders.predictor:predictor",
        layouts=(Layout.SEQUENCE,),
        output=Output(layout=Layout.SEQUENCE, features=Features.UNSAID),
    ),
    ModuleEntry(
        name="linear_at",
        about="One linear layer on each encoded token, at the places of what is predicted.",
        takes="encoded tokens (number, features) of the whole grid",
        gives="a prediction for each token of the target",
        placed=True,
        aims=True,
        source="Xie et al. 2022, section 3.4",
        implementation="mvib.nn.builders.linear_at:linear_at",
        layouts=(Layout.SEQUENCE,),
        output=Output(layout=Layout.SEQUENCE, features=Features.UNSAID),
    ),
    ModuleEntry(
        name="at",
        about="The tokens of one variable at the places of another: `encoder a: (S, T) -> B = at()`.",
        takes="tokens (number, features), and those whose places are wanted",
        gives="tokens at the places of the second",
        separate=True,
        placed=True,
        implementation="mvib.nn.builders.at:at",
        learns=False,
        contents=1,
        layouts=(Layout.SEQUENCE,),
        output=Output(layout=Layout.SEQUENCE),
    ),
    ModuleEntry(
        name="first",
        about="The first token: the class token of a `vit`.",
        takes="tokens (number, features)",
        implementation="mvib.nn.builders.first:first",
        learns=False,
        layouts=(Layout.SEQUENCE,),
        output=Output(layout=Layout.VECTOR),
    ),
    ModuleEntry(
        name="rest",
        about="All tokens but the first: those of a `vit` without its class token.",
        takes="tokens (number, features), two or more",
        gives="tokens, one less, at their places",
        placed=True,
        implementation="mvib.nn.builders.rest:rest",
        learns=False,
        layouts=(Layout.SEQUENCE,),
        output=Output(),
    ),
)

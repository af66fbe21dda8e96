"""Arguments that several builders take."""

from mvib.catalogue.signature import Argument, Kind

NORM = Argument(
    name="norm", kind=Kind.CHOICE, default="batch", choices=("batch", "layer", "none"), about="normalisation"
)
ACTIVATION = Argument(
    name="activation", kind=Kind.CHOICE, default="relu", choices=("relu", "gelu"), about="nonlinearity"
)
BIAS = Argument(name="bias", kind=Kind.BOOLEAN, default=True, about="whether the last linear layer has a bias")


def widths(about: str) -> Argument:
    """The widths of layers, given one after the other."""
    return Argument(
        name="widths", kind=Kind.INTEGER, positional=True, variadic=True, minimum=1, maximum=1 << 20, about=about
    )

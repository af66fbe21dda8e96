"""What turns scores into assignments: prototypes, balance, sharpening, centring, codebooks."""

from mvib.catalogue.signature import Argument, Kind, ModuleEntry, Output, Spread

_SAME = "what it takes"

ASSIGNMENTS = (
    ModuleEntry(
        name="softmax",
        about="Probabilities from scores: exp(s / temperature), normalised.",
        arguments=(
            Argument(
                name="temperature",
                default=1.0,
                minimum=0,
                open_minimum=True,
                scheduled=True,
                about="divides the scores",
            ),
        ),
        gives=_SAME,
        implementation="mvib.nn.builders.softmax:softmax",
        learns=False,
        spread=Spread.SHARPENING,
        output=Output(),
    ),
    ModuleEntry(
        name="sharpen",
        about="Probabilities to the power 1 / temperature, normalised again.",
        arguments=(
            Argument(
                name="temperature",
                default=0.25,
                minimum=0,
                open_minimum=True,
                scheduled=True,
                about="below 1 sharpens",
            ),
        ),
        takes="probabilities",
        gives=_SAME,
        source="Assran et al. 2022 (MSN), official code",
        implementation="mvib.nn.builders.sharpen:sharpen",
        learns=False,
        spread=Spread.SHARPENING,
        output=Output(),
    ),
    ModuleEntry(
        name="harden",
        about=(
            "Labels from probabilities: a one at the largest where it is at least the threshold, zeros elsewhere; "
            "without gradient."
        ),
        arguments=(
            Argument(
                name="threshold",
                default=0.0,
                minimum=0,
                maximum=1,
                scheduled=True,
                about="least probability that makes a label",
            ),
        ),
        takes="probabilities",
        gives=_SAME,
        source="Lee 2013, eq. 14; Sohn et al. 2020, eq. 4",
        implementation="mvib.nn.builders.harden:harden",
        learns=False,
        stops_gradient=True,
        spread=Spread.SHARPENING,
        output=Output(),
    ),
    ModuleEntry(
        name="center",
        about=(
            "Its input less a centre, which after each step follows the mean of all it was applied to: "
            "c <- m c + (1 - m) mean."
        ),
        arguments=(
            Argument(
                name="momentum", default=0.9, minimum=0, maximum=1, scheduled=True, about="m, the share that stays"
            ),
        ),
        gives=_SAME,
        source="Caron et al. 2021 (DINO), eq. 4",
        implementation="mvib.nn.builders.center:center",
        crosses=True,
        learns=False,
        spread=Spread.CENTRING,
        output=Output(),
    ),
    ModuleEntry(
        name="sinkhorn",
        about=(
            "Balanced assignment: scores become shares, so that examples sum to one and prototypes get equal shares "
            "of the global batch; without gradient."
        ),
        arguments=(
            Argument(
                name="temperature",
                default=0.05,
                minimum=0,
                open_minimum=True,
                scheduled=True,
                about="divides the scores",
            ),
            Argument(
                name="iterations",
                kind=Kind.INTEGER,
                default=3,
                minimum=0,
                maximum=1000,
                about="how often prototypes and examples are normalised in turn",
            ),
            Argument(
                name="of",
                kind=Kind.CHOICE,
                default="scores",
                choices=("scores", "probabilities"),
                about="what it takes; of probabilities there is no temperature",
            ),
        ),
        takes="scores, one for each prototype",
        gives=_SAME,
        source="Caron et al. 2020 (SwAV), section 3.1",
        implementation="mvib.nn.builders.sinkhorn:sinkhorn",
        crosses=True,
        couples_batch=True,
        learns=False,
        stops_gradient=True,
        spread=Spread.BALANCE,
        output=Output(),
    ),
    ModuleEntry(
        name="prototypes",
        about="Cosines with learned unit vectors.",
        arguments=(
            Argument(
                name="count",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=1 << 20,
                about="number of prototypes",
            ),
            Argument(
                name="norm",
                kind=Kind.CHOICE,
                default="weight",
                choices=("weight", "project"),
                about=(
                    "weight: divided by their length in the graph; project: brought back to unit length after each "
                    "step, the gradient being that of the unit vectors"
                ),
            ),
        ),
        gives="scores, one for each prototype",
        source="weight: Caron et al. 2021 (DINO); project: Caron et al. 2020 (SwAV)",
        implementation="mvib.nn.builders.prototypes:prototypes",
        erases=False,
        output=Output(features="count"),
    ),
    ModuleEntry(
        name="codebook",
        about="The nearest of learned codes by squared distance; the gradient reaches the codes only.",
        arguments=(
            Argument(
                name="size",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=1 << 20,
                about="number of codes",
            ),
        ),
        gives=_SAME,
        source="van den Oord et al. 2017, eq. 1 and 2",
        implementation="mvib.nn.builders.codebook:codebook",
        stops_gradient=True,
        output=Output(),
    ),
    ModuleEntry(
        name="straight_through",
        about="The value of a code C with the gradient of what it stands for: (E, C) gives E + sg(C - E).",
        takes="two variables of one shape",
        gives="what each of them is",
        source="Bengio et al. 2013; van den Oord et al. 2017, section 3.2",
        implementation="mvib.nn.builders.straight_through:straight_through",
        separate=True,
        learns=False,
        output=Output(),
    ),
    ModuleEntry(
        name="nearest",
        about=(
            "The nearest by cosine among the unit vectors of earlier batches, without gradient; the set takes up the "
            "batch after the step."
        ),
        arguments=(
            Argument(
                name="size",
                kind=Kind.INTEGER,
                default=65536,
                positional=True,
                minimum=1,
                maximum=1 << 24,
                about="number of vectors in the set",
            ),
            Argument(
                name="support",
                kind=Kind.CHOICE,
                default="first",
                choices=("first", "all"),
                about="which of the calls of a step are taken up: the first (view 1), or all",
            ),
        ),
        gives=_SAME,
        source="Dwibedi et al. 2021, eq. 2",
        implementation="mvib.nn.builders.nearest:nearest",
        crosses=True,
        learns=False,
        stops_gradient=True,
        output=Output(),
    ),
)

"""Critics, which score pairs for an estimator."""

from mvib.catalogue.modules.shared import widths
from mvib.catalogue.signature import Argument, Kind, ModuleEntry, Role

CRITICS = (
    ModuleEntry(
        name="joint",
        about="Critic on the concatenation of both variables.",
        arguments=(widths("hidden widths; a last layer of width 1 is added"),),
        gives="a score",
        role=Role.CRITIC,
        source="Belghazi et al. 2018; Federici et al. 2020, official code",
        implementation="mvib.nn.builders.critics:joint",
    ),
    ModuleEntry(
        name="separable",
        about="Critic that is the inner product of two embeddings.",
        arguments=(
            widths("hidden widths"),
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
    ModuleEntry(
        name="product",
        about="Critic that is the inner product of both variables as they are; it has no weights.",
        gives="a score",
        role=Role.CRITIC,
        implementation="mvib.nn.builders.critics:product",
        learns=False,
    ),
)

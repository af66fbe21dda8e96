"""What an estimator may remember of earlier batches."""

from mvib.catalogue.signature import Argument, Kind, ModuleEntry, Role

MEMORIES = (
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
)

"""What a data source is: named columns of tensors or stored rows, split into a training and a test part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mvib.data.bad_items import BadItems
from mvib.data.origin import Origin
from mvib.data.rows import Rows


class ColumnKind(StrEnum):
    """What one example of a column is; apart from the mask, these are the types of a spec's `data` variables."""

    IMAGE = "image"
    VECTOR = "vector"
    SEQUENCE = "sequence"
    TOKENS = "tokens"
    LABEL = "label"
    MASK = "mask"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One observed variable of a data source.

    Attributes:
        kind: what one example is.
        train: the training examples, first axis the examples: images (N, channels, height, width) float32, vectors
            (N, D) float32, sequences (N, time, D) float32, labels (N,) int64 in 0..classes-1 with -1 for a missing
            one, masks (N,) bool, true where the label is present. Labels and masks are tensors; the others may be
            `StoredRows`, which give tensors for slices and indices.
        test: the held-out examples, of the same shape and dtype.
        classes: number of classes of a label column, otherwise none.
        class_names: what the data call the classes 0, 1, ... of a label column; empty for other columns.
        description: one line on what the column holds.
    """

    kind: ColumnKind
    train: Rows
    test: Rows
    description: str
    classes: int | None = None
    class_names: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example, without the batch axis."""
        return tuple(self.train.shape[1:])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataSource:
    """Jointly observed columns; row i of every column belongs to the same example.

    Attributes:
        name: how the source was asked for, for messages and run folders.
        columns: the columns by name, all with the same number of rows.
        bad: items that are left out. Rows that are read during the run may add to them.
        notes: what else a user should know of these data, a sentence each.
        origin: where each example comes from, none where that is not known.
    """

    name: str
    columns: Mapping[str, Column]
    bad: BadItems = field(default_factory=BadItems)
    notes: tuple[str, ...] = ()
    origin: Origin | None = None

    @property
    def num_train(self) -> int:
        """The number of training examples."""
        return min(len(column.train) for column in self.columns.values())

    @property
    def num_test(self) -> int:
        """The number of held-out examples."""
        return min(len(column.test) for column in self.columns.values())


def describe_columns(columns: Mapping[str, Column]) -> str:
    """Returns the columns in words: their names, kinds and shapes."""
    return ", ".join(_describe(name, column) for name, column in columns.items())


def _describe(name: str, column: Column) -> str:
    if column.kind is ColumnKind.LABEL:
        return f"`{name}` (label with {column.classes} classes)"
    return f"`{name}` ({column.kind} {'x'.join(str(size) for size in column.shape)})"

"""Values that only some training examples have: which labels are kept, and the mask that says so."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mvib.data.columns import Column, ColumnKind
from mvib.data.errors import DataError
from mvib.data.rows import Rows, StoredRows

MISSING = -1


def mask_name(variable: str) -> str:
    """Returns the name under which a batch carries the mask of a partial variable."""
    return f"{variable}.present"


def keep_labels(column: Column, *, labelled: int, seed: int) -> Column:
    """Keeps some of the training labels, the same number of every class up to one, and marks the others as missing.

    A missing label is -1, which no loss takes for a class by mistake. Test labels stay.

    Args:
        column: a label column.
        labelled: how many training labels to keep, at least one per class.
        seed: which ones.

    Returns:
        The column with the other training labels replaced.

    Raises:
        DataError: there are fewer labels than asked for, or fewer asked for than there are classes.
    """
    assert column.kind is ColumnKind.LABEL
    assert column.classes is not None
    assert isinstance(column.train, Tensor), "labels are tensors"
    labels = column.train
    available = int((labels != MISSING).sum())
    if not column.classes <= labelled <= available:
        raise DataError(
            f"{labelled} labelled examples are asked for, of {available} training labels in {column.classes} classes",
            f"ask for {column.classes} to {available}",
        )
    generator = torch.Generator().manual_seed(seed)
    by_class = [_shuffle(torch.nonzero(labels == k).flatten(), generator) for k in range(column.classes)]
    kept = _deal(by_class, labelled, order=torch.randperm(column.classes, generator=generator).tolist())
    train = torch.full_like(labels, MISSING)
    train[kept] = labels[kept]
    return replace(column, train=train, description=f"{column.description}; {labelled} training labels kept")


def mask_column(column: Column) -> Column:
    """Returns the column of booleans, one an example, that are true where there is a value."""
    return Column(
        kind=ColumnKind.MASK,
        train=_is_present(column.train),
        test=_is_present(column.test),
        description=f"whether there is a value: {column.description}",
    )


def _is_present(values: Rows) -> Tensor:
    """Which examples have a value: a missing label is `MISSING`, a missing row of numbers NaN throughout."""
    if isinstance(values, StoredRows):
        return values.is_present()
    if not values.is_floating_point():
        return values != MISSING
    return ~values.isnan().reshape(len(values), -1).all(dim=1)


def _shuffle(indices: Tensor, generator: torch.Generator) -> list[int]:
    shuffled: list[int] = indices[torch.randperm(len(indices), generator=generator)].tolist()
    return shuffled


def _deal(by_class: Sequence[Sequence[int]], count: int, *, order: Sequence[int]) -> Tensor:
    """Takes one example of each class in turn, until there are `count`."""
    rounds = max(len(members) for members in by_class)
    turns = [by_class[k][turn] for turn in range(rounds) for k in order if turn < len(by_class[k])]
    return torch.tensor(turns[:count])

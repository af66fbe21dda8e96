"""Classes by their names, where a model knows them already."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mvib.data.columns import Column
from mvib.data.errors import DataError
from mvib.data.partial import MISSING

_NUM_NAMED = 5


def match_classes(column: Column, names: Sequence[str], *, label: str) -> Column:
    """The same labels with the numbers that a model knows them by.

    Args:
        column: of labels, with the names of its classes.
        names: of the classes 0, 1, ... of the model.
        label: name of the variable, for messages.

    Raises:
        DataError: the column has a class that the model does not know.
    """
    if tuple(names) == column.class_names:
        return column
    place = {name: number for number, name in enumerate(names)}
    unknown = [name for name in column.class_names if name not in place]
    if unknown:
        raise DataError(
            f"the data have classes of `{label}` that the model was not trained on: {_listed(unknown)}",
            f"it knows {_listed(names)}: leave other examples out, or train on these data",
        )
    # One more for labels that are missing, which are the last from the end.
    table = torch.tensor([*(place[name] for name in column.class_names), MISSING])
    train, test = column.train, column.test
    assert isinstance(train, Tensor)
    assert isinstance(test, Tensor)
    return replace(column, train=table[train], test=table[test], classes=len(names), class_names=tuple(names))


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _NUM_NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:_NUM_NAMED]) + more

"""A torch data set of the user as a data source: its items are read when they are asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from mvib.data.bad_items import BadItems
from mvib.data.columns import ColumnKind, DataSource
from mvib.data.errors import DataError
from mvib.data.rows import Digest, Indices, StoredRows
from mvib.data.table import RawColumn, Table, finish_table, label_column

_BYTE = 255.0


def source_from_datasets(train: Dataset[Any], test: Dataset[Any] | None) -> DataSource:
    """Columns of a data set with a length, whose items are mappings by name, or tuples of values, or single values.

    Values without names are called by what they are, `image`, `label`, and with a number where there are several. A
    whole number is a label, and all of them are read at the start: from the attribute `targets` where the data set has
    it, otherwise by going through all items once. Other values are read in batches by other processes; where the data
    set draws random numbers (torch's, numpy's or Python's), they depend on the seed, the epoch and the batch alone.

    Args:
        train: the training examples, or all where `test` is none.
        test: the held-out ones.

    Raises:
        DataError: it has no length or no items, or they are of other types or of different shapes.
    """
    names, first = _describe(train)
    parts = [train] if test is None else [train, test]
    columns: dict[str, RawColumn] = {}
    for place, (name, value) in enumerate(zip(names, first, strict=True)):
        if _is_label(value):
            labels = [_labels(part, names, place, only=sum(map(_is_label, first)) == 1) for part in parts]
            columns[name] = label_column(
                name, labels[0], labels[1] if len(labels) > 1 else None, description=f"`{name}` of a torch data set"
            )
            continue
        tensor = _as_tensor(name, value)
        rows = [
            DatasetRows(part, names, place, np.arange(_length(part), dtype=np.int64), tuple(tensor.shape))
            for part in parts
        ]
        columns[name] = RawColumn(
            kind=_kind(tensor),
            train=rows[0],
            test=rows[1] if len(rows) > 1 else None,
            description=f"`{name}` of a torch data set",
        )
    return finish_table(Table(name="a torch data set", columns=columns, bad=BadItems()))


class DatasetRows(StoredRows):
    """One value of each item of a data set."""

    def __init__(
        self, dataset: Dataset[Any], names: tuple[str, ...], place: int, indices: Indices, row_shape: tuple[int, ...]
    ) -> None:
        """Args: dataset; names: of the values; place: of the one; indices: of the items; row_shape: of the first."""
        self._dataset = dataset
        self._names = names
        self._place = place
        self._indices = indices
        self._row_shape = row_shape

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Of the first item, which all must have."""
        return self._row_shape

    @property
    def is_slow(self) -> bool:
        """Unknown, and so assumed."""
        return True

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, indices: Indices) -> Tensor:
        """The values of some items.

        Raises:
            DataError: one has another shape than the first.
        """
        values = []
        for item in self._indices[indices].tolist():
            value = _as_tensor(self._names[self._place], _values(self._dataset[item], self._names)[self._place])
            if tuple(value.shape) != self._row_shape:
                raise DataError(
                    f"item {item} of the data set has the shape {tuple(value.shape)}, and the first {self._row_shape}",
                    "give all items one shape",
                )
            values.append(value)
        return torch.stack(values)

    def take(self, indices: Indices) -> StoredRows:
        """Of the same data set."""
        return DatasetRows(self._dataset, self._names, self._place, self._indices[indices], self._row_shape)

    def add_to(self, digest: Digest) -> None:
        """Numbers and shapes; the content of an object is not known to stay the same."""
        digest.update(f"{self._names} {self._place} {self._row_shape}".encode())
        digest.update(self._indices.tobytes())


def _describe(dataset: Dataset[Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    if _length(dataset) == 0:
        raise DataError("the data set has no items", "give at least two")
    item = dataset[0]
    if isinstance(item, Mapping):
        return tuple(map(str, item)), tuple(item.values())
    values = tuple(item) if isinstance(item, tuple | list) else (item,)
    kinds = [
        "label" if _is_label(value) else _kind(_as_tensor(f"value {n}", value)).value for n, value in enumerate(values)
    ]
    seen: dict[str, int] = {}
    names = []
    for kind in kinds:
        seen[kind] = seen.get(kind, 0) + 1
        names.append(kind if kinds.count(kind) == 1 else f"{kind}{seen[kind]}")
    return tuple(names), values


def _length(dataset: Dataset[Any]) -> int:
    try:
        return len(dataset)  # type: ignore[arg-type]
    except TypeError:
        raise DataError(
            "the data set has no length: it is a stream, which cannot be shuffled or resumed exactly",
            "give one with `__len__` and `__getitem__`",
        ) from None


def _values(item: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    if isinstance(item, Mapping):
        missing = [name for name in names if name not in item]
        if missing:
            raise DataError(f"an item of the data set has no `{missing[0]}`", "give all items the same names")
        return tuple(item[name] for name in names)
    values = tuple(item) if isinstance(item, tuple | list) else (item,)
    if len(values) != len(names):
        raise DataError(
            f"an item of the data set has {len(values)} values, and the first {len(names)}", "give all as many"
        )
    return values


def _is_label(value: Any) -> bool:
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biu"
    return isinstance(value, int)


def _labels(dataset: Dataset[Any], names: tuple[str, ...], place: int, *, only: bool) -> npt.NDArray[np.int64]:
    targets = getattr(dataset, "targets", None) if only else None
    number = _length(dataset)
    values = (
        targets
        if targets is not None and len(targets) == number
        else [_values(dataset[item], names)[place] for item in range(number)]
    )
    try:
        return np.array([int(value) for value in values], dtype=np.int64)
    except (TypeError, ValueError) as problem:
        raise DataError(
            f"a label of the data set is no whole number: {problem}", "give -1 for a missing one"
        ) from problem


def _as_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Image.Image):
        value = np.array(value if value.mode in {"L", "RGB"} else value.convert("RGB"))
        value = np.moveaxis(value, -1, 0) if value.ndim == 3 else value[None]
    if isinstance(value, float | list):
        value = np.asarray(value, dtype=np.float32)
    if isinstance(value, np.ndarray | np.generic):
        value = torch.as_tensor(np.asarray(value))
    if not isinstance(value, Tensor) or value.ndim > 3:
        raise DataError(
            f"`{name}` of the data set is a `{type(value).__name__}`",
            "give tensors or arrays of up to three axes, PIL pictures, or whole numbers for labels",
        )
    is_picture = value.dtype is torch.uint8 and value.ndim > 1
    numbers = value.detach().float()
    if numbers.ndim == 0:
        numbers = numbers[None]
    if is_picture and numbers.ndim == 2:
        numbers = numbers[None]
    return numbers / _BYTE if is_picture else numbers


def _kind(value: Tensor) -> ColumnKind:
    return {1: ColumnKind.VECTOR, 2: ColumnKind.SEQUENCE, 3: ColumnKind.IMAGE}[value.ndim]

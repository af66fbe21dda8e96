"""A torch data set of the user as a data source: its items are read when they are asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from mvib.data.arrays import has_channels_last
from mvib.data.bad_items import BadItems
from mvib.data.columns import ColumnKind, DataSource
from mvib.data.errors import DataError
from mvib.data.rows import Digest, Indices, StoredRows, as_floats
from mvib.data.table import RawColumn, Table, finish_table, label_column

# Items whose own label is compared with the attribute `targets`.
_NUM_COMPARED = 64


def source_from_datasets(train: Dataset[Any], test: Dataset[Any] | None) -> DataSource:
    """Columns of a data set with a length, whose items are mappings by name, or tuples of values, or single values.

    Values without names are called by what they are, `image`, `label`, and with a number where there are several. A
    whole number is a label, and all of them are read at the start: from the attribute `targets` where the data set has
    it and it agrees with some of the items, otherwise by going through all items once. Other values are read in
    batches by other processes, all values of an item from one look at it; where the data set draws random numbers
    (torch's, numpy's or Python's), they depend on the seed, the epoch and the batch alone. Arrays of
    pictures may have their channels first or last, tensors have them first.

    Args:
        train: the training examples, or all where `test` is none.
        test: the held-out ones.

    Raises:
        DataError: it has no length or no items, an item cannot be read, or they are of other types or of different
            shapes.
    """
    names, first = _describe(train)
    labels = tuple(place for place, value in enumerate(first) if _is_label(value))
    parts = [_Items(part, names, labels) for part in ([train] if test is None else [train, test])]
    columns: dict[str, RawColumn] = {}
    for place, (name, value) in enumerate(zip(names, first, strict=True)):
        description = f"`{name}` of a torch data set"
        if place in labels:
            train_labels, *test_labels = [part.labels[place] for part in parts]
            columns[name] = label_column(train_labels, test_labels[0] if test_labels else None, description=description)
            continue
        shape = tuple(_as_tensor(name, value).shape)
        rows = [DatasetRows(part, place, np.arange(part.number, dtype=np.int64), shape) for part in parts]
        columns[name] = RawColumn(
            kind=_kind(shape), train=rows[0], test=rows[1] if len(rows) > 1 else None, description=description
        )
    return finish_table(Table(name="a torch data set", columns=columns, bad=BadItems()))


class _Items:
    """A data set of the user with the labels of all its items."""

    def __init__(self, dataset: Dataset[Any], names: tuple[str, ...], labels: tuple[int, ...]) -> None:
        """Read the labels.

        Args:
            dataset: with a length.
            names: of the values of each item.
            labels: places of those that are labels.
        """
        self._dataset = dataset
        self.names = names
        self.number = _length(dataset)
        self.labels: dict[int, npt.NDArray[np.int64]] = {}
        if labels:
            self.labels = self._targets(labels) or self._all_labels(labels)

    def values(self, item: int) -> tuple[Any, ...]:
        """All values of one item, from one look at it.

        Raises:
            DataError: it cannot be read, has not the values of the first, or another label than at the start.
        """
        values = self._look(item)
        for place, labels in self.labels.items():
            if not _is_label(values[place]) or int(values[place]) != labels[item]:
                raise DataError(
                    f"item {item} of the data set has the label {values[place]} as `{self.names[place]}`, and had "
                    f"{labels[item]} when the labels were read at the start",
                    "let a label depend on its item alone, or give what is drawn as a tensor of one axis",
                )
        return values

    def _look(self, item: int) -> tuple[Any, ...]:
        try:
            found = self._dataset[item]
        except Exception as problem:
            # The code is the user's, and the item one of millions.
            raise DataError(
                f"item {item} of the data set cannot be read: {type(problem).__name__}: {problem}",
                "mend it, or leave it out of the data set: `torch.utils.data.Subset`",
            ) from problem
        return _values(found, self.names)

    def _targets(self, labels: tuple[int, ...]) -> dict[int, npt.NDArray[np.int64]] | None:
        """The attribute `targets`, where it says of some items spread over all what the items themselves say."""
        targets = getattr(self._dataset, "targets", None)
        if len(labels) != 1 or targets is None or len(targets) != self.number:
            return None
        try:
            known = np.array([_as_label(value) for value in targets], dtype=np.int64)
        except (TypeError, OverflowError):
            return None
        some = np.unique(np.linspace(0, self.number - 1, _NUM_COMPARED).astype(np.int64)).tolist()
        own = [self._look(item)[labels[0]] for item in some]
        agrees = all(_is_label(value) and int(value) == known[item] for item, value in zip(some, own, strict=True))
        return {labels[0]: known} if agrees else None

    def _all_labels(self, labels: tuple[int, ...]) -> dict[int, npt.NDArray[np.int64]]:
        found = np.empty((len(labels), self.number), dtype=np.int64)
        for item in range(self.number):
            values = self._look(item)
            for row, place in enumerate(labels):
                try:
                    found[row, item] = _as_label(values[place])
                except (TypeError, OverflowError) as problem:
                    raise DataError(
                        f"`{self.names[place]}` of item {item} of the data set is no whole number: {problem}",
                        "give -1 for a missing label",
                    ) from problem
        return dict(zip(labels, found, strict=True))


class DatasetRows(StoredRows):
    """One value of each item of a data set."""

    def __init__(self, items: _Items, place: int, indices: Indices, row_shape: tuple[int, ...]) -> None:
        """Args: items: of the data set; place: of the value; indices: of the items; row_shape: of the first."""
        self._items = items
        self._place = place
        self._indices = indices
        self._row_shape = row_shape
        self._origin = (items, hash(indices.tobytes()))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Of the first item, which all must have."""
        return self._row_shape

    @property
    def is_slow(self) -> bool:
        """Unknown, and so assumed."""
        return True

    @property
    def origin(self) -> object:
        """The data set and which items of it."""
        return self._origin

    def __len__(self) -> int:
        return len(self._indices)

    def fetch(self, indices: Indices) -> list[tuple[int, tuple[Any, ...]]]:
        """Numbers and values of some items."""
        return [(item, self._items.values(item)) for item in self._indices[indices].tolist()]

    def convert(self, fetched: Any) -> Tensor:
        """The one value of each.

        Raises:
            DataError: one has another shape than the first.
        """
        name = self._items.names[self._place]
        values = []
        for item, its_values in fetched:
            value = _as_tensor(name, its_values[self._place])
            if tuple(value.shape) != self._row_shape:
                raise DataError(
                    f"`{name}` of item {item} of the data set has the shape {tuple(value.shape)}, and of the first "
                    f"{self._row_shape}",
                    "give all items one shape",
                )
            values.append(value)
        if any(value.dtype is not torch.uint8 for value in values):
            values = [as_floats(value) for value in values]
        # One of several processes may have no row of a small batch.
        return torch.stack(values) if values else torch.empty((0, *self._row_shape))

    def take(self, indices: Indices) -> StoredRows:
        """Of the same data set."""
        return DatasetRows(self._items, self._place, self._indices[indices], self._row_shape)

    def add_to(self, digest: Digest) -> None:
        """Numbers and shapes; the content of an object is not known to stay the same."""
        digest.update(f"{self._items.names} {self._place} {self._row_shape}".encode())
        digest.update(self._indices.tobytes())


def _describe(dataset: Dataset[Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    if _length(dataset) == 0:
        raise DataError("the data set has no items", "give at least two")
    item = dataset[0]
    if isinstance(item, Mapping):
        return tuple(map(str, item)), tuple(item.values())
    values = tuple(item) if isinstance(item, tuple | list) else (item,)
    kinds = [
        "label" if _is_label(value) else _kind(tuple(_as_tensor(f"value {n}", value).shape)).value
        for n, value in enumerate(values)
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


def _as_label(value: Any) -> int:
    """A whole number; a list or a float is none, however whole."""
    if not _is_label(value):
        raise TypeError(f"it is a `{type(value).__name__}`")
    return int(value)


def _as_tensor(name: str, value: Any) -> Tensor:
    # Of tensors the channels are first, as torch has them.
    may_be_last = isinstance(value, np.ndarray)
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
    numbers = value.detach() if is_picture else value.detach().float()
    if numbers.ndim == 0 or (is_picture and numbers.ndim == 2):
        numbers = numbers[None]
    elif numbers.ndim == 3 and may_be_last and has_channels_last((1, *numbers.shape)):
        numbers = numbers.movedim(-1, 0)
    return numbers


def _kind(shape: tuple[int, ...]) -> ColumnKind:
    return {1: ColumnKind.VECTOR, 2: ColumnKind.SEQUENCE, 3: ColumnKind.IMAGE}[len(shape)]

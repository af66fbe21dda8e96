"""Columns as they were read, before bad rows are left out and a part is held out; several such tables side by side."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mvib.data.bad_items import BadItems
from mvib.data.columns import Column, ColumnKind, DataSource
from mvib.data.errors import DataError
from mvib.data.origin import RowName, find_origin
from mvib.data.rows import Rows, take_rows
from mvib.data.split import split_indices

Labels = npt.NDArray[np.int64]
# Whole numbers that are no class: a missing label.
_MISSING = -1
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,16})")
_NUM_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawColumn:
    """A column before the split; without a test part a part of `train` is still to be held out.

    Attributes:
        class_names: of labels, what the data call the classes 0, 1, ...
        keeps_classes: of labels, whether a class stays that no example has, as of a law.
    """

    kind: ColumnKind
    train: Rows
    test: Rows | None
    description: str
    class_names: tuple[str, ...] = ()
    keeps_classes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns with the rows that cannot be used still in their places, so that tables can be joined row by row.

    Attributes:
        name: how the source was asked for.
        columns: by name.
        bad_train: places of the training rows to leave out.
        bad_test: places of the test rows to leave out.
        bad: what is wrong with them.
        notes: sentences for the user.
        row_names: what rows are called, by part; empty where they have numbers alone.
    """

    name: str
    columns: Mapping[str, RawColumn]
    bad_train: frozenset[int] = frozenset()
    bad_test: frozenset[int] = frozenset()
    bad: BadItems
    notes: tuple[str, ...] = ()
    row_names: tuple[RowName, ...] = ()


def label_column(
    train: Labels, test: Labels | None, *, description: str, names: Mapping[int, str] | None = None
) -> RawColumn:
    """A column of labels from any whole numbers: their sorted values become 0..K-1, negative ones are missing.

    Args:
        train: labels of the training examples.
        test: of the test examples, none where they are still to be held out.
        description: what they are.
        names: what the data call the values, where they do.
    """
    values = np.unique(train if test is None else np.concatenate((train, test)))
    values = values[values >= 0]
    return RawColumn(
        kind=ColumnKind.LABEL,
        train=_class_indices(train, values),
        test=None if test is None else _class_indices(test, values),
        class_names=tuple((names or {}).get(value, str(value)) for value in values.tolist()),
        description=description,
    )


def named_label_column(
    train: Sequence[str | None], test: Sequence[str | None] | None, *, description: str
) -> RawColumn:
    """A column of labels from words, none for a missing one; the sorted words are the classes."""
    return _column_of_words(sorted(_words(train, test)), train, test, description)


def written_label_column(
    train: Sequence[str | None], test: Sequence[str | None] | None, *, description: str
) -> RawColumn:
    """A column of labels from what a file says, none for a missing one.

    Where all are whole numbers as one writes them they are in the order of these, 10 behind 9; otherwise they are
    words. `01` is another class than `1`, and -1 is one like others.
    """
    words = _words(train, test)
    are_numbers = all(_NUMBER.fullmatch(word) for word in words)
    return _column_of_words(sorted(words, key=int if are_numbers else None), train, test, description)


def _words(train: Sequence[str | None], test: Sequence[str | None] | None) -> set[str]:
    return {word for word in (*train, *(test or ())) if word is not None}


def _column_of_words(
    words: Sequence[str], train: Sequence[str | None], test: Sequence[str | None] | None, description: str
) -> RawColumn:
    place = {word: number for number, word in enumerate(words)}

    def indices(part: Sequence[str | None]) -> Tensor:
        return torch.tensor([_MISSING if word is None else place[word] for word in part], dtype=torch.int64)

    return RawColumn(
        kind=ColumnKind.LABEL,
        train=indices(train),
        test=None if test is None else indices(test),
        class_names=tuple(words),
        description=description,
    )


def finish_table(table: Table) -> DataSource:
    """Leaves the bad rows out and holds a part out, stratified by the first label column where there is no test part.

    Raises:
        DataError: there are more bad rows than may be left out, or too few others.
    """
    table.bad.check()
    parts = {key: _without(table, column) for key, column in table.columns.items()}
    for key, part in parts.items():
        if part.kind is ColumnKind.LABEL:
            parts[key] = _checked_classes(key, part)
    check_lengths(
        {key: len(part.train) for key, part in parts.items()},
        {key: None if part.test is None else len(part.test) for key, part in parts.items()},
    )
    first = next(iter(parts.values()))
    raw = next(iter(table.columns.values()))
    left = (
        _others(len(raw.train), table.bad_train),
        None if raw.test is None else _others(len(raw.test), table.bad_test),
    )
    split = None
    if first.test is None:
        split = _split(parts)
        parts = _hold_out(parts, *split)
    columns = {}
    for key, part in parts.items():
        assert part.test is not None
        is_label = part.kind is ColumnKind.LABEL
        columns[key] = Column(
            kind=part.kind,
            train=part.train,
            test=part.test,
            description=f"{part.description}, classes {_ends(part.class_names)}" if is_label else part.description,
            classes=len(part.class_names) if is_label else None,
            class_names=part.class_names,
        )
        if is_label:
            _check_known(key, columns[key])
    origin = find_origin(left, split, table.row_names)
    return DataSource(name=table.name, columns=columns, bad=table.bad, notes=table.notes, origin=origin)


def check_lengths(train: Mapping[str, int], test: Mapping[str, int | None]) -> None:
    """Refuse columns that are not of the same examples, or of too few.

    Args:
        train: numbers of training examples by column.
        test: numbers of test examples by column, none meaning that a part is still to be held out.

    Raises:
        DataError: says how many each has.
    """
    for what, lengths in (("training", {**train}), ("test", {key: number or 0 for key, number in test.items()})):
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"`{key}` {length}" for key, length in lengths.items())
            raise DataError(
                f"the arrays differ in the number of {what} examples: {listed}",
                "give every array the same examples in the same order",
            )
    num_test = next(iter(test.values()))
    if next(iter(train.values())) < (2 if num_test is None else 1) or num_test == 0:
        raise DataError("there are too few examples", "give at least one training and one test example")


def join_tables(named: Sequence[tuple[str, Table]], *, name: str) -> Table:
    """Puts tables side by side, row i of each being the same example.

    A table with one column that is no label, or with one column at all, gives that column its name; otherwise the
    column that has the name already is meant. Labels beside it keep their names.

    Raises:
        DataError: a name may mean several columns, or two labels of one name differ.
    """
    columns: dict[str, RawColumn] = {}
    for given, table in named:
        for key, column in _named_columns(given, table).items():
            if key in columns and not _are_equal(columns[key], column):
                raise DataError(
                    f"two of the data sets have a column `{key}`, and they differ",
                    f"say which column is meant: `{given}=...,column=NAME`",
                )
            columns[key] = column
    tables = [table for _, table in named]
    bad = BadItems(max(table.bad.limit for table in tables))
    for item in (item for table in tables for item in table.bad):
        bad.add(item)
    return Table(
        name=name,
        columns=columns,
        bad_train=frozenset().union(*(table.bad_train for table in tables)),
        bad_test=frozenset().union(*(table.bad_test for table in tables)),
        bad=bad,
        notes=tuple(note for table in tables for note in table.notes),
        row_names=next((table.row_names for table in tables if table.row_names), ()),
    )


def select_column(table: Table, key: str) -> Table:
    """One column of a table.

    Raises:
        DataError: there is no such column.
    """
    if key not in table.columns:
        known = ", ".join(f"`{name}`" for name in table.columns)
        raise DataError(f"{table.name} has no column `{key}`", f"it has {known}")
    return replace(table, columns={key: table.columns[key]})


def _named_columns(given: str, table: Table) -> dict[str, RawColumn]:
    features = [key for key, column in table.columns.items() if column.kind is not ColumnKind.LABEL]
    if len(table.columns) == 1:
        chosen = next(iter(table.columns))
    elif given in table.columns:
        chosen = given
    elif len(features) == 1:
        chosen = features[0]
    else:
        known = ", ".join(f"`{key}`" for key in table.columns)
        raise DataError(
            f"`{given}` may be any of the columns {known} of {table.name}",
            f"say which: `{given}={table.name},column={features[0] if features else next(iter(table.columns))}`",
        )
    labels = {key: column for key, column in table.columns.items() if column.kind is ColumnKind.LABEL and key != chosen}
    return {given: table.columns[chosen], **labels}


def _are_equal(one: RawColumn, other: RawColumn) -> bool:
    if one.kind is not ColumnKind.LABEL or other.kind is not ColumnKind.LABEL:
        return False
    pairs = ((one.train, other.train), (one.test, other.test))
    return one.class_names == other.class_names and all(
        (a is None and b is None) or (isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b))
        for a, b in pairs
    )


def _without(table: Table, column: RawColumn) -> RawColumn:
    train, test = column.train, column.test
    if table.bad_train:
        train = take_rows(train, _others(len(train), table.bad_train))
    if test is not None and table.bad_test:
        test = take_rows(test, _others(len(test), table.bad_test))
    return replace(column, train=train, test=test)


def _others(number: int, places: frozenset[int]) -> npt.NDArray[np.int64]:
    return np.setdiff1d(np.arange(number, dtype=np.int64), np.array(sorted(places), dtype=np.int64))


def _split(parts: Mapping[str, RawColumn]) -> tuple[Labels, Labels]:
    labels = [part.train.numpy() for part in parts.values() if _is_label(part) and isinstance(part.train, Tensor)]
    number = len(next(iter(parts.values())).train)
    return split_indices(number, labels[0] if labels else None)


def _hold_out(parts: Mapping[str, RawColumn], train: Labels, test: Labels) -> dict[str, RawColumn]:
    return {
        key: replace(part, train=take_rows(part.train, train), test=take_rows(part.train, test))
        for key, part in parts.items()
    }


def _is_label(part: RawColumn) -> bool:
    return part.kind is ColumnKind.LABEL


def _checked_classes(key: str, part: RawColumn) -> RawColumn:
    """Without the classes that only rows had which were left out.

    Raises:
        DataError: there are fewer than two classes.
    """
    assert isinstance(part.train, Tensor)
    both = part.train if part.test is None else torch.cat((part.train, part.test[:]))
    used = torch.unique(both[both >= 0])
    if part.keeps_classes or len(used) == len(part.class_names) >= 2:
        return part
    if len(used) < 2:
        raise DataError(
            f"the label `{key}` has {len(used)} class" + ("es" if len(used) == 0 else ""),
            "labels need at least two different values; negative numbers stand for a missing label",
        )
    return replace(
        part,
        train=_class_indices(part.train.numpy(), used.numpy()),
        test=None if part.test is None else _class_indices(part.test[:].numpy(), used.numpy()),
        class_names=tuple(part.class_names[value] for value in used.tolist()),
    )


def _check_known(key: str, column: Column) -> None:
    assert isinstance(column.train, Tensor)
    assert isinstance(column.test, Tensor)
    unknown = np.setdiff1d(column.test[column.test >= 0].numpy(), column.train.numpy())
    if len(unknown) > 0:
        listed = ", ".join(column.class_names[value] for value in unknown[:_NUM_NAMED].tolist())
        raise DataError(
            f"the test labels of `{key}` hold classes that no training example has: {listed}",
            "give each class at least one training example",
        )


def _ends(names: Sequence[str]) -> str:
    return f"{names[0]} to {names[-1]}"


def _class_indices(labels: Labels, values: Labels) -> Tensor:
    return torch.from_numpy(np.where(labels >= 0, np.searchsorted(values, labels), _MISSING).astype(np.int64))

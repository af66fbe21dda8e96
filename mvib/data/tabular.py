"""Tables of numbers as a data source: the columns of a CSV or parquet file as one vector, and one of them as label."""

import csv
import math
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.columns import ColumnKind
from mvib.data.errors import DataError
from mvib.data.optional import import_optional
from mvib.data.table import RawColumn, Table, written_label_column

FEATURES = "features"
# Older ones unpickle what a file of a stranger holds (CVE-2023-47248).
_SAFE_PYARROW = "14.0.1"
_DELIMITERS = (",", ";", "\t")
# What pandas calls the numbers of the rows in a parquet file.
_INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True, slots=True, kw_only=True)
class TabularOptions:
    """What a user says of a table.

    Attributes:
        label: name of the column of the label, none for no label.
        drop: names of columns to leave out.
        skip: how many bad rows may be left out.
        test: the file of the held-out rows, none where a part of the one file is held out.
    """

    label: str | None = None
    drop: tuple[str, ...] = ()
    skip: int = 0
    test: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Read:
    """One file: its numbers, (rows, columns), zero in bad rows; its labels as words; what is wrong with which row."""

    names: tuple[str, ...]
    numbers: npt.NDArray[np.float32]
    labels: tuple[str | None, ...]
    bad: Mapping[int, BadItem]
    notes: tuple[str, ...] = ()


def load_csv_table(path: Path, options: TabularOptions) -> Table:
    """The rows of a CSV file with a line of names; fields are parted by commas, semicolons or tabs.

    Every column but the label and those left out holds numbers, and they are the vector `features` in their order. A
    row with a field that is no finite number, with too few or too many fields or without its label is bad; of a bad
    record that quotes spread over several lines, each line is a bad row. A first column without a name is the index
    that pandas and R write, and is left out.

    Raises:
        DataError: a file cannot be read, has no such column, or has more bad rows than may be left out.
    """
    return _table("csv", path, [_read_csv(file, options) for file in _files(path, options)], options)


def load_parquet_table(path: Path, options: TabularOptions) -> Table:
    """The same of parquet files; rows with a null, or a number that is not finite, are bad.

    Raises:
        DataError: pyarrow is not installed; or as `load_csv_table`.
    """
    return _table("parquet", path, [_read_parquet(file, options) for file in _files(path, options)], options)


def _files(path: Path, options: TabularOptions) -> tuple[Path, ...]:
    return (path,) if options.test is None else (path, options.test)


def _table(kind: str, path: Path, parts: Sequence[_Read], options: TabularOptions) -> Table:
    if len(parts) > 1 and parts[0].names != parts[1].names:
        raise DataError(
            f"`{path}` and `{options.test}` have other columns: {', '.join(parts[0].names[:8])}; and "
            f"{', '.join(parts[1].names[:8])}",
            "store training and test rows with the same columns",
        )
    bad = BadItems(options.skip)
    for item in (item for part in parts for item in part.bad.values()):
        bad.add(item)
    bad.check()
    features = [torch.from_numpy(part.numbers) for part in parts]
    columns = {}
    if parts[0].names:
        columns[FEATURES] = RawColumn(
            kind=ColumnKind.VECTOR,
            train=features[0],
            test=features[1] if len(parts) > 1 else None,
            description=f"columns of a table: {', '.join(parts[0].names[:8])}",
        )
    if options.label is not None:
        columns[options.label] = written_label_column(
            parts[0].labels,
            parts[1].labels if len(parts) > 1 else None,
            description="label column of a table",
        )
    if not columns:
        raise DataError(f"`{path}` has no columns of numbers", "name a label column: `,label=NAME`")
    return Table(
        name=f"{kind}:{path}",
        columns=columns,
        bad_train=frozenset(parts[0].bad),
        bad_test=frozenset(parts[1].bad) if len(parts) > 1 else frozenset(),
        bad=bad,
        notes=tuple(note for part in parts for note in part.notes),
    )


def _read_csv(path: Path, options: TabularOptions) -> _Read:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(_DELIMITERS, key=first.count)
            return _read_lines(path, csv.reader(file, delimiter=delimiter, strict=True), options)
    except FileNotFoundError:
        raise DataError(f"there is no file `{path}`", "check the path after `csv:`") from None
    except OSError as problem:
        raise DataError(f"`{path}` cannot be read: {problem.strerror or problem}", "check the path") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"`{path}` is not UTF-8 text: {problem.reason}", "save it as UTF-8") from problem


def _read_lines(path: Path, reader: Any, options: TabularOptions) -> _Read:
    lines = _numbered(path, reader)
    _, header = next(lines, (range(0), None))
    if not header:
        raise DataError(f"`{path}` has no line of names", "write the names of the columns into the first line")
    if isinstance(header, BadItem):
        raise DataError(f"the line of names of `{path}` {header.why}", "write the names of the columns into it")
    names = [name.strip() for name in header]
    notes = _check_names(path, names, options)
    fields_of = _Fields(names, options)
    numbers = array("f")
    labels: list[str | None] = []
    bad: dict[int, BadItem] = {}
    num_records = 0
    for span, fields in lines:
        num_records += 1
        values, word, problem = fields_of.read(fields)
        # A stray quote makes many rows one record: each of its lines is a row that is lost.
        for line in span if problem is not None else span[:1]:
            if problem is not None:
                bad[len(labels)] = BadItem(f"{path}:{line}", problem)
            numbers.extend(values)
            labels.append(word)
    _check_worded(path, names, fields_of.worded, num_records)
    rows = np.frombuffer(numbers, np.float32).reshape(len(labels), len(fields_of.kept)).copy()
    kept = tuple(names[place] for place in fields_of.kept)
    return _Read(names=kept, numbers=rows, labels=tuple(labels), bad=bad, notes=notes)


class _Fields:
    """What the fields of a record mean.

    Attributes:
        kept: places of the columns of numbers.
        worded: of each, how often it held no number.
    """

    def __init__(self, names: Sequence[str], options: TabularOptions) -> None:
        """Args: names: of the columns; options: of the user."""
        self._names = names
        self._label = names.index(options.label) if options.label is not None else None
        # A first column without a name holds the numbers of the rows.
        self.kept = [
            place for place, name in enumerate(names) if place != self._label and name and name not in options.drop
        ]
        self.worded = dict.fromkeys(self.kept, 0)

    def read(self, fields: list[str] | BadItem) -> tuple[list[float], str | None, str | None]:
        """The numbers, zeros where there are none, the label, and what is wrong with the record."""
        nothing = [0.0] * len(self.kept)
        if isinstance(fields, BadItem):
            return nothing, None, fields.why
        if len(fields) != len(self._names):
            return nothing, None, f"has {len(fields)} fields, and there are {len(self._names)} columns"
        word = None if self._label is None else fields[self._label].strip() or None
        used = [fields[place] for place in (*self.kept, *([] if self._label is None else [self._label]))]
        if any("\n" in field or "\r" in field for field in used):
            return nothing, None, "goes on over several lines within quotes"
        problem = f"has no `{self._names[self._label]}`" if self._label is not None and word is None else None
        values = nothing
        for position, place in reversed(list(enumerate(self.kept))):
            value = _number(fields[place])
            if value is None:
                self.worded[place] += 1
                problem = f"has {fields[place][:40]!r} as `{self._names[place]}`, which is no finite number"
            else:
                values[position] = value
        return values, word, problem


def _numbered(path: Path, reader: Any) -> Iterator[tuple[range, list[str] | BadItem]]:
    """The records of a file with the numbers of their lines, and what the reader does not take.

    Empty lines are none, but where there is one column an empty line before others is a row without a value.
    """
    width = 0
    empty: list[int] = []
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            span = range(start, reader.line_num + 1)
            yield span, BadItem(f"{path}:{start}", f"is not a line of fields: {problem}")
            continue
        if not fields:
            empty.append(start)
            continue
        width = width or len(fields)
        if width == 1:
            for line in empty:
                yield range(line, line + 1), BadItem(f"{path}:{line}", "is empty")
        empty.clear()
        yield range(start, reader.line_num + 1), fields


def _number(text: str) -> float | None:
    if "_" in text or not text.isascii():
        # Python would take `1_5` for 15.
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    # Beyond the largest float32 is infinite too.
    return value if math.isfinite(value) and abs(value) < 3.4e38 else None


def _check_names(path: Path, names: Sequence[str], options: TabularOptions) -> tuple[str, ...]:
    for name in (*((options.label,) if options.label is not None else ()), *options.drop):
        if name not in names:
            raise DataError(f"`{path}` has no column `{name}`", f"it has {', '.join(f'`{n}`' for n in names[:20])}")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"`{path}` has two columns `{twice}`", "give each its own name")
    if "" in names[1:]:
        place = names.index("", 1) + 1
        raise DataError(
            f"column {place} of `{path}` has no name", "name it in the first line; `,drop=NAME` then leaves it out"
        )
    if names[0] == "":
        return (f"the first column of `{path}` has no name, as a table's row numbers have none, and is left out",)
    return ()


def _check_worded(path: Path, names: Sequence[str], worded: Mapping[int, int], num_rows: int) -> None:
    """A column without a single number is not one of bad fields."""
    words = [names[place] for place, count in worded.items() if num_rows and count == num_rows]
    if words:
        raise DataError(
            f"the column `{words[0]}` of `{path}` holds no numbers",
            f"name it as the label, `,label={words[0]}`, or leave it out, `,drop={'+'.join(words)}`",
        )


def _read_parquet(path: Path, options: TabularOptions) -> _Read:
    # pyarrow is one of several packages behind one name.
    import_optional("pyarrow", needed_for="a parquet file", minimum=_SAFE_PYARROW)
    parquet = import_optional("pyarrow.parquet", needed_for="a parquet file", minimum="0")
    if not path.is_file():
        raise DataError(f"there is no file `{path}`", "check the path after `parquet:`")
    try:
        # One file and no data set of many: no links and no partitions are followed.
        table = parquet.ParquetFile(str(path)).read()
        names = [str(name) for name in table.column_names]
        notes = _check_names(path, names, options)
        index = [name for name in names if _INDEX.fullmatch(name) and name != options.label]
        content = {name: table.column(name).to_pylist() for name in names if name not in (*options.drop, *index)}
    except (OSError, ValueError, NotImplementedError) as problem:
        raise DataError(f"`{path}` cannot be read as parquet: {problem}", "write it anew") from problem
    if index:
        notes = (*notes, f"`{index[0]}` of `{path}`, the numbers of its rows, is left out")
    words = content.pop(options.label, None) if options.label is not None else None
    number = int(table.num_rows)
    wide: list[str] = []
    numbers: list[npt.NDArray[np.float64]] = []
    for name, values in content.items():
        block = _block(values)
        if block is None:
            _check_worded(path, [name], {0: number}, number)
            continue
        wide += [name] if block.shape[1] == 1 else [f"{name}[{place}]" for place in range(block.shape[1])]
        numbers.append(block)
    rows = np.concatenate(numbers, axis=1) if numbers else np.zeros((number, 0))
    with np.errstate(over="ignore"):
        single = rows.astype(np.float32)
    bad = {
        row: BadItem(f"{path}:row {row}", "has a null or a number that is not finite")
        for row in np.flatnonzero(~np.isfinite(single).all(axis=1)).tolist()
    }
    labels = tuple(map(_word, words or [None] * number))
    if options.label is not None:
        for row, word in enumerate(labels):
            if word is None:
                bad[row] = BadItem(f"{path}:row {row}", f"has no `{options.label}`")
    return _Read(names=tuple(wide), numbers=np.nan_to_num(single), labels=labels, bad=bad, notes=notes)


def _word(value: object) -> str | None:
    """A label as a CSV file would have it; none for a missing one. Whole numbers beside nulls are often floats."""
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    if value is None:
        return None
    return (str(int(value)) if isinstance(value, bool) else str(value).strip()) or None


def _block(values: Sequence[object]) -> npt.NDArray[np.float64] | None:
    """A column of numbers or of lists of as many numbers as (rows, numbers), NaN for nulls; none for other things."""
    lists = [value for value in values if isinstance(value, list)]
    width = len(lists[0]) if lists else 1
    rows = np.full((len(values), width), np.nan)
    for place, value in enumerate(values):
        entries = value if isinstance(value, list) else [value]
        if any(entry is not None and not isinstance(entry, int | float) for entry in entries):
            return None
        if len(entries) == width:
            rows[place] = [float(entry) if isinstance(entry, int | float) else np.nan for entry in entries]
    return rows

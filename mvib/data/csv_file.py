"""A CSV file: records, numbers as one writes them, and what is wrong with which line."""

import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mvib.data.bad_items import BadItem
from mvib.data.errors import DataError
from mvib.data.plain_file import check_plain
from mvib.data.table_file import ChosenColumns, TableFile, TabularOptions, check_worded, choose_columns, is_plain_word

_DELIMITERS = (",", ";", "\t")
_LONGEST_HEADER = 1 << 24


def read_csv(path: Path, options: TabularOptions) -> TableFile:
    """Read a file with a line of names.

    Raises:
        DataError: it cannot be read, or has no such column, or a column without a number.
    """
    check_plain(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(_LONGEST_HEADER)
            file.seek(0)
            delimiter = max(_DELIMITERS, key=first.count)
            return _read_lines(path, csv.reader(file, delimiter=delimiter, strict=True), options)
    except FileNotFoundError:
        raise DataError(f"there is no file `{path}`", "check the path after `csv:`") from None
    except OSError as problem:
        raise DataError(f"`{path}` cannot be read: {problem.strerror or problem}", "check the path") from problem
    except UnicodeDecodeError as problem:
        raise DataError(f"`{path}` is not UTF-8 text: {problem.reason}", "save it as UTF-8") from problem


def _read_lines(path: Path, reader: Any, options: TabularOptions) -> TableFile:
    lines = _numbered(path, reader)
    _, header = next(lines, (range(0), None))
    if not header:
        raise DataError(f"`{path}` has no line of names", "write the names of the columns into the first line")
    if isinstance(header, BadItem):
        raise DataError(f"the line of names of `{path}` {header.why}", "write the names of the columns into it")
    names = [name.strip() for name in header]
    chosen = choose_columns(path, names, options)
    fields_of = _Fields(names, chosen, has_long_fields=options.has_long_fields)
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
    check_worded(path, names, fields_of.worded, num_records)
    rows = np.frombuffer(numbers, np.float32).reshape(len(labels), len(chosen.kept)).copy()
    kept = tuple(names[place] for place in chosen.kept)
    return TableFile(names=kept, numbers=rows, labels=tuple(labels), bad=bad, notes=chosen.notes)


class _Fields:
    """What the fields of a record mean.

    Attributes:
        worded: of each column of numbers, how often it held none.
    """

    def __init__(self, names: Sequence[str], chosen: ChosenColumns, *, has_long_fields: bool) -> None:
        """Args: names: of the columns; chosen: of them; has_long_fields: whether others may have several lines."""
        self._names = names
        self._chosen = chosen
        self._has_long_fields = has_long_fields
        self.worded = dict.fromkeys(chosen.kept, 0)

    def read(self, fields: list[str] | BadItem) -> tuple[list[float], str | None, str | None]:
        """The numbers, zeros where there are none, the label, and what is wrong with the record."""
        kept, label = self._chosen.kept, self._chosen.label
        values = [0.0] * len(kept)
        if isinstance(fields, BadItem):
            return values, None, fields.why
        if len(fields) != len(self._names):
            return values, None, f"has {len(fields)} fields, and there are {len(self._names)} columns"
        used = [fields[place] for place in (*kept, *([] if label is None else [label]))]
        if any("\n" in field or "\r" in field for field in (used if self._has_long_fields else fields)):
            return values, None, "goes on over several lines within quotes (`,multiline=yes` where a dropped text may)"
        word = None if label is None else fields[label].strip() or None
        problem = f"has no `{self._names[label]}`" if label is not None and word is None else None
        if word is not None and not is_plain_word(word):
            problem, word = f"has a control character in `{self._names[label or 0]}`", None
        for position, place in reversed(list(enumerate(kept))):
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
        # Before the names of the columns they are nothing.
        if width == 1:
            for line in empty:
                yield range(line, line + 1), BadItem(f"{path}:{line}", "is empty")
        empty.clear()
        width = width or len(fields)
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

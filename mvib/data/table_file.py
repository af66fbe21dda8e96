"""Which columns of a table are used, and what a file of one holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mvib.data.bad_items import BadItem
from mvib.data.errors import DataError

# What pandas calls the numbers of the rows in a parquet file.
_INDEX = re.compile(r"__index_level_\d+__")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TabularOptions:
    """What a user says of a table.

    Attributes:
        label: name of the column of the label, none for no label.
        drop: names of columns to leave out.
        skip: how many bad rows may be left out.
        test: the file of the held-out rows, none where a part of the one file is held out.
        has_long_fields: whether a field within quotes may go on over several lines; in CSV that is else a stray quote.
    """

    label: str | None = None
    drop: tuple[str, ...] = ()
    skip: int = 0
    test: Path | None = None
    has_long_fields: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableFile:
    """One file: its numbers, (rows, columns), zero in bad rows; its labels as words; what is wrong with which row."""

    names: tuple[str, ...]
    numbers: npt.NDArray[np.float32]
    labels: tuple[str | None, ...]
    bad: Mapping[int, BadItem]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenColumns:
    """Which columns of a file are used.

    Attributes:
        kept: places of those of numbers.
        label: place of the label, none for no label.
        notes: sentences on what is left out without a word of the user.
    """

    kept: tuple[int, ...]
    label: int | None
    notes: tuple[str, ...]


def choose_columns(path: Path, names: Sequence[str], options: TabularOptions) -> ChosenColumns:
    """The columns that a user wants, without those of row numbers.

    Raises:
        DataError: there is no such column, two have one name, or one beside the first has none.
    """
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
    label = names.index(options.label) if options.label is not None else None
    wanted = [place for place, name in enumerate(names) if place != label and name not in options.drop]
    # pandas and R write the numbers of the rows into a first column without a name.
    of_rows = [place for place in wanted if not names[place] or _INDEX.fullmatch(names[place])]
    called = [f"column `{names[place]}`" if names[place] else "first column, which has no name," for place in of_rows]
    return ChosenColumns(
        kept=tuple(place for place in wanted if place not in of_rows),
        label=label,
        notes=tuple(f"the {what} of `{path}` is taken for the numbers of its rows and left out" for what in called),
    )


def is_plain_word(word: str) -> bool:
    """Whether a label may be the name of a class: control characters in it are of a damaged file."""
    return _CONTROL.search(word) is None


def check_worded(path: Path, names: Sequence[str], worded: Mapping[int, int], num_rows: int) -> None:
    """A column without a single number is not one of bad fields."""
    words = [names[place] for place, count in worded.items() if num_rows and count == num_rows]
    if words:
        raise DataError(
            f"the column `{words[0]}` of `{path}` holds no numbers",
            f"name it as the label, `,label={words[0]}`, or leave it out, `,drop={'+'.join(words)}`",
        )

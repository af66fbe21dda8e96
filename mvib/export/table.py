"""The representation of a data set as files: arrays (.npy) with a line on each row, or one table (.parquet)."""

import io
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mvib.data import Origin, PartOrigin
from mvib.data.optional import import_optional

Array = npt.NDArray[Any]
Labels = Mapping[str, Mapping[str, Array]]

REPRESENTATION = "representation"
ROWS = "rows"


def arrays_to_npy(
    parts: Mapping[str, Array],
    labels: Labels,
    origin: Origin | None = None,
    unread: Mapping[str, Collection[int]] | None = None,
) -> dict[str, bytes]:
    """One file for each part of the data, one for each label of it, and one that says what its rows are.

    Args:
        parts: representations, (N, D), of `train` and `test`; row i is example i of the part.
        labels: by name, of each part; -1 stands for a missing one.
        origin: of the examples, none where it is not known.
        unread: rows of each part that could not be read.

    Returns:
        Contents by the name of the file.
    """
    files = {f"{REPRESENTATION}-{part}.npy": _npy(rows) for part, rows in parts.items()}
    for part, rows in parts.items():
        described = describe_rows(part, len(rows), labels, origin, unread=(unread or {}).get(part, ()))
        lines = (json.dumps(line) for line in described)
        # JSON and no CSV: a path may hold any character, and a table of them is opened by programs that compute.
        files[f"{ROWS}-{part}.jsonl"] = "".join(f"{line}\n" for line in lines).encode()
    for number, by_part in enumerate(labels.values(), start=1):
        for part, rows in by_part.items():
            files[f"{_file_name(number, labels)}-{part}.npy"] = _npy(rows)
    return files


def describe_rows(
    part: str, number: int, labels: Labels, origin: Origin | None, *, unread: Collection[int] = ()
) -> Iterator[dict[str, Any]]:
    """What each row of a part is: its number; part, row and name in the data, as far as they are known; its labels.

    Args:
        part: `train` or `test`.
        number: of rows.
        labels: by name, of each part.
        origin: of the examples, none where it is not known.
        unread: rows that could not be read.
    """
    source = None if origin is None else _part_of(origin, part)
    for row in range(number):
        line: dict[str, Any] = {"row": row}
        if row in unread:
            line["unread"] = True
        if source is not None:
            place = int(source.rows[row])
            line |= {"data_part": source.part, "data_row": place}
            if source.name is not None:
                line["name"] = source.name(place)
        if labels:
            found = {name: int(by_part[part][row]) for name, by_part in labels.items()}
            line["labels"] = {name: value if value >= 0 else None for name, value in found.items()}
        yield line


def arrays_to_parquet(
    parts: Mapping[str, Array],
    labels: Labels,
    origin: Origin | None = None,
    unread: Mapping[str, Collection[int]] | None = None,
) -> bytes:
    """One table: `part`, `row`, part, row and name in the data where they are known, `representation`, and the labels.

    Where rows could not be read there is a column `unread`, true of those.

    Args:
        parts: representations, (N, D), of `train` and `test`.
        labels: by name, of each part; -1 stands for a missing one, and becomes null.
        origin: of the examples, none where it is not known.
        unread: rows of each part that could not be read.

    Raises:
        mvib.data.DataError: `pyarrow` is not installed.
    """
    arrow = import_optional("pyarrow", needed_for="parquet", minimum="17.0")
    parquet = import_optional("pyarrow.parquet", needed_for="parquet", minimum="0")
    names = list(parts)
    rows = np.concatenate([parts[part] for part in names])
    lines = [
        line
        for part in names
        for line in describe_rows(part, len(parts[part]), {}, origin, unread=(unread or {}).get(part, ()))
    ]
    columns = {
        "part": arrow.array([part for part in names for _ in range(len(parts[part]))]).dictionary_encode(),
        "row": arrow.array([line["row"] for line in lines]),
    }
    for key in ("data_part", "data_row", "name"):
        if any(key in line for line in lines):
            columns[key] = arrow.array([_as_unicode(line.get(key)) for line in lines])
    if any("unread" in line for line in lines):
        columns["unread"] = arrow.array(["unread" in line for line in lines])
    columns[REPRESENTATION] = arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel()), rows.shape[1])
    for name, by_part in labels.items():
        values = np.concatenate([by_part[part] for part in names])
        column = name if name not in columns else f"label:{name}"
        columns[column] = arrow.array(values, mask=values < 0)
    stream = io.BytesIO()
    parquet.write_table(arrow.table(columns), stream)
    return stream.getvalue()


def _part_of(origin: Origin, part: str) -> PartOrigin:
    return origin.train if part == "train" else origin.test


def _as_unicode(value: Any) -> Any:
    """Names of files may be no text; their bytes are then shown as such."""
    return os.fsencode(value).decode(errors="backslashreplace") if isinstance(value, str) else value


def _npy(rows: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, rows, allow_pickle=False)
    return stream.getvalue()


def _file_name(number: int, labels: Mapping[str, object]) -> str:
    """A label's name may come from a stranger's file: only letters, digits and `_` of it reach the name of a file."""
    names = [re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:100] for name in labels]
    # On some systems names that differ in capitals alone are one.
    known = [name.lower() for name in names]
    name = names[number - 1]
    if name and known.count(name.lower()) == 1:
        return f"label-{name}"
    # No name of a label begins with a hyphen.
    return f"label-{number}" if str(number) not in known else f"label--{number}"

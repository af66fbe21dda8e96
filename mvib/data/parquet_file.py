"""A parquet file, by pyarrow: columns of numbers, or of lists of as many numbers, and a label."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mvib.data.bad_items import BadItem
from mvib.data.errors import DataError
from mvib.data.optional import import_optional
from mvib.data.table_file import TableFile, TabularOptions, check_worded, choose_columns, is_plain_word

# Older ones unpickle what a file of a stranger holds (CVE-2023-47248).
_SAFE_PYARROW = "14.0.1"
# Larger floats are whole numbers whether or not one was meant.
_EXACT = 2.0**53


def read_parquet(path: Path, options: TabularOptions) -> TableFile:
    """Read one file; rows with a null, or a number that is not finite, are bad.

    Raises:
        DataError: pyarrow is not installed, the file cannot be read, has no such column, or one without numbers.
    """
    # pyarrow is one of several packages behind one name.
    import_optional("pyarrow", needed_for="a parquet file", minimum=_SAFE_PYARROW)
    parquet = import_optional("pyarrow.parquet", needed_for="a parquet file", minimum="0")
    if not path.is_file():
        raise DataError(f"there is no file `{path}`", "check the path after `parquet:`")
    try:
        # One file and no data set of many: no links and no partitions are followed.
        file = parquet.ParquetFile(str(path))
        names = [str(name) for name in file.schema_arrow.names]
        chosen = choose_columns(path, names, options)
        wanted = [names[place] for place in (*chosen.kept, *([] if chosen.label is None else [chosen.label]))]
        table = file.read(columns=wanted)
    except (OSError, ValueError, NotImplementedError) as problem:
        raise DataError(f"`{path}` cannot be read as parquet: {problem}", "write it anew") from problem
    number = int(table.num_rows)
    wide: list[str] = []
    blocks: list[npt.NDArray[np.float32]] = []
    for place in chosen.kept:
        name = names[place]
        block = _block(table.column(name))
        if block is None:
            check_worded(path, [name], {0: number}, number)
            continue
        wide += [name] if block.shape[1] == 1 else [f"{name}[{entry}]" for entry in range(block.shape[1])]
        blocks.append(block)
    rows = np.concatenate(blocks, axis=1) if blocks else np.zeros((number, 0), np.float32)
    bad = {
        row: BadItem(f"{path}:row {row}", "has a null or a number that is not finite")
        for row in np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist()
    }
    labels: tuple[str | None, ...] = (None,) * number
    if options.label is not None:
        column = table.column(options.label)
        _check_label(path, options.label, column.type)
        labels = tuple(map(_word, column.to_pylist()))
        for row, word in enumerate(labels):
            if word is None or not is_plain_word(word):
                why = "has no" if word is None else "has a control character in"
                bad[row] = BadItem(f"{path}:row {row}", f"{why} `{options.label}`")
    return TableFile(names=tuple(wide), numbers=np.nan_to_num(rows), labels=labels, bad=bad, notes=chosen.notes)


def _word(value: object) -> str | None:
    """A label as a CSV file would have it; none for a missing one. Whole numbers beside nulls are often floats."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else str(value)
    if value is None:
        return None
    if isinstance(value, bytes):
        # Many programs write words without saying that they are text.
        value = value.decode(errors="backslashreplace")
    return (str(int(value)) if isinstance(value, bool) else str(value).strip()) or None


def _check_label(path: Path, name: str, kind: Any) -> None:
    types = import_optional("pyarrow.types", needed_for="a parquet file", minimum="0")
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_nested(kind):
        raise DataError(f"`{name}` of `{path}` holds `{kind}`, which is no label", "name a column of words or numbers")


def _block(column: Any) -> npt.NDArray[np.float32] | None:
    """An Arrow column of numbers or of lists of as many numbers as (rows, numbers), NaN for nulls; none for others."""
    types = import_optional("pyarrow.types", needed_for="a parquet file", minimum="0")
    of_numbers = (types.is_integer, types.is_floating, types.is_boolean)
    if any(is_one(column.type) for is_one in of_numbers):
        return _single(column.to_numpy(zero_copy_only=False)).reshape(-1, 1)
    is_list = types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type)
    if not is_list or not any(is_one(column.type.value_type) for is_one in of_numbers):
        return None
    compute = import_optional("pyarrow.compute", needed_for="a parquet file", minimum="0")
    lists = column.combine_chunks()
    lengths = np.nan_to_num(compute.list_value_length(lists).to_numpy(zero_copy_only=False), nan=-1).astype(np.int64)
    widths = lengths[lengths >= 0]
    width = int(np.bincount(widths).argmax()) if len(widths) else 1
    if width == 0:
        return None
    rows = np.full((len(lengths), width), np.nan, np.float32)
    entries = _single(lists.flatten().to_numpy(zero_copy_only=False))
    ends = np.cumsum(np.maximum(lengths, 0))
    is_whole = lengths == width
    places = (ends[is_whole] - width)[:, None] + np.arange(width)
    rows[is_whole] = entries[places]
    return rows


def _single(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    # Booleans with nulls come as objects, numbers with nulls as floats with NaN.
    numbers = values.astype(np.float64) if values.dtype == object else values
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)

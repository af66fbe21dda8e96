"""The representation of a data set as files: arrays (.npy), or one table (.parquet)."""

import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mvib.data.optional import import_optional

Array = npt.NDArray[Any]

REPRESENTATION = "representation"


def arrays_to_npy(parts: Mapping[str, Array], labels: Mapping[str, Mapping[str, Array]]) -> dict[str, bytes]:
    """One file for each part of the data, and one for each label of it; row i is example i of the part.

    Args:
        parts: representations, (N, D), by the name of the part.
        labels: by name, of each part; -1 stands for a missing one.

    Returns:
        Contents by the name of the file.
    """
    files = {f"{REPRESENTATION}-{part}.npy": _npy(rows) for part, rows in parts.items()}
    for number, (name, by_part) in enumerate(labels.items(), start=1):
        for part, rows in by_part.items():
            files[f"{_file_name(name, number, labels)}-{part}.npy"] = _npy(rows)
    return files


def arrays_to_parquet(parts: Mapping[str, Array], labels: Mapping[str, Mapping[str, Array]]) -> bytes:
    """One table with the columns `part`, `representation` (a list of fixed length), and the labels by name.

    Raises:
        mvib.data.DataError: `pyarrow` is not installed.
    """
    arrow = import_optional("pyarrow", needed_for="parquet", minimum="17.0")
    parquet = import_optional("pyarrow.parquet", needed_for="parquet", minimum="0")
    names = list(parts)
    rows = np.concatenate([parts[part] for part in names])
    columns = {
        "part": arrow.array([part for part in names for _ in range(len(parts[part]))]).dictionary_encode(),
        REPRESENTATION: arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel()), rows.shape[1]),
    }
    for name, by_part in labels.items():
        values = np.concatenate([by_part[part] for part in names])
        column = name if name not in columns else f"label:{name}"
        columns[column] = arrow.array(values, mask=values < 0)
    stream = io.BytesIO()
    parquet.write_table(arrow.table(columns), stream)
    return stream.getvalue()


def _npy(rows: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, rows, allow_pickle=False)
    return stream.getvalue()


def _file_name(label: str, number: int, labels: Mapping[str, object]) -> str:
    """A label's name may come from a stranger's file: only letters, digits and `_` of it reach the name of a file."""
    names = [re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:100] for name in labels]
    name = names[number - 1]
    return f"label-{name}" if name and names.count(name) == 1 else f"label-{number}"

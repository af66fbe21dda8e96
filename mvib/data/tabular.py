"""Tables of numbers as a data source: the columns of a CSV or parquet file as one vector, and one of them as label."""

from collections.abc import Sequence
from pathlib import Path

import torch

from mvib.data.bad_items import BadItems
from mvib.data.columns import ColumnKind
from mvib.data.csv_file import read_csv
from mvib.data.errors import DataError
from mvib.data.parquet_file import read_parquet
from mvib.data.table import RawColumn, Table, written_label_column
from mvib.data.table_file import TableFile, TabularOptions

FEATURES = "features"


def load_csv_table(path: Path, options: TabularOptions) -> Table:
    """The rows of a CSV file with a line of names; fields are parted by commas, semicolons or tabs.

    Every column but the label and those left out holds numbers, and they are the vector `features` in their order. A
    row with a field that is no finite number, with too few or too many fields or without its label is bad; of a bad
    record that quotes spread over several lines, each line is a bad row, unless the user allows such fields in columns
    that are left out. A first column without a name is the index that pandas and R write, and is left out.

    Raises:
        DataError: a file cannot be read, has no such column, or has more bad rows than may be left out.
    """
    return _table("csv", path, [read_csv(file, options) for file in _files(path, options)], options)


def load_parquet_table(path: Path, options: TabularOptions) -> Table:
    """The same of parquet files; rows with a null, or a number that is not finite, are bad.

    Raises:
        DataError: pyarrow is not installed; or as `load_csv_table`.
    """
    return _table("parquet", path, [read_parquet(file, options) for file in _files(path, options)], options)


def _files(path: Path, options: TabularOptions) -> tuple[Path, ...]:
    return (path,) if options.test is None else (path, options.test)


def _table(kind: str, path: Path, parts: Sequence[TableFile], options: TabularOptions) -> Table:
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

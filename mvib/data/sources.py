"""The data sources that a spec, a command or a Python call may name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from mvib.data.arrays import source_from_arrays
from mvib.data.bad_items import BadItems
from mvib.data.columns import DataSource
from mvib.data.datasets import source_from_datasets
from mvib.data.digits import load_digit_halves_source, load_digits_source
from mvib.data.errors import DataError
from mvib.data.hub import HubOptions, load_hub_table
from mvib.data.npy import load_npy_table
from mvib.data.npz import load_npz_table
from mvib.data.picture_column import PictureOptions
from mvib.data.picture_folder import FolderOptions, load_folder_table
from mvib.data.shards import ShardOptions, load_shard_table
from mvib.data.source_text import Options, SourcePart, array_paths, parse_source
from mvib.data.synthetic import load_synthetic_table
from mvib.data.table import RawColumn, Table, finish_table, join_tables, select_column
from mvib.data.table_file import TabularOptions
from mvib.data.tabular import load_csv_table, load_parquet_table

_MOST_SKIPPED = 10**12 - 1
_LARGEST_SIDE = 16_384


def load_source(text: str) -> DataSource:
    """Loads the data that a text names, `KIND:WHERE,OPTION=VALUE` or several as `NAME=KIND:...,NAME=KIND:...`.

    `docs/data.md` has every form.

    Args:
        text: the value of `train.data` or of `--data`.

    Returns:
        The source, with a fixed split into training and test examples.

    Raises:
        DataError: there is no such source, or its files cannot be used.
    """
    parts = parse_source(text)
    is_joined = len(parts) > 1
    if parts[0].kind in _SPLIT_ALREADY and parts[0].name is None:
        return _SPLIT_ALREADY[parts[0].kind]()
    tables = [_load_part(part, is_joined=is_joined) for part in parts]
    if is_joined or parts[0].name is not None:
        named = [(part.name or "", table) for part, table in zip(parts, tables, strict=True)]
        return finish_table(join_tables(named, name=text))
    return finish_table(tables[0])


def source_from_object(data: Any) -> DataSource:
    """Data that are a Python object: arrays by name, a torch data set, or a pair of them for training and test.

    Raises:
        DataError: it is none of these, or cannot be used.
    """
    if isinstance(data, Mapping) and data and all(isinstance(value, Dataset) for value in data.values()):
        unknown = sorted(set(data) - {"train", "test"})
        if unknown or "train" not in data:
            raise DataError(
                f"data sets are given as {', '.join(f'`{key}`' for key in data)}", "call them `train` and `test`"
            )
        return source_from_datasets(data["train"], data.get("test"))
    if isinstance(data, Mapping):
        return source_from_arrays(data)
    if isinstance(data, Dataset):
        return source_from_datasets(data, None)
    if isinstance(data, tuple) and len(data) == 2 and all(isinstance(part, Dataset) for part in data):
        return source_from_datasets(*data)
    raise DataError(
        f"data of the type `{type(data).__name__}` are not known",
        "give a name, arrays by name, a torch data set with a length, or a pair of them for training and test",
    )


_SPLIT_ALREADY = {"digits": load_digits_source, "digits-halves": load_digit_halves_source}


def _load_part(part: SourcePart, *, is_joined: bool) -> Table:
    table = _load_table(part, is_joined=is_joined)
    column = part.options.get("column")
    return table if column is None else select_column(table, column)


def _load_table(part: SourcePart, *, is_joined: bool) -> Table:
    options = Options(part)
    path = Path(part.where).expanduser()
    match part.kind:
        case "digits" | "digits-halves":
            return _table_of(_SPLIT_ALREADY[part.kind]())
        case "synthetic":
            return load_synthetic_table(part.where)
        case "npz":
            return load_npz_table(path, skip=_skip(options))
        case "npy":
            return load_npy_table(array_paths(part.where), skip=_skip(options))
        case "folder":
            folder = FolderOptions(held_out=options.text("held_out"), has_parts=options.yes("parts"))
            return load_folder_table(path, _pictures(options, is_joined=is_joined), folder)
        case "csv":
            return load_csv_table(path, _tabular(options))
        case "parquet":
            return load_parquet_table(path, _tabular(options))
        case "wds":
            shards = ShardOptions(test=options.text("test"), label=options.text("label"), image=options.text("image"))
            return load_shard_table(part.where, _pictures(options, is_joined=is_joined), shards)
        case "hf":
            return load_hub_table(part.where, _hub(options), _pictures(options, is_joined=is_joined))
        case kind:
            raise AssertionError(f"no loader for {kind}")


def _pictures(options: Options, *, is_joined: bool) -> PictureOptions:
    return PictureOptions(
        size=options.whole("size", minimum=1, maximum=_LARGEST_SIDE),
        skip=_skip(options),
        cache=options.yes("cache"),
        is_joined=is_joined,
    )


def _tabular(options: Options) -> TabularOptions:
    test = options.text("test")
    return TabularOptions(
        label=options.text("label"),
        drop=tuple(filter(None, (options.text("drop") or "").split("+"))),
        skip=_skip(options),
        test=None if test is None else Path(test).expanduser(),
        has_long_fields=options.yes("multiline") or False,
    )


def _hub(options: Options) -> HubOptions:
    return HubOptions(
        config=options.text("config"),
        split=options.text("split") or "train",
        test=options.text("test"),
        label=options.text("label"),
        revision=options.text("revision"),
        streaming=options.yes("streaming") or False,
        n=options.whole("n", minimum=2, maximum=_MOST_SKIPPED),
    )


def _skip(options: Options) -> int:
    return options.whole("skip", minimum=0, maximum=_MOST_SKIPPED) or 0


def _table_of(source: DataSource) -> Table:
    columns = {
        key: RawColumn(
            kind=column.kind,
            train=column.train,
            test=column.test,
            description=column.description,
            class_names=column.class_names,
            keeps_classes=True,
        )
        for key, column in source.columns.items()
    }
    return Table(name=source.name, columns=columns, bad=BadItems())

"""`hf:NAME`: a data set of the Hugging Face hub or of a local folder, through the package `datasets`.

Only the documented interface is used: `load_dataset_builder(path, name, revision=)` and its `config.data_files`,
`load_dataset(path, name, split=, revision=, streaming=)`, `huggingface_hub.DatasetCard.load`, `features`, `cast_column`
with `Image(decode=False)`, rows by index, and iteration of a stream. Data sets with a loading script are refused:
versions from 4.0 on have none. Pictures are decoded here, with the limits of `mvib.data.pictures`.
"""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mvib.data.arrays import table_from_arrays
from mvib.data.bad_items import BadItem, BadItems
from mvib.data.columns import ColumnKind
from mvib.data.errors import DataError
from mvib.data.hub_files import check_builder, check_card, open_own, own_folders
from mvib.data.optional import import_optional
from mvib.data.picture_column import PictureOptions, PicturePart, read_pictures
from mvib.data.pictures import BytesStore, PictureStore
from mvib.data.table import RawColumn, Table, label_column, named_label_column

# The first version that has no scripts of data sets; what else may run code, `check_builder` refuses.
_WITHOUT_SCRIPTS = "4.0.0"
_TEST_SPLITS = ("test", "validation", "valid", "val")
_SCALARS = ("int", "uint", "float", "bool", "double")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """What a user says of a hub data set.

    Attributes:
        config: name of the configuration.
        split: of the training part.
        test: split of the held-out part; none for the first of `test`, `validation` that there is.
        label: column of the label; none for the only one that holds classes.
        revision: commit or tag, so that the data stay the same.
        streaming: whether nothing is downloaded but the first `n` examples.
        n: how many examples at most.
    """

    config: str | None = None
    split: str = "train"
    test: str | None = None
    label: str | None = None
    revision: str | None = None
    streaming: bool = False
    n: int | None = None


def load_hub_table(name: str, options: HubOptions, pictures: PictureOptions) -> Table:
    """Columns of a hub data set under their own names: pictures, labels, numbers and lists of numbers.

    A stream has no places, and exact shuffling and resuming need them: of a stream the first `n` examples are taken
    into memory, pictures in their encoded form. Without streaming `datasets` keeps the data in its cache on disk, and
    pictures are read from there when they are asked for.

    Raises:
        DataError: `datasets` is missing, the data cannot be loaded, or do not fit together.
    """
    if options.streaming and options.n is None:
        raise DataError(
            f"`hf:{name}` is streamed and has no end", "say how many examples to take: `,streaming=yes,n=10000`"
        )
    datasets = import_optional("datasets", needed_for="`hf:`", minimum=_WITHOUT_SCRIPTS)
    parts = _load_parts(datasets, name, options)
    first = parts[0]
    features: Mapping[str, Any] = first.features or {}
    images = [key for key, feature in features.items() if isinstance(feature, datasets.Image)]
    label = options.label or _find_label(datasets, features)
    if label is not None and label not in features:
        raise DataError(f"`hf:{name}` has no column `{label}`", f"it has {', '.join(f'`{key}`' for key in features)}")
    bad = BadItems(pictures.skip)
    columns: dict[str, RawColumn] = {}
    bad_rows: list[set[int]] = [set() for _ in parts]
    raw = [_without_decoding(datasets, part, images) for part in parts]
    if options.streaming:
        assert options.n is not None
        held: list[Any] = [_Taken(islice(iter(part), options.n)) for part in raw]
    else:
        held = [part if options.n is None else part.select(range(min(options.n, len(part)))) for part in raw]
    labels = [None if label is None else [row.get(label) for row in part] for part in _narrow(held, label)]
    for key in images:
        rows = _pictures(key, name, held, labels, bad, pictures)
        columns[key] = rows.column
        for mine, found in zip(bad_rows, rows.bad, strict=True):
            mine |= found
    if label is not None:
        columns[label] = _label(datasets, name, label, features[label], labels, bad, bad_rows)
    numbers = [key for key, feature in features.items() if key != label and _is_numbers(feature)]
    if numbers:
        table = _numbers(name, held, numbers, skip=pictures.skip)
        columns |= table.columns
        _add_bad(table, bad, bad_rows)
    if not columns:
        raise DataError(
            f"`hf:{name}` has no pictures, numbers or classes", f"it has {', '.join(f'`{key}`' for key in features)}"
        )
    return Table(
        name=f"hf:{name}",
        columns=columns,
        bad_train=frozenset(bad_rows[0]),
        bad_test=frozenset(bad_rows[1]) if len(bad_rows) > 1 else frozenset(),
        bad=bad,
        notes=() if options.revision else (f"`hf:{name}` may change: pin it with `,revision=COMMIT`",),
    )


def _add_bad(table: Table, bad: BadItems, bad_rows: Sequence[set[int]]) -> None:
    for item in table.bad:
        bad.add(item)
    for mine, found in zip(bad_rows, (table.bad_train, table.bad_test), strict=False):
        mine |= found


def _load_parts(datasets: Any, name: str, options: HubOptions) -> list[Any]:
    def load(split: str) -> Any:
        return datasets.load_dataset(
            name, options.config, split=split, revision=options.revision, streaming=options.streaming
        )

    try:
        if os.path.isdir(name):
            hub = import_optional("huggingface_hub", needed_for="`hf:`", minimum="0.24")
            check_card(name, hub.DatasetCard.load)
        check_builder(datasets.load_dataset_builder(name, options.config, revision=options.revision), name)
        train = load(options.split)
    except DataError:
        raise
    except Exception as problem:
        # `datasets` has many of its own, and those of what it reads by.
        raise DataError(
            f"`hf:{name}` cannot be loaded: {problem}", "check the name, `config=` and `split=`"
        ) from problem
    names = [options.test] if options.test is not None else [t for t in _TEST_SPLITS if options.split == "train"]
    for test in names:
        try:
            return [train, load(test)]
        except (ValueError, LookupError) as problem:
            # An unknown split: the documented answer is a ValueError that lists the splits there are.
            if options.test is not None:
                raise DataError(f"`hf:{name}` has no split `{test}`: {problem}", "check `test=`") from problem
    return [train]


def _find_label(datasets: Any, features: Mapping[str, Any]) -> str | None:
    found = [key for key, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    return found[0] if len(found) == 1 else None


def _without_decoding(datasets: Any, part: Any, images: Sequence[str]) -> Any:
    for key in images:
        part = part.cast_column(key, datasets.Image(decode=False))
    return part


class _Taken:
    """Examples of a stream that were taken into memory."""

    def __init__(self, rows: Any) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Any:
        return iter(self._rows)

    def __getitem__(self, place: int) -> Any:
        return self._rows[place]


def _narrow(held: Sequence[Any], label: str | None) -> list[Any]:
    """The parts with the label alone where that saves reading the pictures."""
    if label is None:
        return list(held)
    return [part if isinstance(part, _Taken) else part.select_columns([label]) for part in held]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pictures:
    column: RawColumn
    bad: tuple[frozenset[int], ...]


def _pictures(
    key: str,
    name: str,
    held: Sequence[Any],
    labels: Sequence[Sequence[Any] | None],
    bad: BadItems,
    options: PictureOptions,
) -> _Pictures:
    folders = own_folders(name, os.environ)
    stores = [
        _store(part, key, f"hf:{name}/{split}", folders) for part, split in zip(held, ("train", "test"), strict=False)
    ]
    classes = {value: n for n, value in enumerate(sorted({str(v) for its in labels for v in its or ()}))}
    parts = [
        PicturePart(
            store=store,
            groups=np.array([classes[str(value)] for value in its] if its is not None else [0] * len(store), np.int64),
        )
        for store, its in zip(stores, labels, strict=True)
    ]
    read = read_pictures(parts, options, bad=bad, name=f"hf:{name}")
    column = RawColumn(
        kind=ColumnKind.IMAGE,
        train=read.rows[0],
        test=read.rows[1] if len(read.rows) > 1 else None,
        description=f"pictures `{key}` of a hub data set, in [0, 1]",
    )
    return _Pictures(column=column, bad=read.bad)


def _store(part: Any, key: str, name: str, folders: Sequence[Path]) -> PictureStore:
    if isinstance(part, _Taken):
        contents = [(row[key] or {}).get("bytes") or b"" for row in part]
        return BytesStore(contents, [f"{name}[{place}]" for place in range(len(contents))])
    return HubStore(part, key, name, folders)


class HubStore(PictureStore):
    """Pictures of a data set that `datasets` keeps on disk."""

    def __init__(self, part: Any, key: str, name: str, folders: Sequence[Path]) -> None:
        """Over a part of the data set.

        Args:
            part: not decoded.
            key: of the pictures.
            name: for messages.
            folders: where files must lie that rows name.
        """
        self._part = part.select_columns([key])
        self._key = key
        self._name = name
        self._folders = folders

    def __len__(self) -> int:
        return len(self._part)

    def name(self, place: int) -> str:
        """Data set and place."""
        return f"{self._name}[{place}]"

    def open(self, place: int) -> BinaryIO:
        """The encoded bytes, or the file of the data set that the row names."""
        row = self._part[place][self._key] or {}
        if row.get("bytes") is not None:
            return io.BytesIO(row["bytes"])
        if not row.get("path"):
            return io.BytesIO(b"")
        return open_own(row["path"], self._folders)

    def identity(self, place: int) -> str:
        """The fingerprint of `datasets`, and the place."""
        return f"{getattr(self._part, '_fingerprint', self._name)} {place}"


def _label(
    datasets: Any,
    name: str,
    key: str,
    feature: Any,
    labels: Sequence[Sequence[Any] | None],
    bad: BadItems,
    bad_rows: Sequence[set[int]],
) -> RawColumn:
    if not isinstance(feature, datasets.ClassLabel):
        for part, (its, rows) in enumerate(zip(labels, bad_rows, strict=True)):
            for row, value in enumerate(its or ()):
                if value is None:
                    bad.add(BadItem(f"hf:{name}/{('train', 'test')[part]}[{row}]", f"has no `{key}`"))
                    rows.add(row)
    description = f"`{key}` of a hub data set"
    if all(isinstance(value, int) or value is None for its in labels for value in its or ()):
        # -1 is what hub data sets write where a class is not known.
        train, *tests = [np.array([-1 if v is None else v for v in its or ()], np.int64) for its in labels]
        if tests and bool((tests[0] < 0).all()):
            raise DataError(f"the test part of `hf:{name}` has no labels", "name another split: `,test=validation`")
        names = dict(enumerate(map(str, feature.names))) if isinstance(feature, datasets.ClassLabel) else None
        return label_column(train, tests[0] if tests else None, description=description, names=names)
    words = [[None if value is None else str(value) for value in its or ()] for its in labels]
    return named_label_column(words[0], words[1] if len(words) > 1 else None, description=description)


def _is_numbers(feature: Any) -> bool:
    """Whether a column holds numbers or lists of them, by the documented `dtype` and `feature` of its type."""
    inner = getattr(feature, "feature", feature)
    return str(getattr(inner, "dtype", "")).startswith(_SCALARS)


def _numbers(name: str, held: Sequence[Any], keys: Sequence[str], *, skip: int) -> Table:
    arrays: dict[str, Any] = {}
    for part, suffix in zip(held, ("_train", "_test"), strict=False):
        for key in keys:
            try:
                arrays[f"{key}{suffix}"] = np.array([row[key] for row in part], dtype=np.float32)
            except (ValueError, TypeError) as problem:
                raise DataError(
                    f"the column `{key}` of `hf:{name}` does not hold as many numbers in every row: {problem}",
                    "choose another column: `,column=NAME`",
                ) from problem
    return table_from_arrays(arrays, name=f"hf:{name}", skip=skip)

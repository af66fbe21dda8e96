"""A table of pictures that lie in files or in shards, and of their labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.columns import ColumnKind
from mvib.data.picture_column import PictureOptions, PicturePart, read_pictures
from mvib.data.pictures import PictureStore
from mvib.data.table import RawColumn, Table

Words = Sequence[str | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledPictures:
    """The training or the test part.

    Attributes:
        store: where the pictures lie.
        labels: of each what it is called, none for a missing one.
        bad_rows: places of those that are known to be bad.
    """

    store: PictureStore
    labels: Words
    bad_rows: frozenset[int] = frozenset()


def table_of_pictures(
    name: str,
    parts: Sequence[LabelledPictures],
    options: PictureOptions,
    *,
    bad: BadItems,
    notes: Sequence[str],
    description: str,
) -> Table:
    """The column `image`; the labels are for the caller to add, who knows what they are.

    Args:
        name: of the source.
        parts: the training pictures, and the test ones where there are.
        options: of the user.
        bad: is told of pictures that cannot be used.
        notes: for the user.
        description: what the pictures are.

    Raises:
        DataError: they differ in size and no size is given, or none can be read.
    """
    words = sorted({word for part in parts for word in part.labels if word is not None})
    group = {word: number for number, word in enumerate(words)}
    pictures = [
        PicturePart(
            store=part.store,
            groups=np.array([-1 if word is None else group[word] for word in part.labels], np.int64),
            bad_rows=part.bad_rows,
        )
        for part in parts
    ]
    read = read_pictures(pictures, options, bad=bad, name=name)
    bad_rows = [found | part.bad_rows for found, part in zip(read.bad, parts, strict=True)]
    image = RawColumn(
        kind=ColumnKind.IMAGE,
        train=read.rows[0],
        test=read.rows[1] if len(read.rows) > 1 else None,
        description=description,
    )
    return Table(
        name=name,
        columns={"image": image},
        bad_train=bad_rows[0],
        bad_test=bad_rows[1] if len(bad_rows) > 1 else frozenset(),
        bad=bad,
        notes=tuple(notes),
    )


def with_labels(table: Table, label: RawColumn, parts: Sequence[LabelledPictures], *, missing: str) -> Table:
    """The table with its labels; a picture without one is bad.

    Args:
        table: of the pictures.
        label: their column of labels.
        parts: the same as of the table.
        missing: why a picture without a label is bad, as the end of a sentence.
    """
    bad_rows = []
    for part, known in zip(parts, (table.bad_train, table.bad_test), strict=False):
        without = {row for row, word in enumerate(part.labels) if word is None} - part.bad_rows
        for row in sorted(without):
            table.bad.add(BadItem(part.store.name(row), missing))
        bad_rows.append(known | without)
    return replace(
        table,
        columns={**table.columns, "label": label},
        bad_train=bad_rows[0],
        bad_test=bad_rows[1] if len(bad_rows) > 1 else frozenset(),
    )

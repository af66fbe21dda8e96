"""Where each example of a source comes from: its place among the rows of the data, and its name where it has one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
# From a row of the data, bad ones counted, to a path or what else a user knows it by.
RowName = Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartOrigin:
    """Of the training or of the test examples.

    Attributes:
        part: of the data they are rows of, `train` or `test`; a part that was held out is of `train`.
        rows: the row of each example, from 0, those that are left out counted.
        name: of a row, none where rows have numbers alone.
    """

    part: str
    rows: Indices
    name: RowName | None = None

    def take(self, places: Indices) -> "PartOrigin":
        """That of some of the examples."""
        return replace(self, rows=self.rows[places])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Origin:
    """Of all examples of a source."""

    train: PartOrigin
    test: PartOrigin


def find_origin(
    left: tuple[Indices, Indices | None],
    split: tuple[Indices, Indices] | None,
    names: tuple[RowName, ...] = (),
) -> Origin:
    """The origin of examples, from how they were chosen.

    Args:
        left: rows of the training part that are left when bad ones are out, and of the test part where there is one.
        split: places among the first that stay in the training part, and those that are held out; none where the data
            have a test part.
        names: of rows, by part; empty for none.
    """
    train, test = left
    name = names[0] if names else None
    if split is not None:
        kept, held_out = split
        return Origin(
            train=PartOrigin(part="train", rows=train[kept], name=name),
            test=PartOrigin(part="train", rows=train[held_out], name=name),
        )
    assert test is not None
    return Origin(
        train=PartOrigin(part="train", rows=train, name=name),
        test=PartOrigin(part="test", rows=test, name=names[1] if len(names) > 1 else None),
    )

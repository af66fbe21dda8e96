"""The tuning split: a share of the training part by which settings are chosen; the held-out part chooses nothing."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from jaxtyping import Int
from torch import Tensor

from mvib.data.columns import ColumnKind, DataSource
from mvib.data.origin import Origin
from mvib.data.rows import take_rows

TUNING_SHARE = 0.2

Places = npt.NDArray[np.int64]


def split_for_tuning(
    labels: Int[npt.NDArray[np.int64], " N"], *, seed: int, share: float = TUNING_SHARE
) -> tuple[Places, Places]:
    """Split the training part: what is fitted, and what settings are chosen by. The held-out part has no say.

    Args:
        labels: of the training part.
        seed: of the draw.
        share: of each class that is for tuning, rounded down; of all classes at least one example.

    Returns:
        Places of both, each in rising order.
    """
    generator = np.random.default_rng(seed)
    tuning: list[int] = []
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        tuning.extend(places[: int(share * len(places))].tolist())
    if not tuning:
        tuning = [int(generator.integers(len(labels)))]
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[tuning] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def leave_out_for_tuning(source: DataSource, *, share: float, seed: int) -> tuple[DataSource, DataSource]:
    """Take a share of each class (of the first label) out of the training part.

    Args:
        source: with at least two training examples.
        share: between 0 and a half.
        seed: of the draw.

    Returns:
        The source without these examples; and the same with them in the place of the held-out part.
    """
    labels = [column.train for column in source.columns.values() if column.kind is ColumnKind.LABEL]
    classes = labels[0].numpy() if labels and isinstance(labels[0], Tensor) else np.zeros(source.num_train, np.int64)
    rest, tuning = split_for_tuning(classes, seed=seed, share=share)
    columns = {name: replace(column, train=take_rows(column.train, rest)) for name, column in source.columns.items()}
    judged = {
        name: replace(columns[name], test=take_rows(column.train, tuning)) for name, column in source.columns.items()
    }
    origins: list[Origin | None] = [None, None]
    if source.origin is not None:
        left = replace(source.origin, train=source.origin.train.take(rest))
        origins = [left, replace(left, test=source.origin.train.take(tuning))]
    return replace(source, columns=columns, origin=origins[0]), replace(source, columns=judged, origin=origins[1])

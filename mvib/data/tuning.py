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
# An accuracy of 0.7 on 20 examples has a standard error of 0.1: fewer tell nothing but large differences.
FEW = 20

Places = npt.NDArray[np.int64]


def split_for_tuning(
    labels: Int[npt.NDArray[np.int64], " N"], *, seed: int, share: float = TUNING_SHARE
) -> tuple[Places, Places]:
    """Split the training part: what is fitted, and what settings are chosen by. The held-out part has no say.

    Args:
        labels: of the training part.
        seed: of the draw.
        share: of all examples, rounded, that is for tuning, and at least one of them; of each class as nearly as that
            can be. A class of several examples keeps one to fit, and one of a single example keeps it where the others
            suffice.

    Returns:
        Places of both, each in rising order.
    """
    generator = np.random.default_rng(seed)
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    numbers = _draws_by_class(sizes, number=max(1, round(share * len(labels))), share=share, generator=generator)
    chosen = np.zeros(len(labels), dtype=bool)
    for place, number in enumerate(numbers):
        chosen[generator.permutation(np.flatnonzero(classes == place))[:number]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _draws_by_class(sizes: Places, *, number: int, share: float, generator: np.random.Generator) -> Places:
    """How many of each class, by largest remainder: rounded down for each, a small class would give nothing."""
    most = np.where(sizes > 1, sizes - 1, sizes)
    drawn = np.where(sizes > 1, np.floor(share * sizes), 0).astype(np.int64)
    shuffled = generator.permutation(len(sizes))
    first = np.lexsort((-(share * sizes - drawn)[shuffled], sizes[shuffled] == 1))
    order = shuffled[first]
    while (left := min(number, int(most.sum())) - int(drawn.sum())) > 0:
        open_ones = order[drawn[order] < most[order]][:left]
        drawn[open_ones] += 1
    return drawn


def few_note(number: int) -> str:
    """What to say of settings that are chosen by a number of examples; empty where they are enough."""
    if number >= FEW:
        return ""
    examples = "1 example is" if number == 1 else f"{number} examples are"
    return f"{examples} few to choose by: one is {1 / max(1, number):.0%} of the accuracy"


def leave_out_for_tuning(source: DataSource, *, share: float, seed: int) -> tuple[DataSource, DataSource]:
    """Take a share out of the training part, of each class (of the first label) as nearly as that can be.

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

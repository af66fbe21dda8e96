"""Minibatches: the parts of a source that they are of, how many there are in an epoch, and in which order."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mvib.data.columns import Column
from mvib.data.errors import DataError
from mvib.data.rows import Rows

Batch = dict[str, Tensor]
# In the place of the seed of a run.
_FIXED = 2**32 - 1


def training_part(columns: Mapping[str, Column]) -> dict[str, Rows]:
    """Returns the training part of each column."""
    return {name: column.train for name, column in columns.items()}


def held_out_part(columns: Mapping[str, Column]) -> dict[str, Rows]:
    """Returns the held-out part of each column."""
    return {name: column.test for name, column in columns.items()}


def count_batches(num_examples: int, *, size: int, drop_last: bool) -> int:
    """Returns the number of minibatches in an epoch.

    Args:
        num_examples: how many examples there are.
        size: examples per minibatch, at least 1.
        drop_last: whether an incomplete minibatch at the end is left out.

    Returns:
        The number, at least 1.

    Raises:
        DataError: there would be none.
    """
    if size < 1:
        raise DataError(f"a batch of {size} examples is asked for", "write a batch size of at least 1")
    if drop_last and num_examples < size:
        raise DataError(
            f"a batch of {size} examples is asked for, and there are {num_examples}",
            f"use a batch of at most {num_examples}: `--set train.batch={num_examples}`",
        )
    return num_examples // size if drop_last else -(-num_examples // size)


def epoch_order(num_examples: int, *, seed: int, epoch: int) -> Tensor:
    """The order of an epoch: a permutation that depends on the seed and the epoch alone."""
    state = np.random.SeedSequence((seed, epoch)).generate_state(2, np.uint32)
    generator = torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))
    return torch.randperm(num_examples, generator=generator)


def fixed_order(num_examples: int) -> Tensor:
    """An order that is always the same, and random: rows that lie in order of class give batches of all classes."""
    return epoch_order(num_examples, seed=_FIXED, epoch=0)

"""Minibatches of examples that lie in memory: shuffled for training, in order for evaluation."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from mvib.data.columns import Column
from mvib.data.errors import DataError
from mvib.data.rows import Rows

Batch = dict[str, Tensor]


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


def shuffled_batches(
    tensors: Mapping[str, Rows], *, size: int, seed: int, epoch: int, drop_last: bool
) -> Iterator[Batch]:
    """Iterates over one epoch of shuffled minibatches; its order depends on the seed and the epoch alone.

    Args:
        tensors: the examples; the first axis of all is the same.
        size: examples per minibatch.
        seed: seed of the run.
        epoch: which epoch, from 0; each has its own order.
        drop_last: leave out an incomplete minibatch at the end. Needed where the objective couples the examples of a
            batch, whose estimates would otherwise change with its size.

    Returns:
        Minibatches, each example at most once, and exactly once without `drop_last`.

    Raises:
        DataError: there are fewer examples than one minibatch needs.
    """
    num_examples = _num_rows(tensors)
    num_batches = count_batches(num_examples, size=size, drop_last=drop_last)
    order = epoch_order(num_examples, seed=seed, epoch=epoch)
    # Slices of the order, not of shuffled copies, so that memory holds the examples only once.
    return (_rows(tensors, order[start * size : (start + 1) * size]) for start in range(num_batches))


def iterate_in_order(tensors: Mapping[str, Rows], *, size: int) -> Iterator[Batch]:
    """Iterates over all examples in their order, the last minibatch as small as it comes out."""
    num_examples = _num_rows(tensors)
    count_batches(num_examples, size=size, drop_last=False)
    for start in range(0, num_examples, size):
        yield {name: tensor[start : start + size] for name, tensor in tensors.items()}


def whole(tensors: Mapping[str, Rows]) -> Batch:
    """Returns all examples as one batch, in their order."""
    _num_rows(tensors)
    return {name: tensor[:] for name, tensor in tensors.items()}


def _rows(tensors: Mapping[str, Rows], indices: Tensor) -> Batch:
    return {name: tensor[indices.to(tensor.device)] for name, tensor in tensors.items()}


def _num_rows(tensors: Mapping[str, Rows]) -> int:
    lengths = {len(tensor) for tensor in tensors.values()}
    assert len(lengths) == 1, f"columns of one source have one length, found {sorted(lengths)}"
    return lengths.pop()

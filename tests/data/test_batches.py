"""Minibatches: each example once an epoch, another order each epoch, the same for the same seed."""

import pytest
import torch
from torch import Tensor

from mvib.data import (
    DataError,
    count_batches,
    held_out_part,
    iterate_in_order,
    load_source,
    shuffled_batches,
    training_part,
    whole,
)


def rows(count: int = 10) -> dict[str, Tensor]:
    return {"X": torch.arange(count, dtype=torch.float64)[:, None], "Y": torch.arange(count)}


def order(*, seed: int, epoch: int, size: int = 4, drop_last: bool = False, count: int = 10) -> list[int]:
    batches = shuffled_batches(rows(count), size=size, seed=seed, epoch=epoch, drop_last=drop_last)
    return torch.cat([batch["Y"] for batch in batches]).tolist()


def test_an_epoch_has_each_example_once_and_its_columns_together() -> None:
    batches = list(shuffled_batches(rows(), size=4, seed=0, epoch=0, drop_last=False))
    assert [len(batch["Y"]) for batch in batches] == [4, 4, 2]
    assert sorted(torch.cat([batch["Y"] for batch in batches]).tolist()) == list(range(10))
    assert all(torch.equal(batch["X"][:, 0].long(), batch["Y"]) for batch in batches)
    assert batches[0]["X"].dtype == torch.float64


def test_an_incomplete_batch_is_dropped_on_request() -> None:
    kept = order(seed=0, epoch=0, drop_last=True)
    assert len(kept) == len(set(kept)) == 8


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first = order(seed=5, epoch=3, count=100)
    torch.manual_seed(123)
    state = torch.get_rng_state()
    assert order(seed=5, epoch=3, count=100) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert order(seed=5, epoch=4, count=100) != first
    assert order(seed=6, epoch=3, count=100) != first
    # A sum of seed and epoch would make these two equal.
    assert order(seed=6, epoch=2, count=100) != first


def test_evaluation_goes_in_order_over_all_examples() -> None:
    batches = list(iterate_in_order(rows(), size=4))
    assert torch.equal(torch.cat([batch["Y"] for batch in batches]), torch.arange(10))
    assert [len(batch["Y"]) for batch in batches] == [4, 4, 2]
    assert torch.equal(whole(rows())["X"], rows()["X"])


@pytest.mark.parametrize(
    ("count", "size", "drop_last", "expected"), [(10, 4, True, 2), (10, 4, False, 3), (8, 4, True, 2), (3, 4, False, 1)]
)
def test_the_number_of_batches(*, count: int, size: int, drop_last: bool, expected: int) -> None:
    assert count_batches(count, size=size, drop_last=drop_last) == expected
    assert len(list(shuffled_batches(rows(count), size=size, seed=0, epoch=0, drop_last=drop_last))) == expected


def test_a_batch_larger_than_the_data_is_an_error_with_the_size_to_use() -> None:
    with pytest.raises(DataError, match=r"a batch of 11 examples is asked for, and there are 10; .*train\.batch=10"):
        shuffled_batches(rows(), size=11, seed=0, epoch=0, drop_last=True)
    with pytest.raises(DataError, match="batch size of at least 1"):
        count_batches(10, size=0, drop_last=False)


def test_the_parts_of_a_source_become_batches() -> None:
    columns = load_source("digits").columns
    batch = next(shuffled_batches(training_part(columns), size=256, seed=0, epoch=0, drop_last=True))
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == {"image": (256, 1, 8, 8), "label": (256,)}
    assert len(held_out_part(columns)["image"]) == 360

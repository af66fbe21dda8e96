"""The order of an epoch, its number of batches, and the parts of a source."""

import pytest
import torch

from mvib.data import BadItems, BatchLoader, DataError, count_batches, held_out_part, load_source, training_part
from mvib.data.batches import epoch_order


def batches(count: int, size: int, *, drop_last: bool = False) -> list[dict[str, torch.Tensor]]:
    rows = {"X": torch.arange(count, dtype=torch.float64)[:, None], "Y": torch.arange(count)}
    loader = BatchLoader(rows, device=torch.device("cpu"), bad=BadItems())
    return list(loader.shuffled(size=size, seed=0, epoch=0, drop_last=drop_last))


def test_an_epoch_has_each_example_once_and_its_columns_together() -> None:
    found = batches(10, 4)
    assert [len(batch["Y"]) for batch in found] == [4, 4, 2]
    assert sorted(torch.cat([batch["Y"] for batch in found]).tolist()) == list(range(10))
    assert all(torch.equal(batch["X"][:, 0].long(), batch["Y"]) for batch in found)
    assert found[0]["X"].dtype == torch.float64


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    first = epoch_order(100, seed=5, epoch=3)
    assert sorted(first.tolist()) == list(range(100))
    torch.manual_seed(123)
    state = torch.get_rng_state()
    assert torch.equal(epoch_order(100, seed=5, epoch=3), first)
    assert torch.equal(torch.get_rng_state(), state)
    # A sum of seed and epoch would make the last of these equal.
    for seed, epoch in ((5, 4), (6, 3), (6, 2)):
        assert not torch.equal(epoch_order(100, seed=seed, epoch=epoch), first)


@pytest.mark.parametrize(
    ("count", "size", "drop_last", "expected"), [(10, 4, True, 2), (10, 4, False, 3), (8, 4, True, 2), (3, 4, False, 1)]
)
def test_the_number_of_batches(*, count: int, size: int, drop_last: bool, expected: int) -> None:
    assert count_batches(count, size=size, drop_last=drop_last) == expected
    found = torch.cat([batch["Y"] for batch in batches(count, size, drop_last=drop_last)]).tolist()
    assert len(batches(count, size, drop_last=drop_last)) == expected
    assert len(found) == len(set(found)) == (expected * size if drop_last else count)


def test_a_batch_larger_than_the_data_is_an_error_with_the_size_to_use() -> None:
    with pytest.raises(DataError, match=r"a batch of 11 examples is asked for, and there are 10; .*train\.batch=10"):
        batches(10, 11, drop_last=True)
    with pytest.raises(DataError, match="batch size of at least 1"):
        count_batches(10, size=0, drop_last=False)


def test_the_parts_of_a_source_are_of_all_its_columns() -> None:
    columns = load_source("digits").columns
    shapes = {name: tuple(rows.shape) for name, rows in training_part(columns).items()}
    assert shapes == {"image": (1437, 1, 8, 8), "label": (1437,)}
    assert len(held_out_part(columns)["image"]) == 360

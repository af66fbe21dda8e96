import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mvib.nn.memory import MovingAverage, Queue


def numbered(first: int, count: int) -> torch.Tensor:
    """Rows of two equal numbers, counting on from `first`."""
    return torch.arange(first, first + count, dtype=torch.float32).unsqueeze(1).expand(count, 2)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 2, 2), (4, 3, 5), (7,), (5, 0, 1), (12,), (3, 17, 2), (5, 5)])
def test_the_last_rows_stay(sizes: tuple[int, ...]) -> None:
    queue = Queue(size=5, width=2)
    first = 0
    for count in sizes:
        queue.push(numbered(first, count))
        first += count
        kept = set(queue.rows()[:, 0].tolist())
        assert kept == set(range(max(0, first - 5), first))
        assert len(queue.rows()) == min(5, first)


def test_it_starts_empty() -> None:
    assert Queue(size=3, width=4).rows().shape == (0, 4)


def test_no_gradient_stays() -> None:
    queue = Queue(size=3, width=2)
    rows = torch.ones(2, 2, requires_grad=True)
    queue.push(rows * 2)
    assert not queue.rows().requires_grad
    assert queue.memory.grad_fn is None
    query = torch.ones(2, requires_grad=True)
    (queue.rows() @ query).sum().backward()  # type: ignore[no-untyped-call]
    assert rows.grad is None
    assert query.grad is not None


def test_rows_of_another_precision_are_taken() -> None:
    queue = Queue(size=3, width=2)
    queue.push(torch.ones(2, 2, dtype=torch.bfloat16))
    assert queue.rows().dtype == torch.float32


def test_a_checkpoint_holds_what_is_remembered(tmp_path: Path) -> None:
    def build() -> nn.ModuleDict:
        return nn.ModuleDict({"queue": Queue(size=5, width=2), "average": MovingAverage(0.9)})

    memory, restored = build(), build()
    queue, average = memory["queue"], memory["average"]
    assert isinstance(queue, Queue)
    assert isinstance(average, MovingAverage)
    queue.push(numbered(0, 7))
    average.update(torch.tensor(1.5))
    save_file(memory.state_dict(), tmp_path / "memory.safetensors")
    restored.load_state_dict(load_file(tmp_path / "memory.safetensors"))
    again, average_again = restored["queue"], restored["average"]
    assert isinstance(again, Queue)
    assert isinstance(average_again, MovingAverage)
    for one in (queue, again):
        one.push(numbered(7, 2))
    torch.testing.assert_close(again.rows(), queue.rows(), rtol=0, atol=0)
    torch.testing.assert_close(average_again.update(torch.tensor(0.1)), average.update(torch.tensor(0.1)))


def test_the_average_starts_at_the_first_number_and_forgets_by_its_weight() -> None:
    average = MovingAverage(0.9)
    numbers = [2.0, 5.0, 1.0]
    expected = numbers[0]
    for index, number in enumerate(numbers):
        expected = expected if index == 0 else 0.9 * expected + 0.1 * number
        given = average.update(torch.tensor(math.log(number), dtype=torch.float64, requires_grad=True))
        assert given.dtype == torch.float64
        assert not given.requires_grad
        assert given.item() == pytest.approx(math.log(expected), rel=1e-6)  # kept in single precision


def test_the_average_of_numbers_whose_exponential_overflows() -> None:
    average = MovingAverage(0.5)
    average.update(torch.tensor(1000.0))
    assert average.update(torch.tensor(-1000.0)).item() == pytest.approx(1000 - math.log(2))


@pytest.mark.parametrize(("weight", "expected"), [(0.0, 2.0), (1.0, 1.0)])
def test_no_memory_and_nothing_but_memory(weight: float, expected: float) -> None:
    average = MovingAverage(weight)
    average.update(torch.tensor(1.0))
    assert average.update(torch.tensor(2.0)).item() == pytest.approx(expected)


def test_evaluation_does_not_change_it() -> None:
    average = MovingAverage(0.9).eval()
    assert average.update(torch.tensor(3.0)).item() == 3  # it has none yet
    average.train().update(torch.tensor(1.0))
    assert average.eval().update(torch.tensor(3.0)).item() == 1
    assert average.log_average.item() == 1


def test_what_was_returned_does_not_change_later() -> None:
    average = MovingAverage(0.5)
    first = average.update(torch.tensor(1.0))
    average.update(torch.tensor(2.0))
    assert first.item() == 1

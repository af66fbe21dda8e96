"""Sums over scores in blocks are those over the scores all at once, and so are their gradients."""

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators.scores import log_partition, log_partitions, sum_of_softplus

# Blocks of 3 divide neither 5 nor 8; None keeps all scores at once.
each_block = pytest.mark.parametrize("block", [None, 1, 3, 100])
each_diagonal = pytest.mark.parametrize("without_diagonal", [None, 0, 2, -1, 9])


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def materialised(a: Tensor, b: Tensor, scale: Tensor | float, without_diagonal: int | None) -> Tensor:
    scores = scale * (a @ b.T)
    if without_diagonal is None:
        return scores
    rows, columns = torch.arange(len(a))[:, None], torch.arange(len(b))
    return scores.masked_fill(columns == rows + without_diagonal, -math.inf)


def assert_same(found: Tensor, expected: Tensor, inputs: Sequence[Tensor]) -> None:
    """The same value and gradient up to the order of the sums in double precision."""
    pairs = zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True)
    for one, other in ((found, expected), *pairs):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@each_block
@each_diagonal
@pytest.mark.parametrize("biased", [False, True])
def test_log_partition(block: int | None, without_diagonal: int | None, biased: bool) -> None:
    a, b, scale, weights = random(5, 4), random(8, 4), random(), random(5, seed=1).detach()
    row_bias, column_bias = (random(5), random(8)) if biased else (None, None)
    inputs = [x for x in (a, b, scale, row_bias, column_bias) if x is not None]
    found = log_partition(
        a,
        b,
        scale=scale,
        row_bias=row_bias,
        column_bias=column_bias,
        without_diagonal=without_diagonal,
        block=block,
    )
    scores = materialised(a, b, scale, without_diagonal)
    if row_bias is not None and column_bias is not None:
        scores = scores + row_bias[:, None] + column_bias
    assert_same(found @ weights, scores.logsumexp(dim=1) @ weights, inputs)


@each_block
@each_diagonal
def test_log_partitions_of_rows_and_columns(block: int | None, without_diagonal: int | None) -> None:
    a, b, scale = random(5, 4), random(8, 4), random()
    row_weights, column_weights = random(5, seed=1).detach(), random(8, seed=1).detach()
    of_rows, of_columns = log_partitions(a, b, scale=scale, without_diagonal=without_diagonal, block=block)
    scores = materialised(a, b, scale, without_diagonal)
    expected = scores.logsumexp(dim=1) @ row_weights + scores.logsumexp(dim=0) @ column_weights
    assert_same(of_rows @ row_weights + of_columns @ column_weights, expected, [a, b, scale])
    # Either may be all that is used.
    for dim in (0, 1):
        one = log_partitions(a, b, scale=scale, without_diagonal=without_diagonal, block=block)[1 - dim]
        log_sums = materialised(a, b, scale, without_diagonal).logsumexp(dim=dim)
        # A sum of nothing is minus infinity, whose gradient torch has as not a number.
        there = log_sums > -math.inf
        assert_same(one[there].sum(), log_sums[there].sum(), [a, b, scale])


@each_block
@pytest.mark.parametrize("without_diagonal", [None, 0])
@pytest.mark.parametrize("biased", [False, True])
def test_symmetric_scores(block: int | None, without_diagonal: int | None, biased: bool) -> None:
    a, scale, weights = random(8, 4), random(), random(8, seed=1).detach()
    bias = random(8) if biased else None
    found = log_partition(
        a, a, scale=scale, row_bias=bias, column_bias=bias, without_diagonal=without_diagonal, block=block
    )
    scores = materialised(a, a, scale, without_diagonal)
    if bias is not None:
        scores = scores + bias[:, None] + bias
    inputs = [x for x in (a, scale, bias) if x is not None]
    assert_same(found @ weights, scores.logsumexp(dim=1) @ weights, inputs)


@each_block
@each_diagonal
def test_sum_of_softplus(block: int | None, without_diagonal: int | None) -> None:
    a, b, scale, bias = random(5, 4), random(8, 4), random(), random(seed=1)
    found = sum_of_softplus(a, b, scale=scale, bias=bias, without_diagonal=without_diagonal, block=block)
    scores = materialised(a, b, scale, without_diagonal) + bias
    assert_same(3 * found, 3 * F.softplus(scores, threshold=100).sum(), [a, b, scale, bias])


@each_block
def test_gradients_are_those_of_finite_differences(block: int | None) -> None:
    a, b, scale, bias = random(3, 2), random(4, 2), random(), random(4)
    row_bias = random(3)

    def partition(a: Tensor, b: Tensor, scale: Tensor, row_bias: Tensor, bias: Tensor) -> Tensor:
        return log_partition(a, b, scale=scale, row_bias=row_bias, column_bias=bias, without_diagonal=1, block=block)

    def partitions(a: Tensor, b: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        return log_partitions(a, b, scale=scale, block=block)

    def own(b: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        return log_partition(b, b, scale=scale, row_bias=bias, column_bias=bias, without_diagonal=0, block=block)

    def softplus(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
        return sum_of_softplus(a, b, scale=scale, bias=scale * 2, block=block)

    assert torch.autograd.gradcheck(partition, (a, b, scale, row_bias, bias))
    assert torch.autograd.gradcheck(partitions, (a, b, scale))
    assert torch.autograd.gradcheck(own, (b, scale, bias))
    assert torch.autograd.gradcheck(softplus, (a, b, scale))


@each_block
def test_a_row_without_scores_has_minus_infinity_and_no_gradient(block: int | None) -> None:
    a = random(1, 4)
    alone = log_partition(a, a, without_diagonal=0, block=block)
    assert alone.item() == -math.inf
    assert not torch.autograd.grad(torch.logaddexp(alone, torch.zeros_like(alone)).sum(), a)[0].any()
    of_none = log_partition(a, random(0, 4), block=block)
    assert of_none.item() == -math.inf
    assert sum_of_softplus(a, random(0, 4), block=block).item() == 0
    assert log_partition(random(0, 4), a, block=block).shape == (0,)


@each_block
def test_large_scores_of_either_sign_do_not_overflow(block: int | None) -> None:
    a = torch.tensor([[1.0], [-1.0], [0.0]], requires_grad=True)
    found = log_partition(a, torch.ones(7, 1), scale=1e6, block=block)
    torch.testing.assert_close(found, torch.tensor([1e6, -1e6, 0]) + math.log(7), rtol=1e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad(found.sum(), a)
    torch.testing.assert_close(gradient, torch.full_like(a, 1e6), rtol=1e-6, atol=0)
    assert math.isfinite(sum_of_softplus(a, torch.ones(7, 1), scale=1e6, block=block).item())


def test_no_graph_without_gradients() -> None:
    with torch.no_grad():
        a = random(5, 4)
        assert not log_partition(a, a).requires_grad
        assert not sum_of_softplus(a, a).requires_grad

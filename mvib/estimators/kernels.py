"""Sums of a kernel over pairs of rows, in blocks of rows, from squared distances."""

# Shape suffixes: B rows of this rank, N rows of all ranks, M rows compared with, R rows of a block, S statistics.

import math
from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mvib.estimators.derivatives import product
from mvib.estimators.ranks import Ranks, offset_and_total

_PAIRS_AT_ONCE = 2**22
_ROWS_FOR_MEDIAN = 1024
_ROWS_FOR_MEAN = 128

Bandwidth = float | Float[Tensor, ""] | Literal["median"]


def sum_over_rows(
    statistics: Callable[[int, int], Float[Tensor, " S"]], rows: range, *, num_columns: int
) -> Float[Tensor, " S"]:
    """Sum what a function says of blocks of rows, and keep only one block at a time, in the backward pass as well.

    Args:
        statistics: of the rows from its first argument up to its second, in pairs with `num_columns` others.
        rows: all of them, one after the other.
        num_columns: number of pairs of each row, from which the size of the blocks follows.
    """
    size = max(1, _PAIRS_AT_ONCE // max(1, num_columns))
    if len(rows) <= size:
        return statistics(rows.start, rows.stop)
    blocks = (
        checkpoint(statistics, start, min(start + size, rows.stop), use_reentrant=False, preserve_rng_state=False)
        for start in range(rows.start, rows.stop, size)
    )
    return torch.stack(tuple(blocks)).sum(dim=0)


def squared_distances(
    a: Float[Tensor, "R D"], b: Float[Tensor, "M D"], *, diagonal: int | None = None
) -> Float[Tensor, "R M"]:
    """Squared Euclidean distances of rows to rows, never negative.

    Args:
        a: rows, close to the origin for precision: |a|^2 - 2 <a, b> + |b|^2 loses what the norms have in common.
        b: rows to compare with.
        diagonal: index in `b` of the first row of `a`, where the rows of `a` are among those of `b`: the distance of a
            row to itself is then exactly zero, and has no gradient.
    """
    squares = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1) - 2 * product(a, b.T)
    distances = squares.clamp_min(0)
    if diagonal is not None:
        distances.diagonal(diagonal).zero_()
    return distances


def rows_of_this_rank(num_rows: int, ranks: Ranks) -> range:
    """Places of the rows of this rank among those of all ranks."""
    offset, _ = offset_and_total(num_rows, ranks)
    return range(offset, offset + num_rows)


def bandwidth(sigma: Bandwidth, z: Float[Tensor, "N D"], ranks: Ranks) -> float | Float[Tensor, ""]:
    """Return a bandwidth as it is, or the median distance of distinct rows, without gradient.

    The median is over the pairs of at most 1024 rows, evenly spaced in the batch. It is 1 where it would be zero.
    """
    if not isinstance(sigma, str):
        return sigma
    num_rows = len(z)
    some = z.detach()[:: max(1, -(-num_rows // _ROWS_FOR_MEDIAN))]
    first, second = torch.triu_indices(len(some), len(some), offset=1, device=z.device)
    median = squared_distances(some, some)[first, second].median().sqrt()
    # All ranks have the same rows, but not necessarily the same rounding.
    return ranks.first(torch.where(median > 0, median, torch.ones_like(median)))


def gaussian_less_one(squares: Float[Tensor, "R M"], sigma: float | Float[Tensor, ""]) -> Float[Tensor, "R M"]:
    """The Gaussian kernel less one, exp(-squares / (2 sigma^2)) - 1, precise for near rows.

    Statistics that are blind to a constant of the kernel take it for the kernel itself; it is zero between equal rows.
    """
    return torch.expm1(squares / (-2 * sigma * sigma))


def gaussian_less_mean(
    squares: Float[Tensor, "R M"], sigma: float | Float[Tensor, ""], log_mean: Float[Tensor, ""]
) -> Float[Tensor, "R M"]:
    """The Gaussian kernel less a constant near its mean, precise for near rows and for far ones.

    Statistics that are blind to a constant of the kernel are small differences of large sums where the kernel is nearly
    the same for all pairs, near one or near zero; about its mean they are not.

    Args:
        squares: squared distances.
        sigma: bandwidth.
        log_mean: log of what is taken off, from `log_mean_kernel`.
    """
    return log_mean.exp() * torch.expm1(squares / (-2 * sigma * sigma) - log_mean)


def log_mean_kernel(z: Float[Tensor, "N D"], sigma: float | Float[Tensor, ""], ranks: Ranks) -> Float[Tensor, ""]:
    """Return about the log of the mean Gaussian kernel of two distinct rows, without gradient.

    From the pairs of at most 128 rows, evenly spaced in the batch: any constant does, and one near the mean does best.
    """
    some = z.detach()[:: max(1, -(-len(z) // _ROWS_FOR_MEAN))]
    width = sigma.detach() if isinstance(sigma, Tensor) else sigma
    exponents = squared_distances(some, some) / (-2 * width * width)
    exponents.fill_diagonal_(-math.inf)
    log_mean = exponents.flatten().logsumexp(dim=0) - math.log(max(1, len(some) * (len(some) - 1)))
    # Neither a kernel over it nor the product of both leaves the range of the numbers.
    least = math.log(torch.finfo(z.dtype).tiny) * 2 / 3
    return ranks.first(log_mean.clamp(min=least, max=0))


def sum_of_log_sums(w: Float[Tensor, "N D"], rows: range, *, with_own: bool) -> Float[Tensor, ""]:
    """Sum over some rows i of log sum_j exp(-||w_i - w_j||^2 / 2).

    Args:
        w: all rows, close to the origin, in units of the kernel's width.
        rows: places of those in the sum.
        with_own: whether j runs over i too, whose kernel is exactly 1; at least 2 rows either way.
    """

    def statistics(start: int, stop: int) -> Float[Tensor, " 1"]:
        exponents = squared_distances(w[start:stop], w) / -2
        exponents.diagonal(start).fill_(-math.inf)
        others = exponents.logsumexp(dim=1)
        return (torch.logaddexp(others, torch.zeros_like(others)) if with_own else others).sum()[None]

    return sum_over_rows(statistics, rows, num_columns=len(w)).squeeze(0)

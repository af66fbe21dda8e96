"""Random numbers of the rows of a batch that several processes, or several parts, share.

Every process seeds torch's generator alike, draws the numbers of the whole batch and keeps those of its own rows: so
the views and samples of a batch do not depend on how many processes share it, and all generators stay at one place.
The numbers of other rows are drawn in vain; that costs little beside a network.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from mvib.estimators.ranks import ALONE, Ranks, offset_and_total


class _Sharing:
    """Who shares the batch in work. As torch's generator it belongs to the process; torch.compile sees through it."""

    ranks: Ranks = ALONE


_sharing = _Sharing()


@contextmanager
def rows_shared_by(ranks: Ranks) -> Iterator[None]:
    """Within it, the rows for which is drawn are those of one of these ranks."""
    before, _sharing.ranks = _sharing.ranks, ranks
    try:
        yield
    finally:
        _sharing.ranks = before


def sharing_ranks() -> Ranks:
    """The processes that share the rows of the batch in work, `ALONE` outside of one."""
    return _sharing.ranks


def uniform(shape: tuple[int, ...], *, like: Tensor, dtype: torch.dtype | None = None) -> Float[Tensor, "B *E"]:
    """Uniform numbers in [0, 1), rows first, on the device of `like`, and in its precision where no other is given."""
    return _own_rows(shape, lambda whole: torch.rand(whole, dtype=dtype or like.dtype, device=like.device))


def normal(shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "B *E"]:
    """Standard normal numbers, rows first, on the device and in the precision of `like`."""
    return _own_rows(shape, lambda whole: torch.randn(whole, dtype=like.dtype, device=like.device))


def exponential(shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "B *E"]:
    """Standard exponential numbers, rows first, on the device and in the precision of `like`."""
    return _own_rows(shape, lambda whole: torch.empty(whole, dtype=like.dtype, device=like.device).exponential_())


def gamma(shape: tuple[int, ...], *, concentration: float, like: Tensor) -> Float[Tensor, "B *E"]:
    """Gamma numbers of scale 1, rows first, on the device and in the precision of `like`."""
    return _own_rows(shape, lambda whole: torch._standard_gamma(like.new_full(whole, concentration)))


def integers(below: int, shape: tuple[int, ...], *, device: torch.device) -> Int[Tensor, "B *E"]:
    """Uniform integers from 0 to before `below`, rows first."""
    return _own_rows(shape, lambda whole: torch.randint(below, whole, device=device))


def _own_rows(
    shape: tuple[int, ...], draw: Callable[[tuple[int, ...]], Shaped[Tensor, "N *E"]]
) -> Shaped[Tensor, "B *E"]:
    if sharing_ranks().size == 1:
        return draw(shape)
    total, own = whole_batch(shape[0])
    return draw((total, *shape[1:]))[own]


def whole_batch(num_rows: int) -> tuple[int, slice]:
    """How many rows the whole batch has and where those of this process lie, for what is drawn for all at once."""
    start, total = offset_and_total(num_rows, sharing_ranks())
    return total, slice(start, start + num_rows)

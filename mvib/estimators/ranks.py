"""How an estimate crosses the processes of a distributed run: sums, and rows of all ranks, with exact gradients.

The convention is that of data-parallel training: every rank computes the same loss of the global batch, and gradients
are averaged over ranks. So the gradient of a collective is the sum of the ranks' gradients. Libraries that keep the
gradient of their own rank only divide it silently by the number of ranks (lightly#1920, #1977; solo-learn,
losses/barlow.py).
"""

from typing import Any, Protocol, final

import torch
import torch.distributed as dist
from jaxtyping import Float, Shaped
from torch import Tensor


class Ranks(Protocol):
    """The processes that share a batch. Row 0 of rank r + 1 follows the last row of rank r."""

    @property
    def size(self) -> int:
        """Number of ranks."""

    @property
    def rank(self) -> int:
        """This one, from 0."""

    def sum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Sum over ranks of a tensor of one shape on all; differentiable."""

    def maximum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Largest over ranks, entry by entry, without gradient."""

    def first(self, x: Shaped[Tensor, "*S"], /) -> Shaped[Tensor, "*S"]:
        """What rank 0 gives, on all ranks, without gradient; for random draws that all must share."""

    def rows(self, x: Shaped[Tensor, "B *E"], /) -> Shaped[Tensor, "N *E"]:
        """Rows of all ranks in order of rank, whose numbers may differ; differentiable."""

    def counts(self, number: int, /) -> tuple[int, ...]:
        """A number from each rank, such as its number of rows."""


@final
class Alone:
    """One process: nothing is exchanged."""

    size = 1
    rank = 0

    def sum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Return x."""
        return x

    def maximum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Return x without gradient."""
        return x.detach()

    def first(self, x: Shaped[Tensor, "*S"], /) -> Shaped[Tensor, "*S"]:
        """Return x without gradient."""
        return x.detach()

    def rows(self, x: Shaped[Tensor, "B *E"], /) -> Shaped[Tensor, "B *E"]:
        """Return x."""
        return x

    def counts(self, number: int, /) -> tuple[int, ...]:
        """Return the number."""
        return (number,)


ALONE = Alone()


@final
class ProcessRanks:
    """The ranks of a process group of torch.distributed."""

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        """Take a process group, None for the default one."""
        self.group = group
        self.size: int = dist.get_world_size(group)
        self.rank: int = dist.get_rank(group)

    def sum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Sum over ranks; differentiable."""
        total: Tensor = _Sum.apply(x, self.group)  # type: ignore[no-untyped-call]
        return total

    def maximum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Largest over ranks, entry by entry, without gradient."""
        largest = x.detach().clone()
        dist.all_reduce(largest, op=dist.ReduceOp.MAX, group=self.group)
        return largest

    def first(self, x: Shaped[Tensor, "*S"], /) -> Shaped[Tensor, "*S"]:
        """What rank 0 gives, on all ranks, without gradient."""
        shared = x.detach().clone()
        dist.broadcast(shared, group_src=0, group=self.group)
        return shared

    def rows(self, x: Shaped[Tensor, "B *E"], /) -> Shaped[Tensor, "N *E"]:
        """Rows of all ranks in order of rank; differentiable."""
        gathered: Tensor = _Rows.apply(x, self.counts(x.shape[0]), self.rank, self.group)  # type: ignore[no-untyped-call]
        return gathered

    def counts(self, number: int, /) -> tuple[int, ...]:
        """A number from each rank."""
        mine = torch.zeros(self.size, dtype=torch.int64, device=_device(self.group))
        mine[self.rank] = number
        dist.all_reduce(mine, group=self.group)
        return tuple(mine.tolist())


def current_ranks() -> Ranks:
    """The ranks of the default process group, or `ALONE` where none was made."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        return ProcessRanks()
    return ALONE


def mean_over_ranks(local: Float[Tensor, ""], num_rows: int, ranks: Ranks) -> Float[Tensor, ""]:
    """The mean over the examples of all ranks, from the mean over those of each.

    Exact for uneven batches too, where the mean of the ranks' means is not.

    Args:
        local: mean over the rows of this rank; any number where it has none.
        num_rows: number of rows of this rank.
        ranks: that share the batch.
    """
    if ranks.size == 1:
        return local
    total = sum(ranks.counts(num_rows))
    # A rank without rows keeps its graph, or it would stay out of the gradient's sums and the others would wait for it.
    share = (local if num_rows else local.nan_to_num()) * (num_rows / max(1, total))
    return ranks.sum(share)


def offset_and_total(num_rows: int, ranks: Ranks) -> tuple[int, int]:
    """Place of the first row of this rank among those of all ranks, and their number."""
    counts = ranks.counts(num_rows)
    return sum(counts[: ranks.rank]), sum(counts)


def row_before_each(y: Shaped[Tensor, "B *E"], ranks: Ranks) -> Shaped[Tensor, "B *E"]:
    """Return the rows of the global batch shifted by one, the last one to the front; ranks exchange a row each."""
    if ranks.size == 1:
        return y.roll(1, dims=0)
    counts = ranks.counts(len(y))
    # A rank without rows takes part with zeros that hang on its graph, or it would stay out of the gradient's sums.
    last = torch.cat([y.new_zeros(1, *y.shape[1:]), y])[-1:]
    is_own = torch.arange(ranks.size, device=y.device).reshape(-1, *[1] * (y.dim() - 1)) == ranks.rank
    last_of_each = ranks.sum(torch.where(is_own, last, torch.zeros_like(last)))
    before = next(rank % ranks.size for rank in range(ranks.rank - 1, -ranks.size - 1, -1) if counts[rank])
    return torch.cat([last_of_each[before].unsqueeze(0), y])[: len(y)]


def _device(group: dist.ProcessGroup | None) -> torch.device:
    """Where the collectives of a group want their tensors: NCCL has none for the processor's."""
    backend = dist.get_backend(group)
    return torch.device("cuda", torch.cuda.current_device()) if "nccl" in backend else torch.device("cpu")


class _Sum(torch.autograd.Function):
    """All-reduce forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        """Add up the ranks' tensors."""
        ctx.group = group
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Add up the ranks' gradients: each rank's tensor entered the loss of every rank."""
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        return total, None


class _Rows(torch.autograd.Function):
    """All-gather forward, reduce-scatter backward, for any numbers of rows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, counts: tuple[int, ...], rank: int, group: dist.ProcessGroup | None) -> Tensor:
        """Put the ranks' rows below each other."""
        ctx.counts, ctx.rank, ctx.group = counts, rank, group
        # Collectives want one shape on all ranks: short ones are filled up, and cut again.
        most = max(counts)
        padded = x.new_zeros(most, *x.shape[1:])
        padded[: x.shape[0]] = x
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded, group=group)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """Add up what every rank's loss says about the rows of this one."""
        # Gloo has no reduce-scatter of uneven parts; an all-reduce moves at most twice the bytes.
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total, group=ctx.group)
        start = sum(ctx.counts[: ctx.rank])
        return total[start : start + ctx.counts[ctx.rank]], None, None, None

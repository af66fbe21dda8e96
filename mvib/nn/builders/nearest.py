"""The nearest of the rows of earlier batches."""

# Shape suffixes: N rows, S rows of the support set.

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.nn.builders.features import resolve_features
from mvib.nn.memory import Queue
from mvib.nn.shapes import Shape

Support = Literal["first", "all"]

_LEAST_NORM = 1e-12  # as `unit`


class Nearest(nn.Module):
    """Gives for each vector the nearest by cosine in a support set of the last unit vectors; without gradient.

    The set takes up what it was given in training mode after the step, from all ranks, so that no vector of a step
    finds one of the same step. While it is empty, each vector finds its own direction.
    """

    def __init__(self, axis: int, width: int, *, size: int, support: Support) -> None:
        """Take the axis of the features, the batch being axis 0, their number, and what `nearest` takes."""
        super().__init__()
        self.axis = axis
        self.support: Support = support
        self.queue = Queue(size=size, width=width)
        # Of the step that is under way: a checkpoint is made between steps.
        self._seen: Tensor | None = None

    @torch.no_grad()
    def forward(self, x: Float[Tensor, "B *E"], *, ranks: Ranks = ALONE) -> Float[Tensor, "B *E"]:
        """Return the nearest vectors, in the shape of x and at least float32."""
        rows = F.normalize(at_least_float32(x).movedim(self.axis, -1), dim=-1, eps=_LEAST_NORM)
        flat = rows.flatten(0, -2)
        if self.training:
            self._see(flat, ranks)
        return self._nearest(flat).reshape(rows.shape).movedim(-1, self.axis)

    def after_step(self) -> None:
        """Take up the vectors of the step, in place of the oldest."""
        if self._seen is not None:
            self.queue.push(self._seen)
        self._seen = None

    def _see(self, rows: Float[Tensor, "N D"], ranks: Ranks) -> None:
        if self._seen is None:
            self._seen = ranks.rows(rows)
        elif self.support == "all":
            self._seen = torch.cat([self._seen, ranks.rows(rows)])[-len(self.queue.memory) :]

    def _nearest(self, rows: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        # All places are compared and the empty ones masked: how many there are is not known without waiting for it.
        memory_SD = self.queue.memory.to(rows)
        is_empty_S = torch.arange(len(memory_SD), device=rows.device) >= self.queue.count
        with without_autocast(rows):
            cosines_NS = rows @ memory_SD.T
        found = memory_SD[cosines_NS.masked_fill_(is_empty_S, -torch.inf).argmax(dim=1)]
        return torch.where(self.queue.count > 0, found, rows)


def nearest(shape: Shape, *, size: int = 65536, support: Support = "first") -> nn.Module:
    """Build a support set of `size` unit vectors and the search in it.

    Args:
        shape: of an example; each step of a sequence and each place of a map is a vector of its own.
        size: of the support set.
        support: which vectors it takes up: those of the `first` call of each step, or of `all`.

    Raises:
        ShapeError: the shape has no axis.

    Source: Dwibedi et al. 2021 (NNCLR), arXiv:2104.14548, eq. 2. Vectors of the first view are taken up as in
    solo-learn (vturrisi/solo-learn, solo/methods/nnclr.py). Differs from it: the set starts empty, and not full of
    random rows; batches need not divide its size.
    """
    axis, width = resolve_features(shape)
    return Nearest(axis, width, size=size, support=support)

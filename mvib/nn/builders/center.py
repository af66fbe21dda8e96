"""Scores without their running mean."""

# Shape suffixes: K features.

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape


class Center(nn.Module):
    """Subtracts a centre that follows the mean of what it was applied to: c <- m c + (1 - m) mean after each step.

    The mean is over every vector of all calls of the step (both views) on all ranks. The centre starts at zero, carries
    no gradient, and stays as it is in evaluation mode.
    """

    center: Tensor
    total: Tensor
    count: Tensor

    def __init__(self, axis: int, width: int, *, momentum: float) -> None:
        """Name the axis of the features, the batch being axis 0, their number, and m in [0, 1]."""
        super().__init__()
        self.axis = axis
        self.momentum = momentum
        self.register_buffer("center", torch.zeros(width))
        # Of the step that is under way: a checkpoint is made between steps.
        self.register_buffer("total", torch.zeros(width), persistent=False)
        self.register_buffer("count", torch.zeros(()), persistent=False)

    def forward(self, x: Float[Tensor, "B *E"], *, ranks: Ranks = ALONE) -> Float[Tensor, "B *E"]:
        """Return x - c, in at least float32."""
        rows = at_least_float32(x).movedim(self.axis, -1)
        if self.training:
            self._take_up(rows.detach().flatten(0, -2), ranks)
        return (rows - self.center).movedim(-1, self.axis)

    @torch.no_grad()
    def after_step(self) -> None:
        """Move the centre; it stays where there was nothing to follow."""
        mean_K = self.total / self.count.clamp_min(1)
        moved_K = self.momentum * self.center + (1 - self.momentum) * mean_K
        self.center.copy_(torch.where(self.count > 0, moved_K, self.center))
        self.total.zero_()
        self.count.zero_()

    @torch.no_grad()
    def _take_up(self, rows: Float[Tensor, "N K"], ranks: Ranks) -> None:
        # Both travel together, since ranks may have uneven numbers of rows.
        sums = ranks.sum(torch.cat([rows.sum(dim=0), rows.new_tensor([len(rows)])]))
        self.total += sums[:-1]
        self.count += sums[-1]


def center(shape: Shape, *, momentum: float = 0.9) -> nn.Module:
    """Build the centring: one centre, of a vector, shared by the steps of a sequence and by the places of a map.

    Raises:
        ShapeError: the shape has no axis.

    Source: Caron et al. 2021 (DINO), arXiv:2104.14294, eq. 4; official code (facebookresearch/dino, main_dino.py,
    `DINOLoss.update_center`): the mean is over the outputs for both global views, and moves the centre after the loss.
    """
    axis, width = resolve_features(shape)
    return Center(axis, width, momentum=momentum)

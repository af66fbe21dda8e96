"""The slow copy of a network that momentum methods predict: an exponential moving average of its parameters."""

import copy
from typing import Any

import torch
from torch import Tensor, nn


class MomentumCopy(nn.Module):
    """A momentum encoder: a copy of a network that follows its parameters slowly and never receives a gradient.

    It starts as an exact copy and runs in the mode (training or evaluation) it is put in, so in training its batch
    normalisation uses the statistics of its own batch. Running statistics are the copy's own: they are not averaged.
    It does not know its source after construction, nor the schedule of its momentum.

    Source: Grill et al. 2020, arXiv:2006.07733, eq. 1. Differs from the official code
    (deepmind-research, byol/byol_experiment.py at d8df415), which draws the initial copy from another random key.
    """

    def __init__(self, source: nn.Module) -> None:
        """Copy `source`, its buffers included."""
        super().__init__()
        self.copy = copy.deepcopy(source).requires_grad_(False)

    # Whatever the source takes and returns, the copy takes and returns.
    @torch.no_grad()
    def forward(self, *inputs: Any, **context: Any) -> Any:
        """Return what the copied network gives, cut off from the gradient."""
        return self.copy(*inputs, **context)

    @torch.no_grad()
    def update(self, source: nn.Module, momentum: float) -> None:
        """Move each parameter towards that of `source`: t <- momentum t + (1 - momentum) s.

        Args:
            source: the network that was copied, after the step of its optimiser.
            momentum: in [0, 1]; 1 leaves the copy as it is, 0 makes it equal to the source.
        """
        copies: list[Tensor] = list(self.copy.parameters())
        originals: list[Tensor] = list(source.parameters())
        assert len(copies) == len(originals), "the source of a momentum copy has changed its parameters"
        if copies:
            torch._foreach_lerp_(copies, originals, 1 - momentum)

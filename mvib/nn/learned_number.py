"""A number that is trained, such as a temperature."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LearnedNumber(nn.Module):
    """A scalar parameter; one that must be positive is trained in its logarithm.

    Source: the temperature of CLIP, Radford et al. 2021, arXiv:2103.00020, section 2.5, whose inverse is kept at 100 or
    below after every step.
    """

    def __init__(self, start: float, *, positive: bool, least: float | None) -> None:
        """Start at `start`; `restrict` brings it back to `least` or above."""
        super().__init__()
        self.positive = positive
        self.least = least
        self.number = nn.Parameter(torch.tensor(math.log(start) if positive else float(start)))

    def forward(self) -> Float[Tensor, ""]:
        """Return the number."""
        return self.number.exp() if self.positive else self.number + 0

    @torch.no_grad()
    def restrict(self) -> None:
        """Bring the number back into its range; call it after every step of the optimizer."""
        if self.least is not None:
            self.number.clamp_(min=math.log(self.least) if self.positive else self.least)

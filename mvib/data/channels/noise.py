"""Additive Gaussian noise."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape, check_number
from mvib.estimators.draws import normal


class _Noise(nn.Module):
    """The channel p(view | x) = N(x, std^2)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, examples: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """Adds noise drawn from torch's global generator."""
        return examples + self.std * normal(tuple(examples.shape), like=examples)


def noise(shape: Shape, *, std: float = 0.1) -> nn.Module:
    """Builds the channel that adds independent Gaussian noise to every number; the result is not clipped.

    Args:
        shape: of one example, any.
        std: standard deviation of the noise, in the unit of the data.

    Returns:
        A module from examples (B, *shape) to their views.

    Raises:
        ChannelError: the standard deviation is negative or not finite.
    """
    check_number(std, (0.0, math.nextafter(math.inf, 0.0)), name="std", channel="noise")
    return _Noise(std)

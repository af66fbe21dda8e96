"""What an estimator asks of a distribution: a density, and for analytic rates a divergence in closed form."""

from typing import Protocol, TypeVar

from jaxtyping import Float, Shaped
from torch import Tensor

ReferenceT_contra = TypeVar("ReferenceT_contra", contravariant=True)


class Density(Protocol):
    """A distribution for each example of a batch whose log density can be evaluated."""

    def log_prob(self, x: Shaped[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats, summed over all event axes."""


class Divergent(Protocol[ReferenceT_contra]):
    """A distribution whose Kullback-Leibler divergence from a reference has a closed form."""

    def kl_divergence(self, reference: ReferenceT_contra, /) -> Float[Tensor, " B"]:
        """Return KL(self || reference) of each example in nats, summed over all event axes."""

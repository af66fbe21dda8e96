"""What an estimator asks of a distribution: a density, and where it can be had a closed form or a factorisation."""

from collections.abc import Callable
from typing import Protocol, Self, TypeVar, runtime_checkable

from jaxtyping import Float, Shaped
from torch import Tensor

ReferenceT_contra = TypeVar("ReferenceT_contra", contravariant=True)


class Density(Protocol):
    """A distribution for each example of a batch whose log density can be evaluated."""

    def log_prob(self, x: Shaped[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats, summed over all event axes."""


class PairwiseDensity(Density, Protocol):
    """A density that can be evaluated at the values of other examples too."""

    def log_prob_pairs(self, y: Shaped[Tensor, "M *E"], /) -> Float[Tensor, "M B"]:
        """Return the log density of value m under example b in nats."""

    def with_rows(self, change: Callable[[Tensor], Tensor], /) -> Self:
        """Return the distributions of other examples: each parameter's rows go through `change`."""


@runtime_checkable
class ExponentialFamily(PairwiseDensity, Protocol):
    """A density whose logarithm is an inner product of something of the value and something of the example."""

    def factors(
        self, y: Shaped[Tensor, "M *E"], /, *, origin: Float[Tensor, "*E"]
    ) -> tuple[Float[Tensor, "M K"], Float[Tensor, "B K"], Float[Tensor, " B"]]:
        """Return t, n, a with log q(y_m | x_b) = <t_m, n_b> - a_b in nats.

        Any `origin` gives the same density; one among the values keeps the digits of values far from 0.
        """


class Divergent(Protocol[ReferenceT_contra]):
    """A distribution whose Kullback-Leibler divergence from a reference has a closed form."""

    def kl_divergence(self, reference: ReferenceT_contra, /) -> Float[Tensor, " B"]:
        """Return KL(self || reference) of each example in nats, summed over all event axes."""

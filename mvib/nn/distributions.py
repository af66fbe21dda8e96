"""Distributions as values: tensors of parameters for a batch, with densities in nats and reparameterised samples.

Axis 0 holds the examples (B), the other axes one event (E). Log densities and divergences sum over the event, and are
computed in at least float32.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from mvib.nn.sphere import mirror_from_first_axis, sample_cosine


class NoClosedFormError(Exception):
    """The Kullback-Leibler divergence of two families of distributions has no closed form here."""

    def __init__(self, *, posterior: str, reference: str) -> None:
        """Record the names of the two families."""
        super().__init__(f"KL({posterior} || {reference}) has no closed form here; estimate it at a sample instead")
        self.posterior = posterior
        self.reference = reference


class Distribution(ABC):
    """A distribution for each example of a batch."""

    __slots__ = ()

    @property
    @abstractmethod
    def mean(self) -> Float[Tensor, "B *E"]:
        """Return the mean of each example: what stands for the distribution when nothing is drawn."""

    @abstractmethod
    def log_prob(self, x: Shaped[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density (or log probability) of each example in nats, summed over the event."""

    def kl_divergence(self, reference: "Distribution", /) -> Float[Tensor, " B"]:
        """Return KL(self || reference) of each example in nats, as the function of this name does."""
        return kl_divergence(self, reference)


# `field()` on a mean: a dataclass would otherwise take the abstract property above for the default of the field.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiagonalGaussian(Distribution):
    """Gaussian with independent dimensions."""

    mean: Float[Tensor, "B *E"] = field()
    std: Float[Tensor, "B *E"]

    def sample(self) -> Float[Tensor, "B *E"]:
        """Draw from each example, differentiable in mean and standard deviation."""
        mean = _at_least_float32(self.mean)
        return mean + self.std * torch.randn_like(mean)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats."""
        std = _at_least_float32(self.std)
        standard_score = (_at_least_float32(x) - self.mean) / std
        return _sum_over_event(-standard_score.square() / 2 - std.log() - math.log(2 * math.pi) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StandardNormal(Distribution):
    """Gaussian with mean 0 and variance 1 in every dimension of whatever event it is asked about."""

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Return zero, which broadcasts to any event."""
        return torch.zeros(())

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats."""
        return _sum_over_event(-_at_least_float32(x).square() / 2 - math.log(2 * math.pi) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiagonalLaplace(Distribution):
    """Laplace with independent dimensions; its scale is the mean absolute deviation."""

    mean: Float[Tensor, "B *E"] = field()
    scale: Float[Tensor, "B *E"]

    def sample(self) -> Float[Tensor, "B *E"]:
        """Draw from each example, differentiable in mean and scale."""
        mean = _at_least_float32(self.mean)
        # The difference of two standard exponentials is a standard Laplace, without the logarithm of zero.
        difference = torch.empty_like(mean).exponential_() - torch.empty_like(mean).exponential_()
        return mean + self.scale * difference

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats."""
        scale = _at_least_float32(self.scale)
        return _sum_over_event(-(_at_least_float32(x) - self.mean).abs() / scale - (2 * scale).log())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bernoulli(Distribution):
    """Independent binary dimensions."""

    logits: Float[Tensor, "B *E"]

    @property
    def mean(self) -> Float[Tensor, "B *E"]:
        """Return the probability of 1 in each dimension."""
        return _at_least_float32(self.logits).sigmoid()

    def log_prob(self, x: Shaped[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log probability of each example in nats; values between 0 and 1 count as soft targets."""
        logits = _at_least_float32(self.logits)
        return -_sum_over_event(F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Categorical(Distribution):
    """One of K classes."""

    logits: Float[Tensor, "B K"]

    @property
    def mean(self) -> Float[Tensor, "B K"]:
        """Return the probabilities of the classes: the mean of the one-hot code."""
        return _at_least_float32(self.logits).softmax(dim=1)

    def log_prob(self, x: Int[Tensor, " B"], /) -> Float[Tensor, " B"]:
        """Return the log probability of the class of each example (int64, in [0, K)) in nats."""
        return -F.cross_entropy(_at_least_float32(self.logits), x, reduction="none")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VonMisesFisher(Distribution):
    """Distribution on the unit sphere, concentrated around a direction, with the normaliser left out of its density.

    Attributes:
        direction: any vector but zero; it is normalised here.
        kappa: concentration, at least 0. A number, since the density leaves out what depends on it alone.
    """

    direction: Float[Tensor, "B *E"]
    kappa: float

    @property
    def mean(self) -> Float[Tensor, "B *E"]:
        """Return the mean direction, of unit norm."""
        return _unit(self.direction)

    def sample(self) -> Float[Tensor, "B *E"]:
        """Draw unit vectors, differentiable in the direction.

        Source: Wood 1994, algorithm VM*; the mirror of Davidson et al. 2018, arXiv:1804.00891, algorithm 1.
        """
        direction_BD = _unit(self.direction).flatten(1)
        cosine_B1 = sample_cosine(direction_BD, kappa=self.kappa)
        tangent_BD = F.normalize(torch.randn_like(direction_BD[:, 1:]), dim=1)
        around_first_axis_BD = torch.cat([cosine_B1, (1 - cosine_B1.square()).sqrt() * tangent_BD], dim=1)
        return mirror_from_first_axis(around_first_axis_BD, direction_BD).reshape(self.direction.shape)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return kappa (cos(direction, x) - 1) of each example.

        The log density in nats up to a constant of kappa and the dimension: a perfect prediction costs 0, and
        kappa = 2 gives minus the 2 - 2 cos of BYOL (arXiv:2006.07733, eq. 2). Differences between densities of equal
        kappa and dimension are exact.
        """
        return self.kappa * (_sum_over_event(_unit(self.direction) * _unit(x)) - 1)


def kl_divergence(p: Distribution, q: Distribution) -> Float[Tensor, " B"]:
    """Return the Kullback-Leibler divergence KL(p || q) of each example in nats, summed over the event.

    Gaussian from Gaussian: sum_d [ log(s_q / s_p) + (s_p^2 + (m_p - m_q)^2) / (2 s_q^2) - 1/2 ].

    Raises:
        NoClosedFormError: the pair of families has no closed form here.
    """
    match p, q:
        case DiagonalGaussian(), DiagonalGaussian():
            std_p, std_q = _at_least_float32(p.std), _at_least_float32(q.std)
            distance = _at_least_float32(p.mean) - q.mean
            spread = ((std_p / std_q).square() + (distance / std_q).square() - 1) / 2
            return _sum_over_event(spread + std_q.log() - std_p.log())
        case DiagonalGaussian(), StandardNormal():
            std_p = _at_least_float32(p.std)
            return _sum_over_event((_at_least_float32(p.mean).square() + std_p.square() - 1) / 2 - std_p.log())
        case _:
            raise NoClosedFormError(posterior=type(p).__name__, reference=type(q).__name__)


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _sum_over_event(values: Float[Tensor, "B *E"]) -> Float[Tensor, " B"]:
    return values.reshape(len(values), -1).sum(dim=1)  # a plain vector has events of one number


def _unit(vectors: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
    return F.normalize(_at_least_float32(vectors).flatten(1), dim=1).reshape(vectors.shape)

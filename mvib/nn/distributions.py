"""Distributions as values: tensors of parameters for a batch, with densities in nats and reparameterised samples.

Axis 0 holds the examples (B), the other axes one event (E). Log densities and divergences sum over the event, and are
computed in at least float32.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Self

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mvib.estimators.draws import exponential, integers, normal, uniform
from mvib.estimators.precision import without_autocast
from mvib.nn.sphere import log_area, log_peak, mean_cosine, mirror_from_first_axis, sample_cosine, turn_with

# Numbers in an intermediate result over pairs of examples: 64 MiB in single precision.
_LARGEST_BLOCK = 1 << 24


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

    @property
    def left_out(self) -> float:
        """Return what `log_prob` leaves out of the log density, in nats: a number that no parameter changes."""
        return 0.0

    def fixed_log_prob(self) -> float:
        """Return the part of each example's log density, in nats, that depends on no parameter and on no value."""
        return 0.0

    def kl_divergence(self, reference: "Distribution", /) -> Float[Tensor, " B"]:
        """Return KL(self || reference) of each example in nats, as the function of this name does."""
        return kl_divergence(self, reference)

    def with_rows(self, change: Callable[[Tensor], Tensor], /) -> Self:
        """Return the distributions of other examples: the rows of each parameter go through `change`."""
        parameters = {entry.name: getattr(self, entry.name) for entry in fields(self)}  # type: ignore[arg-type]
        changed = {name: change(value) for name, value in parameters.items() if isinstance(value, Tensor)}
        return replace(self, **changed)  # type: ignore[type-var]


class ExponentialFamily(Distribution):
    """A distribution whose log density is an inner product, so that all pairs are one matrix product."""

    __slots__ = ()

    @abstractmethod
    def factors(
        self, y: Shaped[Tensor, "M *E"], /, *, origin: Float[Tensor, "*E"]
    ) -> tuple[Float[Tensor, "M K"], Float[Tensor, "B K"], Float[Tensor, " B"]]:
        """Return t, n, a with log q(y_m | x_b) = <t_m, n_b> - a_b in nats.

        Args:
            y: values, of any examples.
            origin: subtracted from values and means where the family has a place. It does not change the density, and
                keeps the digits of values that are far from 0 and close together.
        """

    def log_prob_pairs(self, y: Shaped[Tensor, "M *E"], /) -> Float[Tensor, "M B"]:
        """Return the log density of value m under example b in nats."""
        origin = _at_least_float32(y.detach()).sum(dim=0) / max(1, len(y))
        statistics_MK, natural_BK, log_normalizer_B = self.factors(y, origin=origin)
        with without_autocast(statistics_MK):
            return torch.addmm(-log_normalizer_B, statistics_MK, natural_BK.T)


# `field()` on a mean: a dataclass would otherwise take the abstract property above for the default of the field.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiagonalGaussian(ExponentialFamily):
    """Gaussian with independent dimensions, all of the standard deviation `fixed_std` where that is a number."""

    mean: Float[Tensor, "B *E"] = field()
    std: Float[Tensor, "B *E"]
    fixed_std: float | None = None

    def fixed_log_prob(self) -> float:
        """Return minus the log of the normaliser where the standard deviation is fixed."""
        if self.fixed_std is None:
            return 0.0
        return -math.prod(self.mean.shape[1:]) * (math.log(self.fixed_std) + math.log(2 * math.pi) / 2)

    def sample(self) -> Float[Tensor, "B *E"]:
        """Draw from each example, differentiable in mean and standard deviation."""
        mean = _at_least_float32(self.mean)
        return mean + self.std * normal(tuple(mean.shape), like=mean)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats."""
        std = _at_least_float32(self.std)
        standard_score = (_at_least_float32(x) - self.mean) / std
        return _sum_over_event(-standard_score.square() / 2 - std.log() - math.log(2 * math.pi) / 2)

    def factors(
        self, y: Float[Tensor, "M *E"], /, *, origin: Float[Tensor, "*E"]
    ) -> tuple[Float[Tensor, "M K"], Float[Tensor, "B K"], Float[Tensor, " B"]]:
        """Return (y^2, y), (-1 / (2 s^2), m / s^2), and the sum of m^2 / (2 s^2) + log s + log(2 pi) / 2."""
        mean_BE, std_BE = _rows(self.mean - origin), _rows(self.std)
        y_ME = _rows(y - origin)
        precision_BE = std_BE.square().reciprocal()
        log_normalizer_BE = mean_BE.square() * precision_BE / 2 + std_BE.log() + math.log(2 * math.pi) / 2
        natural_BK = torch.cat([-precision_BE / 2, mean_BE * precision_BE], dim=1)
        return torch.cat([y_ME.square(), y_ME], dim=1), natural_BK, log_normalizer_BE.sum(dim=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StandardNormal(Distribution):
    """Gaussian with mean 0 and variance 1 in every dimension of whatever event it is asked about."""

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Return zero, which broadcasts to any event."""
        return torch.zeros(())

    def draw(self, shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "..."]:
        """Draw values of a shape, with the device and precision of another tensor."""
        return normal(shape, like=like)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats."""
        return _sum_over_event(-_at_least_float32(x).square() / 2 - math.log(2 * math.pi) / 2)


class UnitUniform(Distribution):
    """Uniform between 0 and 1 in every dimension of whatever event it is asked about."""

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Return one half, which broadcasts to any event."""
        return torch.tensor(0.5)

    def draw(self, shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "..."]:
        """Draw values of a shape, with the device and precision of another tensor."""
        return uniform(shape, like=like)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats: 0 inside, minus infinity outside."""
        inside = ((x >= 0) & (x <= 1)).flatten(1).all(dim=1)
        return torch.where(inside, 0.0, -math.inf)


class UniformSphere(Distribution):
    """Uniform on the unit sphere of whatever event it is asked about, with its density by the sphere's area."""

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Return zero, which broadcasts to any event."""
        return torch.zeros(())

    def draw(self, shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "..."]:
        """Draw events of unit norm: normal ones, whose law has no direction, divided by their norms."""
        return _unit(normal(shape, like=like)).to(like.dtype)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats: minus the log of the area, 2 pi^(D/2) / Gamma(D/2)."""
        rows_BD = _rows(x)
        return torch.full_like(rows_BD[:, 0], -log_area(rows_BD.shape[1]))


class OneHotUniform(Distribution):
    """One of the axes of the event, each as probable: the one-hot code of a class that is drawn uniformly."""

    @property
    def mean(self) -> Float[Tensor, ""]:
        """Return nothing that broadcasts: the mean depends on the number of classes."""
        raise NotImplementedError("the mean of a one-hot code depends on the number of its classes")

    def draw(self, shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "..."]:
        """Draw codes: all entries 0 but one along the last axis."""
        classes = integers(shape[-1], shape[:-1], device=like.device)
        return F.one_hot(classes, shape[-1]).to(like.dtype)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log probability of each code in nats: minus log K."""
        return x.new_full((len(x),), -math.log(x.shape[-1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiagonalLaplace(Distribution):
    """Laplace with independent dimensions; its scale is the mean absolute deviation, the same for all where fixed."""

    mean: Float[Tensor, "B *E"] = field()
    scale: Float[Tensor, "B *E"]
    fixed_scale: float | None = None

    def fixed_log_prob(self) -> float:
        """Return minus the log of the normaliser where the scale is fixed."""
        if self.fixed_scale is None:
            return 0.0
        return -math.prod(self.mean.shape[1:]) * math.log(2 * self.fixed_scale)

    def sample(self) -> Float[Tensor, "B *E"]:
        """Draw from each example, differentiable in mean and scale."""
        mean = _at_least_float32(self.mean)
        shape = tuple(mean.shape)
        # The difference of two standard exponentials is a standard Laplace, without the logarithm of zero.
        difference = exponential(shape, like=mean) - exponential(shape, like=mean)
        return mean + self.scale * difference

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats."""
        scale = _at_least_float32(self.scale)
        return _sum_over_event(-(_at_least_float32(x) - self.mean).abs() / scale - (2 * scale).log())

    def log_prob_pairs(self, y: Float[Tensor, "M *E"], /) -> Float[Tensor, "M B"]:
        """Return the log density of value m under example b in nats."""
        y_ME, mean_BE, scale_BE = _rows(y), _rows(self.mean), _rows(self.scale)
        # The differences of all pairs are made block by block, and again for the gradient.
        length = max(1, _LARGEST_BLOCK // max(1, mean_BE.numel()))
        blocks = [
            checkpoint(_sum_of_scaled_distances, block, mean_BE, scale_BE, use_reentrant=False)
            for block in torch.split(y_ME, length)
        ]
        return -torch.cat(blocks) - (2 * scale_BE).log().sum(dim=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bernoulli(ExponentialFamily):
    """Independent binary dimensions.

    With `per_entry` its log probability is divided by the number of dimensions: nats per dimension, for losses that
    are a mean over them.
    """

    logits: Float[Tensor, "B *E"]
    per_entry: bool = False

    @property
    def mean(self) -> Float[Tensor, "B *E"]:
        """Return the probability of 1 in each dimension."""
        return _at_least_float32(self.logits).sigmoid()

    def log_prob(self, x: Shaped[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log probability of each example in nats; values between 0 and 1 count as soft targets."""
        logits = _at_least_float32(self.logits)
        surprise_B = _sum_over_event(F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none"))
        return -surprise_B / self._divisor

    def factors(
        self, y: Shaped[Tensor, "M *E"], /, *, origin: Float[Tensor, "*E"]
    ) -> tuple[Float[Tensor, "M K"], Float[Tensor, "B K"], Float[Tensor, " B"]]:
        """Return y, the logits, and the sum of log(1 + exp(logit)); they have no origin to choose."""
        logits_BE = _rows(self.logits)
        statistics_ME = _rows(y.to(logits_BE.dtype)) / self._divisor
        return statistics_ME, logits_BE, F.softplus(logits_BE).sum(dim=1) / self._divisor

    @property
    def _divisor(self) -> int:
        return math.prod(self.logits.shape[1:]) if self.per_entry else 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Categorical(ExponentialFamily):
    """One of K classes."""

    logits: Float[Tensor, "B K"]

    @property
    def mean(self) -> Float[Tensor, "B K"]:
        """Return the probabilities of the classes: the mean of the one-hot code."""
        return _at_least_float32(self.logits).softmax(dim=1)

    def log_prob(self, x: Int[Tensor, " B"], /) -> Float[Tensor, " B"]:
        """Return the log probability of the class of each example (int64, in [0, K)) in nats."""
        return -F.cross_entropy(_at_least_float32(self.logits), x, reduction="none")

    def factors(
        self, y: Int[Tensor, " M"], /, *, origin: Float[Tensor, ""]
    ) -> tuple[Float[Tensor, "M K"], Float[Tensor, "B K"], Float[Tensor, " B"]]:
        """Return one-hot classes, log probabilities, and zeros; they have no origin to choose."""
        log_probability_BK = _at_least_float32(self.logits).log_softmax(dim=1)
        one_hot_MK = F.one_hot(y, log_probability_BK.shape[1]).to(log_probability_BK.dtype)
        return one_hot_MK, log_probability_BK, log_probability_BK.new_zeros(len(log_probability_BK))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VonMisesFisher(ExponentialFamily):
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
        """Draw unit vectors, differentiable in the direction: where it turns, the sample turns with it.

        Source: Wood 1994, algorithm VM*; the mirror of Davidson et al. 2018, arXiv:1804.00891, algorithm 1. Differs
        from it: the gradient is not that of the mirror, which grows without limit near the first axis.
        """
        direction_BD = _unit(self.direction).flatten(1)
        with torch.no_grad():
            cosine_B1 = sample_cosine(direction_BD, kappa=self.kappa)
            tangent_BD = F.normalize(normal((len(direction_BD), direction_BD.shape[1] - 1), like=direction_BD), dim=1)
            around_first_axis_BD = torch.cat([cosine_B1, (1 - cosine_B1.square()).sqrt() * tangent_BD], dim=1)
            drawn_BD = mirror_from_first_axis(around_first_axis_BD, direction_BD)
        return turn_with(drawn_BD, direction_BD).reshape(self.direction.shape)

    @property
    def left_out(self) -> float:
        """Return the log density at the direction itself, in nats."""
        return log_peak(math.prod(self.direction.shape[1:]), self.kappa)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return kappa (cos(direction, x) - 1) of each example.

        The log density in nats up to a constant of kappa and the dimension: a perfect prediction costs 0, and
        kappa = 2 gives minus the 2 - 2 cos of BYOL (arXiv:2006.07733, eq. 2). Differences between densities of equal
        kappa and dimension are exact; `left_out` is the constant.
        """
        return self.kappa * (_sum_over_event(_unit(self.direction) * _unit(x)) - 1)

    def kl_divergence(self, reference: Distribution, /) -> Float[Tensor, " B"]:
        """Return KL(self || reference) of each example in nats.

        From the uniform law of the sphere: log C(kappa) + kappa E cos + log area, a number of kappa and the dimension
        (Davidson et al. 2018, arXiv:1804.00891); from others as the function of this name does.
        """
        if not isinstance(reference, UniformSphere):
            return kl_divergence(self, reference)
        rows_BD = _rows(self.direction)
        dimension = rows_BD.shape[1]
        below_peak = self.kappa * (1 - mean_cosine(dimension, self.kappa))
        return torch.full_like(rows_BD[:, 0], log_peak(dimension, self.kappa) - below_peak + log_area(dimension))

    def factors(
        self, y: Float[Tensor, "M *E"], /, *, origin: Float[Tensor, "*E"]
    ) -> tuple[Float[Tensor, "M K"], Float[Tensor, "B K"], Float[Tensor, " B"]]:
        """Return the unit values, kappa times the unit directions, and kappa; they have no origin to choose."""
        natural_BE = self.kappa * _rows(_unit(self.direction))
        return _rows(_unit(y)), natural_BE, torch.full_like(natural_BE[:, 0], self.kappa)


def has_closed_form(p: Distribution, q: Distribution) -> bool:
    """Whether the method `kl_divergence` of the first has one for these families."""
    if isinstance(p, VonMisesFisher):
        return isinstance(q, UniformSphere)
    return isinstance(p, DiagonalGaussian) and isinstance(q, DiagonalGaussian | StandardNormal)


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


def _sum_of_scaled_distances(
    y: Float[Tensor, "M E"], mean: Float[Tensor, "B E"], scale: Float[Tensor, "B E"]
) -> Float[Tensor, "M B"]:
    return ((y.unsqueeze(1) - mean).abs() / scale).sum(dim=2)


def _rows(values: Shaped[Tensor, "B *E"]) -> Float[Tensor, "B E"]:
    lifted = _at_least_float32(values)
    return lifted.flatten(1) if lifted.dim() > 1 else lifted.unsqueeze(1)  # a plain vector has events of one number


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _sum_over_event(values: Float[Tensor, "B *E"]) -> Float[Tensor, " B"]:
    return _rows(values).sum(dim=1)


def _unit(vectors: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
    return F.normalize(_at_least_float32(vectors).flatten(1), dim=1).reshape(vectors.shape)

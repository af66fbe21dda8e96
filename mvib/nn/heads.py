"""Heads: from the features of a network to the parameters of a distribution.

A head either ends the network with a linear layer to what its distribution takes (`linear=True`, with a ReLU before it
if `activate`), or takes the features themselves for the parameters (`linear=False`). Parameters come out in float32
at least, so that the positive floor of a scale survives half precision.
"""

# Shape suffixes: B batch, F features, E event.

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.distributions import Bernoulli, Categorical, DiagonalGaussian, DiagonalLaplace, VonMisesFisher
from mvib.nn.mixture import GaussianMixture, positive_scale
from mvib.nn.shapes import Shape, ShapeError

# Source: Multi-View-Information-Bottleneck at 296fbb9, utils/modules.py line 28.
_SMALLEST_SCALE = 1e-7


class GaussianHead(nn.Module):
    """Features to a Gaussian with independent dimensions, of learnt or fixed variance.

    A learnt standard deviation is softplus(rho + shift) + 1e-7; the first half of the parameters is the mean, the
    second rho. With shift = -5 it starts near 0.0067 (Alemi et al. 2017, arXiv:1612.00410), with 0 near 0.69.
    """

    def __init__(
        self,
        features: int,
        event: Shape,
        *,
        variance: float | None,
        shift: float = 0.0,
        linear: bool,
        activate: bool = False,
    ) -> None:
        """Prepare the parameters.

        Args:
            features: width of the network that the head ends.
            event: shape of the variable, without the batch.
            variance: of every dimension, greater than 0; None to learn it.
            shift: added to rho; without effect on a fixed variance.
            linear: whether to end with a linear layer, or to take the features for the parameters.
            activate: whether a ReLU precedes the linear layer.

        Raises:
            ShapeError: `linear` is off and the width is not the number of parameters.
        """
        super().__init__()
        num_parameters = math.prod(event) * (2 if variance is None else 1)
        self.parameters_of = _parameter_map(features, num_parameters, linear=linear, activate=activate)
        self.event = event
        self.variance = variance
        self.shift = shift

    def forward(self, features_BF: Float[Tensor, "B F"]) -> DiagonalGaussian:
        """Return one Gaussian for each row of features."""
        parameters = _at_least_float32(self.parameters_of(features_BF))
        if self.variance is None:
            mean, rho = parameters.chunk(2, dim=1)
            std = _positive(rho, shift=self.shift)
            return DiagonalGaussian(mean=_as_event(mean, self.event), std=_as_event(std, self.event))
        mean = _as_event(parameters, self.event)
        fixed = math.sqrt(self.variance)
        return DiagonalGaussian(mean=mean, std=torch.full_like(mean, fixed), fixed_std=fixed)


class LaplaceHead(nn.Module):
    """Features to a Laplace distribution with independent dimensions, of learnt or fixed scale.

    A learnt scale is softplus(rho + shift) + 1e-7; the first half of the parameters is the mean, the second rho.
    """

    def __init__(
        self,
        features: int,
        event: Shape,
        *,
        scale: float | None,
        shift: float = 0.0,
        linear: bool,
        activate: bool = False,
    ) -> None:
        """Prepare the parameters.

        Args:
            features: width of the network that the head ends.
            event: shape of the variable, without the batch.
            scale: of every dimension, greater than 0; None to learn it.
            shift: added to rho; without effect on a fixed scale.
            linear: whether to end with a linear layer, or to take the features for the parameters.
            activate: whether a ReLU precedes the linear layer.

        Raises:
            ShapeError: `linear` is off and the width is not the number of parameters.
        """
        super().__init__()
        num_parameters = math.prod(event) * (2 if scale is None else 1)
        self.parameters_of = _parameter_map(features, num_parameters, linear=linear, activate=activate)
        self.event = event
        self.scale = scale
        self.shift = shift

    def forward(self, features_BF: Float[Tensor, "B F"]) -> DiagonalLaplace:
        """Return one Laplace distribution for each row of features."""
        parameters = _at_least_float32(self.parameters_of(features_BF))
        if self.scale is None:
            mean, rho = parameters.chunk(2, dim=1)
            scale = _positive(rho, shift=self.shift)
            return DiagonalLaplace(mean=_as_event(mean, self.event), scale=_as_event(scale, self.event))
        mean = _as_event(parameters, self.event)
        return DiagonalLaplace(mean=mean, scale=torch.full_like(mean, self.scale), fixed_scale=self.scale)


class BernoulliHead(nn.Module):
    """Features to independent binary dimensions."""

    def __init__(
        self, features: int, event: Shape, *, per_entry: bool = False, linear: bool, activate: bool = False
    ) -> None:
        """Prepare the logits; `per_entry` is that of `Bernoulli`, the other arguments are those of `GaussianHead`.

        Raises:
            ShapeError: `linear` is off and the width is not the number of dimensions.
        """
        super().__init__()
        self.logits_of = _parameter_map(features, math.prod(event), linear=linear, activate=activate)
        self.event = event
        self.per_entry = per_entry

    def forward(self, features_BF: Float[Tensor, "B F"]) -> Bernoulli:
        """Return binary dimensions for each row of features."""
        logits = _as_event(_at_least_float32(self.logits_of(features_BF)), self.event)
        return Bernoulli(logits=logits, per_entry=self.per_entry)


class CategoricalHead(nn.Module):
    """Features to one of K classes."""

    def __init__(
        self, features: int, classes: int, *, temperature: float = 1.0, linear: bool, activate: bool = False
    ) -> None:
        """Prepare the logits, which are divided by `temperature`; the other arguments are those of `GaussianHead`.

        Raises:
            ShapeError: `linear` is off and the width is not the number of classes.
        """
        super().__init__()
        self.logits_of = _parameter_map(features, classes, linear=linear, activate=activate)
        self.temperature = temperature

    def forward(self, features_BF: Float[Tensor, "B F"]) -> Categorical:
        """Return one distribution over the classes for each row of features."""
        return Categorical(logits=_at_least_float32(self.logits_of(features_BF)) / self.temperature)


class VonMisesFisherHead(nn.Module):
    """Features to a von Mises-Fisher distribution around their direction, of fixed concentration."""

    def __init__(
        self, features: int, event: Shape, *, kappa: float, linear: bool = False, activate: bool = False
    ) -> None:
        """Prepare the direction, with concentration `kappa`; the other arguments are those of `GaussianHead`.

        Raises:
            ShapeError: `linear` is off and the width is not the number of dimensions.
        """
        super().__init__()
        self.direction_of = _parameter_map(features, math.prod(event), linear=linear, activate=activate)
        self.event = event
        self.kappa = kappa

    def forward(self, features_BF: Float[Tensor, "B F"]) -> VonMisesFisher:
        """Return one von Mises-Fisher distribution for each row of features."""
        direction = _as_event(_at_least_float32(self.direction_of(features_BF)), self.event)
        return VonMisesFisher(direction=direction, kappa=self.kappa)


class MixtureHead(nn.Module):
    """Features to a mixture of Gaussians with independent dimensions (a mixture density network).

    It always ends with a linear layer: its parameters are the logits of the weights, then the means of all components,
    then their raw scales, of which the standard deviations are softplus(raw) + 1e-7.
    """

    def __init__(self, features: int, event: Shape, *, components: int, activate: bool = False) -> None:
        """Prepare the parameters of a number of components; the other arguments are those of `GaussianHead`."""
        super().__init__()
        num_parameters = components * (1 + 2 * math.prod(event))
        self.parameters_of = _parameter_map(features, num_parameters, linear=True, activate=activate)
        self.event = event
        self.components = components

    def forward(self, features_BF: Float[Tensor, "B F"]) -> GaussianMixture:
        """Return one mixture for each row of features."""
        parameters = _at_least_float32(self.parameters_of(features_BF))
        size = self.components * math.prod(self.event)
        logits_BK, means, raw_stds = torch.split(parameters, [self.components, size, size], dim=1)
        # `len` of a tensor would fix the batch size of an exported program.
        shape = (parameters.shape[0], self.components, *self.event)
        stds = positive_scale(raw_stds.reshape(shape))
        return GaussianMixture(logits=logits_BK, means=means.reshape(shape), stds=stds)


def _parameter_map(features: int, num_parameters: int, *, linear: bool, activate: bool) -> nn.Module:
    if linear:
        layer = nn.Linear(features, num_parameters)
        return nn.Sequential(nn.ReLU(), layer) if activate else layer
    if features != num_parameters:
        raise ShapeError(
            expected=f"a vector of {num_parameters}, one feature for each parameter of the distribution",
            found=(features,),
            remedy=f"let the network end with width {num_parameters}",
        )
    return nn.Identity()


def _positive(rho: Float[Tensor, "B *E"], *, shift: float) -> Float[Tensor, "B *E"]:
    return F.softplus(rho + shift) + _SMALLEST_SCALE


def _as_event(values: Float[Tensor, "B D"], event: Shape) -> Float[Tensor, "B *E"]:
    """Give each row the shape of the variable; of tokens there may be more or fewer than when the head was made."""
    if len(event) == 2:
        event = (values.shape[1] // event[1], event[1])
    # `len` of a tensor would fix the batch size of an exported program.
    return values.reshape(values.shape[0], *event)


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))

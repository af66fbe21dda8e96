"""Geometry of the unit sphere: its area, and the samples and normaliser of a von Mises-Fisher distribution."""

# Shape suffixes: B batch, D dimension, P proposals.

import math
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import gammaln, ive, logsumexp
from torch import Tensor

from mvib.estimators.draws import gamma, uniform

# A proposal is accepted with probability above 0.6 for every kappa and dimension, so that the chance of 64 refusals
# is below 1e-25: the draw is exact for all purposes, and its cost does not depend on the data.
_PROPOSALS = 64
# Below, a Bessel function has no digits left in double precision.
_SMALLEST_BESSEL = 1e-280


@torch.no_grad()
def sample_cosine(direction: Float[Tensor, "B D"], *, kappa: float) -> Float[Tensor, "B 1"]:
    """Draw the cosine between a von Mises-Fisher sample and its direction, one for each row (D >= 2).

    Its law depends on the dimension and the concentration only, so it carries no gradient.

    Source: Wood 1994, Communications in Statistics 23(1), algorithm VM*, steps 0 to 2. Differs from it: a fixed number
    of proposals is drawn at once, of which the first accepted counts.
    """
    batch, dimension = direction.shape
    degrees = dimension - 1
    shift = degrees / (2 * kappa + math.sqrt(4 * kappa**2 + degrees**2))
    cosine_of_mode = (1 - shift) / (1 + shift)
    offset = kappa * cosine_of_mode + degrees * math.log1p(-(cosine_of_mode**2))

    # Beta(degrees / 2, degrees / 2) from two gamma variables.
    gammas = gamma((batch, 2, _PROPOSALS), concentration=degrees / 2, like=direction)
    beta_BP = gammas[:, 0] / gammas.sum(dim=1)
    cosine_BP = (1 - (1 + shift) * beta_BP) / (1 - (1 - shift) * beta_BP)
    log_ratio_BP = kappa * cosine_BP + degrees * torch.log1p(-cosine_of_mode * cosine_BP) - offset
    is_accepted_BP = log_ratio_BP >= uniform((batch, _PROPOSALS), like=direction).log()
    first_accepted_B1 = is_accepted_BP.to(torch.uint8).argmax(dim=1, keepdim=True)
    return cosine_BP.gather(1, first_accepted_B1).clamp(-1, 1)


def mirror_from_first_axis(vectors: Float[Tensor, "B D"], direction: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Reflect each row by the mirror that takes the first axis to the row's unit direction (a Householder map)."""
    first_axis_D = torch.zeros_like(direction[0])
    first_axis_D[0] = 1
    normal_BD = first_axis_D - direction
    # ||normal||^2 is 0 iff the direction is the first axis; nothing is to be mirrored then.
    length_B1 = normal_BD.square().sum(dim=1, keepdim=True).clamp_min(torch.finfo(direction.dtype).tiny)
    return vectors - 2 * normal_BD * (normal_BD * vectors).sum(dim=1, keepdim=True) / length_B1


def turn_with(vectors: Float[Tensor, "B D"], direction: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Return the vectors, with the gradient of being turned as the row's unit direction d turns.

    That is dv = (v.d) dd - (v.dd) d. The smallest turn that takes d to d + dd takes samples of any law that is
    symmetric around d to samples around d + dd, so this is a reparameterisation. It has first derivatives only.
    """
    fixed = direction.detach()
    change = direction - fixed  # zero, with a gradient
    along = (vectors * fixed).sum(dim=1, keepdim=True)
    return vectors + along * change - (vectors * change).sum(dim=1, keepdim=True) * fixed


def log_area(dimension: int) -> float:
    """Log of the area of the unit sphere of R^D, 2 pi^(D / 2) / Gamma(D / 2); of D = 1 the log of its two points."""
    return math.log(2) + dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2)


@cache
def mean_cosine(dimension: int, kappa: float) -> float:
    """Mean cosine between a von Mises-Fisher sample and its direction, I_{D / 2}(kappa) / I_{D / 2 - 1}(kappa).

    By Gauss's continued fraction, 1 / (D / kappa + 1 / ((D + 2) / kappa + ...)), whose terms are positive.

    Args:
        dimension: D, at least 2.
        kappa: concentration, greater than 0.
    """
    ratio = 0.0
    # Beyond, a term changes the ones before it by less than their precision.
    for step in reversed(range(int(kappa) + 100)):
        ratio = 1 / ((dimension + 2 * step) / kappa + ratio)
    return ratio


@cache
def log_peak(dimension: int, kappa: float) -> float:
    """Log density in nats of a von Mises-Fisher distribution at its own direction, log C(kappa) + kappa.

    C(kappa) = kappa^v / ((2 pi)^(D / 2) I_v(kappa)) with v = D / 2 - 1, I_v the modified Bessel function.

    Args:
        dimension: D, at least 2.
        kappa: concentration, greater than 0.
    """
    order = dimension / 2 - 1
    scaled = float(ive(order, kappa))
    if scaled > _SMALLEST_BESSEL:
        log_scaled = math.log(scaled)
    else:
        # The power series, all terms of which are positive; its greatest is before the term kappa / 2.
        k = np.arange(int(kappa) + 100)
        terms = (2 * k + order) * math.log(kappa / 2) - gammaln(k + 1) - gammaln(k + order + 1)
        log_scaled = float(logsumexp(terms)) - kappa
    return order * math.log(kappa) - dimension / 2 * math.log(2 * math.pi) - log_scaled

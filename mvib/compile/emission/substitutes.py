"""What the package takes from scipy, kornia and other processes, with torch alone, for the files it writes."""

import math
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

_CIRCLE = 2 * math.pi


def rgb_to_hsv(image: Float[Tensor, "*B 3 H W"]) -> Float[Tensor, "*B 3 H W"]:
    """Hue in radians in [0, 2 pi), saturation and value of colours in [0, 1]; as kornia.color has it (Apache 2.0)."""
    largest, smallest = image.amax(-3), image.amin(-3)
    spread = largest - smallest
    saturation = spread / torch.where(largest == 0, torch.ones_like(largest), largest + 1e-8)
    spread = torch.where(spread == 0, torch.ones_like(spread), spread)
    to_red, to_green, to_blue = torch.unbind(largest.unsqueeze(-3) - image, dim=-3)
    red, green, blue = torch.unbind(image, dim=-3)
    from_green = (to_red - to_blue) + 2.0 * spread
    from_blue = (to_green - to_red) + 4.0 * spread
    others = torch.where(green >= blue, from_green, from_blue)
    sextant = torch.where((red >= green) & (red >= blue), to_blue - to_green, others)
    hue = _CIRCLE * ((sextant / spread / 6.0) % 1.0)
    # A hue just below zero may come out as the whole circle.
    return torch.stack((hue.masked_fill(hue >= _CIRCLE, 0.0), saturation, largest), dim=-3)


def hsv_to_rgb(image: Float[Tensor, "*B 3 H W"]) -> Float[Tensor, "*B 3 H W"]:
    """Colours in [0, 1] from hue in radians, saturation and value; as kornia.color has it (Apache 2.0)."""
    hue, saturation, value = torch.unbind(image, dim=-3)
    place = hue / _CIRCLE * 6
    sextant = torch.floor(place) % 6
    rest = (place % 6) - sextant
    least = value * (1.0 - saturation)
    falling = value * (1.0 - rest * saturation)
    rising = value * (1.0 - (1.0 - rest) * saturation)
    number = sextant.long().clamp(0, 5)

    def channel(*by_sextant: Tensor) -> Tensor:
        chosen = by_sextant[-1]
        for index in range(len(by_sextant) - 2, -1, -1):
            chosen = torch.where(number == index, by_sextant[index], chosen)
        return chosen

    red = channel(value, falling, least, least, rising, value)
    green = channel(rising, value, value, falling, least, least)
    blue = channel(least, least, rising, value, value, falling)
    return torch.stack((red, green, blue), dim=-3)


@cache
def log_peak(dimension: int, kappa: float) -> float:
    """Log density in nats of a von Mises-Fisher distribution at its own direction, log C(kappa) + kappa.

    C(kappa) = kappa^v / ((2 pi)^(D / 2) I_v(kappa)) with v = D / 2 - 1, I_v the modified Bessel function, here by its
    power series, all terms of which are positive.

    Args:
        dimension: D, at least 2.
        kappa: concentration, greater than 0.
    """
    order = dimension / 2 - 1
    half = math.log(kappa / 2)
    # The greatest term is before the term kappa / 2.
    terms = [(2 * k + order) * half - math.lgamma(k + 1) - math.lgamma(k + order + 1) for k in range(int(kappa) + 100)]
    largest = max(terms)
    log_scaled = largest + math.log(math.fsum(math.exp(term - largest) for term in terms)) - kappa
    return order * math.log(kappa) - dimension / 2 * math.log(2 * math.pi) - log_scaled


def uniform(shape: tuple[int, ...], *, like: Tensor, dtype: torch.dtype | None = None) -> Float[Tensor, "B *E"]:
    """Uniform numbers in [0, 1), on the device of `like`, and in its precision where no other is given."""
    return torch.rand(shape, dtype=dtype or like.dtype, device=like.device)


def normal(shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "B *E"]:
    """Standard normal numbers, on the device and in the precision of `like`."""
    return torch.randn(shape, dtype=like.dtype, device=like.device)


def exponential(shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "B *E"]:
    """Standard exponential numbers, on the device and in the precision of `like`."""
    return torch.empty(shape, dtype=like.dtype, device=like.device).exponential_()


def gamma(shape: tuple[int, ...], *, concentration: float, like: Tensor) -> Float[Tensor, "B *E"]:
    """Gamma numbers of scale 1, on the device and in the precision of `like`."""
    return torch._standard_gamma(like.new_full(shape, concentration))


def integers(below: int, shape: tuple[int, ...], *, device: torch.device) -> Int[Tensor, "B *E"]:
    """Uniform integers from 0 to before `below`."""
    return torch.randint(below, shape, device=device)


def whole_batch(num_rows: int) -> tuple[int, slice]:
    """How many rows the whole batch has and where those of this process lie: it is the only one."""
    return num_rows, slice(0, num_rows)

"""The sliced Epps-Pulley statistic of SIGReg, read as a surrogate of the divergence from the standard normal."""

# Shape suffixes: B batch of this rank, D dimension, S slices, T points of the integral.

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only, product
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks

_ENTRIES_AT_ONCE = 2**16


def sigreg(
    z: Float[Tensor, "B D"],
    *,
    slices: int = 1024,
    directions: Float[Tensor, "D S"] | None = None,
    points: int = 17,
    limit: float = 3.0,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of D(Z || normal) by the Epps-Pulley statistic of random one-dimensional slices (SIGReg).

    N mean_s integral |phi_s(t) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt over [-limit, limit], phi_s the empirical
    characteristic function of the rows projected on the unit vector s, by the trapezoid rule on [0, limit], doubled.
    0 iff the sampled slices look normal at the points; at N normal rows its mean is a constant of order 1. It grows
    with N for any other law, as test statistics do. No bound on the divergence.

    Args:
        z: rows of the representation (`rows.raw`).
        slices: number of directions, drawn anew at each call from torch's generator, one draw for all ranks.
        directions: unit columns in the place of drawn ones, such as those of `draw_directions` for all views.
        points: of the trapezoid rule on [0, limit].
        limit: of the integral, in standard deviations of the frequency.
        ranks: that share the batch.

    Returns:
        Scalar without unit, at least 0.

    Source: Balestriero, LeCun 2025 (LeJEPA), arXiv:2511.08544; official code: galilai-group/lejepa, MINIMAL.md, with
    256 slices. Differs from stable-pretraining, whose sums stay on their rank, and from lightly before its change
    1923, whose gradient was divided by the number of ranks.
    """
    z = at_least_float32(z)
    if directions is None:
        directions = draw_directions(z, slices=slices)["directions"]
    directions = ranks.first(directions)
    step = limit / (points - 1)
    with without_autocast(z):
        sums: Tensor = _CharacteristicSums.apply(product(z, directions), step, points)  # type: ignore[no-untyped-call]
        total = sum(ranks.counts(len(z)))
        cosines_TS, sines_TS = ranks.sum(sums) / total
        frequencies_T = step * torch.arange(1, points, dtype=z.dtype, device=z.device)
        normal_T = (-frequencies_T.square() / 2).exp()
        distance_TS = (cosines_TS - normal_T[:, None]).square() + sines_TS.square()
        # At frequency 0 both functions are 1. The ends of the rule have half the weight; doubled for both signs.
        weights_T = 2 * step * normal_T
        weights_T[-1] /= 2
        # No product of matrices, whose gradient would be one too, in half precision under autocast.
        statistics_S: Tensor = (weights_T[:, None] * distance_TS).sum(dim=0)
        return total * statistics_S.mean()


def draw_directions(z: Float[Tensor, "B D"], *, slices: int = 1024) -> dict[str, Float[Tensor, "D S"]]:
    """Draw unit columns, as many as slices, which the estimates of several views of a step share."""
    like = at_least_float32(z)
    return {"directions": F.normalize(torch.randn(z.shape[1], slices, dtype=like.dtype, device=z.device), dim=0)}


class _CharacteristicSums(torch.autograd.Function):
    """Sums over rows of cos(t x) and sin(t x) at t = step, 2 step, ..., by one sine and one cosine of each entry.

    The others follow from the powers of exp(i step x). Only the entries are kept for the backward pass, so that memory
    does not grow with the number of points.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: float, points: int) -> Tensor:
        """Return (2, points - 1, S): cosines, and sines."""
        ctx.save_for_backward(x)
        ctx.step, ctx.points = step, points
        sums = x.new_zeros(2, points - 1, x.shape[1])
        for block in _blocks(x):
            for k, (cosine, sine) in enumerate(_powers(x[block], step, points)):
                sums[0, k] += cosine.sum(dim=0)
                sums[1, k] += sine.sum(dim=0)
        return sums

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Sum over the points of t (g_sin cos(t x) - g_cos sin(t x))."""
        x: Tensor = ctx.saved_tensors[0]
        total = torch.zeros_like(x)
        for block in _blocks(x):
            for k, (cosine, sine) in enumerate(_powers(x[block], ctx.step, ctx.points)):
                frequency = ctx.step * (k + 1)
                total[block].addcmul_(cosine, gradients[0][1, k], value=frequency)
                total[block].addcmul_(sine, gradients[0][0, k], value=-frequency)
        return total, None, None


def _blocks(x: Tensor) -> Iterator[slice]:
    """Yield rows of so few entries that the processor's cache holds them through all the points."""
    size = max(1, _ENTRIES_AT_ONCE // x.shape[1])
    for start in range(0, len(x), size):
        yield slice(start, start + size)


def _powers(x: Tensor, step: float, points: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield cos(k step x) and sin(k step x) for k = 1 to points - 1."""
    angle = step * x
    cosine1, sine1 = angle.cos(), angle.sin()
    cosine, sine = cosine1, sine1
    for _ in range(points - 1):
        yield cosine, sine
        cosine, sine = cosine * cosine1 - sine * sine1, sine * cosine1 + cosine * sine1

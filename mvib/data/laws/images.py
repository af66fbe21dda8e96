"""Images of laws under invertible maps, which keep the information and nothing else."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.data.laws.gaussian import gaussian
from mvib.data.laws.law import Kind, Law, image

# Halvings of an interval shorter than 4 until it is shorter than the spacing of float64 near 1.
_HALVINGS = 54


def half_cube(law: Law) -> Law:
    """Each coordinate v becomes v |v|^(1/2), which has longer tails."""
    return _coordinatewise(
        law,
        name=f"half-cube of {law.name}",
        to=lambda v: v * v.abs().sqrt(),
        back=lambda w: w.sign() * w.abs().pow(2 / 3),
    )


def asinh(law: Law) -> Law:
    """Each coordinate v becomes asinh v, which has shorter tails."""
    return _coordinatewise(law, name=f"asinh of {law.name}", to=torch.asinh, back=torch.sinh)


def wiggly(law: Law) -> Law:
    """Each coordinate v becomes v + a few sines of v, with a derivative between 0.1 and 1.9."""

    def to(v: Tensor) -> Tensor:
        return v + 0.5 * v.sin() + 0.2 * (2 * v + 1).sin()

    def back(w: Tensor) -> Tensor:
        return _inverse_of_increasing(to, w, low=w - 0.7, high=w + 0.7)

    return _coordinatewise(law, name=f"wiggly {law.name}", to=to, back=back)


def uniform(*, information: float, dim: int = 1) -> Law:
    """Two vectors that are uniform on the cube [0, 1]^dim: the distribution functions of Gaussian coordinates.

    Args:
        information: I(X; Y) in nats, at least 0, in equal parts in each coordinate.
        dim: dimensions of either variable.
    """
    law = _coordinatewise(
        gaussian(information=information, dim=dim),
        name=f"uniform {dim}-d, {information:g}",
        to=torch.special.ndtr,
        back=torch.special.ndtri,
    )
    return replace(law, entropy_x=0.0, entropy_y=0.0, entropy_xy=-information)


def swiss_roll(law: Law) -> Law:
    """The one coordinate of X, in [0, 1], is rolled up: X lies on a spiral in the plane; Y stays.

    Args:
        law: of a uniform X of one dimension.
    """

    def roll(u: Tensor) -> Tensor:
        angle = 1.5 * math.pi * (1 + 2 * u[..., 0])
        return torch.stack([angle * angle.cos(), angle * angle.sin()], dim=-1)

    def unroll(w: Tensor) -> Tensor:
        angle: Tensor = w.square().sum(dim=-1, keepdim=True).sqrt()
        return (angle / (1.5 * math.pi) - 1) / 2

    return image(
        law, name=f"swiss roll of {law.name}", to_x=roll, from_x=unroll, to_y=_same, from_y=_same, kind=Kind.SINGULAR
    )


def spiral(law: Law, *, speed: float) -> Law:
    """Each variable's rows turn, in the plane of their first two coordinates, by an angle of speed |row|^2.

    A turn keeps the length of a row, so that turning back undoes it, and keeps volumes, so that the entropies stay.

    Args:
        law: of variables of at least two dimensions.
        speed: of the turn, radians; Y turns the other way.
    """
    turned = image(
        law,
        name=f"spiral of {law.name}",
        to_x=lambda x: _turn(x, speed),
        from_x=lambda x: _turn(x, -speed),
        to_y=lambda y: _turn(y, -speed),
        from_y=lambda y: _turn(y, speed),
    )
    return replace(turned, entropy_x=law.entropy_x, entropy_y=law.entropy_y, entropy_xy=law.entropy_xy)


def _coordinatewise(law: Law, *, name: str, to: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> Law:
    return image(law, name=name, to_x=to, from_x=back, to_y=to, from_y=back)


def _same(v: Tensor) -> Tensor:
    return v


def _turn(rows: Float[Tensor, "*N D"], speed: float) -> Float[Tensor, "*N D"]:
    angle = speed * rows.square().sum(dim=-1)
    first, second, rest = rows[..., 0], rows[..., 1], rows[..., 2:]
    turned = torch.stack([angle.cos() * first - angle.sin() * second, angle.sin() * first + angle.cos() * second], -1)
    return torch.cat([turned, rest], dim=-1)


def _inverse_of_increasing(
    function: Callable[[Tensor], Tensor], values: Tensor, *, low: Tensor, high: Tensor
) -> Tensor:
    """Where an increasing function takes some values, by halving intervals that hold the places."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = function(middle) < values
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2

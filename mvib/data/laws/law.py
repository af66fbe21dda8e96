"""A joint law of two variables with its mutual information, and its images under invertible maps."""

# Shape suffixes: N samples, X and Y dimensions of the two variables; * any leading axes, which broadcast.

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor

Sampler = Callable[[int, torch.Generator], tuple[Float[Tensor, "N X"], Float[Tensor, "N Y"]]]
LogRatio = Callable[[Float[Tensor, "*N X"], Float[Tensor, "*N Y"]], Float[Tensor, "*N"]]
Channel = Callable[[Float[Tensor, "N X"]], tuple[Float[Tensor, "N Y"], Float[Tensor, "N Y"]]]
Map = Callable[[Float[Tensor, "*N D"]], Float[Tensor, "*N E"]]


class Kind(Enum):
    """What the values of the two variables are."""

    CONTINUOUS = "both variables have densities"
    SINGULAR = "a variable lies on a curve, and has no density in its space"
    MIXED = "one variable is discrete, the other has densities"
    DISCRETE = "both variables are discrete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A joint law p(x, y) of two variables, in float64.

    Attributes:
        name: family and parameters.
        kind: what the values are; discrete values are whole numbers in float64.
        dim_x: dimensions of X.
        dim_y: dimensions of Y.
        information: I(X; Y) in nats, exact.
        sample: `sample(n, generator)` draws n independent pairs, row i of x with row i of y.
        log_ratio: `log_ratio(x, y)` is log p(x, y) / (p(x) p(y)) in nats at each pair of rows, exact; its mean over the
            law is `information`. Leading axes broadcast: `log_ratio(x[:, None], y[None])` is the table of all pairs.
            Minus infinity where p(x, y) is zero.
        entropy_x: H(X) in nats, differential where X has a density; None where it is not known in closed form.
        entropy_y: H(Y), likewise.
        entropy_xy: H(X, Y), likewise.
        conditional: mean and standard deviation of p(y | x) where that is a Gaussian with independent dimensions.
    """

    name: str
    kind: Kind = Kind.CONTINUOUS
    dim_x: int
    dim_y: int
    information: float
    sample: Sampler
    log_ratio: LogRatio
    entropy_x: float | None = None
    entropy_y: float | None = None
    entropy_xy: float | None = None
    conditional: Channel | None = None


def image(law: Law, *, name: str, to_x: Map, from_x: Map, to_y: Map, from_y: Map, kind: Kind = Kind.CONTINUOUS) -> Law:
    """The law of (f(X), g(Y)) for invertible f and g, which has the information of (X, Y).

    The log-ratio is that of the law at the preimages: the Jacobians of joint and marginals cancel. Entropies change,
    and are left out.

    Args:
        law: of (X, Y).
        name: of the image.
        to_x: f.
        from_x: the inverse of f on its range.
        to_y: g.
        from_y: the inverse of g on its range.
        kind: of the image.
    """

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, y = law.sample(n, generator)
        return to_x(x), to_y(y)

    x, y = law.sample(1, torch.Generator().manual_seed(0))
    return replace(
        law,
        name=name,
        kind=kind,
        dim_x=to_x(x).shape[-1],
        dim_y=to_y(y).shape[-1],
        sample=sample,
        log_ratio=lambda x, y: law.log_ratio(from_x(x), from_y(y)),
        entropy_x=None,
        entropy_y=None,
        entropy_xy=None,
        conditional=None,
    )

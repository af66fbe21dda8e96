"""A uniform number and the same with uniform noise."""

import math

import torch
from torch import Tensor

from mvib.data.laws.law import Law


def uniform_noise(*, width: float) -> Law:
    """X uniform on [0, 1], Y = X plus noise that is uniform on [-width, width].

    Args:
        width: of the noise, greater than 0; I(X; Y) is width - log(2 width) up to 1/2, and 1 / (4 width) above.

    Source: Czyz et al. 2023, appendix D.
    """
    information = width - math.log(2 * width) if width <= 0.5 else 1 / (4 * width)

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.rand(n, 1, dtype=torch.float64, generator=generator)
        noise = 2 * torch.rand(n, 1, dtype=torch.float64, generator=generator) - 1
        return x, x + width * noise

    def log_ratio(x: Tensor, y: Tensor) -> Tensor:
        x, y = x[..., 0], y[..., 0]
        # Both densities are lengths over 2 width: of one point x, and of all x in [0, 1] that reach y.
        reach = (y + width).clamp(max=1) - (y - width).clamp(min=0)
        return torch.where((y - x).abs() <= width, -reach.clamp(min=0).log(), -math.inf)

    return Law(
        name=f"uniform noise, width {width:g}",
        dim_x=1,
        dim_y=1,
        information=information,
        sample=sample,
        log_ratio=log_ratio,
        entropy_x=0.0,
        entropy_y=information + math.log(2 * width),
        entropy_xy=math.log(2 * width),
    )

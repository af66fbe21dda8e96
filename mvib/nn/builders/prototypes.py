"""Scores of learned prototypes."""

# Shape suffixes: K prototypes, D dimension.

import math
from typing import Literal, assert_never

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape

PrototypeNorm = Literal["weight", "project"]

_LEAST_NORM = 1e-12  # as `unit`


class Prototypes(nn.Module):
    """The cosines of vectors with learned directions, in at least float32."""

    def __init__(self, axis: int, width: int, *, count: int, norm: PrototypeNorm) -> None:
        """Take the axis of the features, the batch being axis 0, their number, and what `prototypes` takes."""
        super().__init__()
        self.axis = axis
        self.norm: PrototypeNorm = norm
        self.weight = nn.Parameter(torch.empty(count, width).uniform_(-1, 1) / math.sqrt(width))
        self.after_step()

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *F"]:
        """Return the cosine of each vector with each prototype."""
        rows = F.normalize(at_least_float32(x).movedim(self.axis, -1), dim=-1, eps=_LEAST_NORM)
        with without_autocast(rows):
            scores = F.linear(rows, self._directions().to(rows))
        return scores.movedim(-1, self.axis)

    @torch.no_grad()
    def after_step(self) -> None:
        """Bring prototypes that are projected back to unit length."""
        if self.norm == "project":
            self.weight.copy_(F.normalize(self.weight, dim=1, eps=_LEAST_NORM))

    def _directions(self) -> Float[Tensor, "K D"]:
        match self.norm:
            case "weight":
                return F.normalize(self.weight, dim=1, eps=_LEAST_NORM)
            case "project":
                # They have unit length but for rounding, and in a momentum copy.
                lengths_K1: Tensor = torch.linalg.vector_norm(self.weight.detach(), dim=1, keepdim=True)
                return self.weight / lengths_K1.clamp_min(_LEAST_NORM)
            case _:
                assert_never(self.norm)


def prototypes(shape: Shape, *, count: int, norm: PrototypeNorm = "weight") -> nn.Module:
    """Build `count` prototypes, whose scores are the cosines with a vector, each step of a sequence, or each place.

    Args:
        shape: of an example.
        count: of prototypes, the width of the output.
        norm: how they keep unit length. `weight` divides by the length in the graph, so that the gradient is tangent to
            the sphere and the length of the parameter is free; `project` takes the gradient with respect to the unit
            vectors as it is, and divides by the length after each step.

    Raises:
        ShapeError: the shape has no axis.

    Source: `weight`: Caron et al. 2021 (DINO), arXiv:2104.14294, `norm_last_layer` of the official code, and Assran et
    al. 2022 (MSN), arXiv:2204.07141; `project`: Caron et al. 2020 (SwAV), arXiv:2006.09882, official code
    (facebookresearch/swav at 04b8f43, main_swav.py), which divides before each step what is here divided after it.
    """
    axis, width = resolve_features(shape)
    return Prototypes(axis, width, count=count, norm=norm)

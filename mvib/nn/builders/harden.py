"""Labels from probabilities, where they are sure enough."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape


class Harden(nn.Module):
    """The largest probability as a one-hot row where it reaches a threshold, zeros elsewhere; without gradient."""

    def __init__(self, axis: int, *, threshold: float) -> None:
        """Name the axis of the probabilities, the batch being axis 0, and the threshold."""
        super().__init__()
        self.axis = axis
        self.threshold = threshold

    @torch.no_grad()
    def forward(self, p: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return the one-hot row of the first of the largest entries where it is at least the threshold, else zeros."""
        rows = at_least_float32(p).movedim(self.axis, -1)
        largest, places = rows.max(dim=-1)
        one_hot = F.one_hot(places, rows.shape[-1]).to(rows)
        return (one_hot * (largest >= self.threshold).unsqueeze(-1)).movedim(-1, self.axis)


def harden(shape: Shape, *, threshold: float = 0.0) -> nn.Module:
    """Build the map from probabilities to labels, which are rows of zeros and at most one 1.

    Raises:
        ShapeError: the shape has no axis.

    Source: Lee 2013 (pseudo-label), eq. 14, threshold 0; Sohn et al. 2020 (FixMatch), arXiv:2001.07685, eq. 4.
    """
    return Harden(resolve_features(shape).axis, threshold=threshold)

"""The nearest of learned codes."""

# Shape suffixes: N vectors, S codes, D dimension.

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape


class Codebook(nn.Module):
    """The code nearest to each vector by squared distance. The gradient reaches the chosen codes only."""

    def __init__(self, axis: int, width: int, *, size: int) -> None:
        """Take the axis of the features, the batch being axis 0, their number, and the number of codes."""
        super().__init__()
        self.axis = axis
        # Unit variance of the sum over features, as the authors' library draws them.
        self.codes = nn.Parameter(torch.empty(size, width).uniform_(-1, 1) * math.sqrt(3 / width))

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return the code of each vector, in the shape of x."""
        rows = x.detach().movedim(self.axis, -1)
        return F.embedding(self._nearest(rows), self.codes).movedim(-1, self.axis)

    @torch.no_grad()
    def _nearest(self, rows: Float[Tensor, "*N D"]) -> Tensor:
        rows = at_least_float32(rows)
        codes_SD = self.codes.to(rows)
        with without_autocast(rows):
            # The squared length of the vector is the same for all codes.
            return (codes_SD.square().sum(dim=1) - 2 * F.linear(rows, codes_SD)).argmin(dim=-1)


def codebook(shape: Shape, *, size: int) -> nn.Module:
    """Build `size` codes for a vector, for each step of a sequence, or for the channels at each place of a map.

    Raises:
        ShapeError: the shape has no axis.

    Source: van den Oord et al. 2017 (VQ-VAE), arXiv:1711.00937, eq. 1 and 2; codes start as in the official code
    (deepmind/sonnet, `VectorQuantizer`).
    """
    axis, width = resolve_features(shape)
    return Codebook(axis, width, size=size)

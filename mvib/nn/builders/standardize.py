"""Vectors of mean zero and variance one."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape, ShapeError


class Standardize(nn.Module):
    """Subtracts from each vector of features its mean and divides by its standard deviation."""

    def __init__(self, axis: int, *, eps: float, unbiased: bool) -> None:
        """Name the axis of the features, the batch being axis 0, and what `standardize` takes."""
        super().__init__()
        self.axis = axis
        self.eps = eps
        self.unbiased = unbiased

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return (x - mean) / sqrt(variance + eps), in at least float32."""
        x = at_least_float32(x)
        variance, mean = torch.var_mean(x, dim=self.axis, correction=int(self.unbiased), keepdim=True)
        return (x - mean) / (variance + self.eps).sqrt()


def standardize(shape: Shape, *, eps: float = 1e-5, unbiased: bool = False) -> nn.Module:
    """Build the standardisation of a vector, of each step of a sequence, or of the channels at each place of a map.

    Args:
        shape: of an example.
        eps: added to the variance, inside the root.
        unbiased: whether the variance is divided by the number of features less one.

    Raises:
        ShapeError: the shape has no axis, or one feature alone.

    Source: as it stands a layer normalisation without weights (Ba et al. 2016, arXiv:1607.06450); with
    `eps: 1e-6, unbiased: true` the normalised pixels of He et al. 2021 (MAE), arXiv:2111.06377, official code.
    """
    axis, width = resolve_features(shape)
    if width < 2:
        raise ShapeError(
            expected="at least two features to standardise", found=shape, remedy="leave `standardize()` out"
        )
    return Standardize(axis, eps=eps, unbiased=unbiased)

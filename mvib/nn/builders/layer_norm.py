"""Layer normalisation."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape


class FeatureNorm(nn.Module):
    """A layer normalisation of the features, on whatever axis they are."""

    def __init__(self, axis: int, width: int, *, eps: float) -> None:
        """Name the axis of the features, the batch being axis 0, their number, and what is added to the variance."""
        super().__init__()
        self.axis = axis
        self.norm = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return scale (x - mean) / sqrt(variance + eps) + shift."""
        normalised: Tensor = self.norm(x.movedim(self.axis, -1))
        return normalised.movedim(-1, self.axis)


def layer_norm(shape: Shape, *, eps: float = 1e-5) -> nn.Module:
    """Build a layer normalisation with learned scale and shift; `standardize` has none.

    Of a vector, of each step of a sequence, or of the channels at each place of a map.

    Raises:
        ShapeError: the shape has no axis.

    Source: Ba et al. 2016, arXiv:1607.06450.
    """
    axis, width = resolve_features(shape)
    return FeatureNorm(axis, width, eps=eps)

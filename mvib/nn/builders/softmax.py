"""Probabilities from scores."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape


class Softmax(nn.Module):
    """The softmax over features at a temperature, which may change as training goes on."""

    def __init__(self, axis: int, *, temperature: float) -> None:
        """Name the axis of the features, the batch being axis 0, and the temperature (> 0)."""
        super().__init__()
        self.axis = axis
        self.temperature = temperature

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return exp(x / T) / sum exp(x / T), in at least float32."""
        return (at_least_float32(x) / self.temperature).softmax(dim=self.axis)


def softmax(shape: Shape, *, temperature: float = 1.0) -> nn.Module:
    """Build the softmax: over a vector, each step of a sequence, the channels at each place of a map.

    Raises:
        ShapeError: the shape has no axis.
    """
    return Softmax(resolve_features(shape).axis, temperature=temperature)

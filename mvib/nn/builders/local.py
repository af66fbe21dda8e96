"""A multilayer perceptron at each place of a map, or at each step of a sequence: the same at all of them."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.builders.features import resolve_features
from mvib.nn.builders.layers import Activation, Norm
from mvib.nn.builders.mlp import mlp
from mvib.nn.shapes import Shape, ShapeError


class Local(nn.Module):
    """A network of vectors, applied to the features at every position. It normalises over examples and positions."""

    def __init__(self, network: nn.Module, axis: int) -> None:
        """Take the network, and the axis of features, which counts with the batch."""
        super().__init__()
        self.network = network
        self.axis = axis

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B *F"]:
        """Return what the network gives at every position."""
        last = x.movedim(self.axis, -1)
        vectors: Tensor = self.network(last.reshape(-1, last.shape[-1]))
        return vectors.reshape(*last.shape[:-1], -1).movedim(-1, self.axis)


def local(
    shape: Shape, *, widths: tuple[int, ...], norm: Norm = "batch", activation: Activation = "relu", bias: bool = True
) -> nn.Module:
    """Build a perceptron of the features at each position; on a map that is a convolution of one by one.

    Args:
        shape: of an example: a map (channels, height, width) or a sequence (steps, features).
        widths: of the layers, as of `mlp`; the last is the new number of features.
        norm: normalisation between layers, that over the batch taking all positions as examples.
        activation: between layers.
        bias: whether linear maps have a bias.

    Raises:
        ShapeError: the shape has no positions.
    """
    if len(shape) not in (2, 3):
        raise ShapeError(
            expected="a map (channels, height, width) or a sequence (steps, features)",
            found=shape,
            remedy="use `mlp`",
        )
    axis, width = resolve_features(shape)
    return Local(mlp((width,), widths=widths, norm=norm, activation=activation, bias=bias), axis)

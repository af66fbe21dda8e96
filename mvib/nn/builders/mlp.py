"""Multilayer perceptron: the projector, predictor and critic of most methods."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.builders.layers import Activation, Norm, activation_layer, vector_norm
from mvib.nn.builders.vectors import flat_width, flattening
from mvib.nn.shapes import Shape


class EachStep(nn.Module):
    """A network applied to each step of a sequence on its own, with one set of weights."""

    def __init__(self, network: nn.Module) -> None:
        """Take a network of vectors."""
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T F"]:
        """Return what the network gives for each step; normalisation is over all steps of all examples."""
        steps: Tensor = self.network(x.flatten(0, 1))
        return steps.view(*x.shape[:2], -1)


def mlp(
    shape: Shape,
    *,
    widths: tuple[int, ...],
    norm: Norm = "batch",
    activation: Activation = "relu",
    bias: bool = True,
    last_norm: bool = False,
    last_affine: bool = True,
    each: bool = False,
) -> nn.Module:
    """Build a perceptron: linear, normalisation and activation for each width but the last, then a bare linear map.

    Args:
        shape: of an example; anything but a vector is flattened first.
        widths: of the layers, the last being the output; one width gives one linear map.
        norm: normalisation of the hidden layers.
        activation: of the hidden layers.
        bias: whether linear maps have a bias. One before a batch normalisation never has: the mean would remove it.
        last_norm: whether the output is normalised too, without an activation.
        last_affine: whether that normalisation has a learned scale and shift.
        each: whether it is applied to each step of a sequence on its own, and not to all of it as one vector.

    Raises:
        ShapeError: the shape has no axis.
    """
    if each and len(shape) == 2:
        network = mlp(
            shape[1:],
            widths=widths,
            norm=norm,
            activation=activation,
            bias=bias,
            last_norm=last_norm,
            last_affine=last_affine,
        )
        return EachStep(network)
    layers = list(flattening(shape))
    width_in = flat_width(shape)
    last = len(widths) - 1
    for index, width in enumerate(widths):
        is_normalised = norm != "none" and (index < last or last_norm)
        layers.append(nn.Linear(width_in, width, bias=bias and not (is_normalised and norm == "batch")))
        if is_normalised:
            layers.append(vector_norm(norm, width, affine=last_affine or index < last))
        if index < last:
            layers.append(activation_layer(activation))
        width_in = width
    return nn.Sequential(*layers)

"""Multilayer perceptron: the projector, predictor and critic of most methods."""

from torch import nn

from mvib.nn.builders.layers import Activation, Norm, activation_layer, vector_norm
from mvib.nn.builders.vectors import flat_width, flattening
from mvib.nn.shapes import Shape


def mlp(
    shape: Shape,
    *,
    widths: tuple[int, ...],
    norm: Norm = "batch",
    activation: Activation = "relu",
    bias: bool = True,
    last_norm: bool = False,
    last_affine: bool = True,
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

    Raises:
        ShapeError: the shape has no axis.
    """
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

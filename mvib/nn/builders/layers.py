"""The layers between two weights: normalisations and activations, by name."""

from typing import Literal, assert_never

from torch import nn

Norm = Literal["batch", "layer", "none"]
Activation = Literal["relu", "gelu"]


def activation_layer(activation: Activation) -> nn.Module:
    """Return the activation of this name. The ReLU writes over its input, which no layer before it needs."""
    match activation:
        case "relu":
            return nn.ReLU(inplace=True)
        case "gelu":
            return nn.GELU()
        case _:
            assert_never(activation)


def vector_norm(norm: Norm, width: int, *, affine: bool = True) -> nn.Module:
    """Return the normalisation of this name for vectors of `width` features, `affine` with learned scale and shift."""
    match norm:
        case "batch":
            return nn.BatchNorm1d(width, affine=affine)
        case "layer":
            return nn.LayerNorm(width, elementwise_affine=affine)
        case "none":
            return nn.Identity()
        case _:
            assert_never(norm)


def image_norm(norm: Norm, channels: int) -> nn.Module:
    """Return the normalisation of this name for images; `layer` normalises all channels and places together."""
    match norm:
        case "batch":
            return nn.BatchNorm2d(channels)
        case "layer":
            return nn.GroupNorm(1, channels)
        case "none":
            return nn.Identity()
        case _:
            assert_never(norm)

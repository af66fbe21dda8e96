"""The map that changes nothing."""

from torch import nn

from mvib.nn.shapes import Shape


def identity(shape: Shape) -> nn.Module:  # a builder like the others: it takes a shape, and can take any
    """Build the identity."""
    return nn.Identity()

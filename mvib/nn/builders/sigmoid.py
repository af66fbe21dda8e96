"""Numbers between zero and one."""

from torch import nn

from mvib.nn.shapes import Shape


def sigmoid(shape: Shape) -> nn.Module:  # a builder like the others: it takes a shape, and can take any
    """Build the logistic function of each entry."""
    return nn.Sigmoid()

"""Critics: scores of pairs, from which variational estimators read a density ratio."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.builders.mlp import mlp
from mvib.nn.builders.vectors import flat_width
from mvib.nn.shapes import Shape


class JointCritic(nn.Module):
    """A network on the concatenation of the two values of a pair, with one output."""

    def __init__(self, score: nn.Module) -> None:
        """Take the network, from both values flattened side by side to one number."""
        super().__init__()
        self.score = score

    def forward(self, z1: Float[Tensor, "B *D1"], z2: Float[Tensor, "B *D2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair."""
        pair: Tensor = self.score(_side_by_side(z1, z2))
        return pair.squeeze(1)


class SeparableCritic(nn.Module):
    """The inner product of one embedding of each value of a pair."""

    def __init__(self, embed1: nn.Module, embed2: nn.Module) -> None:
        """Take the two networks, whose outputs have the same width."""
        super().__init__()
        self.embed1 = embed1
        self.embed2 = embed2

    def forward(self, z1: Float[Tensor, "B *D1"], z2: Float[Tensor, "B *D2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair."""
        product: Tensor = self.embed1(z1) * self.embed2(z2)
        return product.sum(dim=1)


def joint(shape1: Shape, shape2: Shape, *, widths: tuple[int, ...]) -> JointCritic:
    """Build a joint critic T(z1, z2): ReLU perceptron on the concatenation, hidden `widths`, one linear output.

    Source: Federici et al. 2020, arXiv:2002.07017; Multi-View-Information-Bottleneck at 296fbb9, utils/modules.py
    lines 60-66.

    Raises:
        ShapeError: a shape has no axis.
    """
    return JointCritic(mlp((flat_width(shape1) + flat_width(shape2),), widths=(*widths, 1), norm="none"))


def separable(shape1: Shape, shape2: Shape, *, widths: tuple[int, ...], dim: int) -> SeparableCritic:
    """Build a separable critic <f(z1), g(z2)>: two ReLU perceptrons with hidden `widths` and `dim` outputs.

    Source: Poole et al. 2019, arXiv:1905.06922, section 3.

    Raises:
        ShapeError: a shape has no axis.
    """
    return SeparableCritic(
        mlp(shape1, widths=(*widths, dim), norm="none"), mlp(shape2, widths=(*widths, dim), norm="none")
    )


def _side_by_side(z1: Float[Tensor, "B *D1"], z2: Float[Tensor, "B *D2"]) -> Float[Tensor, "B D"]:
    return torch.cat([z1.flatten(1), z2.flatten(1)], dim=1)

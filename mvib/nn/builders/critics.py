"""Critics: scores of pairs, from which variational estimators read a density ratio."""

# Shape suffixes: B rows of this rank, N rows of all ranks, C rows of a block, H hidden width.

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mvib.nn.builders.mlp import mlp
from mvib.nn.builders.vectors import flat_width
from mvib.nn.shapes import Shape, ShapeError

# Numbers in one layer's values over pairs of examples: 128 MiB in single precision.
_LARGEST_BLOCK = 1 << 25


class Critic(nn.Module, ABC):
    """A score T(x, y) of a pair of values; any real number."""

    @abstractmethod
    def forward(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "B *E2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair of rows."""

    @abstractmethod
    def table(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "N *E2"]) -> Float[Tensor, "B N"]:
        """Return the score of every row of x with every row of y."""

    def others(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "N *E2"], *, offset: int) -> Float[Tensor, "B N-1"]:
        """Return the scores of each row of x with all rows of y but its own.

        Args:
            x: rows of this rank.
            y: rows of all ranks.
            offset: place in y of the row that belongs to the first row of x.
        """
        scores_BN = self.table(x, y)
        own_B1 = offset + torch.arange(len(x), device=x.device).unsqueeze(1)
        is_before_own = torch.arange(len(y) - 1, device=x.device) < own_B1
        return torch.where(is_before_own, scores_BN[:, :-1], scores_BN[:, 1:])


class JointCritic(Critic):
    """A perceptron on the concatenation of the two values of a pair, with one output."""

    def __init__(self, score: nn.Sequential) -> None:
        """Take the perceptron, from both values flattened side by side to one number; its first layer is linear."""
        super().__init__()
        self.score = score

    def forward(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "B *E2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair of rows."""
        pair: Tensor = self.score(torch.cat([x.flatten(1), y.flatten(1)], dim=1))
        return pair.squeeze(1)

    def table(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "N *E2"]) -> Float[Tensor, "B N"]:
        """Return the score of every row of x with every row of y.

        The first layer is linear in the pair, so it is computed once for each row. The others run block by block of
        pairs, and again for the gradient: memory does not grow with the number of pairs times the hidden width.
        """
        first = self.score[0]
        assert isinstance(first, nn.Linear)
        flat_x, flat_y = x.flatten(1), y.flatten(1)
        weight_x, weight_y = torch.split(first.weight, [flat_x.shape[1], flat_y.shape[1]], dim=1)
        hidden_x_BH, hidden_y_NH = F.linear(flat_x, weight_x, first.bias), F.linear(flat_y, weight_y)
        widest = max(layer.out_features for layer in self.score if isinstance(layer, nn.Linear))
        rows = max(1, _LARGEST_BLOCK // max(1, len(y) * widest))
        blocks = [
            checkpoint(self._score_block, hidden_CH, hidden_y_NH, use_reentrant=False, preserve_rng_state=False)
            for hidden_CH in torch.split(hidden_x_BH, rows)
        ]
        return torch.cat(blocks)

    def _score_block(self, hidden_x: Float[Tensor, "C H"], hidden_y: Float[Tensor, "N H"]) -> Float[Tensor, "C N"]:
        scores: Tensor = self.score[1:](hidden_x.unsqueeze(1) + hidden_y)
        return scores.squeeze(2)


class SeparableCritic(Critic):
    """The inner product of one embedding of each value of a pair."""

    def __init__(self, embed1: nn.Module, embed2: nn.Module) -> None:
        """Take the two networks, whose outputs have the same width."""
        super().__init__()
        self.embed1 = embed1
        self.embed2 = embed2

    def forward(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "B *E2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair of rows."""
        product: Tensor = self.embed1(x) * self.embed2(y)
        return product.sum(dim=1)

    def table(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "N *E2"]) -> Float[Tensor, "B N"]:
        """Return the score of every row of x with every row of y."""
        scores: Tensor = self.embed1(x) @ self.embed2(y).T
        return scores


class BilinearCritic(Critic):
    """The bilinear form x' W y of the two values of a pair."""

    def __init__(self, width1: int, width2: int) -> None:
        """Make the matrix for flattened values of two widths."""
        super().__init__()
        self.weight = nn.Linear(width2, width1, bias=False)

    def forward(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "B *E2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair of rows."""
        product: Tensor = x.flatten(1) * self.weight(y.flatten(1))
        return product.sum(dim=1)

    def table(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "N *E2"]) -> Float[Tensor, "B N"]:
        """Return the score of every row of x with every row of y."""
        scores: Tensor = x.flatten(1) @ self.weight(y.flatten(1)).T
        return scores


class ProductCritic(Critic):
    """The inner product of the two values of a pair."""

    def forward(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "B *E2"]) -> Float[Tensor, " B"]:
        """Return the score of each pair of rows."""
        return (x.flatten(1) * y.flatten(1)).sum(dim=1)

    def table(self, x: Float[Tensor, "B *E1"], y: Float[Tensor, "N *E2"]) -> Float[Tensor, "B N"]:
        """Return the score of every row of x with every row of y."""
        return x.flatten(1) @ y.flatten(1).T


def joint(shape1: Shape, shape2: Shape, *, widths: tuple[int, ...]) -> JointCritic:
    """Build a joint critic T(x, y): ReLU perceptron on the concatenation, hidden `widths`, one linear output.

    Source: Federici et al. 2020, arXiv:2002.07017; Multi-View-Information-Bottleneck at 296fbb9, utils/modules.py
    lines 60-66.

    Raises:
        ShapeError: a shape has no axis.
    """
    score = mlp((flat_width(shape1) + flat_width(shape2),), widths=(*widths, 1), norm="none")
    assert isinstance(score, nn.Sequential)
    return JointCritic(score)


def separable(shape1: Shape, shape2: Shape, *, widths: tuple[int, ...], dim: int) -> SeparableCritic:
    """Build a separable critic <f(x), g(y)>: two ReLU perceptrons with hidden `widths` and `dim` outputs.

    Source: Poole et al. 2019, arXiv:1905.06922, section 3.

    Raises:
        ShapeError: a shape has no axis.
    """
    return SeparableCritic(
        mlp(shape1, widths=(*widths, dim), norm="none"), mlp(shape2, widths=(*widths, dim), norm="none")
    )


def bilinear(shape1: Shape, shape2: Shape) -> BilinearCritic:
    """Build a bilinear critic x' W y on the flattened values.

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748, eq. 3.

    Raises:
        ShapeError: a shape has no axis.
    """
    return BilinearCritic(flat_width(shape1), flat_width(shape2))


def product(shape1: Shape, shape2: Shape) -> ProductCritic:
    """Build the critic that is the inner product of the flattened values, without weights.

    Raises:
        ShapeError: the widths differ.
    """
    width = flat_width(shape1)
    if flat_width(shape2) != width:
        raise ShapeError(
            expected=f"two variables of one width, {width}", found=shape2, remedy="use `bilinear()`, or a layer before"
        )
    return ProductCritic()

"""One linear layer on each token, read at the places of what is predicted."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.at import tokens_at
from mvib.nn.builders.place_encoding import sequence_places
from mvib.nn.builders.transformer_blocks import check_tokens, initialized_linear
from mvib.nn.shapes import Shape


class _LinearAt(nn.Module):
    """A linear map of the tokens at the target's places."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.project = initialized_linear(features, width)

    def forward(
        self,
        tokens: Float[Tensor, "B K F"],
        *,
        places: Int[Tensor, "B K 3"] | None = None,
        target_places: Int[Tensor, "B M 3"] | None = None,
    ) -> tuple[Float[Tensor, "B M D"], Int[Tensor, "B M 3"]]:
        """Return a prediction for each token of the target, and their places; without places, token by token."""
        own = sequence_places(tokens) if places is None else places
        wanted = own if target_places is None else target_places
        return self.project(tokens_at(tokens, own, wanted)), wanted


def linear_at(shape: Shape, *, target: Shape) -> nn.Module:
    """Build a linear layer from the encoded token at each of the target's places to the target's token there.

    It is the head of masked modelling where the encoder has seen mask tokens at the hidden places.

    Args:
        shape: of the encoded tokens of one example, (number, features).
        target: of the tokens that are predicted.

    Returns:
        A module from tokens (B, K, F), their places and the target's places to predictions (B, M, D) and their places.

    Raises:
        ShapeError: one of the shapes is not that of tokens.

    Source: Xie et al. 2022 (SimMIM), arXiv:2111.09886, section 3.4; official code microsoft/SimMIM at d3e29bc,
    models/simmim.py lines 92-97.
    """
    check_tokens(shape)
    check_tokens(target)
    return _LinearAt(shape[1], target[1])

"""The first token, such as the class token of a vision transformer."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.builders.transformer_blocks import check_tokens
from mvib.nn.shapes import Shape


class _First(nn.Module):
    """Token 0 of each example."""

    def forward(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B D"]:
        """Return the first token."""
        return tokens[:, 0]


def first(shape: Shape) -> nn.Module:
    """Build the map of tokens to the first of them, a vector.

    Raises:
        ShapeError: the shape is not that of tokens.
    """
    check_tokens(shape)
    return _First()

"""A transformer over tokens that exist: patches, steps of a sequence, features of several views."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.place_encoding import all_visible, sequence_places
from mvib.nn.builders.transformer_blocks import TokenEmbedding, check_heads, check_tokens, transformer_blocks
from mvib.nn.shapes import Shape


class _Transformer(nn.Module):
    """Embedded tokens through blocks."""

    def __init__(self, features: int, *, width: int, depth: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(features, width)
        self.blocks = transformer_blocks(width, depth=depth, heads=heads, mlp_ratio=mlp_ratio)

    def forward(
        self, tokens: Float[Tensor, "B K F"], *, places: Int[Tensor, "B K 3"] | None = None
    ) -> tuple[Float[Tensor, "B K D"], Int[Tensor, "B K 3"]]:
        """Return the encoded tokens and their places, all visible; without places they are those of a sequence."""
        known = sequence_places(tokens) if places is None else places
        return self.blocks(self.embedding(tokens, known)), all_visible(known)


def transformer(shape: Shape, *, width: int = 192, depth: int = 6, heads: int = 3, mlp_ratio: float = 4.0) -> nn.Module:
    """Build a transformer from tokens to tokens, without a class token.

    Tokens are embedded linearly, hidden ones replaced by one learned token; then the fixed sine-cosine encoding of
    row and column is added; then come pre-norm blocks and a layer normalisation.

    Args:
        shape: of the tokens of one example, (number, features). Their number may differ from batch to batch.
        width: of each encoded token, a multiple of 4 and of `heads`.
        depth: number of blocks; 0 is the embedding, normalised.
        heads: of attention.
        mlp_ratio: width of the hidden layer of a block's perceptron, in widths.

    Returns:
        A module from tokens (B, K, F) and their places to tokens (B, K, width) and their places.

    Raises:
        ShapeError: the shape is not that of tokens, or the heads do not share the width.
    """
    check_tokens(shape)
    check_heads(shape, width=width, heads=heads)
    return _Transformer(shape[1], width=width, depth=depth, heads=heads, mlp_ratio=mlp_ratio)

"""A transformer that predicts hidden tokens from encoded ones, given only their places."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.place_encoding import sequence_places
from mvib.nn.builders.transformer_blocks import (
    TokenEmbedding,
    check_heads,
    check_tokens,
    initialized_linear,
    transformer_blocks,
)
from mvib.nn.shapes import Shape


class _Predictor(nn.Module):
    """Encoded tokens and questions at the target's places through blocks."""

    def __init__(self, features: int, target: Shape, *, width: int, depth: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.num_targets = target[0]
        self.embedding = TokenEmbedding(features, width)
        self.blocks = transformer_blocks(width, depth=depth, heads=heads, mlp_ratio=mlp_ratio)
        self.project = initialized_linear(width, target[1])

    def forward(
        self,
        tokens: Float[Tensor, "B K F"],
        *,
        places: Int[Tensor, "B K 3"] | None = None,
        target_places: Int[Tensor, "B M 3"] | None = None,
    ) -> tuple[Float[Tensor, "B M D"], Int[Tensor, "B M 3"]]:
        """Return a prediction for each token of the target, and their places; without places, those of a sequence."""
        own = sequence_places(tokens) if places is None else places
        wanted = (
            sequence_places(tokens[:, :1].expand(-1, self.num_targets, -1)) if target_places is None else target_places
        )
        context, questions = self.embedding(tokens, own), self.embedding.embed_places(wanted)
        features = self.blocks(torch.cat((context, questions.to(context.dtype)), dim=1))
        return self.project(features[:, tokens.shape[1] :]), wanted


def predictor(
    shape: Shape, *, target: Shape, width: int = 128, depth: int = 4, heads: int = 4, mlp_ratio: float = 4.0
) -> nn.Module:
    """Build a transformer from encoded tokens to predictions of tokens at other places.

    Encoded tokens are embedded linearly, and one learned mask token is appended for each place of the target; the
    fixed sine-cosine encoding of row and column is added to all; then come pre-norm blocks and a layer normalisation;
    a linear layer turns each appended token into a prediction.

    Args:
        shape: of the encoded tokens of one example, (number, features). Their number may differ from batch to batch.
        target: of the tokens that are predicted, (number, features); the number may differ too.
        width: of the tokens inside, a multiple of 4 and of `heads`.
        depth: number of blocks.
        heads: of attention.
        mlp_ratio: width of the hidden layer of a block's perceptron, in widths.

    Returns:
        A module from tokens (B, K, F), their places and the target's places to predictions (B, M, D) and their places.

    Raises:
        ShapeError: one of the shapes is not that of tokens, or the heads do not share the width.

    Source: the decoder of MAE, He et al. 2022, arXiv:2111.06377 (facebookresearch/mae at efb2a80, models_mae.py lines
    171-196), which predicts the visible tokens too and drops them, and the predictor of I-JEPA, Assran et al. 2023,
    arXiv:2301.08243 (facebookresearch/ijepa at 52c1ae9, src/models/vision_transformer.py lines 234-278); weights are
    drawn as in the first.
    """
    check_tokens(shape)
    check_tokens(target)
    check_heads(shape, width=width, heads=heads)
    return _Predictor(shape[1], target, width=width, depth=depth, heads=heads, mlp_ratio=mlp_ratio)

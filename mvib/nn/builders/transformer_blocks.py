"""The parts of a transformer: embedding of tokens, attention, pre-norm blocks."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.place_encoding import encode_places
from mvib.nn.shapes import Shape, ShapeError

# Source: facebookresearch/mae at efb2a80, models_mae.py: the epsilon of its norms (line 228) and the standard
# deviation of its class and mask tokens (lines 79-80).
_NORM_EPS = 1e-6
_TOKEN_STD = 0.02


def check_tokens(shape: Shape) -> None:
    """Fail unless the shape is that of tokens.

    Raises:
        ShapeError: it has not two axes.
    """
    if len(shape) != 2:
        remedy = "cut it into tokens with `vit()` or a view `patches`" if len(shape) == 3 else "use `mlp(512, 128)`"
        raise ShapeError(expected="tokens (number, features)", found=shape, remedy=remedy)


def check_heads(shape: Shape, *, width: int, heads: int) -> None:
    """Fail unless a width can be shared by the heads and by the encoding of places.

    Raises:
        ShapeError: it cannot; `found` is the shape of the input, which is not the reason.
    """
    step = math.lcm(4, heads)
    if width % step:
        raise ShapeError(
            expected=f"tokens whose `width`, here {width}, is a multiple of 4 and of its {heads} heads",
            found=shape,
            remedy=f"write `width: {math.ceil(width / step) * step}`",
        )


def initialized_linear(features: int, width: int) -> nn.Linear:
    """Return a linear layer with weights after Glorot and Bengio and a bias of zero, as in MAE's official code."""
    layer = nn.Linear(features, width)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def learned_token(width: int) -> nn.Parameter:
    """Return a token that is learned, at its start."""
    return nn.Parameter(nn.init.normal_(torch.empty(width), std=_TOKEN_STD))


def layer_norm(width: int) -> nn.LayerNorm:
    """Return the normalisation of transformers."""
    return nn.LayerNorm(width, eps=_NORM_EPS)


class TokenEmbedding(nn.Module):
    """Tokens to features that carry their place; those whose content is hidden become one learned mask token."""

    def __init__(self, features: int, width: int) -> None:
        """Make the linear embedding and the mask token."""
        super().__init__()
        self.project = initialized_linear(features, width)
        # Differs from MAE's code: the variance is 1 / features, which is the same where a patch has as many numbers as
        # a token, as in ViT-B. The code's 2 / (features + width) would drown a patch of few pixels in its place.
        nn.init.uniform_(self.project.weight, -math.sqrt(3 / features), math.sqrt(3 / features))
        self.mask_token = learned_token(width)

    def forward(self, tokens: Float[Tensor, "B K F"], places: Int[Tensor, "B K 3"]) -> Float[Tensor, "B K D"]:
        """Return the embedded tokens."""
        hidden = places[..., 2:] == 0
        return torch.where(hidden, self.mask_token, self.project(tokens)) + self._encoding(places)

    def embed_places(self, places: Int[Tensor, "B K 3"]) -> Float[Tensor, "B K D"]:
        """Return mask tokens at places: questions for what is there."""
        return self.mask_token + self._encoding(places)

    def _encoding(self, places: Int[Tensor, "B K 3"]) -> Float[Tensor, "B K D"]:
        return encode_places(places, self.mask_token.shape[0], dtype=self.mask_token.dtype)


class Attention(nn.Module):
    """Attention of all tokens to all, by several heads."""

    def __init__(self, width: int, heads: int) -> None:
        """Make the maps to queries, keys and values, and the one that joins the heads."""
        super().__init__()
        self.heads = heads
        self.query_key_value = initialized_linear(width, 3 * width)
        self.join = initialized_linear(width, width)

    def forward(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B K D"]:
        """Return what each token gathers from the others."""
        batch, num, width = tokens.shape
        split = self.query_key_value(tokens).view(batch, num, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        gathered = F.scaled_dot_product_attention(query, key, value)
        joined: Tensor = self.join(gathered.transpose(1, 2).reshape(batch, num, width))
        return joined


class Block(nn.Module):
    """Attention and a perceptron of one hidden layer, each behind a normalisation and beside a shortcut."""

    def __init__(self, width: int, heads: int, *, mlp_ratio: float) -> None:
        """Make the parts; the hidden layer is `mlp_ratio` times as wide."""
        super().__init__()
        hidden = max(1, int(width * mlp_ratio))
        self.norm1 = layer_norm(width)
        self.attention = Attention(width, heads)
        self.norm2 = layer_norm(width)
        self.mlp = nn.Sequential(initialized_linear(width, hidden), nn.GELU(), initialized_linear(hidden, width))

    def forward(self, tokens: Float[Tensor, "B K D"]) -> Float[Tensor, "B K D"]:
        """Return the tokens of the next layer."""
        tokens = tokens + self.attention(self.norm1(tokens))
        mixed: Tensor = tokens + self.mlp(self.norm2(tokens))
        return mixed


def transformer_blocks(width: int, *, depth: int, heads: int, mlp_ratio: float) -> nn.Sequential:
    """Return `depth` pre-norm blocks and the normalisation behind them: tokens to tokens of the same width.

    Source: Dosovitskiy et al. 2021, arXiv:2010.11929, equations 2 to 4, with weights as in MAE's official code.
    """
    return nn.Sequential(*(Block(width, heads, mlp_ratio=mlp_ratio) for _ in range(depth)), layer_norm(width))

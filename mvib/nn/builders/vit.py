"""Vision transformer: encoded patches of an image, all of them or those that a mask left."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.images import ImageShape, resolve_image
from mvib.nn.builders.place_encoding import all_visible, grid_places, sequence_places
from mvib.nn.builders.transformer_blocks import TokenEmbedding, check_heads, learned_token, transformer_blocks
from mvib.nn.shapes import Shape, ShapeError


class _Patchify(nn.Module):
    """An image to its patches row by row, each a vector ordered by row, column, channel; it knows their places."""

    places: Tensor

    def __init__(self, image: ImageShape, size: int) -> None:
        super().__init__()
        self.size = size
        # Follows from the shape: a checkpoint does not need it.
        self.register_buffer("places", grid_places(image.height // size, image.width // size), persistent=False)

    def forward(self, images: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B K F"], Int[Tensor, "B K 3"]]:
        """Return the patches and their places."""
        windows = images.unfold(2, self.size, self.size).unfold(3, self.size, self.size)
        tokens = windows.permute(0, 2, 3, 4, 5, 1).flatten(start_dim=3).flatten(start_dim=1, end_dim=2)
        return tokens, self.places.expand(images.shape[0], -1, -1)


class _VisionTransformer(nn.Module):
    """Embedded patches and a class token through blocks."""

    def __init__(
        self, patchify: _Patchify | None, features: int, *, class_token: bool, width: int, blocks: nn.Module
    ) -> None:
        super().__init__()
        self.patchify = patchify
        self.embedding = TokenEmbedding(features, width)
        self.class_token = learned_token(width) if class_token else None
        self.blocks = blocks

    def forward(
        self, x: Float[Tensor, "B ..."], *, places: Int[Tensor, "B K 3"] | None = None
    ) -> tuple[Float[Tensor, "B K D"], Int[Tensor, "B K 3"]]:
        """Return the encoded tokens, the class token first, and their places, all visible."""
        if self.patchify is not None:
            tokens, known = self.patchify(x)
        else:
            tokens, known = x, sequence_places(x) if places is None else places
        features = self.embedding(tokens, known)
        known = all_visible(known)
        if self.class_token is not None:
            features = torch.cat((self.class_token.expand(x.shape[0], 1, -1).to(features.dtype), features), dim=1)
            nowhere = torch.cat((torch.full_like(known[:, :1, :2], -1), torch.ones_like(known[:, :1, 2:])), dim=2)
            known = torch.cat((nowhere, known), dim=1)
        return self.blocks(features), known


def vit(
    shape: Shape,
    *,
    width: int = 192,
    depth: int = 6,
    heads: int = 3,
    patch: int = 4,
    class_token: bool = True,
    mlp_ratio: float = 4.0,
) -> nn.Module:
    """Build a vision transformer of an image, or of tokens of one, such as those that a mask left.

    Patches are embedded linearly, hidden ones replaced by one learned token; then the fixed sine-cosine encoding of
    row and column is added, and the class token, which has none, put in front; then come pre-norm blocks and a layer
    normalisation.

    Args:
        shape: of an image (channels, height, width), which is cut into patches first, or of tokens (number, features).
            The number of tokens may differ from batch to batch.
        width: of each encoded token, a multiple of 4 and of `heads`.
        depth: number of blocks.
        heads: of attention.
        patch: side of the patches of an image; tokens are taken as they are.
        class_token: whether a learned token stands in front.
        mlp_ratio: width of the hidden layer of a block's perceptron, in widths.

    Returns:
        A module from images (B, C, H, W), or tokens (B, K, F) and their places, to tokens (B, K, width), one more with
        a class token, and their places.

    Raises:
        ShapeError: the shape is neither, the patches do not fill the image, or the heads do not share the width.

    Source: Dosovitskiy et al. 2021, arXiv:2010.11929, with fixed places, initial weights and mask tokens of MAE and
    SimMIM: He et al. 2022, arXiv:2111.06377 (facebookresearch/mae at efb2a80, models_mae.py), and Xie et al. 2022,
    arXiv:2111.09886 (microsoft/SimMIM at d3e29bc, models/simmim.py lines 57-83).
    """
    patchify = None
    if len(shape) == 2:
        features = shape[1]
    else:
        image = resolve_image(shape)
        if image.height % patch or image.width % patch:
            raise ShapeError(
                expected=f"an image whose sides are multiples of `patch`, {patch}",
                found=shape,
                remedy=f"write `patch: {_divisor(image, patch)}`",
            )
        patchify = _Patchify(image, patch)
        features = image.channels * patch**2
    check_heads(shape, width=width, heads=heads)
    blocks = transformer_blocks(width, depth=depth, heads=heads, mlp_ratio=mlp_ratio)
    return _VisionTransformer(patchify, features, class_token=class_token, width=width, blocks=blocks)


def _divisor(image: ImageShape, patch: int) -> int:
    """Return the largest side up to `patch` of which both sides of the image are multiples."""
    sides = range(1, min(patch, image.height, image.width) + 1)
    return max(side for side in sides if image.height % side == image.width % side == 0)

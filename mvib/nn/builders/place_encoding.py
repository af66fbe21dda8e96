"""Where tokens stand: their places, and the fixed encoding of a place that is added to a token.

The places of tokens are whole numbers (B, K, 3): row, column, and whether the content is visible (1) or hidden and
zero (0). A class token stands nowhere: its row and column are -1.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
_LONGEST_WAVE = 10_000.0


def encode_places(
    places: Int[Tensor, "B K 3"], width: int, *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "B K D"]:
    """Fixed two-dimensional sine-cosine encoding of places; zero for what stands nowhere.

    The first half of the features is about the column, the second about the row: of each, sines and then cosines of
    width / 4 frequencies from 1 to 1 / 10000.

    Args:
        places: row, column and visibility of each token.
        width: number of features, a multiple of 4.
        dtype: of the encoding; it is computed in float32 at least.

    Source: He et al. 2022 (MAE), arXiv:2111.06377, appendix A.1; official code facebookresearch/mae at efb2a80,
    util/pos_embed.py lines 20-67. Differs from it in the last digits: the code rounds float64 to float32.
    """
    exact = torch.promote_types(dtype, torch.float32)
    quarter = torch.arange(width // 4, device=places.device, dtype=exact)
    frequencies = _LONGEST_WAVE ** -(quarter / (width // 4))
    row, column = (places[..., axis, None] * frequencies for axis in (0, 1))
    waves = torch.cat((column.sin(), column.cos(), row.sin(), row.cos()), dim=-1)
    stands = places[..., :1] >= 0
    return (waves * stands).to(dtype)


def grid_places(rows: int, columns: int) -> Int[Tensor, "K 3"]:
    """Places of the tokens of a grid, row by row, all visible."""
    row, column = torch.arange(rows), torch.arange(columns)
    cells = torch.cartesian_prod(row, column)
    return torch.cat((cells, torch.ones(rows * columns, 1, dtype=torch.int64)), dim=1)


def sequence_places(tokens: Float[Tensor, "B K D"]) -> Int[Tensor, "B K 3"]:
    """Places of tokens that have none of their own: those of a sequence in row 0, all visible."""
    column = torch.arange(tokens.shape[1], device=tokens.device)
    places = torch.stack((torch.zeros_like(column), column, torch.ones_like(column)), dim=1)
    return places.expand(tokens.shape[0], -1, -1)


def all_visible(places: Int[Tensor, "B K 3"]) -> Int[Tensor, "B K 3"]:
    """Return the same places with all content visible, as behind a network that has filled in what was hidden."""
    return torch.cat((places[..., :2], torch.ones_like(places[..., 2:])), dim=-1)

"""What channels of tokens share: the places of tokens, the grid they fill, and the choice of some of them.

The places of tokens are whole numbers (B, K, 3): row, column, and whether the content is visible (1) or hidden and
zero (0).
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mvib.data.channels.arguments import Shape
from mvib.data.channels.errors import ChannelError

Tokens = Float[Tensor, "B K D"]
Places = Int[Tensor, "B K 3"]
# What a channel of tokens gives of each of the variables it draws together.
Drawn = tuple[tuple[Tensor, Tensor], ...]


def check_tokens(shape: Shape, *, channel: str) -> None:
    """Fails unless the shape is that of tokens.

    Raises:
        ChannelError: it is not (number, features).
    """
    if len(shape) != 2 or min(shape) < 1:
        raise ChannelError(
            "tokens (number, features)", shape, f"cut an image first, `view P ~ patches(X, size: 4)`, for `{channel}`"
        )


def resolve_places(tokens: Tokens, places: Places | None) -> Places:
    """Returns the places of tokens; those of a sequence that has none lie in row 0, all visible."""
    if places is not None:
        return places
    column = torch.arange(tokens.shape[1], device=tokens.device)
    known = torch.stack((torch.zeros_like(column), column, torch.ones_like(column)), dim=1)
    return known.expand(tokens.shape[0], -1, -1)


def take(values: Tensor, index: Int[Tensor, "B M"]) -> Tensor:
    """Returns of each example the rows that its index names, in that order: (B, K, D) to (B, M, D)."""
    return values.gather(1, index[:, :, None].expand(-1, -1, values.shape[2]))


def take_tokens(tokens: Tokens, places: Places, index: Int[Tensor, "B M"]) -> tuple[Tensor, Tensor]:
    """Returns the tokens that an index names, and their places."""
    return take(tokens, index), take(places, index)


def grid_of(places: Places, *, channel: str) -> tuple[int, int]:
    """Numbers of rows and columns of the grid that the tokens of each example fill.

    On the meta device, where places have no values, it is the grid of so many tokens that is nearest to a square.

    Raises:
        ChannelError: the tokens do not fill a grid.
    """
    num = places.shape[1]
    if places.device.type == "meta":
        rows = max(side for side in range(1, math.isqrt(num) + 1) if num % side == 0)
        return rows, num // rows
    rows, columns = (int(last) + 1 for last in places[..., :2].amax(dim=(0, 1)))
    if rows * columns != num:
        raise ChannelError(
            "tokens that fill a grid",
            f"{num} tokens in {rows} rows and {columns} columns",
            f"put `{channel}` on all patches of an image",
        )
    return rows, columns

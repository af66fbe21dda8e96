"""Tokens of which some have lost their content, and what they lost."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.token_places import Drawn, Places, Tokens, check_tokens, grid_of, resolve_places, take_tokens
from mvib.estimators.draws import uniform


class _Hide(nn.Module):
    """The channel that empties tokens, a square of them at a time; which, each example draws on its own."""

    def __init__(self, num_hidden: int, block: int) -> None:
        super().__init__()
        # Squares, each of block x block tokens.
        self.num_hidden = num_hidden
        self.block = block

    def forward(self, tokens: Tokens, places: Places | None = None) -> Drawn:
        """Returns all tokens, the hidden ones zero, and the hidden ones, drawn from torch's global generator."""
        known = resolve_places(tokens, places)
        hidden = self._draw(known)
        # A stable sort puts hidden tokens first and keeps their order.
        index = (~hidden).to(torch.uint8).argsort(dim=1, stable=True)[:, : self.num_hidden * self.block**2]
        emptied = torch.where(hidden[:, :, None], torch.zeros_like(tokens), tokens)
        seen = known[..., 2:] * ~hidden[:, :, None]
        return (emptied, torch.cat((known[..., :2], seen), dim=2)), take_tokens(tokens, known, index)

    def _draw(self, places: Places) -> Bool[Tensor, "B K"]:
        batch, num = places.shape[:2]
        if self.block == 1:
            squares, square_of = num, torch.arange(num, device=places.device).expand(batch, -1)
        else:
            rows, columns = grid_of(places, channel="hide")
            if places.device.type != "meta" and (rows % self.block or columns % self.block):
                raise ChannelError(
                    f"a grid whose sides are multiples of `block`, {self.block}",
                    f"{rows} rows and {columns} columns of tokens",
                    f"write for example `block: {math.gcd(rows, columns)}`",
                )
            squares = num // self.block**2
            square_of = places[..., 0] // self.block * (columns // self.block) + places[..., 1] // self.block
        # Half precision has too few numbers for an order without ties.
        drawn = uniform((batch, squares), like=places, dtype=torch.float32).argsort(dim=1)
        hidden = torch.zeros(batch, squares, dtype=torch.bool, device=places.device)
        hidden = hidden.scatter(1, drawn[:, : self.num_hidden], torch.ones_like(hidden))
        return hidden.gather(1, square_of)


def hide(shape: Shape, *, ratio: float = 0.6, block: int = 1) -> nn.Module:
    """Builds the channel that empties some tokens, and gives what they held.

    Args:
        shape: of the tokens of one example, (number, features).
        ratio: share of hidden tokens. Of K squares ceil(K ratio) are hidden.
        block: side of the squares of tokens that are hidden together.

    Returns:
        A module from tokens (B, K, D) and their places to two pairs of tokens and their places: all of them, of which
        the hidden ones are zero and say so in their places, and the hidden ones as they were, row by row.

    Raises:
        ChannelError: the shape is not that of tokens, squares do not fill it, or none of them would be visible, or
            none hidden. Whether squares fill the sides of the grid shows when it is drawn.

    Source: Xie et al. 2022 (SimMIM), arXiv:2111.09886; official code microsoft/SimMIM at d3e29bc, data/data_simmim.py
    lines 23-47, whose mask patch in pixels is `block` tokens.
    """
    check_tokens(shape, channel="hide")
    if shape[0] % block**2:
        raise ChannelError(
            f"a number of tokens that squares of {block} x {block} fill", shape, "write for example `block: 1`"
        )
    squares = shape[0] // block**2
    num_hidden = math.ceil(squares * ratio)
    if not 0 < num_hidden < squares:
        raise ChannelError(
            f"a share of {squares} squares for `ratio` that leaves some visible and some hidden",
            f"{ratio:g}, which hides {num_hidden}",
            "write for example `ratio: 0.5`" if squares > 1 else "hide smaller squares, or cut smaller patches",
        )
    return _Hide(num_hidden, block)

"""Some tokens and the rest of them, at random."""

import torch
from torch import nn

from mvib.data.channels.arguments import Shape
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.token_places import Drawn, Places, Tokens, check_tokens, resolve_places, take_tokens
from mvib.estimators.draws import uniform


class _Split(nn.Module):
    """The channel that leaves some tokens visible; which, each example draws on its own."""

    def __init__(self, num_visible: int) -> None:
        super().__init__()
        self.num_visible = num_visible

    def forward(self, tokens: Tokens, places: Places | None = None) -> Drawn:
        """Returns the visible tokens and the hidden ones, drawn from torch's global generator, in their old order."""
        known = resolve_places(tokens, places)
        # Half precision has too few numbers for an order without ties.
        drawn = uniform(tuple(tokens.shape[:2]), like=tokens, dtype=torch.float32).argsort(dim=1)
        visible, hidden = drawn[:, : self.num_visible], drawn[:, self.num_visible :]
        return (
            take_tokens(tokens, known, visible.sort(dim=1).values),
            take_tokens(tokens, known, hidden.sort(dim=1).values),
        )


def split(shape: Shape, *, ratio: float = 0.75) -> nn.Module:
    """Builds the channel that splits tokens into visible and hidden ones.

    Args:
        shape: of the tokens of one example, (number, features).
        ratio: share of hidden tokens. Of K tokens int(K (1 - ratio)) stay visible.

    Returns:
        A module from tokens (B, K, D) and their places to two pairs of tokens and their places: visible and hidden.

    Raises:
        ChannelError: the shape is not that of tokens, or none of them would be visible, or none hidden.

    Source: He et al. 2022 (MAE), arXiv:2111.06377; official code facebookresearch/mae at efb2a80, models_mae.py lines
    123-148. Differs from it: tokens keep the order of their places, which changes no result of attention.
    """
    check_tokens(shape, channel="split")
    num_visible = int(shape[0] * (1 - ratio))
    if not 0 < num_visible < shape[0]:
        raise ChannelError(
            f"a share of {shape[0]} tokens for `ratio` that leaves some visible and some hidden",
            f"{ratio:g}, which leaves {num_visible} visible",
            "write for example `ratio: 0.5`" if shape[0] > 1 else "cut the image into smaller patches",
        )
    return _Split(num_visible)

"""The tokens of one variable at the places of another."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.place_encoding import sequence_places
from mvib.nn.builders.transformer_blocks import check_tokens
from mvib.nn.shapes import Shape


def tokens_at(
    tokens: Float[Tensor, "B S D"], places: Int[Tensor, "B S 3"], wanted: Int[Tensor, "B K 3"]
) -> Float[Tensor, "B K D"]:
    """Return of each example the tokens that stand at the wanted rows and columns, in that order.

    Raises:
        ValueError: there is none at one of them. (A compiled graph, and the meta device, cannot look.)
    """
    matches = (wanted[:, :, None, :2] == places[:, None, :, :2]).all(dim=3)
    can_look = matches.device.type != "meta" and not torch.compiler.is_compiling()
    if can_look and not matches.any(dim=2).all():
        raise ValueError("tokens are asked for at places where there are none: give tokens of the whole grid")
    index = matches.to(torch.uint8).argmax(dim=2)
    return tokens.gather(1, index[:, :, None].expand(-1, -1, tokens.shape[2]))


class _At(nn.Module):
    """The first variable's tokens at the second's places."""

    def forward(
        self,
        tokens: Float[Tensor, "B S D"],
        others: Float[Tensor, "B K E"],
        *,
        places: tuple[Int[Tensor, "B S 3"] | None, Int[Tensor, "B K 3"] | None] = (None, None),
    ) -> tuple[Float[Tensor, "B K D"], Int[Tensor, "B K 3"]]:
        """Return the tokens and their places; tokens without places stand as in a sequence."""
        own, wanted = places
        own = sequence_places(tokens) if own is None else own
        wanted = sequence_places(others) if wanted is None else wanted
        return tokens_at(tokens, own, wanted), wanted


def at(shapes: tuple[Shape, ...]) -> nn.Module:
    """Build the map of two variables to the tokens of the first at the places of the second.

    A class token of the first is left out, as it stands nowhere.

    Args:
        shapes: of the tokens of one example of each, (number, features).

    Returns:
        A module from tokens (B, S, D) and (B, K, E) and the places of both to tokens (B, K, D) and their places.

    Raises:
        ShapeError: one of the shapes is not that of tokens.
        ValueError: there are not two variables.
    """
    if len(shapes) != 2:
        raise ValueError(f"`at` takes two variables, tokens and those whose places are wanted, and gets {len(shapes)}")
    for shape in shapes:
        check_tokens(shape)
    return _At()

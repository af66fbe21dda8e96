"""All tokens but the first, such as those of patches behind a class token."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.builders.transformer_blocks import check_tokens
from mvib.nn.shapes import Shape, ShapeError


class _Rest(nn.Module):
    """Tokens from the second on."""

    def forward(
        self, tokens: Float[Tensor, "B K D"], *, places: Int[Tensor, "B K 3"] | None = None
    ) -> tuple[Float[Tensor, "B K-1 D"], Int[Tensor, "B K-1 3"] | None]:
        """Return the tokens and where they lie."""
        return tokens[:, 1:], None if places is None else places[:, 1:]


def rest(shape: Shape) -> nn.Module:
    """Build the map of tokens to all of them but the first.

    Raises:
        ShapeError: the shape is not that of tokens, or there is one only.
    """
    check_tokens(shape)
    if shape[0] < 2:
        raise ShapeError(expected="two tokens or more", found=shape, remedy="leave `rest()` out")
    return _Rest()

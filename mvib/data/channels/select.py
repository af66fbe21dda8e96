"""A fixed part of an example, such as one half of an image, as a modality of its own."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape
from mvib.data.channels.errors import ChannelError

Part = tuple[int, int]


class _Select(nn.Module):
    """The deterministic channel that keeps a block of an array."""

    def __init__(self, slices: tuple[slice, ...]) -> None:
        super().__init__()
        self.slices = slices

    def forward(self, examples: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """Returns the block of each example."""
        return examples[(slice(None), *self.slices)]


def select(
    shape: Shape, *, columns: Part | None = None, rows: Part | None = None, channels: Part | None = None
) -> nn.Module:
    """Builds the channel that keeps a range of columns, rows and channels, and all of those that are not named.

    Args:
        shape: of one example: an image (channels, height, width), a sequence (rows, columns) or a vector (columns).
        columns: first and last column kept, counted from 1.
        rows: first and last row kept.
        channels: first and last channel kept.

    Returns:
        A module from examples (B, *shape) to their selected parts.

    Raises:
        ChannelError: a range lies outside the example, or the example has no such axis.
    """
    slices = [slice(None)] * len(shape)
    for name, part, axis in (("columns", columns, 1), ("rows", rows, 2), ("channels", channels, 3)):
        if part is None:
            continue
        if axis > len(shape):
            raise ChannelError(f"data with {name} for `{name}`", shape, f"leave `{name}` out of `select`")
        first, last = part
        size = shape[-axis]
        if not 1 <= first <= last <= size:
            raise ChannelError(
                f"a range within 1 to {size} for `{name}`",
                f"{first} to {last}",
                f"write for example `{name}: 1..{max(1, size // 2)}`",
            )
        slices[-axis] = slice(first - 1, last)
    return _Select(tuple(slices))

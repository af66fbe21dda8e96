"""An image as a sequence of its patches."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape, check_image
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.token_places import Drawn, Places


class _Patches(nn.Module):
    """The deterministic channel from an image to its patches."""

    places: Tensor

    def __init__(self, rows: int, columns: int, size: int) -> None:
        super().__init__()
        self.rows, self.columns, self.size = rows, columns, size
        cells = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        visible = torch.ones(rows * columns, 1, dtype=torch.int64)
        # Follows from the shape: a checkpoint does not need it.
        self.register_buffer("places", torch.cat((cells, visible), dim=1), persistent=False)

    def forward(self, images: Float[Tensor, "B C H W"], places: Places | None = None) -> Drawn:
        """Returns the patches and their places, row by row."""
        batch, channels = images.shape[:2]
        cut = images.reshape(batch, channels, self.rows, self.size, self.columns, self.size)
        tokens = cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, self.rows * self.columns, -1)
        return ((tokens, self.places.expand(batch, -1, -1)),)


def patches(shape: Shape, *, size: int = 4) -> nn.Module:
    """Builds the channel that cuts an image into square patches: tokens, row by row.

    Args:
        shape: (channels, height, width).
        size: side of a patch in pixels.

    Returns:
        A module from images (B, C, H, W) to one pair: tokens (B, H W / size^2, size^2 C), the numbers of a patch
        ordered by row, column, channel, and their places (B, H W / size^2, 3).

    Raises:
        ChannelError: the shape is not an image's, or patches do not fill it.

    Source: He et al. 2022 (MAE), arXiv:2111.06377; official code facebookresearch/mae at efb2a80, models_mae.py lines
    95-107.
    """
    check_image(shape, channel="patches")
    _, height, width = shape
    if height % size or width % size:
        sides = range(1, min(size, height, width) + 1)
        remedy = max(side for side in sides if height % side == width % side == 0)
        raise ChannelError(
            f"an image whose sides are multiples of `size`, {size}", shape, f"write for example `size: {remedy}`"
        )
    return _Patches(height // size, width // size, size)

"""Blocks of tokens that are to be predicted, and one large block of the others that they are predicted from."""

import math

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape, check_interval
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.token_places import Drawn, Places, Tokens, check_tokens, grid_of, resolve_places, take_tokens
from mvib.data.channels.warp import Range
from mvib.estimators.draws import whole_batch

# Source: facebookresearch/ijepa at 52c1ae9, src/masks/multiblock.py line 86.
_TRIES = 20
# Everything is drawn on the CPU: a size sets the shape of a tensor, and draws are repeated until they fit.
_CPU = torch.device("cpu")


class _Blocks(nn.Module):
    """The channel of a context and target blocks, of one size a batch and at places that each example draws."""

    def __init__(self, num_targets: int, scale: Range, aspect: Range, context: Range, keep: int) -> None:
        super().__init__()
        self.num_targets = num_targets
        self.scale, self.aspect, self.context = scale, aspect, context
        self.keep = keep

    def forward(self, tokens: Tokens, places: Places | None = None) -> Drawn:
        """Returns the context and the targets, drawn from torch's global generator, row by row."""
        known = resolve_places(tokens, places)
        grid = grid_of(known, channel="blocks")
        # Inference of shapes draws what it draws without a trace, always the same.
        draw = _Draw(grid, torch.Generator(_CPU).manual_seed(0) if tokens.device.type == "meta" else None)
        # The least number of tokens is one of the whole batch, so that its masks are drawn wherever its rows are.
        total, own = whole_batch(len(tokens))
        targets = draw.masks(total, self.num_targets, draw.size(self.scale, self.aspect))
        context = draw.context(targets, draw.size(self.context, (1.0, 1.0)), keep=self.keep)
        # The tokens of each example in the order of the grid.
        order = (known[..., 0] * grid[1] + known[..., 1]).argsort(dim=1)
        cells = (_cells(context), *(_cells(mask) for mask in targets.unbind(dim=1)))
        return tuple(take_tokens(tokens, known, order.gather(1, cell[own].to(order.device))) for cell in cells)


class _Draw:
    """Random blocks of a grid."""

    def __init__(self, grid: tuple[int, int], generator: torch.Generator | None) -> None:
        self.rows, self.columns = grid
        self.generator = generator

    def size(self, scale: Range, aspect: Range) -> tuple[int, int]:
        """Returns a height and a width: a share of the grid's tokens, in a ratio of height over width."""
        share, ratio = (low + (high - low) * self._uniform() for low, high in (scale, aspect))
        area = int(self.rows * self.columns * share)
        height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        return min(max(height, 1), self.rows), min(max(width, 1), self.columns)

    def masks(self, batch: int, count: int, size: tuple[int, int]) -> Bool[Tensor, "B M K"]:
        """Returns blocks of one size at independent places."""
        row, column = self._marks(batch, count, size[0], self.rows), self._marks(batch, count, size[1], self.columns)
        return (row[:, :, :, None] & column[:, :, None, :]).flatten(start_dim=2)

    def context(self, targets: Bool[Tensor, "B M K"], size: tuple[int, int], *, keep: int) -> Bool[Tensor, "B K"]:
        """Returns a block without the tokens of the targets, drawn again where that leaves fewer than `keep`.

        Where no draw leaves enough it may overlap the last target, and then the one before it, and so on.
        """
        num_targets = targets.shape[1]
        block = self.masks(len(targets), 1, size)[:, 0]
        few = torch.ones(len(targets), dtype=torch.bool, device=_CPU)
        free = torch.zeros_like(block)
        for spared in range(num_targets, -1, -1):
            outside = ~targets[:, :spared].any(dim=1)
            free = torch.where(few[:, None], outside, free)
            few = (block & free).sum(dim=1) < keep
            for _ in range(_TRIES):
                if not few.any():
                    return block & free
                block = torch.where(few[:, None], self.masks(len(targets), 1, size)[:, 0], block)
                few = (block & free).sum(dim=1) < keep
        return block & free

    def _marks(self, batch: int, count: int, length: int, side: int) -> Bool[Tensor, "B M S"]:
        start = torch.randint(side - length + 1, (batch, count, 1), device=_CPU, generator=self.generator)
        cell = torch.arange(side, device=_CPU)
        return (cell >= start) & (cell < start + length)

    def _uniform(self) -> float:
        return float(torch.rand((), device=_CPU, generator=self.generator))


def _cells(masks: Bool[Tensor, "B K"]) -> Int[Tensor, "B M"]:
    """Returns the first cells of each mask in the order of the grid, as many as the smallest of them has."""
    num = int(masks.sum(dim=1).min())
    return (~masks).to(torch.uint8).argsort(dim=1, stable=True)[:, :num]


def blocks(
    shape: Shape,
    *,
    outputs: int,
    scale: Range = (0.15, 0.2),
    aspect: Range = (0.75, 1.5),
    context: Range = (0.85, 1.0),
    keep: int = 1,
) -> nn.Module:
    """Builds the channel of multi-block masks: a context, and target blocks that it does not overlap.

    The sizes of the targets and of the context are drawn once a batch, their places for each example. Targets may
    overlap each other. The context loses the tokens of all targets; then all contexts of the batch are cut to the
    least number of tokens among them, from the end of the grid.

    Args:
        shape: of the tokens of one example, (number, features), which fill a grid.
        outputs: number of variables drawn together: the context, and at least one target.
        scale: interval of a target's share of the grid.
        aspect: interval of a target's height over its width.
        context: interval of the context's share of the grid, before it loses the targets; it is a square.
        keep: least number of tokens of a context. Its place is drawn again where fewer are left, 20 times; then it
            may overlap the last target, and so on.

    Returns:
        A module from tokens (B, K, D) and their places to a pair of tokens and places of the context and of each
        target. Their numbers differ from batch to batch.

    Raises:
        ChannelError: the shape is not that of tokens, an argument is out of its range, or there is no target. Whether
            the tokens fill a grid shows when it is drawn.

    Source: Assran et al. 2023 (I-JEPA), arXiv:2301.08243, section 3; official code facebookresearch/ijepa at 52c1ae9,
    src/masks/multiblock.py. Differs from the code, and follows the paper: a block may touch the last row and column
    of the grid and fill it, and scale and aspect are drawn independently; the code's `min_keep`, 10 tokens, must be
    exceeded, so that it is `keep: 11`.
    """
    check_tokens(shape, channel="blocks")
    if outputs < 2:
        raise ChannelError(
            "a context and at least one target to draw together",
            f"{outputs} variable",
            "write for example `view (V, T[b: 1..4]) ~ blocks(P)`",
        )
    check_interval(scale, (1e-3, 1.0), name="scale", channel="blocks")
    check_interval(aspect, (1e-3, 1e3), name="aspect", channel="blocks")
    check_interval(context, (1e-3, 1.0), name="context", channel="blocks")
    return _Blocks(outputs - 1, scale, aspect, context, keep)

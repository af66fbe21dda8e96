"""One of several strips of equal width that cover an example, side by side or overlapping."""

from fractions import Fraction

from torch import nn

from mvib.data.channels.arguments import Shape
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.select import select


def strip(
    shape: Shape, *, of: int, columns: int | None = None, rows: int | None = None, overlap: float = 0.0
) -> nn.Module:
    """Builds the channel that keeps the strip of one number, of as many strips of equal width as cover the example.

    Args:
        shape: of one example: an image (channels, height, width), a sequence (rows, columns) or a vector (columns).
        of: number of strips.
        columns: which one, from 1, of strips that are columns side by side.
        rows: which one of strips of rows, in the place of `columns`.
        overlap: share of a strip that it has in common with the next.

    Returns:
        A module from examples (B, *shape) to the strip of each, all columns or all rows of which are kept.

    Raises:
        ChannelError: not exactly one of `columns` and `rows` is given, the number is not from 1 to `of`, the example
            has no such axis, or strips of whole numbers cannot cover it.
    """
    match columns, rows:
        case int() as number, None:
            name, axis = "columns", 1
        case None, int() as number:
            name, axis = "rows", 2
        case _:
            raise ChannelError(
                "either `columns` or `rows`", "both or none", f"write for example `columns: 1, of: {of}`"
            )
    if axis > len(shape):
        raise ChannelError(f"data with {name}", shape, "use `columns:`")
    if not 1 <= number <= of:
        raise ChannelError(f"a number from 1 to {of} for `{name}`", str(number), f"there are {of} strips")
    size = shape[-axis]
    parts = _width_and_step(size, of, overlap)
    if parts is None:
        fitting = [n for n in range(1, size + 1) if _width_and_step(size, n, overlap) is not None]
        listed = ", ".join(map(str, fitting)) if fitting else "none"
        how = f", overlapping by {overlap:g}," if overlap else ""
        raise ChannelError(
            f"a number of strips{how} that cover {size} {name}",
            str(of),
            f"numbers that fit are {listed}: write one behind `of:`, or `--set` the parameter that stands there",
        )
    width, step = parts
    first = (number - 1) * step + 1
    part = (first, first + width - 1)
    return select(shape, columns=part) if name == "columns" else select(shape, rows=part)


def _width_and_step(size: int, number: int, overlap: float) -> tuple[int, int] | None:
    """Width of a strip and distance to the next; None where they are no whole numbers."""
    # As decimals are written: 0.1 is a tenth.
    apart = 1 - Fraction(str(overlap))
    width = size / (1 + (number - 1) * apart)
    step = width * apart
    whole = width.denominator == 1 and (number == 1 or (step.denominator == 1 and step >= 1))
    return (int(width), int(step)) if whole else None

"""Checks of the shape and the arguments that a view channel is built with."""

from mvib.data.channels.errors import ChannelError
from mvib.data.channels.warp import Range

Shape = tuple[int, ...]


def check_image(shape: Shape, *, channel: str) -> None:
    """Fails unless the shape is that of an image.

    Raises:
        ChannelError: it is not (channels, height, width).
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ChannelError(
            "an image (channels, height, width)",
            shape,
            "use `noise(std: 0.1)` or `mask(ratio: 0.5)`, which take data of any shape",
        )


def check_number(value: float, interval: Range, *, name: str, channel: str) -> None:
    """Fails unless an argument lies in a closed interval.

    Raises:
        ChannelError: it does not.
    """
    low, high = interval
    if not low <= value <= high:
        raise ChannelError(
            f"a number from {low:g} to {high:g} for `{name}`",
            f"{value:g}",
            f"write for example `{name}: {min(max(value, low), high):g}`",
        )


def check_interval(value: Range, interval: Range, *, name: str, channel: str) -> None:
    """Fails unless an argument is an interval (low, high) within a larger one.

    Raises:
        ChannelError: it is not.
    """
    low, high = interval
    if len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise ChannelError(
            f"an interval (low, high) within {low:g} to {high:g} for `{name}`",
            str(value),
            f"write low before high, for example `{name}: ({max(low, 0.2):g}, {min(high, 1.0):g})`",
        )

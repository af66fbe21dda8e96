"""Reading text that anybody may have written."""

import json
import math
from typing import Any

# What mvib writes has a few levels; more would exhaust the stack of whoever prints or compares the value.
_DEEPEST = 64


def parse_json(text: str | bytes) -> Any:
    """The value that a JSON text says.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or holds a number that no float holds.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _check_depth(value)
    return value


def number_from(value: Any) -> float:
    """A number of a parsed JSON text; true and false are none, nor are digits in quotes.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"`{str(value)[:40]}` is no number")
    return float(value)


def number_or_nan(value: Any) -> float:
    """The same, with null for what is not a number: JSON has no other way to say it.

    Raises:
        ValueError: it is neither.
    """
    return math.nan if value is None else number_from(value)


def count_from(value: Any) -> int:
    """A whole number of a parsed JSON text, at least 0.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"`{str(value)[:40]}` is no count")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _too_large(text)
    return value


def _whole(text: str) -> int:
    # No float holds more digits; Python would read thousands, and fail only where they are turned into a float.
    try:
        float(value := int(text))
    except (OverflowError, ValueError) as error:
        raise _too_large(text) from error
    return value


def _too_large(text: str) -> ValueError:
    return ValueError(f"the number {text[:20]}{'...' if len(text) > 20 else ''} is too large")


def _constant(text: str) -> float:
    raise ValueError(f"`{text}` is no JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise ValueError("it is nested too deeply")

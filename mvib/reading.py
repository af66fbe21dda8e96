"""Reading text that anybody may have written."""

import json
import math
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """The value that a JSON text says.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or holds a number that no float holds.
    """
    try:
        return json.loads(text, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value

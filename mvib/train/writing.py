"""JSON files of a run folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mvib.train.history import without_infinities
from mvib.writing import write_whole


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all; numbers that are not finite become null."""
    text = json.dumps(without_infinities(dict(value)), indent=2, allow_nan=False)
    write_whole(path, f"{text}\n".encode())

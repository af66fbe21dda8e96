"""Folders of small pictures for tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def pixels(seed: int, *, height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def write_picture(path: Path, seed: int = 0, *, height: int = 8, width: int = 8, channels: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed, height=height, width=width, channels=channels)).save(path)
    return path


def write_classes(root: Path, *, number: int = 6, classes: tuple[str, ...] = ("cat", "dog"), channels: int = 3) -> Path:
    for place, name in enumerate(classes):
        for item in range(number):
            write_picture(root / name / f"{item:02}.png", 100 * place + item, channels=channels)
    return root

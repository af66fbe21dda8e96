"""scikit-learn's handwritten digits, which are on every machine: whole, or as two halves that are two modalities."""

import numpy as np
import torch
from torch import Tensor

from mvib.data.columns import Column, ColumnKind, DataSource
from mvib.data.split import split_indices

# Each pixel counts the black dots of a 4x4 block of the scanned form.
_DOTS_PER_PIXEL = 16.0


def load_digits_source() -> DataSource:
    """Loads 1797 digits of 1x8x8 pixels in [0, 1] with their labels; a stratified fifth is held out.

    Source: UCI "Optical recognition of handwritten digits" (test part), as bundled with scikit-learn.
    """
    images, labels = _load_digits()
    return DataSource(name="digits", columns={"image": images, "label": labels})


def load_digit_halves_source() -> DataSource:
    """Loads the digits as two modalities: the left and the right half of each image, 1x8x4 pixels, and the label."""
    images, labels = _load_digits()
    pixels, held_out = images.train, images.test
    assert isinstance(pixels, Tensor)
    assert isinstance(held_out, Tensor)
    middle = pixels.shape[-1] // 2
    left = Column(
        kind=ColumnKind.IMAGE,
        train=pixels[..., :middle].contiguous(),
        test=held_out[..., :middle].contiguous(),
        description="left half of a handwritten digit, in [0, 1]",
    )
    right = Column(
        kind=ColumnKind.IMAGE,
        train=pixels[..., middle:].contiguous(),
        test=held_out[..., middle:].contiguous(),
        description="right half of a handwritten digit, in [0, 1]",
    )
    return DataSource(name="digits-halves", columns={"left": left, "right": right, "label": labels})


def _load_digits() -> tuple[Column, Column]:
    # Loaded here: a second of imports that only this data set needs.
    from sklearn.datasets import load_digits  # noqa: PLC0415

    bundle = load_digits()
    pixels = (bundle.images / _DOTS_PER_PIXEL).astype(np.float32)[:, None]
    digits = bundle.target.astype(np.int64)
    train, test = split_indices(len(digits), digits)
    images = Column(
        kind=ColumnKind.IMAGE,
        train=torch.from_numpy(pixels[train]),
        test=torch.from_numpy(pixels[test]),
        description="handwritten digit, in [0, 1]",
    )
    labels = Column(
        kind=ColumnKind.LABEL,
        train=torch.from_numpy(digits[train]),
        test=torch.from_numpy(digits[test]),
        classes=10,
        class_names=tuple("0123456789"),
        description="the digit, 0 to 9",
    )
    return images, labels

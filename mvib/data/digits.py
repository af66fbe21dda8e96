"""scikit-learn's handwritten digits, which are on every machine: whole, or as two halves that are two modalities."""

import numpy as np
import torch
from torch import Tensor

from mvib.data.columns import Column, ColumnKind, DataSource
from mvib.data.origin import Origin, find_origin
from mvib.data.split import split_indices

# Each pixel counts the black dots of a 4x4 block of the scanned form.
_DOTS_PER_PIXEL = 16.0


def load_digits_source() -> DataSource:
    """Loads 1797 digits of 1x8x8 pixels in [0, 1] with their labels; a stratified fifth is held out.

    Source: UCI "Optical recognition of handwritten digits" (test part), as bundled with scikit-learn.
    """
    images, labels, origin = _load_digits()
    return DataSource(name="digits", columns={"image": images, "label": labels}, origin=origin)


def load_digit_halves_source() -> DataSource:
    """Loads the digits as two modalities: the left and the right half of each image, 1x8x4 pixels, and the label."""
    images, labels, origin = _load_digits()
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
    columns = {"left": left, "right": right, "label": labels}
    return DataSource(name="digits-halves", columns=columns, origin=origin)


def _load_digits() -> tuple[Column, Column, Origin]:
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
    return images, labels, find_origin((np.arange(len(digits)), None), (train, test))

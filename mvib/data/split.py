"""Which examples are held out: a fixed fifth, with the classes in the proportions of the whole."""

from collections import Counter

import numpy as np
import numpy.typing as npt

HELD_OUT = 0.2
_SPLIT_SEED = 0

Indices = npt.NDArray[np.int64]


def split_indices(num_examples: int, labels: npt.NDArray[np.int64] | None) -> tuple[Indices, Indices]:
    """Splits 0..num_examples-1 into training and held-out indices, always in the same way.

    Args:
        num_examples: how many there are, at least 2.
        labels: the classes in whose proportions to split, or none for a plain random split. A class of a single
            example cannot stand on both sides; then the split is a plain one too.

    Returns:
        Training and held-out indices, disjoint, together all; a fifth (rounded up) is held out.
    """
    # Loaded here, because compiling a model needs the shapes of this package and not a second of imports.
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    stratify = labels if labels is not None and _can_stratify(labels) else None
    train, test = train_test_split(
        np.arange(num_examples), test_size=HELD_OUT, random_state=_SPLIT_SEED, shuffle=True, stratify=stratify
    )
    return train, test


def _can_stratify(labels: npt.NDArray[np.int64]) -> bool:
    counts = Counter(labels.tolist())
    return min(counts.values()) >= 2 and len(labels) * HELD_OUT >= len(counts)

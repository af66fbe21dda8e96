"""What a protocol measures: a frozen representation with labels, and ways to get more of the model where needed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int
from torch import Tensor

Rows = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]

TUNING_SHARE = 0.2

# Rows of the labelled training or held-out examples -> their representation with gradient, by a copy of the model.
Encode = Callable[[Places], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trainable:
    """A copy of the model that may be trained.

    Attributes:
        parameters: of all networks of the representation.
        encode_train: representation of some labelled training examples, with gradient.
        encode_test: of some labelled held-out ones.
    """

    parameters: tuple[Tensor, ...]
    encode_train: Encode
    encode_test: Encode


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """The representation of the labelled examples; where a protocol needs no labels, of all of them.

    Attributes:
        train_features, train_labels: the training part.
        test_features, test_labels: the held-out part, which nothing is fitted to or chosen by.
        views: from a seed, representations of several views of held-out examples, (N, Q, D); none where the method
            has no views of what it represents.
        trainable: makes a copy of the model that may be trained; none where there is no model.
    """

    train_features: Float[Rows, "N D"]
    train_labels: Int[Labels, " N"]
    test_features: Float[Rows, "M D"]
    test_labels: Int[Labels, " M"]
    views: Callable[[int], Rows | None] = lambda _: None
    trainable: Callable[[], Trainable] | None = None


def split_for_tuning(labels: Int[Labels, " N"], *, seed: int) -> tuple[Places, Places]:
    """Split the training part: what is fitted, and what hyperparameters are chosen by. The held-out part has no say.

    Args:
        labels: of the training part.
        seed: of the draw. A fifth of each class is for tuning, rounded down; of all classes at least one example.

    Returns:
        Places of both, each in rising order.
    """
    generator = np.random.default_rng(seed)
    tuning: list[int] = []
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        tuning.extend(places[: int(TUNING_SHARE * len(places))].tolist())
    if not tuning:
        tuning = [int(generator.integers(len(labels)))]
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[tuning] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def draw_few(labels: Int[Labels, " N"], *, share: float, seed: int) -> Places:
    """A share of the examples of each class, rounded, and at least one.

    Returns:
        Places in rising order.
    """
    generator = np.random.default_rng(seed)
    chosen: list[int] = []
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        chosen.extend(places[: max(1, round(share * len(places)))].tolist())
    return np.array(sorted(chosen), dtype=np.int64)

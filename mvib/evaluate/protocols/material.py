"""What a protocol measures: a frozen representation with labels, and ways to get more of the model where needed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int
from torch import Tensor

from mvib.data.tuning import TUNING_SHARE as TUNING_SHARE
from mvib.data.tuning import few_note as few_note
from mvib.data.tuning import split_for_tuning as split_for_tuning

Rows = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]

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

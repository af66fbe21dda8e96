"""Probes: how well a label is read off a frozen representation by a fixed, named classifier."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Rows = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]

NUM_NEIGHBOURS = 5
INVERSE_PENALTY = 0.1
MOST_ITERATIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a probe found.

    Attributes:
        accuracy: share of the held-out examples that it gets right, none where it could not be fitted.
        note: what a reader must know about it, empty for nothing.
    """

    accuracy: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Features and labels of the examples that have a label.

    Attributes:
        train_features, train_labels: what a probe is fitted to.
        test_features, test_labels: the held-out part it is judged by.
    """

    train_features: Float[Rows, "N D"]
    train_labels: Int[Labels, " N"]
    test_features: Float[Rows, "M D"]
    test_labels: Int[Labels, " M"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A protocol with a name.

    Attributes:
        name: on the command line.
        protocol: all that is needed to repeat it.
        score: fits it and judges it.
    """

    name: str
    protocol: str
    score: Callable[[Split], Score]


def score_neighbours(split: Split) -> Score:
    """Accuracy of the majority of the nearest neighbours, on the raw features."""
    if len(split.train_labels) < NUM_NEIGHBOURS:
        return Score(accuracy=None, note=f"there are fewer than {NUM_NEIGHBOURS} labelled examples to compare with")
    probe = KNeighborsClassifier(NUM_NEIGHBOURS, metric="cosine", weights="uniform")
    probe.fit(split.train_features, split.train_labels)
    return Score(accuracy=_accuracy(probe.predict(split.test_features), split))


def score_linear(split: Split) -> Score:
    """Accuracy of a logistic regression on standardised features."""
    if len(np.unique(split.train_labels)) < 2:
        return Score(accuracy=None, note="all labelled training examples are of one class")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_ITERATIONS))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        probe.fit(split.train_features, split.train_labels)
    has_stopped = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    note = f"stopped after {MOST_ITERATIONS} iterations, before it converged" if has_stopped else ""
    return Score(accuracy=_accuracy(probe.predict(split.test_features), split), note=note)


def _accuracy(predicted: Int[Labels, " M"], split: Split) -> float:
    return float((predicted == split.test_labels).mean())


PROBES: Mapping[str, Probe] = {
    probe.name: probe
    for probe in (
        Probe(
            name="knn",
            protocol=f"majority of the {NUM_NEIGHBOURS} nearest training examples, cosine distance, raw features",
            score=score_neighbours,
        ),
        Probe(
            name="linear",
            protocol=f"logistic regression on standardised features, L2 penalty with C = {INVERSE_PENALTY}, "
            f"at most {MOST_ITERATIONS} iterations",
            score=score_linear,
        ),
    )
}


def score_probe(probe: Probe, split: Split) -> Score:
    """Run a probe on a representation that may be broken.

    Returns:
        Its score; without an accuracy where there is nothing to fit, with the reason in words.
    """
    if len(split.train_labels) == 0 or len(split.test_labels) == 0:
        return Score(accuracy=None, note="there are no labelled examples in one of the parts")
    for features in (split.train_features, split.test_features):
        if not np.isfinite(features).all():
            return Score(accuracy=None, note="the representation holds values that are not finite")
    return probe.score(split)

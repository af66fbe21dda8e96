"""A protocol run with several seeds: mean, spread over seeds, and a 95% interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mvib.evaluate.protocols.intervals import Resampled, example_interval, mean_interval, seed_interval
from mvib.evaluate.protocols.material import Material

# What an interval covers.
EXAMPLES, SEEDS = "examples", "seeds"


class CannotMeasureError(Exception):
    """A protocol does not apply; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A number of one seed.

    Attributes:
        value: of the metric.
        note: what a reader must know, empty for nothing.
        scores: of the held-out examples, in [0, 1], where the value is their mean; none where it is no such mean.
        resampled: the value of bootstrap samples of the held-out examples; none where it is not made of them otherwise.
        num_examples: how many are resampled.
        limits: of the metric.
    """

    value: float
    note: str = ""
    scores: npt.NDArray[np.float64] | None = None
    resampled: Resampled | None = None
    num_examples: int = 0
    limits: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A protocol with a name.

    Attributes:
        name: on the command line.
        text: all that is needed to repeat it.
        needs_labels: whether it is about a label.
        is_seeded: whether anything is drawn, so that a second seed may find another number.
        metrics: the names of what it finds.
        find: its numbers by metric, from the material and a seed.
    """

    name: str
    text: str
    needs_labels: bool
    is_seeded: bool
    metrics: tuple[str, ...]
    find: Callable[[Material, int], Mapping[str, Found]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a protocol found.

    Attributes:
        protocol: its name.
        about: the label column; empty for what needs no labels.
        metric: what the value is.
        value: mean over seeds, none where it could not be measured.
        std: over seeds (n - 1), none for one seed.
        interval: 95%, none where there is none.
        interval_of: what the interval covers: `examples`, `seeds` or `examples and seeds`; empty without one.
        num_seeds: behind the value.
        note: what a reader must know, empty for nothing.
    """

    protocol: str
    about: str
    metric: str
    value: float | None
    std: float | None = None
    interval: tuple[float, float] | None = None
    interval_of: str = ""
    num_seeds: int = 0
    note: str = ""


def mean_of(examples: npt.NDArray[np.float64] | npt.NDArray[np.bool_], note: str = "") -> Found:
    """A mean over held-out examples of numbers between 0 and 1."""
    numbers = examples.astype(np.float64)
    return Found(float(numbers.mean()), note=note, scores=numbers, limits=(0.0, 1.0))


def measure_protocol(protocol: Protocol, material: Material, *, about: str = "", num_seeds: int = 1) -> list[Measure]:
    """Run a protocol on a representation that may be broken.

    Args:
        protocol: which.
        material: what it measures.
        about: name of the label.
        num_seeds: how often; a protocol that draws nothing runs once.

    Returns:
        One measure a metric; without a value where the protocol does not apply, with the reason in words.
    """
    seeds = range(num_seeds if protocol.is_seeded else 1)
    try:
        _check(protocol, material)
        found = [protocol.find(material, seed) for seed in seeds]
    except CannotMeasureError as why:
        return [
            Measure(protocol=protocol.name, about=about, metric=metric, value=None, note=str(why))
            for metric in protocol.metrics
        ]
    return [_joined(protocol, about, metric, [by_metric[metric] for by_metric in found]) for metric in found[0]]


def _check(protocol: Protocol, material: Material) -> None:
    for features in (material.train_features, material.test_features):
        if len(features) == 0:
            kind = "labelled examples" if protocol.needs_labels else "examples"
            raise CannotMeasureError(f"there are no {kind} in one of the parts")
        if not np.isfinite(features).all():
            raise CannotMeasureError("the representation holds values that are not finite")


def _joined(protocol: Protocol, about: str, metric: str, found: Sequence[Found]) -> Measure:
    values = np.array([one.value for one in found])
    interval, interval_of = _interval(found, values)
    notes = list(dict.fromkeys(one.note for one in found if one.note))
    return Measure(
        protocol=protocol.name,
        about=about,
        metric=metric,
        value=float(values.mean()),
        std=float(values.std(ddof=1)) if len(values) > 1 else None,
        interval=interval,
        interval_of=interval_of,
        num_seeds=len(found),
        note="; ".join(notes),
    )


def _interval(found: Sequence[Found], values: npt.NDArray[np.float64]) -> tuple[tuple[float, float] | None, str]:
    """Within the limits of the metric, and what it covers."""
    scores = [one.scores for one in found if one.scores is not None]
    resampled = [one.resampled for one in found if one.resampled is not None]
    covers = EXAMPLES if len(found) == 1 else f"{EXAMPLES} and {SEEDS}"
    bounds: tuple[float, float] | None
    if len(scores) == len(found):
        bounds = mean_interval(np.stack(scores))
    elif len(resampled) == len(found):
        bounds = example_interval(resampled, values, num_examples=found[0].num_examples)
    else:
        bounds, covers = seed_interval(values), SEEDS
    if bounds is None:
        return None, ""
    low, high = (min(max(bound, found[0].limits[0]), found[0].limits[1]) for bound in bounds)
    return (low, high), covers

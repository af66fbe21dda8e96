"""A protocol run with several seeds: mean, spread over seeds, and a 95% interval."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from mvib.evaluate.protocols.material import Material

LEVEL = 0.95
RESAMPLES = 1000
INTERVAL_PROTOCOL = (
    f"intervals: {LEVEL:.0%}; of a mean over held-out examples by the percentiles of {RESAMPLES:,} bootstrap samples "
    "of them (numbers of an example averaged over seeds first), of any other number by Student's t over seeds, and "
    "none for one seed"
)


class CannotMeasureError(Exception):
    """A protocol does not apply; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A number of one seed.

    Attributes:
        value: of the metric.
        examples: for a mean over held-out examples, the number of each of them.
        note: what a reader must know, empty for nothing.
    """

    value: float
    examples: npt.NDArray[np.float64] | None = None
    note: str = ""


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
        num_seeds: behind the value.
        note: what a reader must know, empty for nothing.
    """

    protocol: str
    about: str
    metric: str
    value: float | None
    std: float | None = None
    interval: tuple[float, float] | None = None
    num_seeds: int = 0
    note: str = ""


def mean_of(examples: npt.NDArray[np.float64] | npt.NDArray[np.bool_], note: str = "") -> Found:
    """A mean over held-out examples."""
    numbers = examples.astype(np.float64)
    return Found(float(numbers.mean()), examples=numbers, note=note)


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
    std = float(values.std(ddof=1)) if len(values) > 1 else None
    examples = [one.examples for one in found if one.examples is not None]
    is_mean = len(examples) == len(found)
    interval = bootstrap_interval(np.mean(examples, axis=0)) if is_mean else seed_interval(values)
    notes = list(dict.fromkeys(one.note for one in found if one.note))
    return Measure(
        protocol=protocol.name,
        about=about,
        metric=metric,
        value=float(values.mean()),
        std=std,
        interval=interval,
        num_seeds=len(found),
        note="; ".join(notes),
    )


def bootstrap_interval(examples: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Percentiles of the mean over bootstrap samples of held-out examples; the same examples give the same interval."""
    generator = np.random.default_rng(0)
    means = [examples[generator.integers(len(examples), size=len(examples))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def seed_interval(values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """Student's t interval of the mean over seeds; none for one."""
    if len(values) < 2:
        return None
    half = float(stats.t.ppf((1 + LEVEL) / 2, df=len(values) - 1)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half

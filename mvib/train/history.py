"""What is recorded of a run: one record an epoch, and the running means it is made of."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mvib.reading import count_from, number_from, number_or_nan, parse_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Means over some examples.

    Attributes:
        loss: what is minimised.
        terms: the estimate of each term by label.
    """

    loss: float
    terms: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One line of the metrics.

    Attributes:
        epoch: which, from 1.
        step: how many steps have been taken.
        progress: how much of the training is done, in (0, 1].
        train: means over the epoch, in training mode, while the weights changed.
        held_out: means over the held-out part after it, in evaluation mode with the same views every time.
        lr: learning rate of the last step.
        gradient_norm: mean norm of the gradient before clipping.
        schedules: present values of everything that follows a schedule, by what it belongs to.
        seconds: that its training steps took.
        examples_per_second: of those steps.
    """

    epoch: int
    step: int
    progress: float
    train: Measured
    held_out: Measured
    lr: float
    gradient_norm: float
    schedules: Mapping[str, float]
    seconds: float
    examples_per_second: float


def record_to_json(record: EpochRecord) -> str:
    """One line of `metrics.jsonl`, without its line break. All numbers are finite; what is not is null."""
    line = {
        "epoch": record.epoch,
        "step": record.step,
        "progress": record.progress,
        "loss": record.train.loss,
        "terms": dict(record.train.terms),
        "held_out": {"loss": record.held_out.loss, "terms": dict(record.held_out.terms)},
        "lr": record.lr,
        "gradient_norm": record.gradient_norm,
        "schedules": dict(record.schedules),
        "seconds": record.seconds,
        "examples_per_second": record.examples_per_second,
    }
    return json.dumps(without_infinities(line), allow_nan=False)


def record_from_json(line: str) -> EpochRecord:
    """The record of a line.

    Raises:
        ValueError: it is no such line.
    """
    try:
        values = parse_json(line)
        held_out = values["held_out"]
        return EpochRecord(
            epoch=count_from(values["epoch"]),
            step=count_from(values["step"]),
            progress=number_from(values["progress"]),
            train=Measured(loss=number_or_nan(values["loss"]), terms=_numbers(values["terms"])),
            held_out=Measured(loss=number_or_nan(held_out["loss"]), terms=_numbers(held_out["terms"])),
            lr=number_from(values["lr"]),
            gradient_norm=number_or_nan(values["gradient_norm"]),
            schedules=_numbers(values["schedules"]),
            seconds=number_from(values["seconds"]),
            examples_per_second=number_from(values["examples_per_second"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a line of metrics: {error}") from error


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): number_or_nan(value) for name, value in values.items()}


def without_infinities(value: Any) -> Any:
    """The same nested value for JSON, with null for every number that is infinite or not a number."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(key): without_infinities(inner) for key, inner in value.items()}
        case list() | tuple():
            return [without_infinities(inner) for inner in value]
        case _:
            return value


@dataclass(slots=True)
class RunningMeans:
    """Means over the examples of an epoch, added up step by step; each over the examples that are behind it.

    Attributes:
        totals: sums over examples by name.
        counts: how many have been added by name.
    """

    totals: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, values: Mapping[str, float], *, examples: int) -> None:
        """Add the means of as many examples."""
        for name, value in values.items():
            self.totals[name] = self.totals.get(name, 0.0) + value * examples
            self.counts[name] = self.counts.get(name, 0) + examples

    def mean(self, name: str) -> float:
        """The mean of what was added under a name; not a number where no example was behind it."""
        return self.totals[name] / self.counts[name] if self.counts.get(name) else math.nan

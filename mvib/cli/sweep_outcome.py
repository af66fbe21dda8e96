"""What the runs of a sweep found, and the same over seeds."""

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mvib.cli.sweep_grid import GridPoint

Metrics = Mapping[str, float | None]
Settings = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run of a sweep.

    Attributes:
        point: its settings and seed.
        folder: of the run.
        metrics: on the tuning split by name, none where there is no number; empty where the run failed.
        judged_by: how many labelled examples of the tuning split there are; 0 where the run failed.
        held_out: on the held-out part; empty where it was not chosen.
        why: it failed, empty where it did not.
    """

    point: GridPoint
    folder: Path
    metrics: Metrics
    judged_by: int = 0
    held_out: Metrics = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric over seeds.

    Attributes:
        values: of the seeds that have one.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """None without values."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """With n - 1; none for fewer than two values."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def __str__(self) -> str:
        if self.mean is None:
            return "-"
        return f"{self.mean:.4g}" if self.std is None else f"{self.mean:.4g} ± {self.std:.2g}"


def by_settings(outcomes: Sequence[Outcome]) -> Iterator[tuple[Settings, list[Outcome]]]:
    """Runs of one combination together; their seeds follow each other."""
    for settings, group in itertools.groupby(outcomes, key=lambda outcome: outcome.point.settings):
        yield settings, list(group)


def fewest_judges(outcomes: Sequence[Outcome]) -> int:
    """By how many examples the run is judged that is judged by the fewest; 0 where none has finished."""
    return min((outcome.judged_by for outcome in outcomes if not outcome.why), default=0)


def over_seeds(metrics: Sequence[Metrics]) -> dict[str, Cell]:
    """Every metric that one of the runs has, in the order in which they come."""
    found = {}
    for name in dict.fromkeys(name for one in metrics for name in one):
        values = (one.get(name) for one in metrics)
        found[name] = Cell(tuple(value for value in values if value is not None))
    return found

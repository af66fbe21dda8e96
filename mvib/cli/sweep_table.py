"""The table of a sweep: a row for each combination of settings, mean and spread over seeds."""

import csv
import io
import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvib.cli.sweep_grid import GridPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run of a sweep.

    Attributes:
        point: its settings and seed.
        folder: of the run.
        metrics: by name, none where there is no number; empty where the run failed.
        why: it failed, empty where it did not.
    """

    point: GridPoint
    folder: Path
    metrics: Mapping[str, float | None]
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


def _rows(outcomes: Sequence[Outcome]) -> Iterator[tuple[tuple[tuple[str, str], ...], list[Outcome]]]:
    """Runs of one combination together; their seeds follow each other."""
    for settings, group in itertools.groupby(outcomes, key=lambda outcome: outcome.point.settings):
        yield settings, list(group)


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(name for outcome in outcomes for name in outcome.metrics))


def _cell(group: Sequence[Outcome], name: str) -> Cell:
    values = (outcome.metrics.get(name) for outcome in group)
    return Cell(tuple(value for value in values if value is not None))


def sweep_to_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The table as plain values."""
    names = _names(outcomes)
    return {
        "points": [
            {
                "settings": dict(settings),
                "metrics": {
                    name: {"mean": cell.mean, "std": cell.std, "values": list(cell.values)}
                    for name in names
                    for cell in [_cell(group, name)]
                },
                "runs": [
                    {"seed": outcome.point.seed, "folder": str(outcome.folder), "failed": outcome.why or None}
                    for outcome in group
                ],
            }
            for settings, group in _rows(outcomes)
        ]
    }


def sweep_lines(outcomes: Sequence[Outcome], *, form: str) -> Iterator[str]:
    """The table as `text`, `csv` or `markdown`."""
    names = _names(outcomes)
    rows = list(_rows(outcomes))
    axes = [name for name, _ in rows[0][0]]
    if form == "csv":
        yield from _csv_lines(rows, axes, names)
        return
    table = [[*axes, "seeds", *names]]
    for settings, group in rows:
        finished = sum(not outcome.why for outcome in group)
        seeds = str(finished) if finished == len(group) else f"{finished} of {len(group)}"
        table.append([*(value for _, value in settings), seeds, *(str(_cell(group, name)) for name in names)])
    if form == "markdown":
        table = [[cell.replace("|", "\\|") for cell in row] for row in table]
        yield from (f"| {' | '.join(row)} |" for row in [table[0], ["---"] * len(table[0]), *table[1:]])
        return
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def _csv_lines(
    rows: Sequence[tuple[tuple[tuple[str, str], ...], list[Outcome]]], axes: list[str], names: list[str]
) -> Iterator[str]:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*axes, "seeds", *(head for name in names for head in (name, f"{name} std"))])
    for settings, group in rows:
        cells = [_cell(group, name) for name in names]
        numbers = [number for cell in cells for number in (cell.mean, cell.std)]
        finished = sum(not outcome.why for outcome in group)
        writer.writerow([*(value for _, value in settings), finished, *("" if n is None else n for n in numbers)])
    yield from stream.getvalue().splitlines()

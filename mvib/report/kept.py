"""Which run kept more of what: its last readings side by side, and in sentences."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mvib.report.charts import colour_of
from mvib.report.markup import escaped, known_number, number, table
from mvib.report.runs import ReportedRun
from mvib.train.monitors.reading import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A row of the comparison.

    Attributes:
        reading: its name among the readings.
        about: what it tells.
        sentence: with the run that has most as its subject; empty where more is not better or worse.
        relation: between the quantity and the number, `≥` for a lower bound.
        unit: behind the number, with its space.
    """

    reading: str
    about: str
    sentence: str = ""
    relation: str = ""
    unit: str = ""


MEASURES = (
    Measure(reading="I(Z; Y)", about="what Z tells of the label", sentence="tells most of the label",
            relation="≥ ", unit=" nats"),
    Measure(reading="I(X; Z)", about="what Z keeps of the input", sentence="keeps most of the input",
            relation="≈ ", unit=" nats"),
    Measure(reading="I(Z1; Z2)", about="what two views share", sentence="has most in common between two views",
            relation="≥ ", unit=" nats"),
    Measure(reading="effective rank", about="dimensions in use", sentence="uses most dimensions"),
    Measure(reading="RankMe", about="the same, not centred"),
    Measure(reading="knn", about="accuracy of neighbours, online", sentence="has the best nearest neighbours"),
    Measure(reading="linear", about="accuracy of a linear probe, online", sentence="has the best linear probe"),
    Measure(reading="alignment", about="distance of two views: less is nearer"),
    Measure(reading="uniformity", about="on the sphere: less is more even"),
)  # fmt: skip


def last_value(run: ReportedRun, reading: str) -> float | None:
    """The last finite value of a reading."""
    return _next_value(reversed(run.entries), reading)


def first_value(run: ReportedRun, reading: str) -> float | None:
    """Its first finite value."""
    return _next_value(run.entries, reading)


def _next_value(entries: Iterable[Entry], reading: str) -> float | None:
    for entry in entries:
        for found in entry.readings:
            if found.name == reading and math.isfinite(found.value):
                return found.value
    return None


def kept_table(runs: Sequence[ReportedRun]) -> str:
    """The last readings with the first, a column a run; the most of a row has the longest bar."""
    head = ["", *(f"{dot(place)}{escaped(run.mark)} {escaped(run.method)}" for place, run in enumerate(runs))]
    rows = []
    for measure in MEASURES:
        values = [last_value(run, measure.reading) for run in runs]
        known = [value for value in values if value is not None]
        if not known:
            continue
        largest = max(map(abs, known))
        cells = [f"<b>{escaped(measure.reading)}</b><br><span class='faint'>{escaped(measure.about)}</span>"]
        for place, value in enumerate(values):
            is_best = bool(measure.sentence) and len(runs) > 1 and value == max(known)
            if value is None:
                cells.append("–")
                continue
            # The quotient first: a hundred times the largest float is none.
            share = round(100 * (abs(value) / largest)) if largest else 0
            # A bar compares runs; one alone has nothing to be compared with but its own beginning.
            bar = f'<span class="bar" style="width:{share}px;background:{colour_of(place)}"></span>'
            before = f' <span class="faint">from {number(first_value(runs[place], measure.reading))}</span>'
            text = f"{measure.relation}{number(value)}"
            text = f"<b>{text}</b>" if is_best else text
            cells.append(f'<div class="bars">{text}{before}{bar if len(runs) > 1 and measure.sentence else ""}</div>')
        rows.append(cells)
    return table(head, rows) if rows else ""


def verdicts(runs: Sequence[ReportedRun]) -> Iterator[str]:
    """Which run has most of what, in sentences of HTML."""
    for measure in MEASURES:
        found = [(value, run) for run in runs if (value := last_value(run, measure.reading)) is not None]
        if not measure.sentence or len(found) < 2:
            continue
        found.sort(key=lambda pair: -pair[0])
        (best, run), (next_value, next_run) = found[:2]
        if best == next_value:
            yield f"{_name(run)} and {_name(next_run)} are equal in {escaped(measure.reading)}."
            continue
        yield (
            f"{_name(run)} {measure.sentence}: {escaped(measure.reading)} {measure.relation or 'is '}{number(best)}"
            f"{measure.unit}, before {_name(next_run)} with {number(next_value)}."
        )


def caveats(runs: Sequence[ReportedRun]) -> Iterator[str]:
    """What makes the runs hard to compare, in sentences of HTML."""
    # The fingerprint is of the columns that a method uses, and differs where one takes labels and another none.
    for keys, words in (
        (("data", "examples"), "were not trained on the same data"),
        (("epochs",), "were not trained for the same number of epochs"),
    ):
        if len({str([run.config.get(key) for key in keys]) for run in runs}) > 1:
            yield f"The runs {words}."
    unfinished = [run for run in runs if str(len(run.records)) != str(run.config.get("epochs"))]
    if unfinished:
        names = ", ".join(map(_name, unfinished))
        yield f"{names} {'is' if len(unfinished) == 1 else 'are'} not at the end."
    if any(len(run.entries) == 0 for run in runs):
        yield "Runs without monitors have no readings."
    if len(runs) > 1:
        yield "One seed each: small differences may be chance."


def probe_table(runs: Sequence[ReportedRun]) -> str:
    """The probes of `mvib train` after the run: trained, and the same network before training."""
    rows = []
    for place, run in enumerate(runs):
        probes = run.summary.get("probes")
        if not isinstance(probes, Mapping):
            continue
        trained, untrained = (_results(probes.get(part)) for part in ("trained", "untrained"))
        for name, value in trained.items():
            rows.append(
                [f"{dot(place)}{_name(run)}", escaped(name), f"<b>{number(value)}</b>", number(untrained.get(name))]
            )
    return table(["run", "probe", "trained", "before training"], rows) if rows else ""


def dot(place: int) -> str:
    """A dot in the colour of a run."""
    return f'<span class="dot" style="background:{colour_of(place)}"></span>'


def _results(part: Any) -> dict[str, float | None]:
    results = part.get("results") if isinstance(part, Mapping) else None
    found = {}
    for result in results if isinstance(results, list) else ():
        if isinstance(result, Mapping):
            name = f"{result.get('probe')} ({result.get('about')})"
            found[name] = known_number(result.get("accuracy"))
    return found


def _name(run: ReportedRun) -> str:
    return f"{escaped(run.mark)} ({escaped(run.method)})"

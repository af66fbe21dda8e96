"""Which run kept more of what: its last readings side by side, and in sentences."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mvib.report.charts import colour_of
from mvib.report.held_out import have_same_held_out, have_same_name
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

    @property
    def is_bound(self) -> bool:
        """Whether the number is a lower bound."""
        return self.relation.startswith("≥")


MEASURES = (
    Measure(reading="I(Z; Y)", about="what Z tells of the label",
            sentence="has the highest lower bound on what Z tells of the label",
            relation="≥ ", unit=" nats"),
    Measure(reading="I(X; Z)", about="what Z keeps of the input",
            sentence="has the highest surrogate of what Z keeps of the input",
            relation="≈ ", unit=" nats"),
    Measure(reading="I(Z1; Z2)", about="what two views share",
            sentence="has the highest lower bound on what two views share",
            relation="≥ ", unit=" nats"),
    Measure(reading="effective rank", about="dimensions in use", sentence="uses most dimensions"),
    Measure(reading="RankMe", about="the same, not centred"),
    Measure(reading="knn", about="accuracy of neighbours, online", sentence="has the best nearest neighbours"),
    Measure(reading="linear", about="accuracy of a linear probe, online", sentence="has the best linear probe"),
    Measure(reading="alignment", about="distance of two views: less is nearer"),
    Measure(reading="uniformity", about="on the sphere: less is more even"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """A finite value of a reading.

    Attributes:
        value: of it.
        step: after which it was read.
        is_missing_since: whether looks nearer to that end of the run lack it.
    """

    value: float
    step: int
    is_missing_since: bool


def last_seen(run: ReportedRun, reading: str) -> Seen | None:
    """The last finite value of a reading; a look may lack it, where what is measured has broken."""
    return _find(reversed(run.entries), reading)


def first_seen(run: ReportedRun, reading: str) -> Seen | None:
    """Its first finite value."""
    return _find(run.entries, reading)


def _find(entries: Iterable[Entry], reading: str) -> Seen | None:
    for place, entry in enumerate(entries):
        for found in entry.readings:
            if found.name == reading and math.isfinite(found.value):
                return Seen(found.value, entry.step, place > 0)
    return None


def _at_end(run: ReportedRun, reading: str) -> float | None:
    """The value at the last look; what only earlier ones saw says nothing about the end."""
    seen = last_seen(run, reading)
    return None if seen is None or seen.is_missing_since else seen.value


def kept_table(runs: Sequence[ReportedRun]) -> str:
    """The last readings with the first, a column a run; the most of a row has the longest bar."""
    head = ["", *(f"{dot(place)}{escaped(run.mark)} {escaped(run.method)}" for place, run in enumerate(runs))]
    rows = []
    # A bar compares runs; one alone has nothing to be compared with but its own beginning.
    are_compared = len(runs) > 1 and have_same_held_out(runs)
    for measure in MEASURES:
        is_compared = are_compared and bool(measure.sentence)
        values = [_at_end(run, measure.reading) for run in runs]
        if all(last_seen(run, measure.reading) is None for run in runs):
            continue
        known = [value for value in values if value is not None]
        cells = [f"<b>{escaped(measure.reading)}</b><br><span class='faint'>{escaped(measure.about)}</span>"]
        cells += [_cell(measure, run, place, known, is_compared=is_compared) for place, run in enumerate(runs)]
        rows.append(cells)
    return table(head, rows) if rows else ""


def _cell(measure: Measure, run: ReportedRun, place: int, known: Sequence[float], *, is_compared: bool) -> str:
    """A reading of a run: at the end beside the beginning, with a bar where runs are compared."""
    last, first = last_seen(run, measure.reading), first_seen(run, measure.reading)
    if last is None or first is None:
        return "–"
    text = f"{measure.relation}{number(last.value)}"
    before = f"from {number(first.value)}{f' at step {first.step:,}' if first.is_missing_since else ''}"
    if last.is_missing_since:
        note = f"at step {last.step:,}, not since; {before}"
        return f'<div class="bars"><span class="faint">{text} {note}</span></div>'
    if is_compared and number(last.value) == number(max(known)):
        text = f"<b>{text}</b>"
    bar = f'<span class="bar" style="width:{_share(last.value, known)}px;background:{colour_of(place)}"></span>'
    return f'<div class="bars">{text} <span class="faint">{before}</span>{bar if is_compared else ""}</div>'


def _share(value: float, known: Sequence[float]) -> int:
    """Of the largest, in hundredths."""
    largest = max(map(abs, known))
    # The quotient first: a hundred times the largest float is none.
    return round(100 * (abs(value) / largest)) if largest else 0


def verdicts(runs: Sequence[ReportedRun]) -> Iterator[str]:
    """Which run has most of what, in sentences of HTML."""
    if not have_same_held_out(runs):
        return
    for measure in MEASURES:
        found = [(value, run) for run in runs if (value := _at_end(run, measure.reading)) is not None]
        if not measure.sentence or len(found) < 2:
            continue
        found.sort(key=lambda pair: -pair[0])
        (best, run), (next_value, next_run) = found[:2]
        if number(best) == number(next_value):
            # What differs beyond the digits that are shown is chance, or another order of summation.
            what = f"the bound on {escaped(measure.reading)}" if measure.is_bound else escaped(measure.reading)
            yield f"{_name(run)} and {_name(next_run)} are equal in {what}."
            continue
        # Of two lower bounds the higher is no order of what they bound.
        end = f"; what is bounded may be as much for {_name(next_run)}" if measure.is_bound else ""
        with_next = f"{measure.relation if measure.is_bound else ''}{number(next_value)}"
        yield (
            f"{_name(run)} {measure.sentence}: {escaped(measure.reading)} {measure.relation or 'is '}{number(best)}"
            f"{measure.unit}, before {_name(next_run)} with {with_next}{end}."
        )


def caveats(runs: Sequence[ReportedRun]) -> Iterator[str]:
    """What makes the runs hard to compare, in sentences of HTML."""
    if not have_same_held_out(runs):
        yield "The runs were not measured on the same held-out data: their numbers are not compared."
    if not have_same_name(runs):
        yield "The runs were not trained on the same data."
    if len({str(run.config.get("epochs")) for run in runs}) > 1:
        yield "The runs were not trained for the same number of epochs."
    unfinished = [run for run in runs if str(len(run.records)) != str(run.config.get("epochs"))]
    if unfinished:
        names = ", ".join(map(_name, unfinished))
        yield f"{names} {'is' if len(unfinished) == 1 else 'are'} not at the end."
    for run in runs:
        lost = [
            measure.reading for measure in MEASURES if (s := last_seen(run, measure.reading)) and s.is_missing_since
        ]
        if lost:
            yield f"The last look at {_name(run)} has no finite {escaped(', '.join(lost))}."
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

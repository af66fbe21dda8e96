"""What a monitor reads off: a number with what it is, and everything that is read at one step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mvib.reading import count_from, number_or_nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One number.

    Attributes:
        name: of what is measured, `I(Z; Y)`.
        value: not a number where it cannot be measured.
        bound: `lower bound`, `upper bound`, `exact` or `surrogate` for information quantities; empty for others.
        by: how it is measured, in words.
    """

    name: str
    value: float
    bound: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A collapse of the representation.

    Attributes:
        kind: `complete`, `dimensional` or `cluster`.
        since: the step at which it was first seen.
        why: what was seen, a sentence.
        term: label of the term that most likely draws the model there, empty where none is known.
    """

    kind: str
    since: int
    why: str
    term: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Everything read at one step.

    Attributes:
        step: how many steps had been taken.
        epoch: how many epochs were over.
        progress: how much of the training was done, in [0, 1].
        rows: examples of the held-out sample.
        terms: estimates by label of the term.
        readings: everything else that is one number.
        spectrum: singular values, the largest first, at most 64 of them spread evenly.
        variances: of the dimensions, the largest first, at most 64 of them spread evenly.
        alarms: that are on.
        notes: what could not be measured and why, a sentence each.
    """

    step: int
    epoch: int
    progress: float
    rows: int
    terms: Mapping[str, Reading] = field(default_factory=dict)
    readings: Sequence[Reading] = ()
    spectrum: Sequence[float] = ()
    variances: Sequence[float] = ()
    alarms: Sequence[Alarm] = ()
    notes: Sequence[str] = ()

    def scalars(self) -> dict[str, float]:
        """Every single number by name."""
        terms = {f"term/{label}": reading.value for label, reading in self.terms.items()}
        return terms | {reading.name: reading.value for reading in self.readings}


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """An entry as plain values."""
    return {
        "step": entry.step,
        "epoch": entry.epoch,
        "progress": entry.progress,
        "rows": entry.rows,
        "terms": {label: {"value": found.value, "bound": found.bound} for label, found in entry.terms.items()},
        "readings": {
            found.name: {"value": found.value, "bound": found.bound, "by": found.by} for found in entry.readings
        },
        "spectrum": list(entry.spectrum),
        "variances": list(entry.variances),
        "alarms": [
            {"kind": alarm.kind, "since": alarm.since, "why": alarm.why, "term": alarm.term} for alarm in entry.alarms
        ],
        "notes": list(entry.notes),
    }


def entry_from_json(values: Mapping[str, Any]) -> Entry:
    """The entry of plain values.

    Raises:
        ValueError: they are none.
    """
    try:
        return Entry(
            step=count_from(values["step"]),
            epoch=count_from(values["epoch"]),
            progress=number_or_nan(values["progress"]),
            rows=count_from(values["rows"]),
            terms={
                str(label): Reading(name=str(label), value=number_or_nan(found["value"]), bound=str(found["bound"]))
                for label, found in values["terms"].items()
            },
            readings=tuple(
                Reading(
                    name=str(name), value=number_or_nan(found["value"]), bound=str(found["bound"]), by=str(found["by"])
                )
                for name, found in values["readings"].items()
            ),
            spectrum=tuple(number_or_nan(value) for value in values["spectrum"]),
            variances=tuple(number_or_nan(value) for value in values["variances"]),
            alarms=tuple(
                Alarm(
                    kind=str(alarm["kind"]),
                    since=count_from(alarm["since"]),
                    why=str(alarm["why"]),
                    term=str(alarm["term"]),
                )
                for alarm in values["alarms"]
            ),
            notes=tuple(str(note) for note in values["notes"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a line of monitors: {error}") from error

"""A trained model beside the same network before training: the table of `mvib eval`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mvib.evaluate.evaluation import CLASSIFIER, DATA_PROTOCOL, SPREAD_PROTOCOL, Evaluation, protocol_of
from mvib.evaluate.protocols import PROTOCOLS, Measure
from mvib.evaluate.protocols.intervals import INTERVAL_PROTOCOL
from mvib.evaluate.protocols.measuring import EXAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two evaluations by the same protocol.

    Attributes:
        probes: which were asked for.
        trained: of the trained model.
        untrained: of the same network before training.
    """

    probes: tuple[str, ...]
    trained: Evaluation
    untrained: Evaluation

    @property
    def shown_probes(self) -> tuple[str, ...]:
        """Those that had something to judge."""
        found = {result.probe for result in self.trained.results} | {one.protocol for one in self.trained.measures}
        return tuple(probe for probe in self.probes if probe in found)


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain values; no number is infinite or not a number."""
    return {
        "protocol": {
            "data": DATA_PROTOCOL,
            **{probe: protocol_of(probe) for probe in comparison.shown_probes},
            "spread": SPREAD_PROTOCOL,
            **({"intervals": INTERVAL_PROTOCOL} if comparison.trained.measures else {}),
        },
        "trained": _evaluation_to_json(comparison.trained),
        "untrained": _evaluation_to_json(comparison.untrained),
    }


def _evaluation_to_json(evaluation: Evaluation) -> dict[str, Any]:
    spread = evaluation.spread
    return {
        "results": [
            {"probe": result.probe, "about": result.about, "accuracy": result.score.accuracy, "note": result.score.note}
            for result in evaluation.results
        ],
        "spread": None
        if spread is None
        else {
            "dimensions": spread.dimensions,
            "constant_dimensions": spread.constant_dimensions,
            "effective_rank": spread.effective_rank,
            "std": spread.std,
        },
        "note": evaluation.note,
        "measures": [measure_to_json(measure) for measure in evaluation.measures],
    }


def measure_to_json(measure: Measure) -> dict[str, Any]:
    """A measure as plain values."""
    return {
        "probe": measure.protocol,
        "about": measure.about,
        "metric": measure.metric,
        "value": measure.value,
        "std": measure.std,
        "interval": None if measure.interval is None else list(measure.interval),
        "interval_of": measure.interval_of,
        "seeds": measure.num_seeds,
        "note": measure.note,
    }


def comparison_rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """The table: what, for the trained and for the untrained network; the first row is its head."""
    rows = [("", "trained", "untrained")]
    pairs = zip(comparison.trained.results, comparison.untrained.results, strict=True)
    for trained, untrained in pairs:
        accuracies = [_accuracy(result.score.accuracy) for result in (trained, untrained)]
        rows.append((f"{trained.probe} ({trained.about})", accuracies[0], accuracies[1]))
    for one, other in zip(comparison.trained.measures, comparison.untrained.measures, strict=True):
        rows.append((_measure_name(one), _measured(one), _measured(other)))
    for name, attribute, form in (
        ("effective rank", "effective_rank", ".1f"),
        ("dimensions", "dimensions", "d"),
        ("constant dimensions", "constant_dimensions", "d"),
        ("std of a feature", "std", ".4g"),
    ):
        cells = [_cell(evaluation, attribute, form) for evaluation in (comparison.trained, comparison.untrained)]
        rows.append((name, cells[0], cells[1]))
    return rows


def comparison_notes(comparison: Comparison) -> list[str]:
    """What a reader must know about the numbers, in sentences."""
    notes: list[str] = []
    for name, evaluation in (("trained", comparison.trained), ("untrained", comparison.untrained)):
        notes.extend(
            f"{name}, {result.probe} ({result.about}): {result.score.note}"
            for result in evaluation.results
            if result.score.note
        )
        notes.extend(
            f"{name}, {_measure_name(measure)}: {measure.note}" for measure in evaluation.measures if measure.note
        )
        if evaluation.note:
            notes.append(f"{name}: {evaluation.note}")
    drawn = [m.protocol for m in comparison.trained.measures if m.interval_of == EXAMPLES]
    drawn = [name for name in dict.fromkeys(drawn) if PROTOCOLS[name].is_seeded]
    if drawn:
        notes.append(
            f"the intervals of {', '.join(drawn)} are of the held-out examples only: what the draw changes, one seed "
            "does not show; `--seeds 5`"
        )
    for probe in comparison.probes:
        if probe not in comparison.shown_probes:
            why = "no decoder of the spec predicts a label" if probe == CLASSIFIER else "the data have no label"
            notes.append(f"{probe}: {why}")
    return notes


def comparison_protocol(comparison: Comparison) -> list[str]:
    """How every number was made, in sentences."""
    return [
        DATA_PROTOCOL,
        *(f"{probe}: {protocol_of(probe)}" for probe in comparison.shown_probes),
        SPREAD_PROTOCOL,
        *([INTERVAL_PROTOCOL] if comparison.trained.measures else []),
    ]


def _measure_name(measure: Measure) -> str:
    name = measure.protocol if measure.metric == "accuracy" else f"{measure.protocol} {measure.metric}"
    return f"{name} ({measure.about})" if measure.about else name


def _measured(measure: Measure) -> str:
    if measure.value is None:
        return "-"
    if measure.interval is None:
        return f"{measure.value:.4f}"
    return f"{measure.value:.4f} [{measure.interval[0]:.4f}, {measure.interval[1]:.4f}]"


def _accuracy(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _cell(evaluation: Evaluation, attribute: str, form: str) -> str:
    return "-" if evaluation.spread is None else format(getattr(evaluation.spread, attribute), form)


def align_rows(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Rows as lines of text, names to the left and numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]

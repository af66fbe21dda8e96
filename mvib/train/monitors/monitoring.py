"""Monitoring a training: when to look, what to keep, and when to raise the alarm."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from mvib.compile import CompiledModel
from mvib.driver import Analysis
from mvib.inside import NotPlainError, read_inside
from mvib.reading import parse_json
from mvib.semantics.method import Direction, Method
from mvib.theory.collapse import find_collapse
from mvib.train.config import TrainConfig
from mvib.train.errors import FolderError
from mvib.train.events import CollapseSeen, Observer, PartSkipped
from mvib.train.examples import Examples
from mvib.train.history import EpochRecord, without_infinities
from mvib.train.monitors.collapse import find_kind
from mvib.train.monitors.measure import Measurer
from mvib.train.monitors.observation import Observation, observe, view_family
from mvib.train.monitors.reading import Alarm, Entry, Reading, entry_from_json, entry_to_json
from mvib.train.monitors.sample import Sample, take_sample
from mvib.train.monitors.sinks import Sink
from mvib.writing import write_whole

FILE = "monitors.jsonl"
# A look costs as much as one or two steps (docs/report.md), and all together less than 3% of the time.
_MOST_LOOKS = 20
_STEPS_APART = 100
# A short run is looked at more often than that, up to this many times.
_FEW_LOOKS = 5
_FEWEST_STEPS = 60


def due_steps(steps: int) -> frozenset[int]:
    """The steps after which monitors look: before the first, after the last, and others evenly between."""
    looks = max(steps // _STEPS_APART, min(_FEW_LOOKS, steps // _FEWEST_STEPS))
    looks = max(1, min(_MOST_LOOKS, looks))
    return frozenset(round(steps * look / looks) for look in range(looks + 1))


class Monitoring:
    """The monitors of one run. It changes neither the model nor a random number that training uses."""

    def __init__(
        self,
        analysis: Analysis,
        examples: Examples,
        config: TrainConfig,
        *,
        steps: int,
        which: Sequence[str],
        sinks: Sequence[Sink],
        folder: Path,
        device: torch.device,
        observer: Observer,
    ) -> None:
        """Join the parts.

        Args:
            analysis: of the spec.
            examples: of the run.
            config: of the run.
            steps: of the whole training.
            which: names of the monitors that are on.
            sinks: that get numbers beside the JSON lines.
            folder: of the run.
            device: where the model is.
            observer: is told of a collapse.
        """
        assert analysis.method is not None
        self.entries: list[Entry] = []
        self._analysis = analysis
        self._method: Method = analysis.method
        self._examples = examples
        self._config = config
        self._steps = steps
        self._which = frozenset(which)
        self._sinks = tuple(sinks)
        self._path = folder / FILE
        self._device = device
        self._observer = observer
        self._due = due_steps(steps) if which else frozenset()
        self._views = view_family(analysis.method)
        self._parts: tuple[Sample, Measurer] | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is watched."""
        return len(self._due) > 0

    def begin(self, step: int) -> None:
        """Take up what was read up to a step; what a run that was stopped read after it is dropped.

        Raises:
            FolderError: what was read before, or the file of a sink, cannot be taken up.
        """
        entries = map(_entry, self._lines())
        self.entries = [entry for entry in entries if entry is not None and entry.step <= step]
        for sink in self._sinks:
            sink.begin(step)

    def is_due(self, step: int) -> bool:
        """Whether a look after a step is due and has not been taken."""
        return step in self._due and all(entry.step != step for entry in self.entries)

    def look(self, model: CompiledModel, *, step: int, epoch: int) -> None:
        """Look at the model, on the device, after a step where that is due."""
        if not self.is_due(step):
            return
        try:
            entry = self._read(model, step, epoch)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            self._observer(PartSkipped(what=f"the monitors' look after step {step}", why=str(error)))
            return
        before = {alarm.kind for alarm in self.entries[-1].alarms} if self.entries else set()
        self.entries.append(entry)
        lines = [json.dumps(without_infinities(entry_to_json(entry)), allow_nan=False) for entry in self.entries]
        write_whole(self._path, "".join(f"{line}\n" for line in lines).encode())
        self._send(step, {f"held_out/{name}": value for name, value in entry.scalars().items()})
        for alarm in entry.alarms:
            if alarm.kind not in before:
                self._observer(CollapseSeen(step=step, kind=alarm.kind, why=alarm.why, term=alarm.term))

    def end_epoch(self, record: EpochRecord) -> None:
        """Send the means of an epoch to the sinks."""
        terms = {f"train/term/{name}": value for name, value in record.train.terms.items()}
        rest = {"train/loss": record.train.loss, "held_out/loss": record.held_out.loss, "lr": record.lr}
        self._send(record.step, terms | rest)

    def close(self) -> None:
        """The run is over."""
        for sink in self._sinks:
            sink.close()

    def _lines(self) -> list[str]:
        try:
            # What a crash cut off or damaged is no entry; the lines around it are.
            return read_inside(self._path.parent, self._path).decode(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except NotPlainError as error:
            raise FolderError(str(error), "remove it, and go on without what the monitors read before") from error

    def _send(self, step: int, values: Mapping[str, float]) -> None:
        for sink in self._sinks:
            sink.write(step, values)

    def _read(self, model: CompiledModel, step: int, epoch: int) -> Entry:
        if self._parts is None:
            sample = take_sample(self._examples, device=self._device)
            self._parts = sample, Measurer(sample, which=self._which)
        sample, measurer = self._parts
        # The numbers that training draws next are those it would have drawn without a look.
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            seen = observe(
                model,
                sample,
                self._config,
                views=self._views,
                with_train=bool({"knn", "linear", "plane"} & self._which),
                with_objective=bool({"terms", "sphere", "plane", "matrix"} & self._which),
                device=self._device,
            )
        found = measurer.measure(seen)
        bounds = {term.label: term.bound.value for term in self._method.terms}
        terms = {n: Reading(name=n, value=v, bound=bounds.get(n, "")) for n, v in seen.terms.items()}
        return Entry(
            step=step,
            epoch=epoch,
            progress=step / self._steps,
            rows=sample.num_held_out,
            terms=terms if "terms" in self._which else {},
            readings=tuple(found.readings),
            spectrum=found.spectrum,
            variances=found.variances,
            # Before the first step there is nothing that training did.
            alarms=self._alarms(seen, sample, step, found.rank) if step > 0 and found.rank is not None else (),
            notes=tuple(found.notes),
        )

    def _alarms(self, seen: Observation, sample: Sample, step: int, rank: float) -> tuple[Alarm, ...]:
        is_supervised = any(name in self._examples.labels or name == sample.label for name in _predicted(self._method))
        kind = find_kind(seen.features, rank=rank, classes=sample.classes if is_supervised else None)
        if kind is None:
            return ()
        last = self.entries[-1].alarms if self.entries else ()
        since = next((alarm.since for alarm in last if alarm.kind == kind.kind), step)
        return (Alarm(kind=kind.kind, since=since, why=kind.why, term=self._likely_term(seen)),)

    def _likely_term(self, seen: Observation) -> str:
        """Of the terms that a constant optimises, or of all where there is none, the one that has gained most."""
        analysis = self._analysis
        assert analysis.graph is not None
        found = find_collapse(self._method, analysis.graph, analysis.readings)
        pulling = {label for collapse in found.collapses for label in collapse.terms}
        terms = [term for term in self._method.terms if not pulling or term.label in pulling]
        first = self.entries[0].terms if self.entries else {}
        gains: dict[str, float] = {}
        for term in terms:
            before = first[term.label].value if term.label in first else 0.0
            gain = seen.terms.get(term.label, before) - before
            gains[term.label] = -gain if term.direction is Direction.MINIMIZE else gain
        return max(gains, key=gains.__getitem__, default="")


def _predicted(method: Method) -> set[str]:
    """Names of the data variables that are labels and stand in a term."""
    labels = {family.name for family in method.variables.values() if str(family.type) == "label"}
    used = {
        variable.member.family
        for term in method.terms
        for instance in term.instances
        for group in (*instance.quantity.groups, instance.quantity.condition)
        for variable in group
    }
    return labels & used


def _entry(line: str) -> Entry | None:
    try:
        return entry_from_json(parse_json(line))
    except ValueError:
        return None

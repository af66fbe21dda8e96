"""What `mvib sweep` does once its arguments are read: train what is not finished, probe it, choose, print the table."""

import gc
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from mvib.cli.exit_codes import FAILED
from mvib.cli.run_errors import explained
from mvib.cli.sweep_choice import NothingChosenError, choose
from mvib.cli.sweep_grid import GridPoint
from mvib.cli.sweep_outcome import Outcome
from mvib.cli.sweep_table import sweep_lines, sweep_to_json, tuning_notes
from mvib.data import load_source
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.evaluate import Evaluation, evaluate_model
from mvib.evaluate.evaluation import read_probes
from mvib.inside import check_inside, read_inside
from mvib.reading import count_from, number_from, parse_json
from mvib.syntax.formatter import format_spec
from mvib.train import FolderError, NonFiniteError, Run, SettingError, load_run, train_method
from mvib.train.examples import Examples, fingerprint
from mvib.train.lock import NAME as LOCK
from mvib.train.lock import locked_folder, read_owner
from mvib.train.processes import Placement
from mvib.train.writing import write_json

RESULT = "sweep.json"
# 2: metrics are those of the tuning split, and the data are known. 3: the size of the tuning split is.
_FORMAT = 3
# No probe gives a larger number: a file with one is not mvib's.
_LARGEST = 1e12
# Part of the name of a folder: a run that left out other examples is another run.
_SPLIT = "share of all by largest remainder"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """The arguments of `mvib sweep`.

    Attributes:
        points: every run with the analysis of its spec.
        data: in the place of the spec's.
        out: folder of the runs.
        probes: names of probes with commas.
        device: where to run.
        workers: processes that read data, none for as many as there are cores.
        plugins: that the spec may use.
        form: of the table.
    """

    points: tuple[tuple[GridPoint, Analysis], ...]
    data: str | None
    out: str
    probes: str
    device: str
    workers: int | None
    plugins: tuple[str, ...]
    form: str


def sweep_and_report(request: SweepRequest) -> None:
    """Train, probe, choose and print; leaves with an exit code where a run failed or nothing can be run."""
    with explained():
        if Placement().is_shared:
            raise SettingError("a sweep trains in one process, and `torchrun` started several", "leave out `torchrun`")
        probes = read_probes(request.probes)
        out = Path(request.out)
        if out.exists() and not out.is_dir():
            raise FolderError(f"`{out}` is a file", "name a folder for the runs: `--out runs/NAME`")
        out.mkdir(parents=True, exist_ok=True)
        with locked_folder(out, observer=lambda _: None):
            sweep = _Sweep(request, probes)
            outcomes = [sweep.run(number) for number in range(len(request.points))]
            choice, why_not = None, ""
            try:
                choice = choose(outcomes)
                choice = replace(choice, runs=tuple(sweep.judge(outcome) for outcome in choice.runs))
            except NothingChosenError as error:
                why_not = str(error)
    if request.form == "json":
        found = {"out": request.out, **sweep_to_json(outcomes, choice)}
        click.echo(json.dumps(found, indent=2, allow_nan=False))
    else:
        for line in sweep_lines(outcomes, choice, form=request.form, why_not=why_not):
            click.echo(line)
    if request.form == "csv":
        for note in tuning_notes(outcomes):
            click.echo(f"note: {note}", err=True)
    failed = [outcome for outcome in outcomes if outcome.why]
    for outcome in failed:
        click.echo(f"error: {outcome.point}: {outcome.why}", err=True)
    if failed:
        click.echo(f"{len(failed)} of {len(outcomes)} runs failed; the same command runs them again", err=True)
        raise click.exceptions.Exit(FAILED)


class _Sweep:
    """The runs of a sweep, one after the other."""

    def __init__(self, request: SweepRequest, probes: tuple[str, ...]) -> None:
        self._request = request
        self._probes = probes
        self._fingerprints: dict[str, str] = {}

    def run(self, number: int) -> Outcome:
        """Train a run and probe it on the tuning split, unless that has been done."""
        request = self._request
        point, analysis = request.points[number]
        folder = Path(request.out) / folder_name(point, analysis, request.data)
        place = f"[{number + 1}/{len(request.points)}] {point}"
        # Of a folder that a stranger filled, a run may be a link to anywhere.
        check_inside(Path(request.out), folder)
        result = read_result(folder / RESULT, probes=self._probes)
        if result is not None:
            if result.data == self._fingerprint(analysis):
                click.echo(f"{place}: finished before", err=True)
                return Outcome(point=point, folder=folder, metrics=result.metrics, judged_by=result.judged_by)
            click.echo(f"{place}: finished before, on data that have changed since", err=True)
        click.echo(f"{place}: {folder}", err=True)
        try:
            run = _train(request, point, analysis, folder)
        except (NonFiniteError, SettingError, SpecError) as error:
            # What one combination cannot be trained with, the next may.
            return Outcome(point=point, folder=folder, metrics={}, why=str(error))
        assert run.examples.tuning is not None, "every run of a sweep leaves out examples for tuning"
        metrics = self._probe(run, run.examples.tuning)
        judged_by = _judges(run.examples.tuning)
        found = Result(data=fingerprint(run.examples.source), metrics=metrics, judged_by=judged_by)
        write_json(folder / RESULT, _result_to_json(found, self._probes))
        del run
        # Before the next model is made: two at once may not fit.
        gc.collect()
        return Outcome(point=point, folder=folder, metrics=metrics, judged_by=judged_by)

    def judge(self, outcome: Outcome) -> Outcome:
        """The run of a chosen combination, probed on the held-out part; one that broke since is trained again."""
        try:
            run = self._load(outcome)
        except FolderError as error:
            number = next(k for k, (point, _) in enumerate(self._request.points) if point == outcome.point)
            _begin_again(outcome.folder, error)
            outcome = self.run(number)
            if outcome.why:
                return outcome
            run = self._load(outcome)
        loss = run.summary.get("held_out", {}).get("loss")
        return replace(outcome, held_out={**self._probe(run, run.examples), "loss": loss})

    def _load(self, outcome: Outcome) -> Run:
        return load_run(outcome.folder, device=self._request.device, plugins=self._request.plugins)

    def _probe(self, run: Run, examples: Examples) -> dict[str, float | None]:
        return dict(_metrics(evaluate_model(run.model, examples.columns, examples.labels, probes=self._probes)))

    def _fingerprint(self, analysis: Analysis) -> str:
        """Of all columns of the data, which are read once for the runs that share them."""
        assert analysis.method is not None
        name = self._request.data if self._request.data is not None else str(analysis.method.settings["data"])
        if name not in self._fingerprints:
            self._fingerprints[name] = fingerprint(load_source(name).columns)
        return self._fingerprints[name]


def _train(request: SweepRequest, point: GridPoint, analysis: Analysis, folder: Path) -> Run:
    """A run that stopped goes on; one that broke is put aside and begun again."""
    if folder.exists():
        try:
            return train_method(
                analysis, resume=folder, device=request.device, workers=request.workers, plugins=request.plugins
            )
        except (FolderError, NonFiniteError) as error:
            owner = read_owner(folder / LOCK)
            if owner is not None and not owner.is_dead:
                raise
            _begin_again(folder, error)
    return train_method(
        analysis,
        data=request.data,
        out=folder,
        device=request.device,
        overrides=point.overrides,
        workers=request.workers,
        plugins=request.plugins,
    )


def _begin_again(folder: Path, error: Exception) -> None:
    """Put what there is aside, and say so."""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.broken-{number}")).exists():
        number += 1
    folder.rename(aside)
    click.echo(f"  it cannot go on and begins again; what there was is in {aside} ({error})", err=True)


def folder_name(point: GridPoint, analysis: Analysis, data: str | None) -> str:
    """A name for people, with a hash of all that makes the run what it is.

    Another spec, value or data set is another folder, and the same is the same one.
    """
    assert analysis.method is not None
    content = json.dumps([format_spec(analysis.method.spec), data, dict(point.overrides), _SPLIT])
    digest = hashlib.blake2b(content.encode(), digest_size=4).hexdigest()
    words = [f"{name.removeprefix('train.')}-{value}" for name, value in point.settings]
    readable = "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", word).strip("-.") for word in [*words, f"seed-{point.seed}"])
    return f"{readable[:100]}_{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a sweep keeps of a finished run.

    Attributes:
        data: fingerprint of the data, all columns.
        metrics: on the tuning split by name.
        judged_by: how many labelled examples that has.
    """

    data: str
    metrics: Mapping[str, float | None]
    judged_by: int


def read_result(file: Path, *, probes: tuple[str, ...]) -> Result | None:
    """The result of a finished run; none where it is not finished, or was probed otherwise."""
    try:
        found: Any = parse_json(read_inside(file.parent, file))
        if found["format"] != _FORMAT or found["probes"] != list(probes):
            return None
        metrics = {str(name): None if value is None else number_from(value) for name, value in found["tuning"].items()}
        if any(value is not None and abs(value) > _LARGEST for value in metrics.values()):
            return None
        return Result(data=str(found["data"]), metrics=metrics, judged_by=count_from(found["judged_by"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _result_to_json(result: Result, probes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "probes": list(probes),
        "data": result.data,
        "tuning": dict(result.metrics),
        "judged_by": result.judged_by,
    }


def _judges(tuning: Examples) -> int:
    """Of several labels those of the rarest; without labels all examples."""
    labelled = [int((column.test[:] >= 0).sum()) for column in tuning.labels.values()]
    return min(labelled, default=tuning.num_held_out)


def _metrics(evaluation: Evaluation) -> Mapping[str, float | None]:
    """Every number of an evaluation by a name for the head of a table."""
    found: dict[str, float | None] = {
        f"{result.probe} ({result.about})": result.score.accuracy for result in evaluation.results
    }
    for measure in evaluation.measures:
        name = measure.protocol if measure.metric == "accuracy" else f"{measure.protocol} {measure.metric}"
        found[f"{name} ({measure.about})" if measure.about else name] = measure.value
    found["effective rank"] = None if evaluation.spread is None else evaluation.spread.effective_rank
    return found

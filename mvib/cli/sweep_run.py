"""What `mvib sweep` does once its arguments are read: train what is not finished, probe it, print the table."""

import gc
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mvib.cli.exit_codes import FAILED
from mvib.cli.run_errors import explained
from mvib.cli.sweep_grid import GridPoint
from mvib.cli.sweep_table import Outcome, sweep_lines, sweep_to_json
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.evaluate import Evaluation, evaluate_model
from mvib.evaluate.evaluation import read_probes
from mvib.reading import parse_json
from mvib.syntax.formatter import format_spec
from mvib.train import FolderError, NonFiniteError, Run, SettingError, train_method
from mvib.train.lock import NAME as LOCK
from mvib.train.lock import locked_folder, read_owner
from mvib.train.writing import write_json

RESULT = "sweep.json"
_FORMAT = 1


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
    """Train, probe and print; leaves with an exit code where a run failed or nothing can be run."""
    with explained():
        probes = read_probes(request.probes)
        out = Path(request.out)
        if out.exists() and not out.is_dir():
            raise FolderError(f"`{out}` is a file", "name a folder for the runs: `--out runs/NAME`")
        out.mkdir(parents=True, exist_ok=True)
        with locked_folder(out, observer=lambda _: None):
            outcomes = [
                _outcome(request, number, point, analysis, probes)
                for number, (point, analysis) in enumerate(request.points, start=1)
            ]
    if request.form == "json":
        click.echo(json.dumps({"out": request.out, **sweep_to_json(outcomes)}, indent=2, allow_nan=False))
    else:
        for line in sweep_lines(outcomes, form=request.form):
            click.echo(line)
    failed = [outcome for outcome in outcomes if outcome.why]
    for outcome in failed:
        click.echo(f"error: {outcome.point}: {outcome.why}", err=True)
    if failed:
        click.echo(f"{len(failed)} of {len(outcomes)} runs failed; the same command runs them again", err=True)
        raise click.exceptions.Exit(FAILED)


def _outcome(
    request: SweepRequest, number: int, point: GridPoint, analysis: Analysis, probes: tuple[str, ...]
) -> Outcome:
    folder = Path(request.out) / folder_name(point, analysis, request.data)
    place = f"[{number}/{len(request.points)}] {point}"
    metrics = read_result(folder / RESULT, probes=probes)
    if metrics is not None:
        click.echo(f"{place}: finished before", err=True)
        return Outcome(point=point, folder=folder, metrics=metrics)
    click.echo(f"{place}: {folder}", err=True)
    try:
        run = _train(request, point, analysis, folder)
    except (NonFiniteError, SettingError, SpecError) as error:
        # What one combination cannot be trained with, the next may.
        return Outcome(point=point, folder=folder, metrics={}, why=str(error))
    evaluation = evaluate_model(run.model, run.examples.columns, run.examples.labels, probes=probes)
    metrics = {**_metrics(evaluation), "held-out loss": run.summary["held_out"]["loss"]}
    write_json(folder / RESULT, {"format": _FORMAT, "probes": list(probes), "metrics": metrics})
    del run
    # Before the next model is made: two at once may not fit.
    gc.collect()
    return Outcome(point=point, folder=folder, metrics=metrics)


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
            aside = _put_aside(folder)
            click.echo(f"  it cannot go on and begins again; what there was is in {aside} ({error})", err=True)
    return train_method(
        analysis,
        data=request.data,
        out=folder,
        device=request.device,
        overrides=point.overrides,
        workers=request.workers,
        plugins=request.plugins,
    )


def _put_aside(folder: Path) -> Path:
    number = 1
    while (aside := folder.with_name(f"{folder.name}.broken-{number}")).exists():
        number += 1
    return folder.rename(aside)


def folder_name(point: GridPoint, analysis: Analysis, data: str | None) -> str:
    """A name for people, with a hash of all that makes the run what it is.

    Another spec, value or data set is another folder, and the same is the same one.
    """
    assert analysis.method is not None
    content = json.dumps([format_spec(analysis.method.spec), data, dict(point.overrides)])
    digest = hashlib.blake2b(content.encode(), digest_size=4).hexdigest()
    words = [f"{name.removeprefix('train.')}-{value}" for name, value in point.settings]
    readable = "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", word).strip("-.") for word in [*words, f"seed-{point.seed}"])
    return f"{readable[:100]}_{digest}"


def read_result(file: Path, *, probes: tuple[str, ...]) -> dict[str, float | None] | None:
    """The metrics of a finished run; none where it is not finished, or was probed otherwise."""
    try:
        found: Any = parse_json(file.read_text(encoding="utf-8"))
        if found["format"] != _FORMAT or found["probes"] != list(probes):
            return None
        return {str(name): None if value is None else float(value) for name, value in found["metrics"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


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

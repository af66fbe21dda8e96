"""What `mvib eval` does once its arguments are read: load the run, probe it and the untrained network, print."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import click

from mvib.cli.run_errors import explained
from mvib.evaluate import Comparison, evaluate_model
from mvib.evaluate.comparison import (
    align_rows,
    comparison_notes,
    comparison_protocol,
    comparison_rows,
    comparison_to_json,
)
from mvib.evaluate.evaluation import read_probes
from mvib.train import Run, load_run


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """The arguments of `mvib eval`.

    Attributes:
        folder: of the run.
        probes: names of probes with commas.
        data: in the place of those it was trained on.
        device: where to run.
        plugins: that the spec of the run may use.
        is_json: print JSON.
    """

    folder: str
    probes: str
    data: str | None
    device: str
    plugins: tuple[str, ...]
    is_json: bool


def evaluate_and_report(request: EvaluationRequest) -> None:
    """Evaluate a run and print the table; leaves with an exit code where the run cannot be used."""
    with explained():
        names = read_probes(request.probes)
        run = load_run(request.folder, data=request.data, device=request.device, plugins=request.plugins)
        trained, untrained = (
            evaluate_model(model, run.examples.columns, run.examples.labels, probes=names)
            for model in (run.model, run.untrained())
        )
    comparison = Comparison(probes=names, trained=trained, untrained=untrained)
    if request.is_json:
        click.echo(json.dumps({"run": request.folder, **comparison_to_json(comparison)}, indent=2, allow_nan=False))
        return
    for line in _lines(run, comparison):
        click.echo(line)


def _lines(run: Run, comparison: Comparison) -> Iterator[str]:
    assert run.analysis.method is not None
    examples = run.examples
    yield (
        f"{run.analysis.method.name} after {len(run.history)} epochs on {run.config.data}: "
        f"{examples.num_train:,} training and {examples.num_held_out:,} held-out examples"
    )
    yield ""
    yield from align_rows(comparison_rows(comparison))
    yield ""
    yield from (f"note: {note}" for note in comparison_notes(comparison))
    yield from (f"protocol: {sentence}" for sentence in comparison_protocol(comparison))

"""What `mvib train` does once its arguments are read: train, probe, print the summary."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from mvib.cli.run_errors import explained
from mvib.cli.training_view import watch_training
from mvib.driver import Analysis
from mvib.evaluate import Comparison, evaluate_model
from mvib.evaluate.comparison import align_rows, comparison_notes, comparison_rows, comparison_to_json
from mvib.evaluate.evaluation import CLASSIFIER, DEFAULT_PROBES, read_probes
from mvib.evaluate.protocols import PROTOCOLS
from mvib.launched import is_first_process
from mvib.train import Run, train_method
from mvib.train.cadence import parse_cadence
from mvib.train.folder import RunFolder
from mvib.train.monitors import read_monitors
from mvib.train.run import analyse_run, record_probes

NO_PROBES = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """The arguments of `mvib train`.

    Attributes:
        analysis: of the spec; none for that of the run that goes on.
        data: in the place of the spec's.
        overrides: settings from outside by name; they are in the analysis.
        out: folder of the run, none for a new one.
        resume: folder of the run that goes on.
        device: where to run.
        devices: how many of them on each machine, none for those of torchrun or one.
        nodes: how many machines, none for those of torchrun or one.
        is_compiled: whether to use `torch.compile`.
        is_sharded: whether weights are parted among the processes.
        workers: processes that read data, none for as many as there are cores.
        checkpoint_every: when checkpoints are written, as the user writes it; none for the default.
        keep: how many checkpoints.
        monitors: names with commas.
        probes: of the trained and the untrained network, names with commas or `none`; none for those of seconds.
        sinks: names of those beside the JSON lines.
        plugins: that the spec may use.
        sink_plugins: that sinks may come from.
        is_quiet: print the folder alone.
        is_json: print the summary as JSON.
    """

    analysis: Analysis | None
    data: str | None
    overrides: Mapping[str, str]
    out: str | None
    resume: str | None
    device: str
    devices: int | None
    nodes: int | None
    is_compiled: bool
    is_sharded: bool
    workers: int | None
    checkpoint_every: str | None
    keep: int
    monitors: str
    probes: str | None
    sinks: tuple[str, ...]
    plugins: tuple[str, ...]
    sink_plugins: tuple[str, ...]
    is_quiet: bool
    is_json: bool


def train_and_report(request: TrainRequest) -> None:
    """Train, write the run folder and print the summary; leaves with an exit code where something stops the run."""
    with explained(options=_options(request)):
        probes = _read_probes(request.probes)
        cadence = parse_cadence(request.checkpoint_every) if request.checkpoint_every is not None else None
        analysis = request.analysis
        if analysis is None:
            assert request.resume is not None
            analysis = analyse_run(request.resume, plugins=request.plugins)
        with watch_training(is_quiet=request.is_quiet or not is_first_process()) as observer:
            run = train_method(
                analysis,
                data=request.data,
                out=_folder(request, analysis) if request.resume is None else None,
                resume=request.resume,
                device=request.device,
                devices=request.devices,
                nodes=request.nodes,
                compile=request.is_compiled,
                fsdp=request.is_sharded,
                overrides=request.overrides,
                workers=request.workers,
                cadence=cadence,
                keep=request.keep,
                monitors=read_monitors(request.monitors),
                sinks=request.sinks,
                plugins=request.sink_plugins,
                on_event=observer,
            )
        if not is_first_process():
            return
        comparison = _compare(run, probes)
        if comparison is not None:
            record_probes(run, comparison_to_json(comparison))
    assert run.folder is not None
    if request.is_json:
        found = {} if comparison is None else {"probes": comparison_to_json(comparison)}
        click.echo(json.dumps({"folder": str(run.folder), **run.summary, **found}, indent=2))
    elif request.is_quiet:
        click.echo(str(run.folder))
    else:
        for line in _summary_lines(run, comparison, is_asked=request.probes is not None):
            click.echo(line)


def _options(request: TrainRequest) -> str:
    """What a folder does not hold of how its run was computed."""
    given = {"--device": request.device, "--devices": request.devices, "--nodes": request.nodes}
    words = [f"{name} {value}" for name, value in given.items() if value not in {None, "cpu"}]
    return " ".join([*words, *(["--fsdp"] if request.is_sharded else [])])


def _folder(request: TrainRequest, analysis: Analysis) -> Path:
    """The folder asked for, or a new one named after the method, the data and the time."""
    if request.out is not None:
        return Path(request.out)
    assert analysis.method is not None
    data = request.data if request.data is not None else str(analysis.method.settings["data"])
    # `npz:some/where/faces.npz` is called `faces`, `folder:faces,size=64` too.
    source = Path(data.rpartition(":")[2].partition(",")[0]).stem
    words = [re.sub(r"[^\w-]+", "-", word).strip("-").casefold() for word in (analysis.method.name, source)]
    name = "-".join([*words, f"{datetime.now():%Y%m%d-%H%M%S}"])
    path, number = Path("runs") / name, 1
    while path.exists():
        number += 1
        path = Path("runs") / f"{name}-{number}"
    return path


def _read_probes(text: str | None) -> tuple[str, ...]:
    """Before training: a name that is wrong is not to show after a day."""
    if text is None:
        return read_probes(DEFAULT_PROBES)
    return () if text.strip() == NO_PROBES else read_probes(text)


def _compare(run: Run, probes: tuple[str, ...]) -> Comparison | None:
    """Probes of the trained and of the untrained network; none where the data have no label to probe."""
    examples = run.examples
    if not examples.labels:
        probes = tuple(name for name in probes if name in PROTOCOLS and not PROTOCOLS[name].needs_labels)
    if not probes:
        return None
    trained, untrained = (
        evaluate_model(model, examples.columns, examples.labels, probes=probes)
        for model in (run.model, run.untrained())
    )
    return Comparison(probes=probes, trained=trained, untrained=untrained)


def _summary_lines(run: Run, comparison: Comparison | None, *, is_asked: bool) -> Iterator[str]:
    assert run.folder is not None
    summary = run.summary
    yield (
        f"{summary['method']} on {summary['data']}: {summary['epochs']} epochs, {summary['steps']} steps in "
        f"{summary['seconds']:.1f} s, {summary['examples_per_second']:,.0f} examples/s"
    )
    for name, estimate in summary["terms"].items():
        yield f"  {name}: {estimate:.5g} in training, {summary['held_out']['terms'][name]:.5g} held out"
    yield ""
    if comparison is not None:
        yield from align_rows(comparison_rows(comparison))
        # That a method has no classifier is no news where nobody has asked for one.
        notes = (note for note in comparison_notes(comparison) if is_asked or not note.startswith(CLASSIFIER))
        yield from (f"note: {note}" for note in notes)
        yield ""
    yield f"written to {run.folder}: {', '.join(path.name for path in RunFolder(run.folder).files())}"

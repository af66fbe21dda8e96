"""Training a method from its spec: data, model, optimizer and folder are joined here."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from mvib.compile import CompiledModel
from mvib.data import Loading
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.launched import is_launching
from mvib.render import LayoutError, render_svg
from mvib.semantics.method import Method
from mvib.train.cadence import Cadence
from mvib.train.checkpoints import KEEP, Checkpoints
from mvib.train.config import TrainConfig, read_config
from mvib.train.course import Course, plan_course
from mvib.train.description import count_parameters, describe_run, resolved_text
from mvib.train.device import choose_device
from mvib.train.engine import check_share, start_engine
from mvib.train.errors import SettingError
from mvib.train.events import Finished, Noted, Observer, PartSkipped, Started, ignore_event
from mvib.train.examples import Data, Examples, data_name, load_examples
from mvib.train.folder import RunFolder, check_unused, create_folder, open_folder
from mvib.train.going_on import check_same_run, compare_surroundings, go_on, settings_of_run
from mvib.train.lock import locked_folder
from mvib.train.monitors import MONITORS, Monitoring, draw_neighbours, open_sinks
from mvib.train.monitors.sinks import check_sinks
from mvib.train.optimizers import build_optimizer
from mvib.train.processes import Placement
from mvib.train.randomness import repeatable
from mvib.train.reconstructions import draw_reconstructions
from mvib.train.run import Run, build_model
from mvib.train.training import Training
from mvib.train.writing import write_json
from mvib.writing import write_whole

# Bad items of the data that are named one by one.
_NUM_TOLD = 5


def train_method(
    analysis: Analysis,
    *,
    data: Data | None = None,
    epochs: int | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str = "cpu",
    devices: int | None = None,
    nodes: int | None = None,
    compile: bool = False,
    fsdp: bool = False,
    overrides: Mapping[str, str] | None = None,
    workers: int | None = None,
    cadence: Cadence | None = None,
    keep: int = KEEP,
    monitors: Sequence[str] = tuple(MONITORS),
    sinks: Sequence[str] = (),
    plugins: Sequence[str] = (),
    on_event: Observer = ignore_event,
) -> Run:
    """Train a method.

    The same spec, data and seed give the same weights, bit for bit, on one machine with one number of threads;
    stopping and going on changes nothing. torch's global generator is left as it was.

    Args:
        analysis: of a sound spec.
        data: name of a data source, arrays by name or torch data sets; default: that of the spec.
        epochs: in the place of the spec's.
        out: folder to write the run to; without it nothing is written.
        resume: folder of a run to go on with.
        device: `cpu`, `cuda`, `mps` or `auto`.
        devices: on each machine, each a process with its share of every batch; default: those of `torchrun`, or one.
            The program is started again for each with its own arguments.
        nodes: machines; default: those of `torchrun`, or one.
        compile: whether networks and objective are compiled by `torch.compile`.
        fsdp: whether each process keeps a part of the weights, of their gradients and of the optimizer's state alone.
        overrides: what was set from outside, for the record; it is in the analysis already.
        workers: processes that read data which are not in memory; default: one a core, at most 8.
        cadence: when checkpoints are written; default: at the end of an epoch, and within one once a minute.
        keep: how many checkpoints are kept, at least 1.
        monitors: names of what is watched on a held-out sample, for the folder; `MONITORS` has them all.
        sinks: where numbers go beside the folder's JSON lines: `csv`, `tensorboard`, or plug-ins.
        plugins: entry points that may be imported for sinks.
        on_event: is told how the run goes.

    Returns:
        The run. One that goes on and was complete is returned as it is. In processes beside the first it has no
        folder.

    Raises:
        SpecError: the spec is wrong, or a module cannot take what the data give it.
        DataError: the data do not fit the spec.
        SettingError: a setting cannot be used.
        FolderError: the folder holds another run, or none that could go on, or is in use by another process.
        NonFiniteError: a number is not finite, or a covariance has no inverse; the last good checkpoint stays.
        Interrupted: the user or SIGTERM stopped it; there is a checkpoint.
        DiskFullError: there is no room for a checkpoint; the last good one stays.
        FirstProcessFailed: in the other processes, where the first has failed.
        PeerLostError: another process has ended.
        OSError: something cannot be written.
    """
    if analysis.method is None or not analysis.is_sound:
        raise SpecError(analysis.diagnostics)
    if out is not None and resume is not None and Path(out).resolve() != Path(resume).resolve():
        raise SettingError(f"a run goes on in its own folder `{resume}`", "leave out `--out`")
    if keep < 1:
        raise SettingError(f"{keep} checkpoints are to be kept, and a run needs one", "write `--keep 2`")
    check_sinks(sinks, plugins=plugins)
    placement = Placement(device=device, devices=devices, nodes=nodes, compile=compile, fsdp=fsdp)
    # Before the data are read; the processes choose theirs once they are there.
    choose_device(device)
    opened = open_folder(Path(resume)) if resume is not None else None
    if opened is not None:
        config, given = settings_of_run(opened, analysis.method, data=data, epochs=epochs)
    else:
        named = data_name(str(analysis.method.settings["data"]) if data is None else data)
        config = read_config(analysis.method, data=named, epochs=epochs)
        given = config.data if data is None else data
        # With several processes the first may have begun to write already.
        if out is not None and (not placement.is_shared or is_launching()):
            check_unused(Path(out))
    examples = load_examples(analysis.method, given, labelled=config.labelled, seed=config.seed, tuning=config.tuning)
    model, course = _build(analysis, config, examples)
    engine = start_engine(placement)
    check_share(config, processes=engine.ranks.size, compile=compile, fsdp=fsdp)
    on_event = on_event if engine.is_first else ignore_event
    with repeatable(engine.device), ExitStack() as held:
        with engine.together():
            model = engine.place(model)
            optimizer = build_optimizer(model, config.optimizer)
            text = resolved_text(analysis.method, config)
            description = describe_run(
                analysis.method, config, course, examples, model, device=engine.device, processes=engine.ranks.size
            )
            description["overrides"] = dict(overrides or {})

            def prepare() -> tuple[RunFolder | None, Monitoring | None]:
                folder = _prepare_folder(held, opened, out, text, description, on_event)
                if folder is None:
                    return None, None
                monitoring = Monitoring(
                    analysis,
                    examples,
                    config,
                    steps=course.steps,
                    which=monitors,
                    sinks=open_sinks(sinks, folder.path, plugins=plugins),
                    folder=folder.path,
                    device=engine.device,
                    observer=on_event,
                )
                return folder, held.enter_context(closing(monitoring))

            folder, monitoring = engine.first(prepare) or (None, None)
            training = Training(
                model,
                optimizer,
                examples,
                config,
                course,
                engine=engine,
                folder=folder,
                checkpoints=Checkpoints(folder, observer=on_event, cadence=cadence, keep=keep) if folder else None,
                observer=on_event,
                loading=Loading(workers=workers),
                monitoring=monitoring,
            )
            if opened is not None:
                go_on(training, optimizer, opened, engine=engine, observer=on_event)
            job = _Job(analysis, training, examples, config, course, folder, on_event, engine.device)
            job.train()
        # The processes have parted: what is left is done by the first alone.
        return job.finish()


def _prepare_folder(
    held: ExitStack,
    opened: RunFolder | None,
    out: str | Path | None,
    text: str,
    description: Mapping[str, Any],
    observer: Observer,
) -> RunFolder | None:
    """The folder of the run, locked for as long as `held` is held; none where nothing is to be written."""
    if opened is not None:
        held.enter_context(locked_folder(opened.path, observer=observer))
        check_same_run(opened, text, description)
        for sentence in compare_surroundings(opened, description):
            observer(Noted(text=sentence))
        return opened
    if out is None:
        return None
    Path(out).mkdir(parents=True, exist_ok=True)
    held.enter_context(locked_folder(Path(out), observer=observer))
    return create_folder(Path(out), spec_text=text, config=description)


@dataclass(frozen=True, slots=True)
class _Job:
    """A training with everything that is written around it."""

    analysis: Analysis
    training: Training
    examples: Examples
    config: TrainConfig
    course: Course
    folder: RunFolder | None
    observer: Observer
    device: torch.device
    began: float = field(default_factory=time.monotonic)

    def train(self) -> None:
        method, training, folder = self.analysis.method, self.training, self.folder
        assert method is not None
        trained, _ = count_parameters(training.model)
        self.observer(
            Started(
                method=method.name,
                data=self.config.data,
                epochs=self.course.epochs,
                steps=self.course.steps,
                step=training.place.step,
                trained_parameters=trained,
                train_examples=self.examples.num_train,
                terms=tuple(term.label for term in method.terms),
                folder=folder.path if folder is not None else None,
                device=str(self.device),
            )
        )
        self._tell_of_data()
        for sentence in training.cautions:
            self.observer(Noted(text=sentence))
        if folder is not None:
            self._draw_diagram(folder)
        training.run()

    def finish(self) -> Run:
        method, training, folder = self.analysis.method, self.training, self.folder
        assert method is not None
        summary = self._summarise(method)
        if folder is not None:
            self._draw_reconstructions(folder)
            self._draw_neighbours(folder)
            write_json(folder.summary, summary)
        files = folder.files() if folder is not None else ()
        self.observer(Finished(step=training.place.step, seconds=time.monotonic() - self.began, files=files))
        return Run(
            folder=folder.path if folder is not None else None,
            analysis=self.analysis,
            config=self.config,
            model=training.model,
            examples=self.examples,
            history=tuple(training.history),
            summary=summary,
        )

    def _tell_of_data(self) -> None:
        for note in self.examples.notes:
            self.observer(Noted(text=note))
        bad = self.examples.bad.take_new()
        for item in bad[:_NUM_TOLD]:
            self.observer(PartSkipped(what=f"`{item.name}`", why=f"it {item.why}"))
        if len(bad) > _NUM_TOLD:
            what = f"{len(bad) - _NUM_TOLD} more items of the data"
            self.observer(PartSkipped(what=what, why="they are bad too; `config.json` names them"))

    def _draw_diagram(self, folder: RunFolder) -> None:
        if folder.diagram.exists():
            return
        try:
            write_whole(folder.diagram, render_svg(self.analysis).encode())
        except LayoutError as error:
            self.observer(PartSkipped(what=folder.diagram.name, why=str(error)))

    def _draw_reconstructions(self, folder: RunFolder) -> None:
        pictures = draw_reconstructions(self.training.model, self.examples.columns, self.device)
        for decoder, picture in pictures.items():
            suffix = "" if len(pictures) == 1 else f"-{decoder}"
            write_whole(folder.path / f"reconstructions{suffix}.png", picture)

    def _draw_neighbours(self, folder: RunFolder) -> None:
        picture = draw_neighbours(self.training.model, self.examples, self.device)
        if picture is not None:
            write_whole(folder.path / "neighbours.png", picture)

    def _summarise(self, method: Method) -> dict[str, Any]:
        trained, untrained = count_parameters(self.training.model)
        last = self.training.history[-1]
        seconds = sum(record.seconds for record in self.training.history)
        seen = sum(record.seconds * record.examples_per_second for record in self.training.history)
        return {
            "method": method.name,
            "data": self.config.data,
            "seed": self.config.seed,
            "epochs": last.epoch,
            "steps": last.step,
            "parameters": {"trained": trained, "untrained": untrained},
            "loss": last.train.loss,
            "terms": dict(last.train.terms),
            "held_out": {"loss": last.held_out.loss, "terms": dict(last.held_out.terms)},
            "left_out": len(self.examples.bad),
            "seconds": seconds,
            "examples_per_second": seen / seconds if seconds > 0 else 0.0,
        }


def _build(analysis: Analysis, config: TrainConfig, examples: Examples) -> tuple[CompiledModel, Course]:
    model = build_model(analysis, config, examples, steps=None)
    course = plan_course(config, examples, couples_batch=model.couples_batch)
    model.steps = course.steps
    model.set_progress(0.0)
    return model, course

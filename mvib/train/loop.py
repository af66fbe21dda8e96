"""Training a method from its spec: data, model, optimizer and folder are joined here."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mvib.compile import CompiledModel
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.render import LayoutError, render_svg
from mvib.semantics.method import Method
from mvib.train.config import TrainConfig, read_config
from mvib.train.description import count_parameters, describe_run, resolved_text
from mvib.train.device import choose_device, move_model
from mvib.train.errors import SettingError
from mvib.train.events import Finished, Observer, PartSkipped, Started, ignore_event
from mvib.train.examples import Data, Examples, data_name, load_examples
from mvib.train.folder import RunFolder, check_unused, create_folder, open_folder
from mvib.train.going_on import check_same_run, go_on, settings_of_run
from mvib.train.optimizers import build_optimizer
from mvib.train.randomness import repeatable
from mvib.train.reconstructions import draw_reconstructions
from mvib.train.run import Run, build_model
from mvib.train.training import Course, Training, plan_course
from mvib.train.writing import write_json
from mvib.writing import write_whole


def train_method(
    analysis: Analysis,
    *,
    data: Data | None = None,
    epochs: int | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str = "cpu",
    overrides: Mapping[str, str] | None = None,
    on_event: Observer = ignore_event,
) -> Run:
    """Train a method.

    The same spec, data and seed give the same weights, bit for bit, on one machine with one number of threads;
    stopping and going on changes nothing. torch's global generator is left as it was.

    Args:
        analysis: of a sound spec.
        data: name of a data source, or arrays by name; default: that of the spec.
        epochs: in the place of the spec's.
        out: folder to write the run to; without it nothing is written.
        resume: folder of a run to go on with.
        device: `cpu`, `cuda`, `mps` or `auto`.
        overrides: what was set from outside, for the record; it is in the analysis already.
        on_event: is told how the run goes.

    Returns:
        The run. One that goes on and was complete is returned as it is.

    Raises:
        SpecError: the spec is wrong, or a module cannot take what the data give it.
        DataError: the data do not fit the spec.
        SettingError: a setting cannot be used.
        FolderError: the folder holds another run, or none that could go on.
        NonFiniteError: a number is not finite; the last good checkpoint stays.
        Interrupted: the user stopped it; there is a checkpoint.
        OSError: something cannot be written.
    """
    if analysis.method is None or not analysis.is_sound:
        raise SpecError(analysis.diagnostics)
    if out is not None and resume is not None and Path(out).resolve() != Path(resume).resolve():
        raise SettingError(f"a run goes on in its own folder `{resume}`", "leave out `--out`")
    chosen = choose_device(device)
    opened = open_folder(Path(resume)) if resume is not None else None
    if opened is not None:
        config, given = settings_of_run(opened, analysis.method, data=data, epochs=epochs)
    else:
        config = read_config(analysis.method, data=None if data is None else data_name(data), epochs=epochs)
        given = config.data if data is None else data
        if out is not None:
            check_unused(Path(out))
    examples = load_examples(analysis.method, given, labelled=config.labelled, seed=config.seed)
    model, course = _build(analysis, config, examples)
    with repeatable(chosen):
        model = move_model(model, chosen)
        optimizer = build_optimizer(model, config.optimizer)
        text = resolved_text(analysis.method, config)
        description = describe_run(analysis.method, config, course, examples, model, device=chosen)
        description["overrides"] = dict(overrides or {})
        folder = opened
        if folder is not None:
            check_same_run(folder, text, description)
        elif out is not None:
            folder = create_folder(Path(out), spec_text=text, config=description)
        training = Training(model, optimizer, examples, config, course, device=chosen, folder=folder, observer=on_event)
        if opened is not None:
            go_on(training, optimizer, opened)
        return _Job(analysis, training, examples, config, course, folder, on_event, chosen).run()


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

    def run(self) -> Run:
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
        began = time.monotonic()
        if folder is not None:
            self._draw_diagram(folder)
        training.run()
        summary = self._summarise(method)
        if folder is not None:
            self._draw_reconstructions(folder)
            write_json(folder.summary, summary)
        files = folder.files() if folder is not None else ()
        self.observer(Finished(step=training.place.step, seconds=time.monotonic() - began, files=files))
        return Run(
            folder=folder.path if folder is not None else None,
            analysis=self.analysis,
            config=self.config,
            model=training.model,
            examples=self.examples,
            history=tuple(training.history),
            summary=summary,
        )

    def _draw_diagram(self, folder: RunFolder) -> None:
        try:
            write_whole(folder.diagram, render_svg(self.analysis).encode())
        except LayoutError as error:
            self.observer(PartSkipped(what=folder.diagram.name, why=str(error)))

    def _draw_reconstructions(self, folder: RunFolder) -> None:
        pictures = draw_reconstructions(self.training.model, self.examples.columns, self.device)
        for decoder, picture in pictures.items():
            suffix = "" if len(pictures) == 1 else f"-{decoder}"
            write_whole(folder.path / f"reconstructions{suffix}.png", picture)

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
            "seconds": seconds,
            "examples_per_second": seen / seconds if seconds > 0 else 0.0,
        }


def _build(analysis: Analysis, config: TrainConfig, examples: Examples) -> tuple[CompiledModel, Course]:
    model = build_model(analysis, config, examples, steps=None)
    course = plan_course(config, examples, couples_batch=model.couples_batch)
    model.steps = course.steps
    model.set_progress(0.0)
    return model, course

"""A run: the trained model with its data and its history, fresh from training or read from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import torch
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.compile.compiler import compile_model
from mvib.diagnostics import SpecError
from mvib.driver import Analysis, analyse
from mvib.semantics.method import Method, VariableKind
from mvib.source import SourceFile
from mvib.train.checkpoint import check_model_state, load_model_state, read_checkpoint
from mvib.train.config import TrainConfig, read_config
from mvib.train.device import choose_device, device_of, move_model
from mvib.train.errors import FolderError
from mvib.train.examples import ARRAYS, Data, Examples, data_name, example_shapes, fingerprint, load_examples
from mvib.train.folder import (
    RunFolder,
    open_folder,
    read_config_file,
    read_records,
    read_spec_text,
    read_steps,
    read_summary,
)
from mvib.train.history import EpochRecord
from mvib.train.randomness import repeatable, seed_weights
from mvib.train.writing import write_json

_OTHER_DATA = (
    "the data are not those that the run was trained on; where they overlap, some that are held out here may have been "
    "trained on"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A trained model and how it came to be.

    Attributes:
        folder: where it is written, none when it is not.
        analysis: of its spec.
        config: its training settings.
        model: the trained model.
        examples: the data, training and held-out part.
        history: one record an epoch.
        summary: the run at a glance, ready for JSON.
        notes: what a reader of numbers that are made of it must know, a sentence each.
    """

    folder: Path | None
    analysis: Analysis
    config: TrainConfig
    model: CompiledModel
    examples: Examples
    history: tuple[EpochRecord, ...]
    summary: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @torch.no_grad()
    def encode(self, x: Tensor | Mapping[str, Tensor]) -> Tensor:
        """The representation of unaugmented examples, one row each, without gradient.

        Args:
            x: data variables by name, or the only one that the representation needs.
        """
        device = device_of(self.model)
        moved = x.to(device) if isinstance(x, Tensor) else {name: value.to(device) for name, value in x.items()}
        return self.model.encode(moved)

    def untrained(self) -> CompiledModel:
        """The same network with the weights it had before training."""
        model = build_model(self.analysis, self.config, self.examples, steps=self.model.steps)
        return move_model(model, device_of(self.model))

    def __repr__(self) -> str:
        where = f" in {self.folder}" if self.folder is not None else ""
        return f"<mvib run of {self.summary.get('method', 'a method')}: {len(self.history)} epochs{where}>"


def build_model(analysis: Analysis, config: TrainConfig, examples: Examples, *, steps: int | None) -> CompiledModel:
    """The network before training, on the CPU: the same seed gives the same weights.

    Raises:
        SpecError: a module cannot take what the data give it.
    """
    with repeatable(torch.device("cpu")):
        seed_weights(config.seed)
        return compile_model(analysis, example_shapes(examples.columns), steps=steps)


def analyse_run(folder: str | Path, *, plugins: tuple[str, ...] = ()) -> Analysis:
    """The spec of a run as its folder holds it.

    Args:
        folder: of the run.
        plugins: entry points that the spec may use. A folder never chooses what is imported.

    Raises:
        FolderError: it is no run folder, or its spec is not sound.
    """
    opened = open_folder(Path(folder))
    analysis = analyse(SourceFile(str(opened.spec), read_spec_text(opened)), plugins=plugins)
    if not analysis.is_sound:
        why = SpecError(analysis.diagnostics)
        raise FolderError(f"`{opened.spec}` cannot be used: {why}", f"`mvib check {opened.spec}` says more")
    return analysis


def load_run(
    folder: str | Path, *, data: Data | None = None, device: str | torch.device = "cpu", plugins: tuple[str, ...] = ()
) -> Run:
    """Read a run from its folder: spec, config and checkpoint. Nothing is ever unpickled.

    Args:
        folder: of the run.
        data: in the place of the data it was trained on; needed when those were arrays. Others than those of training
            are allowed, and the run has a note that says so.
        device: `cpu`, `cuda`, `mps` or `auto`, or one that is there.
        plugins: entry points that its spec may use; they are imported.

    Raises:
        FolderError: it is no run folder, or it is damaged, or its data have changed since training.
        DataError: the data are gone, or do not fit.
    """
    opened = open_folder(Path(folder))
    saved = read_config_file(opened)
    analysis = analyse_run(folder, plugins=plugins)
    assert analysis.method is not None
    config = read_config(analysis.method, data=saved["data"], epochs=saved["epochs"])
    if data is None and config.data == ARRAYS:
        title = f"the run in `{folder}` was trained on arrays, which its folder does not hold"
        raise FolderError(title, "give its data: `--data npz:PATH`")
    given = config.data if data is None else data
    config = replace(config, data=data_name(given))
    examples = load_examples(
        analysis.method,
        given,
        labelled=config.labelled,
        seed=config.seed,
        class_names=_class_names(opened, saved, analysis.method),
        tuning=config.tuning,
    )
    notes: tuple[str, ...] = ()
    if fingerprint(examples.columns) != saved["fingerprint"]:
        if data is None:
            # With the split drawn anew, examples that are now held out may be those it was trained on.
            raise FolderError(
                f"the data `{config.data}` have changed since the run in `{folder}` was trained on them",
                f"bring them back, or take them as they are now: `--data {quote(config.data)}`",
            )
        notes = (_OTHER_DATA,)
    checkpoint = read_checkpoint(opened.checkpoint)
    steps = read_steps(opened)
    # Of shapes alone first: a stranger's spec of a few bytes is not to take memory that its checkpoint does not.
    with torch.device("meta"):
        check_model_state(build_model(analysis, config, examples, steps=steps), checkpoint)
    model = build_model(analysis, config, examples, steps=steps)
    load_model_state(model, checkpoint)
    return Run(
        folder=opened.path,
        analysis=analysis,
        config=config,
        model=move_model(model, choose_device(device) if isinstance(device, str) else device),
        examples=examples,
        history=read_records(opened, epochs=checkpoint.place.epoch),
        summary=read_summary(opened),
        notes=notes,
    )


def _class_names(opened: RunFolder, saved: Mapping[str, Any], method: Method) -> dict[str, list[str]]:
    """Of each label of the method, as far as the run recorded them; runs of earlier versions did not.

    Raises:
        FolderError: what is recorded cannot be the names of the classes.
    """
    found = {}
    for family in method.variables.values():
        shape = saved["shapes"].get(family.name)
        if family.kind is not VariableKind.DATA or family.type != "label" or not isinstance(shape, dict):
            continue
        names, number = shape.get("class_names", []), shape.get("classes")
        is_of_words = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if not is_of_words or (names and (len({*names}) != len(names) or len(names) != number)):
            raise FolderError(
                f"`{opened.config}` cannot be used: what it calls the classes of `{family.name}` makes no sense",
                "train again, or name another run",
            )
        if names:
            found[family.name] = names
    return found


def record_probes(run: Run, probes: Mapping[str, Any]) -> None:
    """Add what probes found to the summary in the folder of a run.

    Raises:
        OSError: it cannot be written.
    """
    assert run.folder is not None, "a run without a folder has no summary file"
    write_json(RunFolder(run.folder).summary, {**run.summary, "probes": dict(probes)})

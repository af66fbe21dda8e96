"""Going on with a run: the settings it has, whether it is the same run, and its state."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

import torch

from mvib.semantics.method import Method
from mvib.train.checkpoint import Checkpoint, load_model_state, load_optimizer_state, read_checkpoint
from mvib.train.checkpoints import read_last_good
from mvib.train.config import TrainConfig, read_config
from mvib.train.engine import Engine
from mvib.train.errors import FolderError
from mvib.train.events import Observer
from mvib.train.examples import ARRAYS, Data, data_name
from mvib.train.folder import RunFolder, read_config_file, read_records, read_spec_text, rewrite_records
from mvib.train.history import EpochRecord
from mvib.train.training import Training
from mvib.writing import remove_leftovers

# Lines of a spec that differ.
_NUM_SHOWN = 5


def settings_of_run(
    folder: RunFolder, method: Method, *, data: Data | None, epochs: int | None
) -> tuple[TrainConfig, Data]:
    """The settings of a run that goes on, and its data: both are its own unless they are given again.

    Raises:
        FolderError: it was trained on arrays, and none are given.
    """
    saved = read_config_file(folder)
    config = read_config(
        method,
        data=saved["data"] if data is None else data_name(data),
        epochs=saved["epochs"] if epochs is None else epochs,
    )
    if data is None and config.data == ARRAYS:
        raise FolderError(f"the run in `{folder.path}` was trained on arrays", "give the same arrays again")
    return config, config.data if data is None else data


def check_same_run(folder: RunFolder, text: str, description: Mapping[str, Any]) -> None:
    """Refuse to go on with another spec, other data or another length.

    Args:
        folder: of the run.
        text: of the resolved spec.
        description: of the run as it would be now.

    Raises:
        FolderError: it is not the same run; says what differs.
    """
    saved = read_config_file(folder)
    for name, was, now in (
        ("number of epochs", saved["epochs"], description["epochs"]),
        ("data set", saved["data"], description["data"]),
    ):
        if was != now:
            raise FolderError(
                f"the run in `{folder.path}` has another {name}: {was}, and not {now}",
                "go on with its own settings, or start another run with `--out`",
            )
    # What the run began with: the file beside it may have been changed since.
    in_folder = read_spec_text(folder)
    before = saved.get("spec")
    if not isinstance(before, str):
        before = in_folder
    if before != text:
        remedy = f"go on with the spec of the run, `mvib train --resume {folder.path}`, or start another with `--out`"
        if before != in_folder:
            remedy = f"undo the change of `{folder.spec}`: `spec` in `{folder.config}` is what the run began with"
        raise FolderError(
            f"the run in `{folder.path}` is of another spec: {_difference(before, text)}",
            remedy,
        )
    if saved["fingerprint"] != description["fingerprint"]:
        raise FolderError(
            f"the data `{description['data']}` are not those that the run in `{folder.path}` was trained on",
            "bring the data back, or start another run with `--out`",
        )


def _difference(before: str, now: str) -> str:
    """The lines that differ, in words; no more than a few."""
    lines_before, lines_now = ([line.strip() for line in text.splitlines()] for text in (before, now))
    found = []
    for kind, start, stop, first, last in SequenceMatcher(None, lines_before, lines_now, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for old, new in zip_longest(lines_before[start:stop], lines_now[first:last]):
            if new is None:
                found.append(f"it has `{old}`")
            elif old is None:
                found.append(f"it does not have `{new}`")
            else:
                found.append(f"it has `{old}`, and not `{new}`")
    more = f"; and {len(found) - _NUM_SHOWN} more lines" if len(found) > _NUM_SHOWN else ""
    return "; ".join(found[:_NUM_SHOWN]) + more


def compare_surroundings(folder: RunFolder, description: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on what is allowed to differ, but may change the last bits of the numbers.

    Args:
        folder: of the run.
        description: of the run as it would be now.
    """
    saved = read_config_file(folder)
    pairs = [(name, saved.get(name), description[name]) for name in ("device", "processes", "threads")]
    pairs += [(name, saved["versions"].get(name), description["versions"][name]) for name in ("mvib", "torch")]
    for name, was, now in pairs:
        if was != now:
            yield f"the run began with {name} {was} and goes on with {now}: its numbers may differ in their last bits"


def go_on(
    training: Training, optimizer: torch.optim.Optimizer, folder: RunFolder, *, engine: Engine, observer: Observer
) -> None:
    """Bring a training to where the last good checkpoint of a run is, and let its metrics end there.

    Args:
        training: that has not begun.
        optimizer: of it.
        folder: of the run, locked by the first process.
        engine: whose first process steps over what is damaged; then all read the newest that is good.
        observer: is told of checkpoints that are stepped over.

    Raises:
        FolderError: no checkpoint can be used, or not the same by all processes, or the metrics are damaged.
        FirstProcessFailed: in the other processes.
        OSError: the metrics cannot be written.
    """

    def find() -> Checkpoint | None:
        remove_leftovers(folder.path)
        found = read_last_good(folder, observer=observer)
        rewrite_records(folder, read_records(folder, epochs=found.place.epoch) if found is not None else ())
        return found

    at_first = engine.first(find)

    def read() -> tuple[Checkpoint, Sequence[EpochRecord]] | None:
        found = at_first
        if not engine.is_first:
            found = read_checkpoint(folder.checkpoint) if folder.checkpoint.is_file() else None
        return None if found is None else (found, read_records(folder, epochs=found.place.epoch))

    state = engine.each(read)
    # Of the content: checkpoints of two runs may be of the same step.
    if len({*engine.gather([("" if state is None else state[0].checksum, "")])}) > 1:
        raise FolderError(
            f"the processes find other checkpoints in `{folder.path}`", "let the folder lie where all machines see it"
        )
    if state is None:
        return
    checkpoint, records = state
    load_model_state(training.model, checkpoint)
    load_optimizer_state(training.model, optimizer, checkpoint)
    training.go_on(checkpoint.place, records)

"""Going on with a run: the settings it has, whether it is the same run, and its state."""

from collections.abc import Mapping
from typing import Any

import torch

from mvib.semantics.method import Method
from mvib.train.checkpoint import load_model_state, load_optimizer_state, read_checkpoint
from mvib.train.config import TrainConfig, read_config
from mvib.train.errors import FolderError
from mvib.train.examples import ARRAYS, Data, data_name
from mvib.train.folder import RunFolder, read_config_file, read_records, read_spec_text, rewrite_records
from mvib.train.training import Training


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
    before = read_spec_text(folder)
    if before != text:
        raise FolderError(
            f"the run in `{folder.path}` is of another spec: {_first_difference(before, text)}",
            f"go on with the spec of the run, `mvib train --resume {folder.path}`, or start another one with `--out`",
        )
    if saved["fingerprint"] != description["fingerprint"]:
        raise FolderError(
            f"the data `{description['data']}` are not those that the run in `{folder.path}` was trained on",
            "bring the data back, or start another run with `--out`",
        )


def _first_difference(before: str, now: str) -> str:
    lines_before, lines_now = before.splitlines(), now.splitlines()
    for old, new in zip(lines_before, lines_now, strict=False):
        if old != new:
            return f"it has `{old.strip()}`, and not `{new.strip()}`"
    longer, has = (lines_before, "it has") if len(lines_before) > len(lines_now) else (lines_now, "it does not have")
    return f"{has} `{longer[min(len(lines_before), len(lines_now))].strip()}`"


def go_on(training: Training, optimizer: torch.optim.Optimizer, folder: RunFolder) -> None:
    """Bring a training to where the checkpoint of a run is, and let its metrics end there.

    Raises:
        FolderError: the checkpoint or the metrics are damaged.
        OSError: the metrics cannot be written.
    """
    checkpoint = read_checkpoint(folder.checkpoint)
    load_model_state(training.model, checkpoint)
    load_optimizer_state(training.model, optimizer, checkpoint)
    history = read_records(folder, epochs=checkpoint.place.epoch)
    rewrite_records(folder, history)
    training.go_on(checkpoint.place, history)

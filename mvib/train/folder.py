"""The folder of a run: which files lie in it, and what they hold."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvib.inside import NotPlainError, read_inside
from mvib.reading import parse_json
from mvib.train.errors import FolderError
from mvib.train.history import EpochRecord, record_from_json, record_to_json
from mvib.train.writing import write_json
from mvib.writing import append_line, write_whole

FORMAT = 1
# Progress is a float: beyond this a step more would not be seen.
_MOST_STEPS = 1 << 53


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run, by what they are.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def spec(self) -> Path:
        """The resolved spec: inheritance and overrides applied."""
        return self.path / "spec.mvib"

    @property
    def config(self) -> Path:
        """Settings, data, versions and shapes."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """One JSON object a line and epoch."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Weights, buffers and optimizer."""
        return self.path / "checkpoint.safetensors"

    @property
    def place(self) -> Path:
        """Where the training was at the checkpoint, for people."""
        return self.path / "checkpoint.json"

    @property
    def diagram(self) -> Path:
        """The information-path diagram."""
        return self.path / "diagram.svg"

    @property
    def summary(self) -> Path:
        """The run at a glance."""
        return self.path / "summary.json"

    def files(self) -> tuple[Path, ...]:
        """Every file that is there, hidden ones apart."""
        return tuple(sorted(path for path in self.path.iterdir() if path.is_file() and not path.name.startswith(".")))


def check_unused(path: Path) -> None:
    """Refuse a folder that holds a run.

    Raises:
        FolderError: it does, or it is a file.
    """
    if path.exists() and not path.is_dir():
        raise FolderError(f"`{path}` is a file", "name a folder for the run: `--out runs/NAME`")
    folder = RunFolder(path)
    for file in (folder.checkpoint, folder.config, folder.metrics):
        # Empty metrics without the rest are what a run leaves that was killed while it made its folder.
        if file.exists() and (file != folder.metrics or file.stat().st_size > 0):
            raise FolderError(
                f"`{path}` holds a run already", f"name another folder, or go on with that run: `--resume {path}`"
            )


def create_folder(path: Path, *, spec_text: str, config: Mapping[str, Any]) -> RunFolder:
    """Write the first files into the folder of a new run, which is there and locked.

    Raises:
        FolderError: it holds a run.
        OSError: it cannot be written.
    """
    check_unused(path)
    folder = RunFolder(path)
    write_whole(folder.spec, spec_text.encode())
    write_whole(folder.metrics, b"")
    # Last, because a folder with it is one that a run can go on in. It holds the spec, so that a change of the file is
    # seen and can be shown.
    write_json(folder.config, {"format": FORMAT, **config, "spec": spec_text})
    return folder


def open_folder(path: Path) -> RunFolder:
    """The folder of a run that is there.

    Raises:
        FolderError: there is none.
    """
    folder = RunFolder(path)
    if not path.is_dir():
        raise FolderError(f"there is no run folder `{path}`", "`mvib train` writes one")
    if not folder.config.is_file() or not folder.spec.is_file():
        missing = folder.spec if folder.config.is_file() else folder.config
        raise FolderError(
            f"`{path}` is no run folder: it has no `{missing.name}`", "name a folder that `mvib train` wrote"
        )
    return folder


def read_spec_text(folder: RunFolder) -> str:
    """The resolved spec of a run.

    Raises:
        FolderError: it cannot be read.
    """
    return _read_text(folder, folder.spec)


def read_config_file(folder: RunFolder) -> dict[str, Any]:
    """The config of a run.

    Raises:
        FolderError: it cannot be read, lacks something, or was written by a newer version.
    """
    config = _read_object(folder, folder.config)
    version = config.get("format")
    if not isinstance(version, int) or isinstance(version, bool):
        raise _damaged(folder.config, "it does not say its format")
    if version > FORMAT:
        raise FolderError(
            f"`{folder.config}` has format {version}, and this version of mvib reads up to {FORMAT}", "use a newer mvib"
        )
    expected: dict[str, type] = {"data": str, "epochs": int, "fingerprint": str, "shapes": dict, "versions": dict}
    for key, kind in expected.items():
        if not isinstance(config.get(key), kind) or isinstance(config[key], bool):
            raise _damaged(folder.config, f"`{key}` is missing or makes no sense")
    return config


def read_steps(folder: RunFolder) -> int | None:
    """How many steps the whole training of a run takes; none where its config does not say.

    Raises:
        FolderError: it cannot be read, or what it says is no number of steps.
    """
    steps = read_config_file(folder).get("steps")
    if steps is None:
        return None
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= _MOST_STEPS:
        raise _damaged(folder.config, f"`steps` is `{str(steps)[:40]}`, and no number of steps")
    return steps


def read_summary(folder: RunFolder) -> dict[str, Any]:
    """The summary of a run; empty while it trains.

    Raises:
        FolderError: it cannot be read.
    """
    return _read_object(folder, folder.summary) if os.path.lexists(folder.summary) else {}


def append_record(folder: RunFolder, record: EpochRecord) -> None:
    """Add the line of an epoch to the metrics.

    Raises:
        OSError: it cannot be written.
    """
    append_line(folder.metrics, record_to_json(record))


def read_records(folder: RunFolder, *, epochs: int | None = None) -> tuple[EpochRecord, ...]:
    """The records of a run.

    Args:
        folder: of the run.
        epochs: how many from the first; what comes after, such as a line cut off by a crash, is not looked at.

    Raises:
        FolderError: there are fewer, or a line cannot be read.
    """
    try:
        lines = _read_text(folder, folder.metrics).splitlines()[:epochs]
        records = tuple(record_from_json(line) for line in lines)
    except ValueError as error:
        raise _damaged(folder.metrics, str(error)) from error
    numbers = [record.epoch for record in records]
    if numbers != list(range(1, len(records) + 1)) or (epochs is not None and len(records) < epochs):
        raise _damaged(folder.metrics, "it does not have one line for every epoch")
    return records


def rewrite_records(folder: RunFolder, records: Sequence[EpochRecord]) -> None:
    """Make the metrics end where a checkpoint does."""
    write_whole(folder.metrics, "".join(record_to_json(record) + "\n" for record in records).encode())


def _read_text(folder: RunFolder, path: Path) -> str:
    try:
        # As text files are read: a line ends in the same way whatever machine wrote it.
        return read_inside(folder.path, path).decode().replace("\r\n", "\n").replace("\r", "\n")
    except NotPlainError as error:
        raise FolderError(str(error), "put a file in its place, or name another run") from error
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _damaged(path, "it is no text in UTF-8") from error


def _read_object(folder: RunFolder, path: Path) -> dict[str, Any]:
    try:
        value = parse_json(_read_text(folder, path))
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(value, dict):
        raise _damaged(path, "it holds no JSON object")
    return value


def _damaged(path: Path, why: str) -> FolderError:
    return FolderError(f"`{path}` cannot be used: {why}", "train again, or name another run")

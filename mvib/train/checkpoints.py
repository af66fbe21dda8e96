"""The checkpoints of a run: written whole or not at all, the last few kept, and which of them a run goes on from.

The newest is `checkpoint.safetensors`; the ones before it are `checkpoint-<step>.safetensors`.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from mvib.train.cadence import Cadence
from mvib.train.checkpoint import Checkpoint, Place, describe_place, pack_checkpoint, read_checkpoint
from mvib.train.errors import DamagedCheckpointError, DiskFullError, FolderError
from mvib.train.events import CheckpointWritten, Noted, Observer
from mvib.train.folder import RunFolder
from mvib.train.writing import write_json
from mvib.writing import sync_folder, write_whole

KEEP = 2
_OLDER = re.compile(r"checkpoint-([0-9]{1,18})\.safetensors")
# Left free beside a checkpoint, for the small files of a run.
_MARGIN = 64 * 1024
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class Checkpoints:
    """Writes the checkpoints of a run. It knows when, and how many are kept; it knows no model.

    Attributes:
        saved: epoch and step of the last checkpoint that is good, (-1, -1) before the first.
    """

    def __init__(self, folder: RunFolder, *, observer: Observer, cadence: Cadence | None = None, keep: int = KEEP):
        """Look at nothing yet.

        Args:
            folder: of the run, locked by this process.
            observer: is told of every checkpoint.
            cadence: when one is due.
            keep: how many are kept, at least 1.
        """
        assert keep >= 1, "a run has a checkpoint"
        self.saved = (-1, -1)
        self._folder = folder
        self._observer = observer
        self._cadence = cadence or Cadence()
        self._keep = keep
        self._saved_at = time.monotonic()
        self._seconds_to_write = 0.0

    @property
    def newest(self) -> Path:
        """The file of the last one."""
        return self._folder.checkpoint

    @property
    def run(self) -> Path:
        """The folder of the run."""
        return self._folder.path

    def go_on(self, place: Place) -> None:
        """The newest checkpoint is of this place."""
        self.saved = (place.epoch, place.step)

    def is_due_after_step(self, place: Place) -> bool:
        """Whether one is to be written in the middle of an epoch."""
        return self._cadence.is_due_after_step(step=place.step, seconds=time.monotonic() - self._saved_at)

    def is_due_after_epoch(self, place: Place) -> bool:
        """Whether one is to be written at the end of an epoch."""
        return self._cadence.is_due_after_epoch(
            step=place.step,
            seconds=time.monotonic() - self._saved_at,
            seconds_to_write=self._seconds_to_write,
        )

    def write(self, tensors: Mapping[str, Tensor], place: Place) -> None:
        """Write one; a process killed at any moment of it leaves the last good one.

        Args:
            tensors: of model and optimizer, as `collect_state` gives them.
            place: in the training.

        Raises:
            DiskFullError: there is no room for it.
            OSError: it cannot be written.
        """
        began = time.monotonic()
        content = pack_checkpoint(tensors, place)
        self._check_room(len(content))
        try:
            write_whole(self.newest, content, before_replacing=self._keep_last)
        except OSError as error:
            if error.errno in _FULL:
                raise self._full(str(error.strerror)) from error
            raise
        # From here on it is the last good one, whatever happens to the file for people.
        self.saved = (place.epoch, place.step)
        self._drop_oldest()
        write_json(self._folder.place, describe_place(place))
        self._saved_at = time.monotonic()
        self._seconds_to_write = self._saved_at - began
        self._observer(CheckpointWritten(path=self.newest, step=place.step))

    def _check_room(self, size: int) -> None:
        disk = shutil.disk_usage(self._folder.path)
        # A disk without a size is one that does not tell.
        if disk.total and disk.free < size + _MARGIN:
            words = f"the next checkpoint takes {_megabytes(size)}, and {_megabytes(disk.free)} are free"
            raise self._full(words)

    def _full(self, words: str) -> DiskFullError:
        path = self._folder.path
        text = f"the disk of `{path}` is full: {words}"
        if self.saved[1] >= 0:
            text += (
                f"; the last good checkpoint is `{self.newest}`, of step {self.saved[1]}: make room and go on with "
                f"`mvib train --resume {path}`"
            )
        return DiskFullError(errno.ENOSPC, text)

    def _keep_last(self) -> None:
        """Give the newest a second name, under which it stays when the next one takes its place."""
        if self._keep == 1 or not self.newest.is_file() or self.saved[1] < 0:
            return
        older = self._folder.path / f"checkpoint-{self.saved[1]}.safetensors"
        older.unlink(missing_ok=True)
        try:
            os.link(self.newest, older)
        except OSError as error:
            if error.errno in _FULL:
                raise
            # A file system without hard links: until the next one has its place, the last one has the other name.
            self.newest.replace(older)

    def _drop_oldest(self) -> None:
        for path in find_older(self._folder)[self._keep - 1 :]:
            path.unlink(missing_ok=True)


def find_older(folder: RunFolder) -> list[Path]:
    """The checkpoints before the newest, the last first."""
    found = [(int(match[1]), path) for path in folder.path.iterdir() if (match := _OLDER.fullmatch(path.name))]
    return [path for _, path in sorted(found, reverse=True)]


def read_last_good(folder: RunFolder, *, observer: Observer) -> Checkpoint | None:
    """The newest checkpoint of a run that is whole. What is damaged gets another name and stays.

    Args:
        folder: of the run, locked by this process.
        observer: is told of every one that is stepped over.

    Returns:
        None where the run ended before its first one.

    Raises:
        FolderError: there is none that can be used, or it was written by a newer version.
        OSError: a file cannot be renamed.
    """
    damage: list[str] = []
    for path in (folder.checkpoint, *find_older(folder)):
        if not path.is_file():
            damage.append(f"there is no checkpoint `{path}`")
            continue
        try:
            found = read_checkpoint(path)
        except DamagedCheckpointError as error:
            damage.append(error.title)
            continue
        if path != folder.checkpoint:
            for words in damage:
                observer(Noted(text=f"{words}; the run goes on from the one before, of step {found.place.step}"))
            _make_newest(folder, path)
            write_json(folder.place, describe_place(found.place))
        return found
    if not folder.checkpoint.exists() and len(damage) == 1 and not _has_begun(folder):
        observer(Noted(text=f"the run in `{folder.path}` ended before its first checkpoint, and begins at step 0"))
        return None
    raise FolderError("; ".join(damage), "train again, or name another run")


def _has_begun(folder: RunFolder) -> bool:
    """Whether there has been a checkpoint once: one that is missing now was lost, and starting over would hide that."""
    return folder.place.exists() or (folder.metrics.is_file() and folder.metrics.stat().st_size > 0)


def _make_newest(folder: RunFolder, path: Path) -> None:
    """Let the run look as it did when this checkpoint was the newest, with the later ones set aside as damaged."""
    later: Sequence[Path] = find_older(folder)
    for damaged in (*later[: later.index(path)], folder.checkpoint):
        if damaged.is_file():
            damaged.replace(damaged.with_name(f"damaged-{damaged.name}"))
    path.replace(folder.checkpoint)
    sync_folder(folder.path)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

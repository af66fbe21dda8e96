"""A run folder belongs to one process at a time: a locked file in it names the process and its machine."""

import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from mvib.inside import NotPlainError, open_inside, open_to_change
from mvib.reading import count_from, parse_json
from mvib.train.errors import FolderError
from mvib.train.events import Noted, Observer

try:
    import fcntl
except ImportError:  # There are no locks of files outside POSIX; the content of the file has to do.
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
# No system has more; a stranger's file may hold any number.
_LARGEST_PID = (1 << 31) - 1
# Processes that read data keep the lock of a process that was killed until they notice; torch's look every 5 seconds.
_ORPHANS_SECONDS = 15.0
_PAUSE = 0.1
# What a file system says that cannot lock.
_CANNOT_LOCK = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The process that a lock names.

    Attributes:
        pid: its number.
        host: name of its machine.
        since: when it began, as people write it.
    """

    pid: int
    host: str
    since: str

    @property
    def is_here(self) -> bool:
        """Whether it is of this machine."""
        return self.host == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; of another machine it is not known."""
        # Elsewhere than on POSIX, signal 0 is not a question.
        if not self.is_here or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


@contextmanager
def locked_folder(folder: Path, *, observer: Observer, name: str = NAME) -> Iterator[None]:
    """Hold the lock of a run folder. The system lets go of it when the process ends, however it ends.

    Args:
        folder: is there already.
        observer: is told of a lock that was left behind.
        name: of the file that is locked.

    Raises:
        FolderError: another process holds it, or a stranger's file is in its place.
        OSError: the folder cannot be written.
    """
    path = folder / name
    descriptor, before = _take(path)
    try:
        if before is not None:
            observer(
                Noted(text=f"`{folder}` was in use by {before}, which left without unlocking it: it is taken over")
            )
        _write_owner(descriptor)
        yield
    finally:
        # While it is held, so that nobody else's lock is removed.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def read_owner(path: Path) -> Owner | None:
    """The process that a lock file names; none where there is no such file, or it makes no sense."""
    try:
        with open_inside(path.parent, path) as stream:
            values = parse_json(stream.read(4096))
        pid = count_from(values["pid"])
        if not 0 < pid <= _LARGEST_PID:
            return None
        return Owner(pid=pid, host=str(values["host"])[:255], since=str(values["since"])[:64])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _take(path: Path) -> tuple[int, Owner | None]:
    """The open, locked file, and who was killed holding it."""
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while True:
        before = read_owner(path)
        try:
            descriptor = open_to_change(path, os.O_RDWR)
        except NotPlainError as error:
            raise FolderError(str(error), "remove it; mvib makes this file anew") from error
        try:
            is_ours = _try_lock(descriptor, before) and _is_still(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if is_ours:
            return descriptor, before
        os.close(descriptor)
        if (before is not None and not before.is_dead) or time.monotonic() > deadline:
            raise _in_use(path, before)
        time.sleep(_PAUSE)


def _try_lock(descriptor: int, owner: Owner | None) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _CANNOT_LOCK:
                return False
        else:
            return True
    # Without locks of the system, only a process of this machine can be known to have ended.
    return owner is None or owner.is_dead


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the file that was locked has not been removed meanwhile by the one who held it."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write_owner(descriptor: int) -> None:
    owner = Owner(pid=os.getpid(), host=socket.gethostname(), since=f"{datetime.now():%Y-%m-%d %H:%M:%S}")
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, f"{json.dumps(asdict(owner))}\n".encode())


def _in_use(path: Path, owner: Owner | None) -> FolderError:
    who = str(owner) if owner is not None else "another process"
    remedy = "wait until it ends, or stop it"
    if owner is not None and owner.is_here and os.name == "posix":
        remedy += f": `kill {owner.pid}`"
    elif owner is not None:
        remedy += f"; if it is gone for good, remove `{path}`"
    return FolderError(f"the run in `{path.parent}` is in use by {who}", remedy)

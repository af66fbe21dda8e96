"""Writing files whole or not at all."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from mvib.inside import NotPlainError, open_to_change


def write_whole(path: Path, content: bytes, *, before_replacing: Callable[[], None] | None = None) -> None:
    """Write a file through a temporary one beside it, so that a failure leaves what was there before.

    Args:
        path: the file; its folder must exist.
        content: all of it.
        before_replacing: called when the content is safe on the disk under its temporary name.

    Raises:
        OSError: it cannot be written; names the file.
    """
    # Named after the process, so that two that write the same file do not mix their contents.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        mode = _mode_of(path)
        # A folder from a stranger may hold a link of this name: it is removed, and no link is followed.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            temporary.chmod(mode)
        if before_replacing is not None:
            before_replacing()
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


_TEMPORARY = ".tmp"


def _mode_of(path: Path) -> int | None:
    """The rights of a file that is there; a link is none, for it is not followed."""
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_mode & 0o777 if stat.S_ISREG(found.st_mode) else None


def append_line(path: Path, line: str) -> None:
    """Add a line to a file and wait until it is on the disk.

    Args:
        path: the file; it is made where there is none.
        line: without its line break.

    Raises:
        NotPlainError: it is a link, or no file.
        OSError: it cannot be written, and the last line of the file may be cut off; names the file.
    """
    try:
        with os.fdopen(open_to_change(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
            stream.flush()
            os.fsync(stream.fileno())
    except NotPlainError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that processes left behind which were killed while they wrote.

    Args:
        folder: in which no other process writes.

    Raises:
        OSError: one cannot be removed.
    """
    for path in folder.glob(f".*{_TEMPORARY}"):
        # mvib leaves files of this name, and no folders: one is of somebody else.
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names of a folder are on the disk: a new name is safe only once its folder is."""
    # Some systems cannot open folders, and there is nothing to do then.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

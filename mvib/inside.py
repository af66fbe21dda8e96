"""What lies inside a folder that anybody may have made. Nothing in it is opened through a link.

The folder itself is the word of the user, and may be a link. What a stranger can have put into it are links that lead
out of it, pipes that never end, devices, second names of files elsewhere, and files of any size: whoever reads or
writes there goes through this module, so that there is one judgement of them.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

# What holds numbers and words of a run is smaller; weights are not read through here.
MOST_BYTES = 64 << 20
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
# A pipe that is put into the place of the file between the look and the opening is not waited for.
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)


class NotPlainError(OSError):
    """Something inside a folder is a link, or no file; nothing was read or written through it."""

    def __init__(self, path: Path, why: str) -> None:
        """Args: path: of it; why: the end of a sentence about it."""
        super().__init__(f"`{path}` {why}")
        self.why = why


def check_inside(folder: Path, path: Path) -> None:
    """Hold that no part of the way from a folder to a path in it is a link; the path need not be there.

    Raises:
        NotPlainError: one is.
        ValueError: the path does not lie in the folder.
    """
    reached = folder
    for part in path.relative_to(folder).parts:
        reached = reached / part
        if part == os.pardir:
            raise ValueError(f"`{path}` leads out of `{folder}`")
        if reached.is_symlink():
            raise NotPlainError(reached, "is a link, and links inside the folder are not followed")


def open_inside(folder: Path, path: Path) -> BinaryIO:
    """A file in a folder, to be read.

    Raises:
        NotPlainError: a part of the way is a link, or what is there is no file.
        OSError: it is not there, or cannot be opened.
    """
    check_inside(folder, path)
    # Before it is opened: opening a device can do something.
    _check_file(path, path.stat(follow_symlinks=False))
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NO_WAITING)
    stream = os.fdopen(descriptor, "rb")
    try:
        _check_file(path, os.fstat(descriptor))
    except BaseException:
        stream.close()
        raise
    return stream


def read_inside(folder: Path, path: Path, *, most: int = MOST_BYTES) -> bytes:
    """The content of a file in a folder.

    Args:
        folder: which the user named.
        path: of the file, below it.
        most: bytes that it may have.

    Raises:
        NotPlainError: a part of the way is a link, or what is there is no file, or it is too large.
        OSError: it is not there, or cannot be read.
    """
    with open_inside(folder, path) as stream:
        # As large as it is, since as many bytes as are asked for are set aside for it.
        size = os.fstat(stream.fileno()).st_size
        try:
            content = stream.read(size) if size <= most else b""
        except MemoryError as error:
            raise NotPlainError(path, f"has {size:,} bytes, more than there is memory for") from error
    if size > most:
        raise NotPlainError(path, f"has more than {most:,} bytes")
    return content


def open_to_change(path: Path, flags: int) -> int:
    """The descriptor of a file that is written into, and not replaced; it is made where it is not there.

    Args:
        path: of the file, in a folder which the user named.
        flags: how it is opened, such as `os.O_APPEND`.

    Raises:
        NotPlainError: it is a link, or no file, or has another name elsewhere, where the change would be seen too.
        OSError: it cannot be opened.
    """
    check_inside(path.parent, path)
    if path.exists():
        _check_file(path, path.stat(follow_symlinks=False))
    descriptor = os.open(path, flags | os.O_CREAT | _NO_FOLLOW, 0o666)
    try:
        found = os.fstat(descriptor)
        _check_file(path, found)
        if found.st_nlink > 1:
            raise NotPlainError(path, "has a second name, and the file of that name would be changed too")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_inside(folder: Path, path: Path) -> None:
    """Make a folder in a folder, with those between, where it is not there.

    Raises:
        NotPlainError: a part of the way is a link.
        OSError: it cannot be made.
    """
    check_inside(folder, path)
    path.mkdir(parents=True, exist_ok=True)


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotPlainError(path, "is a folder" if stat.S_ISDIR(found.st_mode) else "is no file")

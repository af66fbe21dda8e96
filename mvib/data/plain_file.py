"""Files that are read as data, which a stranger may have named: a pipe never ends, and a device does something."""

import stat
from pathlib import Path

from mvib.data.errors import DataError


def check_plain(path: Path) -> None:
    """Hold that a path leads to a file, links followed; one that is not there is for the reader to say.

    Raises:
        DataError: it is a folder, a pipe, a device or a socket.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no file"
        raise DataError(f"`{path}` cannot be read: it is {what}", "name a file")

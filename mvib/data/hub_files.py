"""Which files the rows of a hub data set may name: those of the data set, and no other that the user can read."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from mvib.data.pictures import PictureError
from mvib.inside import NotPlainError, open_inside


def own_folders(name: str, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders in which the files of a data set may lie, as real paths.

    They are the folder that was named, or the folder of this data set in the cache of the hub; and what `datasets` has
    downloaded by address and unpacked, which does not say of which data set it is. The places are those that the
    documentation of `huggingface_hub` and `datasets` gives, with the variables that move them.

    Args:
        name: of the data set, or path of a local folder.
        environment: variables of the process.
    """
    home = environment.get("HF_HOME") or os.path.join(
        environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "huggingface"
    )
    hub = environment.get("HF_HUB_CACHE") or os.path.join(home, "hub")
    cache = environment.get("HF_DATASETS_CACHE") or os.path.join(home, "datasets")
    own = name if os.path.isdir(name) else os.path.join(hub, f"datasets--{name.replace('/', '--')}")
    return tuple(Path(os.path.realpath(os.path.expanduser(path))) for path in (own, os.path.join(cache, "downloads")))


def open_own(path: object, folders: Sequence[Path]) -> BinaryIO:
    """A file that a row names.

    Args:
        path: what the row says.
        folders: in one of which it must lie once links are followed.

    Raises:
        PictureError: it is no path, lies elsewhere, or is no file.
        OSError: it is not there, or cannot be read.
    """
    if not isinstance(path, str) or "\0" in path:
        raise PictureError("names its file by what is no path")
    # The hub's cache is made of links from names to contents.
    real = Path(os.path.realpath(path))
    folder = next((folder for folder in folders if real.is_relative_to(folder)), None)
    if folder is None:
        raise PictureError(f"names a file outside the data set, `{path[:200]}`, which is not opened")
    try:
        return open_inside(folder, real)
    except NotPlainError as error:
        raise PictureError(f"names `{path[:200]}`, which {error.why}") from error

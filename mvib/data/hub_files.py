"""Which files a hub data set may be made of, and its rows may name: its own, and no other that the user can read."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from mvib.data.errors import DataError
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


# What only reads rows, and runs and unpickles nothing; others, such as `pandas`, do.
_READERS = ("arrow", "csv", "imagefolder", "json", "parquet", "text")
_PACKAGED = re.compile(r"datasets\.packaged_modules\.(\w+)(\.|$)")
_OF_HUB = re.compile(r"hf://datasets/([^@]+)@")


# An address, or one file system within another: what a path of this machine does not hold.
_ELSEWHERE = re.compile(r"::|://")
_CARD, _OTHER_CARD = "README.md", ".huggingface.yaml"


def check_card(folder: str, load_card: Callable[[str], Any]) -> None:
    """Hold that a local data set names files of this machine alone, before `datasets` looks at any of them.

    `datasets` asks an address that `README.md` names how it is before it says of which files the data are made.

    Args:
        folder: of the data set.
        load_card: reads what stands at the head of a `README.md`, as `huggingface_hub.DatasetCard.load`.

    Raises:
        DataError: they are elsewhere.
    """
    if os.path.lexists(os.path.join(folder, _OTHER_CARD)):
        raise DataError(
            f"`hf:{folder}` says of which files it is made in `{_OTHER_CARD}`, which is not read",
            f"write it at the head of `{_CARD}`",
        )
    card = os.path.join(folder, _CARD)
    if not os.path.isfile(card):
        return
    configs = load_card(card).data.get("configs") or []
    for config in configs if isinstance(configs, list) else []:
        for path in _texts([config.get(key) for key in ("data_files", "data_dir")] if isinstance(config, dict) else []):
            if _ELSEWHERE.search(path):
                raise _foreign(folder, path)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _foreign(name: str, path: str) -> DataError:
    return DataError(
        f"`hf:{name}` is made of `{path[:200]}`, which is no file of its own, and is not read",
        "take the file from there yourself, by its own name",
    )


def check_builder(builder: Any, name: str) -> None:
    """Hold that a data set is read by what runs nothing, and from its own files alone, before a row of them is read.

    A data set says in its `README.md` of which files it is made: of any of this machine, if it is a stranger's.

    Args:
        builder: as `datasets.load_dataset_builder` gives it.
        name: of the data set, or path of a local folder.

    Raises:
        DataError: it would be read by something else, or has other files or none.
    """
    modules = (_PACKAGED.match(kind.__module__) for kind in type(builder).__mro__)
    reader = next((found[1] for found in modules if found is not None), None)
    if reader not in _READERS:
        raise DataError(
            f"`hf:{name}` would be read by `{reader or type(builder).__name__}`, which may run what the data say",
            f"take data of {', '.join(_READERS)} files",
        )
    files = [str(path) for paths in (builder.config.data_files or {}).values() for path in paths]
    if not files:
        raise DataError(f"`hf:{name}` has no files of data", "check the name")
    for path in files:
        if not _is_own(path, name):
            raise _foreign(name, path)


def _is_own(path: str, name: str) -> bool:
    if os.path.isdir(name):
        # Below the folder of the program a path that is none of this machine would be taken for one in that folder.
        if _ELSEWHERE.search(path) or not os.path.isabs(path):
            return False
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(name))
    found = _OF_HUB.match(path)
    repository = found[1].lower() if found is not None and "::" not in path else ""
    # Data sets from before there were owners have moved to one.
    return repository == name.lower() or ("/" not in name and repository.endswith(f"/{name.lower()}"))


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

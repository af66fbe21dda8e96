"""A folder of pictures as a data source: a folder for each class, or pictures without labels.

No link is followed out of the folder, and none to a folder; what is not a file is not opened.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.errors import DataError
from mvib.data.picture_column import PictureOptions
from mvib.data.picture_table import LabelledPictures, table_of_pictures, with_labels
from mvib.data.pictures import SUFFIXES, PictureStore
from mvib.data.table import Table, named_label_column

# Whatever the case of their letters; of held-out parts the first that there is.
_TRAIN = ("train", "training")
_HELD_OUT = ("test", "testing", "val", "valid", "validation")
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class _File:
    """A picture that the folder holds: where, its class if it has one, and its length."""

    path: Path
    label: str | None
    length: int


@dataclass(slots=True)
class _Found:
    """What a walk through a folder has met.

    Attributes:
        files: pictures, the bad ones among them.
        bad: what is wrong.
        others: files that are no pictures by their ending.
        bad_rows: places of bad ones among the files.
        lost: what is wrong in places where nobody knows how many pictures there are.
    """

    files: list[_File]
    bad: list[BadItem]
    others: list[Path]
    bad_rows: set[int] = field(default_factory=set)
    lost: list[BadItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOptions:
    """What a user says of a folder.

    Attributes:
        held_out: name of the folder of the test part, none for the first of those that are usual.
        has_parts: whether its folders are parts and not classes, none where their names tell.
    """

    held_out: str | None = None
    has_parts: bool | None = None


def load_folder_table(path: Path, options: PictureOptions, folder: FolderOptions) -> Table:
    """The pictures of a folder as the column `image`, and the names of their class folders as the column `label`.

    With `train/` beside `test/` (or `val/`, `valid/`, `validation/`, in letters of any case) these are the parts;
    otherwise a part is still to be held out. Folders of such names beside others may as well be classes: the user has
    to say. The label is the first folder below a part; pictures may lie deeper. Rows are in the order of names.

    Args:
        path: of the folder.
        options: what a user says of the pictures.
        folder: what a user says of its folders.

    Raises:
        DataError: there is no such folder, or no pictures in it, or they do not fit together, or its folders may be
            parts and may be classes.
    """
    name = f"folder:{path}"
    if not path.is_dir():
        why = "is no folder" if path.exists() else "does not exist"
        raise DataError(f"`{path}` {why}", "check the path after `folder:`")
    roots, notes = _part_folders(path, folder)
    found = [_walk(root, top=path) for root in roots]
    bad = BadItems(options.skip)
    for item in (item for part in found for item in part.bad):
        bad.add(item)
    lost = next((item for part in found for item in part.lost), None)
    if lost is not None and options.is_joined:
        raise DataError(
            f"{lost}, and which rows of the other data belong to what is behind it is not known", "mend or remove it"
        )
    if len(found[0].files) == len(found[0].bad_rows):
        bad.check()
        raise DataError(f"there are no pictures in `{roots[0]}`", f"they end in {', '.join(sorted(SUFFIXES))}")
    for part in found:
        notes += _note_others(part.others)
    words = [[file.label for file in part.files] for part in found]
    parts = [
        LabelledPictures(store=FileStore(part.files), labels=its, bad_rows=frozenset(part.bad_rows))
        for part, its in zip(found, words, strict=True)
    ]
    is_labelled = len({*words[0]} - {None}) > 1
    if not is_labelled:
        notes.append("the pictures have no labels: there are no two class folders")
    table = table_of_pictures(name, parts, options, bad=bad, notes=notes, description="pictures of a folder, in [0, 1]")
    table = replace(table, row_names=tuple(partial(_name_of_row, part.store, path) for part in parts))
    if not is_labelled:
        return table
    label = named_label_column(words[0], words[1] if len(words) > 1 else None, description="name of the folder")
    return with_labels(table, label, parts, missing="lies in no class folder")


def _name_of_row(store: PictureStore, top: Path, row: int) -> str:
    """The path of a picture below the folder, with `/` on every system."""
    path = Path(store.name(row))
    # A link within the folder is known by the file that it leads to.
    root = top if path.is_relative_to(top) else Path(os.path.realpath(top))
    return path.relative_to(root).as_posix()


def _part_folders(path: Path, options: FolderOptions) -> tuple[list[Path], list[str]]:
    """The folders of the parts, or the one folder whose folders are classes, and what is to be said of the others.

    Raises:
        DataError: there are not the folders that were asked for, or folders that may be parts and may be classes.
    """
    names = sorted(entry.name for entry in os.scandir(path) if not entry.name.startswith("."))
    folders = [name for name in names if _is_plain_folder(path / name)]
    if options.has_parts is False:
        return [path], []
    linked = [name for name in names if (path / name).is_dir() and name not in folders and _is_name_of_part(name)]
    if linked:
        raise DataError(
            f"`{path / linked[0]}` is a link to a folder, and is not followed", "move the folder there, or `,parts=no`"
        )
    train = [name for name in folders if name.lower() in _TRAIN]
    wanted = (options.held_out.lower(),) if options.held_out is not None else _HELD_OUT
    held_out = sorted((name for name in folders if name.lower() in wanted), key=lambda name: wanted.index(name.lower()))
    if len(train) != 1 and (options.held_out is not None or options.has_parts):
        asked = f"`train` and `{options.held_out}`" if options.held_out is not None else "`train`"
        raise DataError(f"`{path}` has no folders {asked}", "leave the option out: a fifth is then held out")
    if options.held_out is not None and not held_out:
        raise DataError(
            f"`{path}` has no folder `{options.held_out}`", "leave `held_out` out: a fifth is then held out"
        )
    if not train and not held_out:
        return [path], []
    used = [*train, *held_out[:1]]
    rest = [name for name in names if name not in used]
    # Vehicles are trains too.
    is_clear = options.has_parts or held_out or folders == train
    if len(train) != 1 or not is_clear:
        raise DataError(
            f"the folders of `{path}` may be parts or classes: {', '.join(folders[:6])}",
            "say which: `,parts=yes` for a folder `train` of class folders, with or without one of held-out pictures; "
            "`,parts=no` where each folder is a class",
        )
    notes = [f"of `{path}` the folders {' and '.join(used)} are used, not {', '.join(rest[:5])}"] if rest else []
    return [path / name for name in used], notes


def _is_name_of_part(name: str) -> bool:
    return name.lower() in (*_TRAIN, *_HELD_OUT)


def _is_plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _walk(root: Path, *, top: Path) -> _Found:
    found = _Found(files=[], bad=[], others=[])
    inside = os.path.realpath(top)
    for path, label in _entries(root, None, 0, found):
        is_picture = path.suffix.lower() in SUFFIXES
        judged = _judge(path, inside)
        if isinstance(judged, str):
            found.bad.append(BadItem(str(path), judged))
            if is_picture:
                # It keeps its row, which the rows of other files may belong to.
                found.bad_rows.add(len(found.files))
                found.files.append(_File(path, label, 0))
            else:
                found.lost.append(found.bad[-1])
        elif is_picture:
            found.files.append(_File(judged[0], label, judged[1]))
        else:
            found.others.append(path)
    return found


def _judge(path: Path, inside: str) -> tuple[Path, int] | str:
    """The file and its length, or why it is not read."""
    try:
        real = path
        if path.is_symlink():
            real = Path(os.path.realpath(path, strict=True))
            if not real.is_relative_to(inside):
                return "is a link that leads out of the folder, and is not followed"
        status = real.stat()
    except OSError as problem:
        return "is a link that leads nowhere" if path.is_symlink() else f"cannot be read: {problem.strerror}"
    if stat.S_ISDIR(status.st_mode):
        return "is a link to a folder, and is not followed"
    return (real, status.st_size) if stat.S_ISREG(status.st_mode) else "is not a file"


def _entries(folder: Path, label: str | None, depth: int, found: _Found) -> Iterator[tuple[Path, str | None]]:
    """Everything below a folder that is not a plain folder itself, in the order of names, with its class."""
    if depth > _MAX_DEPTH:
        found.bad.append(BadItem(str(folder), f"lies more than {_MAX_DEPTH} folders deep"))
        found.lost.append(found.bad[-1])
        return
    try:
        with os.scandir(folder) as entries:
            here = sorted(entries, key=lambda entry: entry.name)
    except OSError as problem:
        found.bad.append(BadItem(str(folder), f"cannot be read: {problem.strerror}"))
        found.lost.append(found.bad[-1])
        return
    for entry in here:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(path, entry.name if depth == 0 else label, depth + 1, found)
        else:
            yield path, label


def _note_others(others: Sequence[Path]) -> list[str]:
    if not others:
        return []
    files = "file is" if len(others) == 1 else "files are"
    return [f"{len(others)} {files} left out as no picture by the ending, `{others[0]}` the first"]


class FileStore(PictureStore):
    """Image files."""

    def __init__(self, files: Sequence[_File]) -> None:
        """Args: files: which exist."""
        # Strings take a fraction of what paths take, and there may be millions.
        self._paths = [str(file.path) for file in files]
        self._lengths: npt.NDArray[np.int64] = np.array([file.length for file in files], np.int64)
        self._start = len(os.path.commonpath(self._paths)) if len(self._paths) > 1 else 0

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, place: int) -> str:
        """The path."""
        return self._paths[place]

    def open(self, place: int) -> BinaryIO:
        """The file, if it is not a link by now."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self._paths[place], flags), "rb")

    def identity(self, place: int) -> str:
        """The path below what all have in common, and the length."""
        return f"{self._paths[place][self._start :]} {self._lengths[place]}"

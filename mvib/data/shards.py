"""Webdataset shards, `wds:PATTERN`: tar files whose members of one stem, `0001.jpg` and `0001.cls`, are an example.

The shards are indexed once by their headers and then read at any place, so that shuffling, resuming and sharing among
processes are as exact as for files, which a stream through a buffer cannot give. Only pictures and labels are read:
nothing is unpickled, unpacked or written, no shell command (`pipe:`) is run and no address is called.
"""

import glob
import os
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.errors import DataError
from mvib.data.picture_column import PictureOptions
from mvib.data.picture_table import LabelledPictures, table_of_pictures, with_labels
from mvib.data.pictures import SUFFIXES, PictureStore
from mvib.data.table import Table, written_label_column
from mvib.reading import parse_json

LABEL = "cls"
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MOST_SHARDS = 100_000
# A label is a word or a number; more bytes are none.
_MOST_LABEL_BYTES = 4096
_MOST_PICTURE_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class _Member:
    """A picture in a shard."""

    shard: int
    offset: int
    length: int
    name: str


@dataclass(slots=True)
class _Index:
    """What the shards of a part hold."""

    shards: list[str]
    members: list[_Member] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    bad: list[BadItem] = field(default_factory=list)
    bad_rows: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOptions:
    """What a user says of shards.

    Attributes:
        test: pattern of the held-out shards, none where a part is still to be held out.
        label: which member of an example is its label, `cls` by default: text, or `json/KEY` for a value of a JSON
            object. Where no example has it there are no labels.
        image: which member is its picture, by all that follows the first dot; none for the only picture whose ending
            has no further dot, or the only picture.
    """

    test: str | None = None
    label: str | None = None
    image: str | None = None


def load_shard_table(pattern: str, pictures: PictureOptions, options: ShardOptions) -> Table:
    """The pictures of tar shards as the column `image`, and their labels as the column `label`.

    Args:
        pattern: of paths, with braces (`{000..099}`, `{a,b}`) and wildcards; the shards are in the order of names.
        pictures: what a user says of the pictures.
        options: what a user says of the shards.

    Raises:
        DataError: there are no such shards, or they cannot be used.
    """
    name = f"wds:{pattern}"
    wanted = options.label or LABEL
    patterns = [pattern] if options.test is None else [pattern, options.test]
    indices = [_index(_expand(text), wanted, options.image) for text in patterns]
    bad = BadItems(pictures.skip)
    for item in (item for part in indices for item in part.bad):
        bad.add(item)
    if len(indices[0].members) == len(indices[0].bad_rows):
        bad.check()
        raise DataError(f"there are no pictures in the shards {name}", f"members end in {', '.join(sorted(SUFFIXES))}")
    parts = [
        LabelledPictures(
            store=TarStore(part.shards, part.members), labels=part.labels, bad_rows=frozenset(part.bad_rows)
        )
        for part in indices
    ]
    is_labelled = options.label is not None or any(word is not None for part in indices for word in part.labels)
    notes = () if is_labelled else (f"the pictures have no labels: no example has a member `.{wanted}`",)
    table = table_of_pictures(
        name, parts, pictures, bad=bad, notes=notes, description="pictures of tar shards, in [0, 1]"
    )
    table = replace(table, row_names=tuple(part.store.name for part in parts))
    if not is_labelled:
        return table
    words = [part.labels for part in parts]
    column = written_label_column(words[0], words[1] if len(words) > 1 else None, description="label of an example")
    return with_labels(table, column, parts, missing=f"has no label `{wanted}`")


def _expand(pattern: str) -> list[str]:
    """The shards that a pattern names.

    Raises:
        DataError: it is no pattern of local files, or names none.
    """
    if re.match(r"^(pipe|https?|gs|s3|hf|ftp|file|ais|hdfs):", pattern):
        raise DataError(
            f"`{pattern}` is no pattern of files on this machine", "copy the shards here first; nothing is downloaded"
        )
    paths: list[str] = []
    for text in _expand_braces(os.path.expanduser(pattern)):
        found = sorted(glob.glob(text)) if glob.has_magic(text) else [text]
        paths += found
    missing = [path for path in paths if not Path(path).is_file()]
    if missing or not paths:
        what = f"there is no shard `{missing[0]}`" if missing else f"no shard is called `{pattern}`"
        raise DataError(what, "check the pattern after `wds:`, for example `wds:shards/{000..009}.tar`")
    return paths


def _expand_braces(text: str) -> list[str]:
    done, waiting = [], [text]
    while waiting:
        first = waiting.pop(0)
        match = _BRACES.search(first)
        if match is None:
            done.append(first)
        else:
            waiting = [first[: match.start()] + word + first[match.end() :] for word in _words(match[1])] + waiting
        if len(done) + len(waiting) > _MOST_SHARDS:
            raise DataError(f"`{text}` names more than {_MOST_SHARDS:,} shards", "name fewer")
    return done


def _words(braced: str) -> list[str]:
    match = _RANGE.fullmatch(braced)
    if match is None:
        return braced.split(",")
    first, last = int(match[1]), int(match[2])
    if not first <= last <= first + _MOST_SHARDS:
        raise DataError(f"`{{{braced}}}` is no range of shards", "write the smaller number first: `{000..009}`")
    width = len(match[1]) if match[1].startswith("0") else 1
    return [f"{number:0{width}}" for number in range(first, last + 1)]


def _index(shards: list[str], label: str, image: str | None) -> _Index:
    """Goes through the headers of the shards; the members of an example follow each other, as the format has it."""
    index = _Index(shards)
    for number, shard in enumerate(shards):
        try:
            # Not `r:*`: a compressed shard could not be read at a place, and may unpack to any size.
            with tarfile.open(shard, mode="r:") as tar:
                _index_shard(index, number, shard, tar, label, image)
        except (tarfile.TarError, OSError, EOFError, ValueError) as problem:
            index.bad.append(BadItem(shard, f"is no uncompressed tar file, or is cut short: {problem}"))
    return index


def _index_shard(index: _Index, number: int, shard: str, tar: tarfile.TarFile, label: str, image: str | None) -> None:
    extension, _, key = label.partition("/")
    length = os.path.getsize(shard)
    example: _Example | None = None
    for member in tar:
        if member.isdir():
            continue
        folder, _, base = member.name.rpartition("/")
        own, _, ending = base.partition(".")
        if example is None or f"{folder}/{own}" != example.stem:
            _close(index, shard, example, image)
            example = _Example(f"{folder}/{own}", number)
        if not member.isreg():
            index.bad.append(BadItem(f"{shard}:{member.name}", "is a link or no file"))
            example.is_told = True
        elif f".{ending.rpartition('.')[2]}".lower() in SUFFIXES:
            picture = _Member(number, member.offset_data, member.size, f"{shard}:{member.name}")
            example.pictures.append((ending, picture, _problem(member, length)))
        elif ending == extension and member.size <= _MOST_LABEL_BYTES * (256 if key else 1):
            file = tar.extractfile(member)
            example.label = _read_label(file.read() if file is not None else b"", key)
    _close(index, shard, example, image)


@dataclass(slots=True)
class _Example:
    """What has been met of an example whose members are being gone through."""

    stem: str
    shard: int
    is_told: bool = False
    pictures: list[tuple[str, _Member, str | None]] = field(default_factory=list)
    label: str | None = None


def _close(index: _Index, shard: str, example: _Example | None, image: str | None) -> None:
    if example is None:
        return
    chosen = _choose(example, image)
    if isinstance(chosen, str):
        name = f"{shard}:{example.stem.removeprefix('/')}"
        # It keeps its row, which the rows of other data may belong to.
        member, problem = _Member(example.shard, 0, 0, name), None if example.is_told else chosen
        index.bad_rows.add(len(index.members))
    else:
        _, member, problem = chosen
    index.members.append(member)
    index.labels.append(example.label)
    if problem is not None:
        index.bad.append(BadItem(member.name, problem))
        index.bad_rows.add(len(index.members) - 1)


def _choose(example: _Example, image: str | None) -> tuple[str, _Member, str | None] | str:
    """The picture of an example, or why there is none."""
    if image is not None:
        fitting = [picture for picture in example.pictures if picture[0].lower() == image.lower()]
        missing = f"has no picture `.{image}`"
    else:
        # `0001.seg.png` is a mask of what `0001.png` shows.
        fitting = [picture for picture in example.pictures if "." not in picture[0]] or example.pictures
        missing = "has no picture"
    if len(fitting) > 1:
        endings = " and ".join(f"`.{ending}`" for ending, _, _ in fitting)
        return f"has several pictures, {endings}: say which, `,image={fitting[0][0]}`"
    return fitting[0] if fitting else missing


def _problem(member: tarfile.TarInfo, length: int) -> str | None:
    if member.offset_data + member.size > length:
        return "is cut short by the end of the shard"
    if member.size > _MOST_PICTURE_BYTES:
        return f"has {member.size:,} bytes"
    return None


def _read_label(content: bytes, key: str) -> str | None:
    try:
        text = content.decode()
        value = parse_json(text).get(key) if key else text
    except (UnicodeDecodeError, ValueError, AttributeError, RecursionError):
        return None
    return str(value).strip() or None if isinstance(value, str | int) else None


class TarStore(PictureStore):
    """Pictures in tar files, each read at its place."""

    def __init__(self, shards: Sequence[str], members: Sequence[_Member]) -> None:
        """Args: shards: paths; members: the pictures."""
        self._shards = shards
        self._members = members

    def __len__(self) -> int:
        return len(self._members)

    def name(self, place: int) -> str:
        """Shard and member."""
        return self._members[place].name

    def open(self, place: int) -> BinaryIO:
        """The bytes of the member."""
        member = self._members[place]
        with open(self._shards[member.shard], "rb") as file:
            file.seek(member.offset)
            content = file.read(member.length)
        if len(content) < member.length:
            raise OSError("the shard is cut short")
        return BytesIO(content)

    def identity(self, place: int) -> str:
        """Shard, place and length."""
        member = self._members[place]
        return f"{Path(self._shards[member.shard]).name} {member.offset} {member.length}"

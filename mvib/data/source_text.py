"""What `--data` and `train.data` say: `KIND`, `KIND:WHERE,OPTION=VALUE`, or `NAME=KIND:...` for each of several."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from mvib.data.errors import DataError

Value = TypeVar("Value")

# Options of every kind; those of pictures; of what is split beforehand.
_COLUMN = ("column",)
_PICTURES = ("size", "skip", "cache")

KINDS: Mapping[str, tuple[str, ...]] = {
    "digits": (),
    "digits-halves": (),
    "synthetic": (),
    "folder": ("held_out", "parts", *_PICTURES),
    "npz": ("skip",),
    "npy": ("skip",),
    "csv": ("label", "drop", "test", "skip", "multiline"),
    "parquet": ("label", "drop", "test", "skip"),
    "hf": ("config", "split", "test", "label", "revision", "streaming", "n", *_PICTURES),
    "wds": ("test", "label", "image", *_PICTURES),
}
WITHOUT_PATH = ("digits", "digits-halves")
# Those whose text after the colon is a path, and the options that are paths too.
_PATHS = ("folder", "npz", "csv", "parquet", "wds")
_PATH_OPTIONS = {"csv": ("test",), "parquet": ("test",), "wds": ("test",)}

_KIND = "|".join(sorted(KINDS, key=len, reverse=True))
_NAMED = re.compile(rf"(?:^|,)\s*([A-Za-z_]\w*)=({_KIND})(?=:|,|$)")
_OPTION = re.compile(r"^(.*),\s*([A-Za-z_]\w*)=([^,]*)$", re.DOTALL)
_ARRAY = re.compile(r"(?:^|,)\s*([A-Za-z_]\w*)=")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePart:
    """One data set of a text.

    Attributes:
        name: of the data variable it is for, none where it is all there is.
        kind: one of `KINDS`.
        where: what stands after the colon, without the options.
        options: by name.
    """

    name: str | None
    kind: str
    where: str
    options: Mapping[str, str]

    def text(self) -> str:
        """As it would be written."""
        named = f"{self.name}=" if self.name is not None else ""
        options = [f"{key}={value}" for key, value in self.options.items()]
        rest = ",".join(([self.where] if self.where else []) + options)
        return f"{named}{self.kind}" + (f":{rest}" if rest else "")


def parse_source(text: str) -> tuple[SourcePart, ...]:
    """The data sets that a text names.

    Raises:
        DataError: there is no such kind or option, or a name is given twice.
    """
    found = list(_NAMED.finditer(text))
    if not found or found[0].start() != 0:
        return (_parse_part(None, text.strip()),)
    ends = [match.start() for match in found[1:]] + [len(text)]
    parts = [_parse_part(match[1], text[match.start(2) : end].strip()) for match, end in zip(found, ends, strict=True)]
    names = [part.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"`{name}` is given two data sets", "leave one of them out")
    return tuple(parts)


def _parse_part(name: str | None, text: str) -> SourcePart:
    kind, colon, rest = text.partition(":")
    if kind not in KINDS or (kind in WITHOUT_PATH and colon):
        raise _unknown(text)
    if kind not in WITHOUT_PATH and kind != "synthetic" and not rest:
        raise DataError(f"`{kind}` does not say which data", f"write `{kind}:{_PLACEHOLDER.get(kind, 'PATH')}`")
    if kind == "synthetic":
        return SourcePart(name=name, kind=kind, where=rest, options={})
    known = (*KINDS[kind], *_COLUMN)
    options: dict[str, str] = {}
    while match := _OPTION.match(rest):
        if match[2] not in known:
            if kind == "npy":
                break
            raise _unknown_option(kind, match[2], known)
        if match[2] in options:
            raise DataError(f"`{kind}` is given `{match[2]}` twice", "leave one of them out")
        options[match[2]] = match[3].strip()
        rest = match[1]
    return SourcePart(name=name, kind=kind, where=rest.strip(), options=dict(reversed(options.items())))


_PLACEHOLDER = {"synthetic": "...", "npy": "X=a.npy,Y=b.npy", "hf": "NAME", "wds": "shards/{000..009}.tar"}


def forms() -> tuple[str, ...]:
    """The kinds as a user writes them."""
    return tuple(kind if kind in WITHOUT_PATH else f"{kind}:{_PLACEHOLDER.get(kind, 'PATH')}" for kind in KINDS)


def _unknown(text: str) -> DataError:
    kind, colon, _ = text.partition(":")
    suffixes = {".npz": "npz", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".npy": "npy", ".tar": "wds"}
    if not colon and Path(text).suffix in suffixes:
        remedy = f"write `{suffixes[Path(text).suffix]}:{text}` for a file"
        return DataError(f"there is no data source `{text}`", remedy)
    if not colon and Path(text).expanduser().is_dir():
        return DataError(f"there is no data source `{text}`", f"write `folder:{text}` for a folder of pictures")
    near = difflib.get_close_matches(kind, KINDS, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return DataError(
        f"there is no data source `{text}`", f"{hint}there are {', '.join(f'`{form}`' for form in forms())}"
    )


def _unknown_option(kind: str, option: str, known: Sequence[str]) -> DataError:
    near = difflib.get_close_matches(option, known, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return DataError(f"`{kind}` has no option `{option}`", f"{hint}it takes {', '.join(f'`{key}=`' for key in known)}")


def array_paths(where: str) -> dict[str, str]:
    """The paths of `npy:NAME=PATH,...` by name; a single path without a name is called after its file.

    Raises:
        DataError: a name is given twice.
    """
    found = list(_ARRAY.finditer(where))
    if not found or found[0].start() != 0:
        return {Path(where).stem: where}
    ends = [match.start() for match in found[1:]] + [len(where)]
    paths: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        if match[1] in paths:
            raise DataError(f"`npy` is given `{match[1]}` twice", "leave one of them out")
        paths[match[1]] = where[match.end() : end].strip()
    return paths


def with_absolute_paths(text: str) -> str:
    """The same text with paths that do not depend on the working directory, for a run folder.

    Raises:
        DataError: it names no data.
    """
    return ",".join(_absolute(part).text() for part in parse_source(text))


def _absolute(part: SourcePart) -> SourcePart:
    def absolute(path: str) -> str:
        return str(Path(path).expanduser().resolve())

    if part.kind == "npy":
        paths = array_paths(part.where)
        where = ",".join(f"{name}={absolute(path)}" for name, path in paths.items())
        return replace(part, where=where)
    options = {
        key: absolute(value) if key in _PATH_OPTIONS.get(part.kind, ()) else value
        for key, value in part.options.items()
    }
    # The hub has names, and `hf:` takes folders of this machine too.
    is_path = part.kind in _PATHS or (part.kind == "hf" and Path(part.where).expanduser().is_dir())
    return replace(part, where=absolute(part.where) if is_path else part.where, options=options)


def with_option(text: str, option: str, value: int, *, flag: str) -> str:
    """The text with an option in every data set that takes it; what the text says itself stays.

    Raises:
        DataError: none of them takes it.
    """
    parts = parse_source(text)
    if not any(option in KINDS[part.kind] for part in parts):
        takers = [f"`{kind}:`" for kind, options in KINDS.items() if option in options]
        raise DataError(f"`{text}` takes no `{flag}`", f"leave it out; it is for {', '.join(takers)}")
    changed = [
        replace(part, options={**part.options, option: str(value)}) if option in KINDS[part.kind] else part
        for part in parts
    ]
    return ",".join(part.text() for part in changed)


class Options:
    """Options of a part as values."""

    def __init__(self, part: SourcePart) -> None:
        """Of a part."""
        self._part = part

    def text(self, name: str) -> str | None:
        """Words."""
        return self._part.options.get(name)

    def whole(self, name: str, *, minimum: int, maximum: int) -> int | None:
        """A whole number.

        Raises:
            DataError: it is none, or out of range.
        """
        return self._read(name, lambda text: _whole(text, minimum, maximum), f"a whole number of at least {minimum}")

    def yes(self, name: str) -> bool | None:
        """`yes` or `no`.

        Raises:
            DataError: it is neither.
        """
        return self._read(name, lambda text: {"yes": True, "no": False}.get(text), "`yes` or `no`")

    def _read(self, name: str, read: Callable[[str], Value | None], expected: str) -> Value | None:
        text = self.text(name)
        if text is None:
            return None
        value = read(text)
        if value is None:
            raise DataError(f"`{name}={text}` of `{self._part.kind}` is not {expected}", f"write {expected}")
        return value


def _whole(text: str, minimum: int, maximum: int) -> int | None:
    if not re.fullmatch(r"\d{1,12}", text):
        return None
    return int(text) if minimum <= int(text) <= maximum else None

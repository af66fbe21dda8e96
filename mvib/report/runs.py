"""What a run folder has for a report. Whatever is missing or damaged is left out, and said."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mvib.driver import Analysis
from mvib.inside import NotPlainError, read_inside
from mvib.reading import parse_json
from mvib.train.errors import FolderError
from mvib.train.folder import RunFolder, open_folder, read_config_file
from mvib.train.history import EpochRecord, record_from_json
from mvib.train.monitors.reading import Entry, entry_from_json
from mvib.train.run import analyse_run

MONITORS_FILE = "monitors.jsonl"
PICTURES = {
    "neighbours.png": "nearest neighbours",
    "reconstructions.png": "reconstructions: held-out examples above, what the decoder makes of them below",
}
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PICTURE = 4 << 20
# What a browser sets memory aside for, whatever the file has.
_MOST_PIXELS = 1 << 25
# A line an epoch: no run has so many that a report could show them.
_MOST_BYTES = 64 << 20

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRun:
    """A run as far as its folder tells.

    Attributes:
        mark: a letter by which the report calls it.
        folder: name of its folder.
        method: name of the method.
        analysis: of its spec, none where that cannot be read.
        config: `config.json`.
        summary: `summary.json`, empty while it trains.
        records: one an epoch.
        entries: of the monitors, empty for a run without.
        pictures: PNG files by name.
        notes: what is missing and why, a sentence each.
    """

    mark: str
    folder: str
    method: str
    analysis: Analysis | None
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    records: Sequence[EpochRecord]
    entries: Sequence[Entry]
    pictures: Mapping[str, bytes]
    notes: Sequence[str]


def read_runs(folders: Sequence[str | Path], *, plugins: tuple[str, ...] = ()) -> tuple[ReportedRun, ...]:
    """Read run folders, in the order given; one that is given twice is read once.

    Args:
        folders: of the runs.
        plugins: entry points that their specs may use.

    Raises:
        FolderError: one is no run folder.
    """
    paths = list(dict.fromkeys(Path(folder).resolve() for folder in folders))
    return tuple(_read_run(path, mark=_mark(place), plugins=plugins) for place, path in enumerate(paths))


def _mark(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else f"R{place + 1}"


def _read_run(path: Path, *, mark: str, plugins: tuple[str, ...]) -> ReportedRun:
    folder = open_folder(path)
    config = read_config_file(folder)
    notes: list[str] = []
    try:
        analysis = analyse_run(path, plugins=plugins)
    except FolderError as error:
        analysis = None
        notes.append(f"no diagram and no objective: {error}")
    entries = _lines(folder, path / MONITORS_FILE, _entry, notes)
    if not entries:
        notes.append("no monitors were on while it trained")
    return ReportedRun(
        mark=mark,
        folder=path.name,
        method=str(config.get("method", "a method")),
        analysis=analysis,
        config=config,
        summary=_summary(folder, notes),
        records=_lines(folder, folder.metrics, record_from_json, notes),
        entries=entries,
        pictures=_pictures(folder, notes),
        notes=notes,
    )


def _entry(line: str) -> Entry:
    values = parse_json(line)
    if not isinstance(values, dict):
        raise ValueError("not an object")
    return entry_from_json(values)


def _lines(folder: RunFolder, path: Path, read: Callable[[str], _T], notes: list[str]) -> tuple[_T, ...]:
    """What the lines of a file hold, up to the first that cannot be read."""
    content = _content(folder, path, notes)
    if content is None:
        return ()
    found: list[_T] = []
    try:
        for line in content.decode().splitlines():
            found.append(read(line))
    except (ValueError, RecursionError) as error:
        notes.append(f"`{path.name}` is read up to line {len(found)}: {error}")
    return tuple(found)


def _content(folder: RunFolder, path: Path, notes: list[str], *, most: int = _MOST_BYTES) -> bytes | None:
    """What a file of a run folder holds; none where it is not there, or is nothing to be opened, which is noted."""
    try:
        return read_inside(folder.path, path, most=most)
    except FileNotFoundError:
        return None
    except NotPlainError as error:
        notes.append(f"`{path.name}` is left out: it {error.why}")
    except OSError as error:
        notes.append(f"`{path.name}` is left out: {error.strerror or error}")
    return None


def _summary(folder: RunFolder, notes: list[str]) -> Mapping[str, Any]:
    content = _content(folder, folder.summary, notes)
    try:
        values = None if content is None else parse_json(content)
    except ValueError as error:
        notes.append(f"`{folder.summary.name}` cannot be read: {error}")
        return {}
    if isinstance(values, dict):
        return values
    notes.append("it has no summary: it has not come to its end")
    return {}


def _pictures(folder: RunFolder, notes: list[str]) -> dict[str, bytes]:
    pictures = {}
    for name in PICTURES:
        content = _content(folder, folder.path / name, notes, most=_MOST_PICTURE)
        if content is None:
            continue
        pixels = _num_pixels(content)
        if pixels is None:
            notes.append(f"`{name}` is no PNG, and is left out")
        elif pixels > _MOST_PIXELS:
            notes.append(f"`{name}` is left out: it has {pixels:,} pixels, and up to {_MOST_PIXELS:,} are shown")
        else:
            pictures[name] = content
    return pictures


def _num_pixels(content: bytes) -> int | None:
    """Of a PNG; none where it is none, or does not say its size first, as every PNG does."""
    if not content.startswith(_PNG) or content[12:16] != b"IHDR" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return int(width * height)

"""Where numbers go beside the JSON lines of the run folder: CSV, TensorBoard, plug-ins."""

import csv
import importlib
import io
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from mvib.diagnostics import nearest
from mvib.inside import NotPlainError, check_inside, make_inside, read_inside
from mvib.train.errors import FolderError, SettingError
from mvib.writing import write_whole

GROUP = "mvib.sinks"
CSV, TENSORBOARD = "csv", "tensorboard"
_CSV_FILE, _TENSORBOARD_FOLDER = "scalars.csv", "tensorboard"
_HEAD = ("step", "name", "value")
_MOST_DIGITS = 18


class Sink(Protocol):
    """Takes single numbers. A plug-in gives a callable that makes one from the path of the run folder."""

    def begin(self, step: int) -> None:
        """The run begins at a step, or goes on from it: numbers of later steps are void.

        Raises:
            FolderError: what was written before cannot be gone on with.
        """

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Take the numbers of a step by name."""

    def close(self) -> None:
        """The run is over."""


def open_sinks(names: Sequence[str], folder: Path, *, plugins: Sequence[str] = ()) -> tuple[Sink, ...]:
    """Open sinks by name.

    Args:
        names: `csv`, `tensorboard`, or entry points of the group `mvib.sinks`.
        folder: of the run.
        plugins: entry points that may be imported. Nothing else is, whatever the names are.

    Raises:
        SettingError: there is no such sink, it is not allowed, or what it needs is not installed.
    """
    return tuple(_open(name, folder, plugins) for name in dict.fromkeys(names))


def check_sinks(names: Sequence[str], *, plugins: Sequence[str] = ()) -> None:
    """Refuse what cannot be opened, before a folder is made.

    Raises:
        SettingError: there is no such sink, or it is not allowed.
    """
    for name in names:
        if name in (CSV, TENSORBOARD):
            continue
        installed = [point.name for point in entry_points(group=GROUP)]
        if name not in installed:
            known = (CSV, TENSORBOARD, *installed)
            meant = nearest(name, known)
            hint = f"did you mean `{meant}`? " if meant else ""
            raise SettingError(f"there is no sink `{name}`", f"{hint}there are {', '.join(known)}")
        if name not in plugins:
            raise SettingError(f"the sink `{name}` is a plug-in, and it is not allowed", f"write `--plugin {name}`")


def _open(name: str, folder: Path, plugins: Sequence[str]) -> Sink:
    check_sinks((name,), plugins=plugins)
    if name == CSV:
        return _Csv(folder / _CSV_FILE)
    if name == TENSORBOARD:
        return _TensorBoard(folder / _TENSORBOARD_FOLDER)
    (point, *_) = entry_points(group=GROUP, name=name)
    sink: Sink = point.load()(folder)
    return sink


class _Csv:
    """A table of step, name and value, written whole each time; it has one row a number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[tuple[str, str, str]] = []

    def begin(self, step: int) -> None:
        try:
            self._rows = [row for row in self._read() if int(row[0]) <= step]
        except ValueError as error:
            # To begin anew would destroy what may be somebody's work.
            raise FolderError(f"`{self._path}` cannot be gone on with: {error}", "move it away") from error
        self._save()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self._rows += [(str(step), name, repr(value)) for name, value in values.items()]
        self._save()

    def close(self) -> None:
        pass

    def _read(self) -> list[tuple[str, str, str]]:
        try:
            text = read_inside(self._path.parent, self._path).decode()
        except FileNotFoundError:
            return []
        except NotPlainError as error:
            raise ValueError(f"it {error.why}") from error
        except UnicodeDecodeError as error:
            raise ValueError("it is no text in UTF-8") from error
        try:
            head, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [list(_HEAD)]
        except csv.Error as error:
            raise ValueError(str(error)) from error
        if tuple(head) != _HEAD:
            raise ValueError(f"its first line is not `{','.join(_HEAD)}`")
        return [_row(row, line) for line, row in enumerate(rows, start=2)]

    def _save(self) -> None:
        stream = io.StringIO()
        csv.writer(stream).writerows([_HEAD, *self._rows])
        write_whole(self._path, stream.getvalue().encode())


def _row(row: Sequence[str], line: int) -> tuple[str, str, str]:
    if len(row) != len(_HEAD):
        raise ValueError(f"row {line} has {len(row)} fields, and not {len(_HEAD)}")
    step, name, value = row
    is_step = step.isascii() and step.isdigit() and len(step) <= _MOST_DIGITS
    if not is_step or not name.isprintable() or not _is_number(value):
        raise ValueError(f"row {line} does not hold a step, a name and a value")
    return step, name, value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _TensorBoard:
    """Event files in a folder of the run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._module: Any = importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise SettingError("TensorBoard is not installed", "`pip install tensorboard`, or `--sink csv`") from error
        self._writer: Any = None

    def begin(self, step: int) -> None:
        try:
            make_inside(self._path.parent, self._path)
            # TensorBoard opens files in there by itself, and follows links.
            for path in self._path.iterdir():
                check_inside(self._path, path)
        except (NotPlainError, FileExistsError) as error:
            why = str(error) if isinstance(error, NotPlainError) else f"`{self._path}` is no folder"
            raise FolderError(why, "move it away, or choose another sink: `--sink csv`") from error
        # What was written after this step before a crash is then left out by TensorBoard.
        self._writer = self._module.SummaryWriter(str(self._path), purge_step=step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

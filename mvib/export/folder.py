"""The folder of an export: files of one run that belong together, listed with checksums in `encoder.json`.

That file is written last, and a journal of the others first. Whoever reads another one compares it with its checksum,
so that files of two exports, or one that was cut off, are never taken for an encoder.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mvib.export.description import FORMAT
from mvib.export.errors import ExportError
from mvib.export.files import form_of
from mvib.inside import MOST_BYTES, NotPlainError, open_inside, read_inside
from mvib.reading import parse_json
from mvib.train.lock import locked_folder
from mvib.writing import sync_folder, write_whole

DESCRIPTION = "encoder.json"
# Weights of any size that a disk holds.
_MOST_WEIGHTS = 1 << 40
# Names and checksums of files that are being moved into the folder.
_JOURNAL = ".export.json"
# The folder may be any that the user names, in which `.lock` may be somebody else's.
_LOCK = ".export.lock"
# As `tempfile` makes them.
_STAGE = re.compile(r"\.export-[a-z0-9_]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """A file of an export.

    Attributes:
        form: the format that it belongs to; files of one are replaced together.
        sha256: of its content.
        size: in bytes.
    """

    form: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What an earlier export of the same run left in a folder.

    Attributes:
        description: of it, empty where there was none.
        files: that it lists.
    """

    description: Mapping[str, Any]
    files: Mapping[str, ExportedFile]


def list_file(form: str, content: bytes) -> ExportedFile:
    """A file with its checksum."""
    return ExportedFile(form=form, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def files_to_json(files: Mapping[str, ExportedFile]) -> dict[str, Any]:
    """The list of files as it stands in the description."""
    return {name: {"format": f.form, "bytes": f.size, "sha256": f.sha256} for name, f in sorted(files.items())}


def read_description(folder: Path, *, follows_links: bool) -> dict[str, Any]:
    """What stands in the description of an export.

    Args:
        folder: of the export.
        follows_links: whether it may lie behind a link, as in the caches of model hubs; only where the user has named
            the folder to load from it.

    Raises:
        ExportError: it is missing or damaged, or of another version.
    """
    file = folder / DESCRIPTION
    try:
        value = parse_json(_read(file, MOST_BYTES, follows_links=follows_links))
    except ValueError as error:
        raise damaged(file, str(error)) from error
    if not isinstance(value, dict) or type(value.get("format")) is not int:
        raise damaged(file, "it does not say its format")
    if value["format"] != FORMAT:
        remedy = "use a newer mvib" if value["format"] > FORMAT else "export the run again, into another folder"
        raise ExportError(f"`{file}` has format {value['format']}, and this version of mvib reads {FORMAT}", remedy)
    return value


def read_files(description: Mapping[str, Any], file: Path) -> dict[str, ExportedFile]:
    """The files that a description lists.

    Args:
        description: as read.
        file: that it was read from, for messages.

    Raises:
        ExportError: it lists none, or something that is no file of an export.
    """
    try:
        found = {
            str(name): ExportedFile(form=str(entry["format"]), sha256=str(entry["sha256"]), size=int(entry["bytes"]))
            for name, entry in description["files"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(file, f"its list of files cannot be read ({error})") from error
    for name in found:
        # A list of names decides what is replaced and removed.
        if name != os.path.basename(name) or name in {"", os.curdir, os.pardir, DESCRIPTION} or not name.isprintable():
            raise damaged(file, f"it lists `{name[:200]}`, which is no name of a file beside it")
    return found


def read_listed(folder: Path, name: str, files: Mapping[str, ExportedFile], *, follows_links: bool) -> bytes:
    """The content of a file, if it is the one that was exported.

    Args:
        folder: of the export.
        name: of the file.
        files: that the description lists.
        follows_links: as of the description.

    Raises:
        ExportError: it is missing, or has been changed, or is of another export.
    """
    file = folder / name
    if name not in files:
        raise damaged(file, f"`{DESCRIPTION}` does not list it")
    # No more than it is to have is read: a file with holes has any size.
    content = _read(file, min(files[name].size, _MOST_WEIGHTS), follows_links=follows_links)
    if hashlib.sha256(content).hexdigest() != files[name].sha256:
        raise damaged(
            file, f"it does not have the checksum that `{DESCRIPTION}` lists: it is changed, or of another run"
        )
    return content


def look_before(folder: Path, *, identity: str) -> Before:
    """What a folder holds of an earlier export of the same run, or of one that was broken off.

    Raises:
        ExportError: it holds the export of another run, or what cannot be read.
    """
    moved = _read_journal(folder)
    if not os.path.lexists(folder / DESCRIPTION):
        return Before(description={}, files=moved)
    description = read_description(folder, follows_links=False)
    found = read_files(description, folder / DESCRIPTION)
    # Anybody may have written the list: what it says of a file that mvib gives no such name is passed over.
    files = {name: replace(file, form=form) for name, file in found.items() if (form := form_of(name)) is not None}
    if description.get("run") != identity:
        method = str(description.get("method"))[:100]
        raise ExportError(
            f"`{folder}` holds the export of another run, of {method}", "name another folder with `-o`, or remove it"
        )
    return Before(description=description, files=moved | files)


def _read_journal(folder: Path) -> dict[str, ExportedFile]:
    """The files that an export had moved which was broken off; without their description they are of nothing.

    Raises:
        ExportError: a link is in the place of the journal, or what is no file.
    """
    try:
        values = parse_json(read_inside(folder, folder / _JOURNAL))
        found = {str(name): str(checksum) for name, checksum in values.items()}
    except NotPlainError as error:
        raise ExportError(str(error), "remove it; mvib makes this file anew") from error
    except (FileNotFoundError, ValueError, AttributeError):
        return {}
    moved = {}
    for name, checksum in found.items():
        form = form_of(name)
        with suppress(OSError):
            # One that somebody has put there since is another file, and is not removed.
            if form is not None and _checksum(folder, name) == checksum:
                moved[name] = ExportedFile(form=form, sha256=checksum, size=(folder / name).stat().st_size)
    return moved


def _checksum(folder: Path, name: str) -> str:
    digest = hashlib.sha256()
    with open_inside(folder, folder / name) as stream:
        while content := stream.read(1 << 20):
            digest.update(content)
    return digest.hexdigest()


def find_kept(folder: Path, before: Before, *, written: Collection[str], is_same: Mapping[str, bool]) -> set[str]:
    """Names of the files of an earlier export that still belong to the run, and stay.

    Args:
        folder: of both.
        before: what there is.
        written: formats that are written anew.
        is_same: by format that may stay, whether what it is made of is as it was.
    """
    kept = set()
    for form in {file.form for file in before.files.values()} - set(written):
        names = [name for name, file in before.files.items() if file.form == form]
        # A format of which one file is gone or changed is of no use.
        if is_same.get(form, False) and all(_is_whole(folder, name, before.files) for name in names):
            kept |= set(names)
    return kept


@contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """A folder for one export at a time, without what a process left in it that was killed.

    It is made where it is not there, and is gone at the end where nothing was put into it.

    Raises:
        ExportError: it is a file.
        mvib.train.FolderError: another export writes into it.
        OSError: it cannot be made, or written.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise ExportError(f"`{folder}` is a file", "name a folder: `-o exported`")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked_folder(folder, observer=_ignore, name=_LOCK):
            for path in folder.iterdir():
                if _STAGE.fullmatch(path.name) and _is_folder(path):
                    shutil.rmtree(path, ignore_errors=True)
            yield
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def _ignore(event: object) -> None:
    """A lock of an export that was killed is no news: what it left is removed."""


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder within another, for files that are to be checked before they are moved; it is gone at the end.

    Raises:
        OSError: it cannot be made.
    """
    stage = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def write_stage(stage: Path, contents: Mapping[str, bytes]) -> None:
    """Write files, to be moved later.

    Raises:
        OSError: one cannot be written.
    """
    for name, content in contents.items():
        write_whole(stage / name, content)


def move_stage(stage: Path, folder: Path, before: Before, *, kept: Collection[str]) -> None:
    """Put files in the place of those of an earlier export, the description last.

    Args:
        stage: holds them, the description among them.
        folder: where to.
        before: what there is.
        kept: of it, files that stay.

    Raises:
        ExportError: a file of another origin is in the place of one.
        OSError: one cannot be moved.
    """
    names = sorted(path.name for path in stage.iterdir() if path.name != DESCRIPTION)
    for name in names:
        if os.path.lexists(folder / name) and (name not in before.files or _is_folder(folder / name)):
            raise ExportError(
                f"`{folder / name}` is there already, and no export of this run wrote it",
                "name another folder with `-o`, or move it away",
            )
    # First: who is killed leaves no file behind that the next export cannot know for one of mvib's.
    checksums = {name: _checksum(stage, name) for name in names}
    write_whole(folder / _JOURNAL, json.dumps(checksums).encode())
    try:
        for name in names:
            (stage / name).replace(folder / name)
        for name in set(before.files) - set(names) - set(kept):
            if not _is_folder(folder / name):
                (folder / name).unlink(missing_ok=True)
        (stage / DESCRIPTION).replace(folder / DESCRIPTION)
    except BaseException:
        # Without the description they are of nothing. Those that replaced others are left to the next export.
        for name in set(names) - set(before.files):
            (folder / name).unlink(missing_ok=True)
        (folder / _JOURNAL).unlink(missing_ok=True)
        raise
    sync_folder(folder)
    (folder / _JOURNAL).unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def damaged(file: Path, why: str) -> ExportError:
    """The error of a file that cannot be used."""
    return ExportError(f"`{file}` cannot be used: {why}", "export the run again")


def _is_whole(folder: Path, name: str, files: Mapping[str, ExportedFile]) -> bool:
    try:
        read_listed(folder, name, files, follows_links=False)
    except ExportError:
        return False
    return True


def _read(file: Path, most: int, *, follows_links: bool) -> bytes:
    # Where links are followed, what the files hold is shown to nobody, and is used only with the checksum that was
    # written beside it.
    real = Path(os.path.realpath(file)) if follows_links else file
    try:
        return read_inside(real.parent, real, most=most)
    except FileNotFoundError as error:
        raise ExportError(f"there is no file `{file}`", "`mvib export RUN` writes one") from error
    except NotPlainError as error:
        raise damaged(file, f"it {error.why}") from error
    except OSError as error:
        raise damaged(file, error.strerror or str(error)) from error

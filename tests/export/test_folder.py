"""A folder holds the export of one run: what belongs together stays, what does not is refused, and nothing is half."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mvib.cli.main import main
from mvib.export import ExportError, export_run, load_encoder
from mvib.inside import NotPlainError
from mvib.train import FolderError, Run, load_run, train_method
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays


def train(text: str = CONTRASTIVE, *, seed: int = 0, out: Path | None = None) -> Run:
    return train_method(analysis_of(text, {"train.epochs": 1, "train.seed": seed}), data=arrays(), out=out)


@pytest.fixture(scope="module")
def run() -> Run:
    return train()


@pytest.fixture(scope="module")
def other() -> Run:
    return train(seed=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def listed(folder: Path) -> dict[str, str]:
    files = json.loads((folder / "encoder.json").read_text())["files"]
    return {name: entry["sha256"] for name, entry in files.items()}


def check_list(folder: Path) -> None:
    """Every file beside the description is listed, and is the one that is listed."""
    found = {name: hashlib.sha256(content).hexdigest() for name, content in contents(folder).items()}
    del found["encoder.json"]
    assert listed(folder) == found
    assert not [path for path in folder.iterdir() if path.name.startswith(".export-")]


def test_a_format_is_added_to_those_of_the_same_run(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("safetensors",))
    found = export_run(run, tmp_path, formats=("npy",))
    assert "made again, for an earlier export of this run had it: safetensors" in found.notes
    assert {"encoder.safetensors", "representation-test.npy"} <= set(found.files)
    found = export_run(run, tmp_path, formats=("safetensors",))
    assert "kept from an earlier export of this run, and not computed again: label-label-test.npy" in found.notes[-1]
    assert "representation-test.npy" not in found.files
    check_list(tmp_path)
    assert {"encoder.safetensors", "representation-test.npy"} <= set(listed(tmp_path))
    assert load_encoder(tmp_path)(torch.zeros(1, 1, 4, 4)).shape == (1, found_width(tmp_path))


def found_width(folder: Path) -> int:
    return int(json.loads((folder / "encoder.json").read_text())["representation"]["width"])


def test_the_same_export_again_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("safetensors", "npy"))
    before = contents(tmp_path)
    export_run(run, tmp_path, formats=("safetensors", "npy"))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("formats", [("safetensors",), ("npy",)])
def test_the_export_of_another_run_is_refused(run: Run, other: Run, tmp_path: Path, formats: tuple[str, ...]) -> None:
    export_run(run, tmp_path, formats=("safetensors",))
    before = contents(tmp_path)
    for another in (other, train(BOTTLENECK)):
        with pytest.raises(ExportError, match=r"holds the export of another run, of Contrastive; name another folder"):
            export_run(another, tmp_path, formats=formats)
    assert contents(tmp_path) == before


def test_a_run_that_was_trained_on_replaces_all_of_its_export(tmp_path: Path) -> None:
    first = train(out=tmp_path / "run")
    place = export_run(first, formats=("safetensors", "npy")).folder
    assert place == tmp_path / "run" / "export"
    loaded = load_run(tmp_path / "run", data=arrays())
    # As it is after more steps of the same run.
    with torch.no_grad():
        next(loaded.model.parameters()).add_(1.0)
    found = export_run(loaded, formats=("torch",))
    (note,) = found.notes
    assert note.startswith(
        "removed, for they were damaged or of other weights of this run: encoder.safetensors, label-"
    )
    assert set(listed(place)) == {"encoder.pt2", "load_encoder.py"}
    check_list(place)


def test_rows_of_other_data_do_not_stay_beside_each_other(tmp_path: Path) -> None:
    train(out=tmp_path / "run")
    export_run(load_run(tmp_path / "run", data=arrays()), formats=("safetensors", "npy"))
    others = {**arrays(number=60), "kind": torch.arange(60) % 2}
    place = tmp_path / "run" / "export"
    before = contents(place)
    for formats in (("torch",), ("safetensors",), ("parquet",)):
        with pytest.raises(ExportError, match="holds representations of other data"):
            export_run(load_run(tmp_path / "run", data=others), formats=formats)
    assert contents(place) == before
    # Unless they are written anew.
    export_run(load_run(tmp_path / "run", data=others), formats=("npy",))
    assert len(np.load(place / "representation-train.npy")) == 48
    check_list(place)


def test_a_changed_file_does_not_stay(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("safetensors", "npy"))
    (tmp_path / "spec.mvib").write_text("method Other\n")
    (tmp_path / "rows-test.jsonl").write_text("")
    export_run(run, tmp_path, formats=("safetensors",))
    check_list(tmp_path)
    assert set(listed(tmp_path)) == {"encoder.safetensors", "spec.mvib", "load_encoder.py"}


def list_again(folder: Path, *, more: dict[str, str]) -> None:
    """List what lies in a folder as if an export of the run had written it."""
    description = json.loads((folder / "encoder.json").read_text())
    for name, form in more.items():
        content = (folder / name).read_bytes()
        entry = {"format": form, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        description["files"][name] = entry
    (folder / "encoder.json").write_text(json.dumps(description))


@pytest.mark.parametrize("form", ["loader", "npy", "torch"])
def test_what_a_stranger_lists_is_not_vouched_for(run: Run, tmp_path: Path, form: str) -> None:
    export_run(run, tmp_path, formats=("safetensors",))
    right = contents(tmp_path)
    for name in ("load_encoder.py", "encoder.safetensors", "json.py"):
        (tmp_path / name).write_bytes(b"planted")
    list_again(tmp_path, more=dict.fromkeys(("load_encoder.py", "encoder.safetensors", "json.py"), form))
    export_run(run, tmp_path, formats=("npy",))
    # Its own file is nobody's to remove, and is no part of the export.
    assert contents(tmp_path)["json.py"] == b"planted"
    assert "json.py" not in listed(tmp_path)
    for name in ("load_encoder.py", "encoder.safetensors", "spec.mvib"):
        assert contents(tmp_path)[name] == right[name]
    load_encoder(tmp_path)


def test_nothing_is_kept_through_a_link(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "place"
    export_run(run, place, formats=("npy",))
    (place / "rows-test.jsonl").rename(tmp_path / "private")
    (place / "rows-test.jsonl").symlink_to(tmp_path / "private")
    assert not [note for note in export_run(run, place, formats=("safetensors",)).notes if "kept" in note]
    assert (tmp_path / "private").exists()
    check_list(place)
    (place / "encoder.json").rename(tmp_path / "private.json")
    (place / "encoder.json").symlink_to(tmp_path / "private.json")
    with pytest.raises(ExportError, match=r"encoder\.json` cannot be used: it is a link"):
        export_run(run, place, formats=("npy",))


def test_no_more_is_read_than_is_listed(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("safetensors", "npy"))
    for name in ("encoder.safetensors", "representation-test.npy"):
        with (tmp_path / name).open("r+b") as file:
            file.truncate(1 << 39)
    with pytest.raises(ExportError, match=r"encoder\.safetensors` cannot be used: it has more than"):
        load_encoder(tmp_path)
    export_run(run, tmp_path, formats=("safetensors",))
    check_list(tmp_path)


@pytest.mark.parametrize("name", ["spec.mvib", "load_encoder.py", "encoder.safetensors"])
@pytest.mark.parametrize("make", ["file", "folder", "link"])
def test_a_file_of_the_user_is_not_replaced(run: Run, tmp_path: Path, name: str, make: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "mine").write_text("mine")
    if make == "file":
        (place / name).touch()
    elif make == "folder":
        (place / name).mkdir()
    else:
        (place / name).symlink_to(tmp_path / "mine")
    (place / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match=f"{name}` is there already, and no export of this run wrote it"):
        export_run(run, place, formats=("safetensors",))
    assert sorted(path.name for path in place.iterdir()) == sorted([name, "notes.txt"])
    assert (tmp_path / "mine").read_text() == "mine"


def test_other_files_of_the_user_stay(run: Run, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    for _ in range(2):
        export_run(run, tmp_path, formats=("safetensors",))
    assert (tmp_path / "README.md").read_text() == "mine"
    assert "README.md" not in listed(tmp_path)


@pytest.mark.parametrize("content", [b"{}", b"\xff", b'{"format": 1}', b'{"format": 2, "files": {"/etc/passwd": {}}}'])
def test_a_description_of_something_else_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "encoder.json").write_bytes(content)
    with pytest.raises(ExportError, match=r"encoder\.json"):
        export_run(run, tmp_path, formats=("safetensors",))
    assert contents(tmp_path) == {"encoder.json": content}


def test_a_list_of_files_removes_nothing_elsewhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    place = tmp_path / "place"
    export_run(run, place, formats=("safetensors",))
    description = json.loads((place / "encoder.json").read_text())
    description["files"]["../mine"] = description["files"]["spec.mvib"]
    (place / "encoder.json").write_text(json.dumps(description))
    with pytest.raises(ExportError, match="is no name of a file beside it"):
        export_run(run, place, formats=("npy",))
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("broken_after", [0, 1, 2, 3])
def test_a_move_that_is_broken_off_leaves_what_no_loader_takes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_after: int
) -> None:
    done = 0
    replace = Path.replace

    def break_off(source: Path, target: Path) -> Path:
        nonlocal done
        if source.parent != target.parent:
            if done == broken_after:
                raise OSError(28, "No space left on device")
            done += 1
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", break_off)
        with pytest.raises(OSError, match="No space left"):
            export_run(run, tmp_path / "place", formats=("safetensors",))
    assert done == broken_after
    assert not (tmp_path / "place").exists()
    # In the place of another export, what is there by then is not loaded, and the next export mends it.
    place = tmp_path / "again"
    export_run(run, place, formats=("safetensors",))
    (place / "spec.mvib").write_text("changed")
    with monkeypatch.context() as patched:
        done = 0
        patched.setattr(Path, "replace", break_off)
        with pytest.raises(OSError, match="No space left"):
            export_run(run, place, formats=("safetensors",))
    export_run(run, place, formats=("safetensors",))
    check_list(place)


class Killed(BaseException):
    """What no code expects."""


@pytest.mark.parametrize("is_cleaned", [True, False])
def test_an_export_that_is_killed_does_not_lock_the_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_cleaned: bool
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    done = 0
    replace_file = Path.replace

    def kill(source: Path, target: Path) -> Path:
        nonlocal done
        if source.parent != target.parent:
            done += 1
            if done == 3:
                raise Killed
        return replace_file(source, target)

    def stay(path: Path, **_: bool) -> None:
        if path.name == ".export.lock":
            path.rename(path.with_name(".old.lock"))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", kill)
        if not is_cleaned:
            # As SIGKILL leaves it.
            patched.setattr(Path, "unlink", stay)
            patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            export_run(run, place, formats=("safetensors",))
    left = {path.name for path in place.iterdir()} - {"notes.txt"}
    assert (left == set()) == is_cleaned
    if not is_cleaned:
        assert {"encoder.safetensors", "load_encoder.py", ".export.json"} <= left
        (place / ".old.lock").unlink()
        # Of the user, in the place of one that was moved.
        (place / "load_encoder.py").write_text("mine")
        with pytest.raises(ExportError, match=r"load_encoder\.py` is there already"):
            export_run(run, place, formats=("safetensors",))
        (place / "load_encoder.py").unlink()
    export_run(run, place, formats=("npy",))
    (place / "notes.txt").unlink()
    check_list(place)
    assert not [path for path in place.iterdir() if path.name.startswith(".")]


def test_two_exports_do_not_write_into_a_folder_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_too(*_: object) -> None:
        with pytest.raises(FolderError, match="is in use by process"):
            export_run(run, tmp_path, formats=("safetensors",))

    monkeypatch.setattr("mvib.export.export.write_stage", export_too)
    with pytest.raises(ExportError, match="there is no file"):
        export_run(run, tmp_path, formats=("safetensors",))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_a_listed_file_stays(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("safetensors", "npy"))
    (tmp_path / "rows-test.jsonl").unlink()
    (tmp_path / "rows-test.jsonl").mkdir()
    with pytest.raises(ExportError, match=r"rows-test\.jsonl` is there already"):
        export_run(run, tmp_path, formats=("npy",))
    export_run(run, tmp_path, formats=("safetensors",))
    assert "rows-test.jsonl" not in listed(tmp_path)
    assert (tmp_path / "rows-test.jsonl").is_dir()


def test_files_of_two_weights_are_never_taken_for_one_encoder(tmp_path: Path) -> None:
    one, two = train(out=tmp_path / "one"), train(seed=1, out=tmp_path / "two")
    for run in (one, two):
        export_run(run, formats=("safetensors", "torch"))
    for name in ("encoder.safetensors", "spec.mvib"):
        mixed = shutil.copytree(tmp_path / "one" / "export", tmp_path / f"mixed-{name}")
        shutil.copy(tmp_path / "two" / "export" / name, mixed / name)
        with pytest.raises(ExportError, match="does not have the checksum"):
            load_encoder(mixed)


# ---- a stranger's run folder -----------------------------------------------------------------------------------------


def test_an_export_is_not_written_through_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "home").mkdir()
    run = train(out=tmp_path / "run")
    (tmp_path / "run" / "export").symlink_to(tmp_path / "home")
    with pytest.raises(NotPlainError, match="export` is a link, and links inside the folder are not followed"):
        export_run(run)
    assert list((tmp_path / "home").iterdir()) == []
    # What the user names may be a link.
    (tmp_path / "named").symlink_to(tmp_path / "home")
    export_run(run, tmp_path / "named", formats=("safetensors",))
    check_list(tmp_path / "home")


def test_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_method(analysis_of(CONTRASTIVE, {"train.epochs": 1}), data="digits", out=tmp_path / "run")
    (tmp_path / "run" / "export").symlink_to(tmp_path)
    assert main(["export", str(tmp_path / "run"), "--format", "safetensors"]) == 2
    assert "links inside the folder are not followed" in capsys.readouterr().err
    assert not (tmp_path / "encoder.json").exists()


def test_a_run_without_a_folder_needs_one(run: Run) -> None:
    with pytest.raises(ExportError, match="the run has no folder to write its export into; name one"):
        export_run(run)

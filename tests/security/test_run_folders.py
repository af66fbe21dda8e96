"""A stranger's run folder leads neither reading nor writing out of it, and keeps nobody waiting."""

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mvib.cli.main import main
from mvib.inside import NotPlainError, check_inside, make_inside, open_to_change, read_inside
from mvib.report import read_runs, render_page
from mvib.train import FolderError, load_run, train_method
from mvib.train.cadence import Cadence
from mvib.train.lock import locked_folder, read_owner
from mvib.writing import append_line, write_whole
from tests.train.small import CONTRASTIVE, analysis_of, arrays

SECRET = "the-word-of-the-user"
LEFT_OUT = ("monitors.jsonl", "metrics.jsonl", "summary.json", "neighbours.png")
READ = ("config.json", "spec.mvib", "metrics.jsonl", "summary.json", "checkpoint.safetensors")
needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("stranger")
    np.savez(base / "data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    train_method(analysis_of(CONTRASTIVE, {"train.epochs": 2}), data=f"npz:{base / 'data.npz'}", out=base / "run")
    return base / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder of the user; at the end of a test it is what it was at its beginning."""
    path = tmp_path / "home"
    path.mkdir()
    (path / "secret").write_text(SECRET)
    yield path
    assert {file.name: file.read_text() for file in path.iterdir()} == {"secret": SECRET}


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_report_shows_nothing_that_a_link_points_to(run: Path, home: Path, name: str) -> None:
    (run / name).unlink()
    (run / name).symlink_to(home / "secret")
    (found,) = read_runs([run])
    assert f"`{name}` is left out: it is a link, and links inside the folder are not followed" in found.notes
    assert SECRET not in render_page([found])


def test_a_picture_behind_a_link_is_not_shown(run: Path, tmp_path: Path) -> None:
    (run / "neighbours.png").rename(tmp_path / "private.png")
    (run / "neighbours.png").symlink_to(tmp_path / "private.png")
    assert read_runs([run])[0].pictures == {}


def test_a_spec_behind_a_link_is_not_drawn(run: Path, tmp_path: Path) -> None:
    (run / "spec.mvib").rename(tmp_path / "private.mvib")
    (run / "spec.mvib").symlink_to(tmp_path / "private.mvib")
    (found,) = read_runs([run])
    assert found.analysis is None
    assert any("spec.mvib` is a link" in note for note in found.notes)


@needs_fifos
@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_report_waits_for_no_pipe(run: Path, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    notes: list[str] = []
    # In a thread: who waits for a pipe computes nothing, and could not be stopped.
    reader = threading.Thread(target=lambda: notes.extend(read_runs([run])[0].notes), daemon=True)
    reader.start()
    reader.join(120)
    assert f"`{name}` is left out: it is no file" in notes


@pytest.mark.parametrize("name", READ)
def test_a_run_is_not_loaded_through_a_link(run: Path, home: Path, name: str, tmp_path: Path) -> None:
    # What it points to would do: that it is a link is enough.
    (run / name).rename(tmp_path / name)
    (run / name).symlink_to(tmp_path / name)
    with pytest.raises(FolderError, match="is a link, and links inside the folder are not followed"):
        load_run(run)
    assert main(["eval", str(run)]) == 2
    assert main(["export", str(run)]) == 2
    # A run that goes on has its checkpoint before that one, and makes its summary anew.
    assert main(["train", "--resume", str(run)]) == (0 if name in {"checkpoint.safetensors", "summary.json"} else 2)


def test_the_folder_itself_may_be_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(run)
    assert len(load_run(tmp_path / "latest").history) == 2
    assert read_runs([tmp_path / "latest"])[0].pictures


def test_a_link_on_the_way_is_not_followed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "deeper").symlink_to(home)
    with pytest.raises(NotPlainError, match="deeper` is a link"):
        read_inside(tmp_path / "run", tmp_path / "run" / "deeper" / "secret")
    with pytest.raises(NotPlainError, match="deeper` is a link"):
        make_inside(tmp_path / "run", tmp_path / "run" / "deeper" / "new")
    with pytest.raises(ValueError, match="leads out of"):
        check_inside(tmp_path / "run", tmp_path / "run" / ".." / "home" / "secret")


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_inside(tmp_path, tmp_path / "file", most=5) == b"12345"
    with pytest.raises(NotPlainError, match="has more than 4 bytes"):
        read_inside(tmp_path, tmp_path / "file", most=4)
    with pytest.raises(NotPlainError, match="is a folder"):
        read_inside(tmp_path.parent, tmp_path)


def test_networks_are_made_only_with_the_sizes_of_their_checkpoint(run: Path) -> None:
    """A spec of some hundred bytes can name networks of terabytes."""
    text = (run / "spec.mvib").read_text()
    assert "mlp(16, 8)" in text
    (run / "spec.mvib").write_text(text.replace("mlp(16, 8)", "mlp(1000000, 1000000)"))
    with pytest.raises(FolderError, match="cannot be used: it is not of this spec: the shape of"):
        load_run(run)
    assert main(["export", str(run)]) == 2


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_no_file_of_a_run_is_written_through_a_link(home: Path, tmp_path: Path) -> None:
    """A folder in which everything that a run writes is a link already, or cannot be told from one."""
    out = tmp_path / "run"
    # After every step, so that both runs keep the same checkpoints, however quick this machine is.
    every = Cadence(steps=1)
    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "other", cadence=every)
    out.mkdir()
    for file in (tmp_path / "other").iterdir():
        if file.name not in {"config.json", "checkpoint.safetensors", "metrics.jsonl", "monitors.jsonl"}:
            (out / file.name).symlink_to(home / "secret")
    assert any(file.name.startswith("checkpoint-") for file in out.iterdir())
    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=out, cadence=every)
    # The diagram was there, and is not drawn again.
    assert {file.name for file in out.iterdir() if file.is_symlink()} <= {"diagram.svg"}


def test_a_run_goes_on_and_writes_through_no_link(run: Path, home: Path) -> None:
    for name in ("summary.json", "checkpoint.json", "diagram.svg", "neighbours.png"):
        (run / name).unlink()
        (run / name).symlink_to(home / "secret")
    assert main(["train", "--resume", str(run), "--quiet"]) == 0


def test_a_report_takes_the_place_of_a_link(run: Path, home: Path) -> None:
    (run / "report.html").symlink_to(home / "secret")
    assert main(["report", str(run)]) == 0
    assert not (run / "report.html").is_symlink()


@pytest.mark.parametrize("monitors", ["none", "all"])
def test_monitors_are_not_taken_up_through_a_link(
    run: Path, home: Path, monitors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "monitors.jsonl").unlink()
    (run / "monitors.jsonl").symlink_to(home / "secret")
    assert main(["train", "--resume", str(run), "--monitor", monitors]) == 2
    assert "monitors.jsonl` is a link, and links inside the folder are not followed" in capsys.readouterr().err


def make_link(path: Path, home: Path) -> None:
    path.symlink_to(home / "secret")


def make_hard_link(path: Path, home: Path) -> None:
    os.link(home / "secret", path)


def make_pipe(path: Path, home: Path) -> None:
    os.mkfifo(path)


@needs_fifos
@pytest.mark.parametrize(
    ("make", "why"),
    [(make_link, "is a link"), (make_hard_link, "has a second name"), (make_pipe, "is no file")],
    ids=["link", "hard link", "pipe"],
)
def test_neither_lock_nor_lines_go_where_a_name_leads(tmp_path: Path, home: Path, make: Any, why: str) -> None:
    make(tmp_path / ".lock", home)
    make(tmp_path / "metrics.jsonl", home)
    with pytest.raises(FolderError, match=why), locked_folder(tmp_path, observer=lambda _: None):
        pass
    with pytest.raises(NotPlainError, match=why):
        append_line(tmp_path / "metrics.jsonl", "{}")
    assert read_owner(tmp_path / ".lock") is None


def test_a_file_that_is_changed_is_made_where_there_is_none(tmp_path: Path) -> None:
    os.close(open_to_change(tmp_path / "new", os.O_RDWR))
    assert (tmp_path / "new").read_bytes() == b""


def test_a_file_in_the_place_of_a_link_does_not_take_its_rights(home: Path, tmp_path: Path) -> None:
    (home / "secret").chmod(0o600)
    (tmp_path / "file").symlink_to(home / "secret")
    write_whole(tmp_path / "file", b"")
    (tmp_path / "plain").touch()
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_run_of_a_sweep_that_is_a_link_is_not_gone_on_with(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.mvib").write_text(CONTRASTIVE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mvib.cli.sweep_run.folder_name", lambda *_: "point")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "point").symlink_to(home)
    assert main(["sweep", "spec.mvib", "--set", "train.batch=16", "--out", "sweep"]) == 2
    assert "is a link, and links inside the folder are not followed" in capsys.readouterr().err


# ---- sinks -----------------------------------------------------------------------------------------------------------


class Writer:
    """Stands for TensorBoard's, which is not installed everywhere: it makes a file in the folder it is given."""

    def __init__(self, folder: str, *, purge_step: int) -> None:
        self._path = Path(folder) / "events"

    def add_scalar(self, name: str, value: float, step: int) -> None:
        with self._path.open("a") as stream:
            stream.write(f"{name} {value} {step}\n")

    def flush(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def tensorboard(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    module = ModuleType("torch.utils.tensorboard")
    module.__dict__["SummaryWriter"] = Writer
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", module)
    return module.__dict__


@pytest.mark.parametrize("place", ["tensorboard", "tensorboard/events"])
def test_tensorboard_writes_through_no_link(run: Path, home: Path, tensorboard: object, place: str) -> None:
    (run / place).parent.mkdir(exist_ok=True)
    (run / place).symlink_to(home / "secret" if place.endswith("events") else home)
    with pytest.raises(FolderError, match=rf"{place}` is a link.*move it away"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=make_out(run), sinks=("tensorboard",))


def test_tensorboard_writes_into_its_folder(tmp_path: Path, tensorboard: object) -> None:
    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", sinks=("tensorboard",))
    assert "train/loss" in (tmp_path / "run" / "tensorboard" / "events").read_text()
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "tensorboard").touch()
    with pytest.raises(FolderError, match="is no folder"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "file", sinks=("tensorboard",))


def make_out(run: Path) -> Path:
    """A folder for a new run that still holds what a stranger put into it."""
    for name in ("config.json", "checkpoint.safetensors", "metrics.jsonl"):
        (run / name).unlink(missing_ok=True)
    return run

"""Faults while a run is written or goes on: each is told in words, and the last good checkpoint stays."""

import errno
import io
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pytest
import torch

import mvib.cli.training_view
from mvib.cli.main import main
from mvib.data import DataError, WorkerEndedError
from mvib.train import FolderError, Interrupted, NonFiniteError, SettingError, load_run, train_method
from mvib.train.cadence import Cadence, parse_cadence
from mvib.train.checkpoint import read_checkpoint
from mvib.train.errors import DiskFullError
from mvib.train.events import CheckpointWritten, Event, Noted, StepTaken
from mvib.train.lock import NAME, locked_folder, read_owner
from tests.data.pictures import write_classes
from tests.train.small import CONTRASTIVE, analysis_of, arrays, metrics

QUEUE = """method Queue
data    X: image
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f:  X[1] -> Q = mlp(8, 4)
encoder fk: X[2] -> K = ema(f, momentum: 0.9)
term agree: maximize I(Q; K) by infonce(temperature: learned(0.2), negatives: queue(32))
term score: maximize I(Q; K) by nwj(critic: joint(8))
represent Q
train { data: digits  epochs: 2  batch: 16  optimizer: adamw(lr: 1e-2) }
"""
EVERY_STEP = Cadence(steps=1)
Capture = pytest.CaptureFixture[str]


class Disk(NamedTuple):
    """What `shutil.disk_usage` answers."""

    total: int
    used: int
    free: int


class Notes(list[str]):
    """Remembers what a run notes."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Noted):
            self.append(event.text)


def stop_at(step: int) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == step:
            raise KeyboardInterrupt

    return observe


def assert_same_run(first: Path, second: Path) -> None:
    assert metrics(first) == metrics(second)
    assert (first / "checkpoint.safetensors").read_bytes() == (second / "checkpoint.safetensors").read_bytes()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if "checkpoint" in path.name}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=2, out=folder, monitors=())
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run stopped in the middle of its second epoch, with checkpoints of steps 6, 5 and 4."""
    folder = tmp_path_factory.mktemp("runs") / "stopped"
    with pytest.raises(Interrupted, match="after 6 steps"):
        train_method(
            analysis_of(CONTRASTIVE),
            data=arrays(),
            epochs=2,
            out=folder,
            cadence=EVERY_STEP,
            keep=3,
            on_event=stop_at(6),
        )
    return folder


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped, tmp_path / "run")
    return tmp_path / "run"


def go_on(folder: Path, notes: Callable[[Event], None]) -> None:
    train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=2, resume=folder, monitors=(), on_event=notes)


# Checkpoints on a schedule, and how many are kept.


@pytest.mark.parametrize(
    ("text", "cadence"),
    [
        ("epoch", Cadence(seconds=None)),
        ("200", Cadence(steps=200, seconds=None)),
        ("1 step", Cadence(steps=1, seconds=None)),
        ("500 steps, 10 min", Cadence(steps=500, seconds=600.0)),
        ("0.5h", Cadence(seconds=1800.0)),
    ],
)
def test_how_often_is_read(text: str, cadence: Cadence) -> None:
    assert parse_cadence(text) == cadence


@pytest.mark.parametrize("text", ["", "often", "0", "-1 steps", "1.5 steps", "10 years", "1e3", "5 min,"])
def test_what_does_not_say_how_often_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="write `epoch`, `500 steps`"):
        parse_cadence(text)


def test_the_command_says_how_to_write_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    assert main(["train", "small.mvib", "--checkpoint-every", "often", "--out", "run"]) == 2
    assert "error: `often` does not say how often to write a checkpoint; write `epoch`" in capsys.readouterr().err
    assert not Path("run").exists()


def test_the_last_checkpoints_are_kept(stopped: Path) -> None:
    assert names(stopped) == {
        "checkpoint.safetensors",
        "checkpoint.json",
        "checkpoint-5.safetensors",
        "checkpoint-4.safetensors",
    }
    assert [read_checkpoint(stopped / f"checkpoint{name}.safetensors").place.step for name in ("", "-5", "-4")] == [
        6,
        5,
        4,
    ]


def test_checkpoints_follow_the_steps_asked_for(tmp_path: Path) -> None:
    steps = []

    def watch(event: Event) -> None:
        if isinstance(event, CheckpointWritten):
            steps.append(event.step)

    train_method(
        analysis_of(CONTRASTIVE),
        data=arrays(),
        epochs=2,
        out=tmp_path / "run",
        cadence=Cadence(steps=3, seconds=None),
        keep=1,
        on_event=watch,
    )
    assert {0, 3, 6, 8} <= set(steps) <= {0, 3, 4, 6, 8}
    assert names(tmp_path / "run") == {"checkpoint.safetensors", "checkpoint.json"}


# What goes on, goes on to the same bits.


def test_a_run_goes_on_from_the_middle_of_an_epoch(run: Path, unbroken: Path) -> None:
    go_on(run, Notes())
    assert_same_run(run, unbroken)


@pytest.mark.parametrize("step", [3, 7])
def test_queues_critics_and_temperatures_go_on(step: int, tmp_path: Path) -> None:
    analysis = analysis_of(QUEUE)
    train_method(analysis, data=arrays(), out=tmp_path / "whole")
    with pytest.raises(Interrupted):
        train_method(analysis, data=arrays(), out=tmp_path / "part", on_event=stop_at(step))
    train_method(analysis, data=arrays(), resume=tmp_path / "part")
    assert_same_run(tmp_path / "part", tmp_path / "whole")


# Damage.


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def alter_place(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'\\"step\\": 6', b'\\"step\\": 7'))


@pytest.mark.parametrize("damage", [cut, flip, empty, alter_place])
def test_a_damaged_checkpoint_is_stepped_over_and_said_so(
    damage: Callable[[Path], None], run: Path, unbroken: Path
) -> None:
    before = (run / "checkpoint.safetensors").read_bytes()
    damage(run / "checkpoint.safetensors")
    assert (run / "checkpoint.safetensors").read_bytes() != before
    notes = Notes()
    go_on(run, notes)
    assert len(notes) == 1
    assert "checkpoint.safetensors` cannot be used: " in notes[0]
    assert notes[0].endswith("; the run goes on from the one before, of step 5")
    assert "damaged-checkpoint.safetensors" in names(run)
    assert_same_run(run, unbroken)


def test_two_damaged_checkpoints_are_stepped_over(run: Path, unbroken: Path) -> None:
    cut(run / "checkpoint.safetensors")
    flip(run / "checkpoint-5.safetensors")
    notes = Notes()
    go_on(run, notes)
    assert [note.rpartition("; ")[2] for note in notes] == ["the run goes on from the one before, of step 4"] * 2
    assert_same_run(run, unbroken)


def test_a_run_without_a_whole_checkpoint_is_refused(run: Path) -> None:
    for path in run.glob("checkpoint*.safetensors"):
        flip(path)
    with pytest.raises(FolderError, match=r"does not have the checksum that it was written with; .*checkpoint-4"):
        go_on(run, Notes())
    assert "damaged-checkpoint.safetensors" not in names(run)


def test_a_damaged_checkpoint_is_not_evaluated(run: Path) -> None:
    flip(run / "checkpoint.safetensors")
    with pytest.raises(FolderError, match="does not have the checksum that it was written with"):
        load_run(run, data=arrays())


def test_checkpoints_that_were_lost_are_not_taken_for_a_new_run(run: Path) -> None:
    for path in run.glob("checkpoint*.safetensors"):
        path.unlink()
    with pytest.raises(FolderError, match="there is no checkpoint"):
        go_on(run, Notes())


def test_a_run_that_ended_before_its_first_checkpoint_begins_again(run: Path, unbroken: Path) -> None:
    for path in (*run.glob("checkpoint*"), run / "metrics.jsonl"):
        path.unlink()
    (run / "metrics.jsonl").write_text("")
    notes = Notes()
    go_on(run, notes)
    assert notes == [f"the run in `{run}` ended before its first checkpoint, and begins at step 0"]
    assert_same_run(run, unbroken)


def test_what_a_killed_process_left_half_written_is_removed(run: Path) -> None:
    (run / ".checkpoint.safetensors.4711.tmp").write_bytes(b"half")
    go_on(run, Notes())
    assert not list(run.glob(".*"))


# The spec.


def test_a_spec_changed_in_the_folder_is_refused_with_the_difference(run: Path) -> None:
    text = (run / "spec.mvib").read_text()
    (run / "spec.mvib").write_text(text.replace("std: 0.2", "std: 0.3").replace("conv(4, 8)", "conv(4, 6)"))
    changed = analysis_of((run / "spec.mvib").read_text())
    before = (run / "checkpoint.safetensors").read_bytes()
    with pytest.raises(
        FolderError,
        match=r"another spec: it has `.*std: 0\.2.*`, and not `.*std: 0\.3.*`; "
        r"it has `.*conv\(4, 8\)`, and not `.*conv\(4, 6\)`; undo the change",
    ):
        train_method(changed, data=arrays(), epochs=2, resume=run)
    assert (run / "checkpoint.safetensors").read_bytes() == before


def test_a_line_that_the_spec_lacks_is_named(run: Path) -> None:
    longer = CONTRASTIVE.replace("represent R", "term more: minimize H(R[1] | R[2]) by mse()\nrepresent R")
    with pytest.raises(FolderError, match="another spec: it does not have `term more: "):
        train_method(analysis_of(longer), data=arrays(), epochs=2, resume=run)


# Numbers that are not finite.


def test_numbers_that_are_not_finite_stop_the_run_and_nothing_is_overwritten(tmp_path: Path) -> None:
    settings: dict[str, str | float] = {
        "train.optimizer": "sgd(lr: 1e37, momentum: 0)",
        "train.schedule": "constant(warmup: 1)",
    }
    with pytest.raises(NonFiniteError, match=r"after [1-9]\d* steps .*the last good checkpoint is `.*`, of step"):
        train_method(
            analysis_of(CONTRASTIVE, settings), data=arrays(), epochs=2, out=tmp_path / "run", cadence=EVERY_STEP
        )
    for path in (tmp_path / "run").glob("checkpoint*.safetensors"):
        state = read_checkpoint(path).model
        assert all(bool(torch.isfinite(value).all()) for value in state.values() if value.is_floating_point())


def test_nan_in_arrays_is_refused_before_training(tmp_path: Path) -> None:
    data = arrays()
    data["image"][5, 0, 1, 1] = float("nan")
    with pytest.raises(DataError, match=r"`arrays:image\[5\]` holds a number that is not finite"):
        train_method(analysis_of(CONTRASTIVE), data=data, epochs=2, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Broken(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Images one of which is not a number, as only reading it shows."""

    def __len__(self) -> int:
        return 80

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        value = float("nan") if index % 8 == 5 else 1 / (1 + index)
        return {"image": torch.full((1, 4, 4), value)}


def test_nan_in_the_data_names_the_step_the_term_and_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(
        NonFiniteError, match=r"after \d+ steps the estimate of the term `agree` is not a number; the last good"
    ):
        train_method(
            analysis_of(CONTRASTIVE), data=Broken(), epochs=2, out=tmp_path / "run", workers=0, cadence=EVERY_STEP
        )
    state = read_checkpoint(tmp_path / "run" / "checkpoint.safetensors").model
    assert all(bool(torch.isfinite(value).all()) for value in state.values() if value.is_floating_point())


# Disks.


def test_room_is_looked_for_before_a_checkpoint_is_written(
    run: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (run / "checkpoint.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: Disk(10**9, 10**9 - 50_000, 50_000))
        with pytest.raises(
            DiskFullError,
            match=r"the disk of `.*run` is full: the next checkpoint takes .* MB, and 0\.1 MB are free; the last good "
            r"checkpoint is `.*`, of step 6: make room and go on with `mvib train --resume .*`",
        ):
            go_on(run, Notes())
    assert (run / "checkpoint.safetensors").read_bytes() == before
    go_on(run, Notes())
    assert_same_run(run, unbroken)


class FullDisk:
    """A disk that takes so many bytes and no more, as the system tells it: part of a write, then an error."""

    def __init__(self, room: int) -> None:
        self.room = room

    def open(
        self,
        path: Path,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        if "r" in mode:
            return open(path, mode, buffering, encoding, errors, newline)
        stream = io.BufferedWriter(Narrow(path, mode.replace("b", ""), self))
        return stream if "b" in mode else io.TextIOWrapper(stream, encoding, errors, newline)


class Narrow(io.FileIO):
    def __init__(self, path: Path, mode: str, disk: FullDisk) -> None:
        super().__init__(path, mode)
        self._disk = disk

    def write(self, content: Any) -> int:
        taken = min(len(content), self._disk.room)
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._disk.room -= taken
        return super().write(bytes(content[:taken]))


@pytest.mark.parametrize("room", [10, 3_000, 9_000, 20_000])
def test_a_disk_that_fills_up_leaves_the_last_good_checkpoint(
    room: int, run: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(room)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, *arguments, **options: disk.open(path, *arguments, **options))
        with pytest.raises(OSError, match="No space left on device") as found:
            train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=2, resume=run, cadence=EVERY_STEP)
    assert found.value.errno == errno.ENOSPC
    assert read_checkpoint(run / "checkpoint.safetensors").place.step >= 6
    assert not list(run.glob(".*"))
    go_on(run, Notes())
    assert_same_run(run, unbroken)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "mvib-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_full_disk_has_code_three_and_can_be_gone_on_from(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    np.savez("data.npz", image=arrays()["image"].numpy())
    out = str(small_disk / "run")
    many = ("--checkpoint-every", "1", "--keep", "1000", "--quiet")
    with monkeypatch.context() as patch:
        # As where a quota is smaller than the disk: the room is not known before.
        patch.setattr(shutil, "disk_usage", lambda path: Disk(10**9, 0, 10**9))
        assert main(["train", "small.mvib", "--data", "npz:data.npz", "--epochs", "40", "--out", out, *many]) == 3
    err = capsys.readouterr().err
    assert f"error: the run has failed: the disk of `{out}` is full: No space left on device; the last good" in err
    assert f"make room and go on with `mvib train --resume {out}`" in err
    step = read_checkpoint(small_disk / "run" / "checkpoint.safetensors").place.step
    assert step > 2
    for path in sorted((small_disk / "run").glob("checkpoint-*.safetensors")):
        path.unlink()
    assert main(["train", "--resume", out, "--keep", "1", "--quiet"]) == 0
    assert read_checkpoint(small_disk / "run" / "checkpoint.safetensors").place.epoch == 40


# Locks.


def test_a_run_in_use_is_refused(run: Path) -> None:
    before = (run / "checkpoint.safetensors").read_bytes()
    with (
        locked_folder(run, observer=Notes()),
        pytest.raises(FolderError, match=rf"in use by process {os.getpid()} on .*, since .*; wait until it ends, or"),
    ):
        go_on(run, Notes())
    assert (run / "checkpoint.safetensors").read_bytes() == before
    assert not (run / NAME).exists()


def test_a_new_run_may_not_begin_where_another_is_beginning(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with locked_folder(tmp_path / "run", observer=Notes()), pytest.raises(FolderError, match="is in use by process"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run")


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave_lock(folder: Path, pid: int) -> None:
    (folder / NAME).write_text(json.dumps({"pid": pid, "host": socket.gethostname(), "since": "yesterday"}))


def test_the_lock_of_a_dead_process_is_taken_over_and_said_so(run: Path, unbroken: Path) -> None:
    pid = dead_process()
    leave_lock(run, pid)
    notes = Notes()
    go_on(run, notes)
    assert notes[0].startswith(f"`{run}` was in use by process {pid} on ")
    assert notes[0].endswith(", which left without unlocking it: it is taken over")
    assert_same_run(run, unbroken)


@pytest.mark.parametrize("pid", [0, 1 << 31, 10**30])
def test_a_lock_that_names_what_is_no_process_names_none(tmp_path: Path, pid: int) -> None:
    leave_lock(tmp_path, pid)
    assert read_owner(tmp_path / NAME) is None


def test_a_lock_that_processes_of_a_dead_one_hold_is_waited_for(run: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    leave_lock(run, dead_process())
    held = os.open(run / NAME, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    timer = threading.Timer(0.3, os.close, [held])
    timer.start()
    notes = Notes()
    with locked_folder(run, observer=notes):
        assert len(notes) == 1
    timer.join()


# Signals.


def send(number: int, *, step: int) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == step:
            signal.raise_signal(number)

    return observe


def test_sigterm_saves_the_step_in_progress_and_leaves(tmp_path: Path, unbroken: Path) -> None:
    analysis, before = analysis_of(CONTRASTIVE), signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="interrupted after 3 steps; its checkpoint is in") as found:
        train_method(analysis, data=arrays(), epochs=2, out=tmp_path / "run", on_event=send(signal.SIGTERM, step=3))
    assert found.value.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    assert read_checkpoint(tmp_path / "run" / "checkpoint.safetensors").place.step == 3
    go_on(tmp_path / "run", Notes())
    assert_same_run(tmp_path / "run", unbroken)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no SIGUSR1 here")
def test_sigusr1_saves_and_goes_on(tmp_path: Path, unbroken: Path) -> None:
    steps = []

    def watch(event: Event) -> None:
        send(signal.SIGUSR1, step=3)(event)
        if isinstance(event, CheckpointWritten):
            steps.append(event.step)

    train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=2, out=tmp_path / "run", on_event=watch)
    assert 3 in steps
    assert_same_run(tmp_path / "run", unbroken)


def test_the_command_has_the_code_of_the_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    np.savez("data.npz", image=arrays()["image"].numpy())

    def press(lines: object, event: Event) -> None:
        send(signal.SIGTERM, step=5)(event)

    with monkeypatch.context() as patch:
        patch.setattr(mvib.cli.training_view.Lines, "__call__", press)
        assert main(["train", "small.mvib", "--data", "npz:data.npz", "--out", "run"]) == 143
    assert "interrupted after 5 steps; its checkpoint is in `run`; go on with" in capsys.readouterr().err


# Processes that read data.


def end_workers(number: int) -> None:
    workers = multiprocessing.active_children()
    assert workers
    for worker in workers:
        assert worker.pid is not None
        os.kill(worker.pid, number)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"folder:{write_classes(tmp_path_factory.mktemp('data') / 'pictures', number=40)},cache=no"


@pytest.fixture(scope="module")
def of_pictures(pictures: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train_method(analysis_of(CONTRASTIVE), data=pictures, epochs=2, out=folder, workers=0)
    return folder


def test_a_killed_worker_is_reported_and_nothing_is_lost(tmp_path: Path, pictures: str, of_pictures: Path) -> None:
    def kill(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == 2:
            end_workers(signal.SIGKILL)

    analysis = analysis_of(CONTRASTIVE)
    with pytest.raises(WorkerEndedError, match=r"a process that reads the data has ended: .*; use fewer of them"):
        train_method(analysis, data=pictures, epochs=2, out=tmp_path / "run", workers=1, on_event=kill)
    assert multiprocessing.active_children() == []
    # The step in progress is half taken where the news came in the middle of it.
    train_method(analysis, resume=tmp_path / "run", workers=0)
    assert_same_run(tmp_path / "run", of_pictures)


def test_a_signal_to_all_processes_of_a_job_saves_and_leaves(tmp_path: Path, pictures: str, of_pictures: Path) -> None:
    def end_all(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == 2:
            signal.raise_signal(signal.SIGTERM)
            end_workers(signal.SIGTERM)

    analysis = analysis_of(CONTRASTIVE)
    with pytest.raises(Interrupted, match="interrupted after 2 steps; its checkpoint is in") as found:
        train_method(analysis, data=pictures, epochs=2, out=tmp_path / "run", workers=2, on_event=end_all)
    assert found.value.signal == signal.SIGTERM
    assert multiprocessing.active_children() == []
    train_method(analysis, resume=tmp_path / "run", workers=0)
    assert_same_run(tmp_path / "run", of_pictures)

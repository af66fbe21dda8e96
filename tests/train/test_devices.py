"""Runs of several processes: how they are started, stopped, killed and resumed, and what each of them says."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mvib.data.batches import epoch_order, fixed_order
from mvib.data.split import split_indices
from tests.data.pictures import write_picture
from tests.train.processes import PATIENCE, environment, has_saved, left_behind, members, run, started, wait_for

SPEC = """method Tiny
data    X: image, Y: label partial
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f: X[i] -> R[i] = mlp(16, 8)
encoder g: R[i] -> Z[i] = mlp(8, 10)
decoder c: Z[1] ~> Y = categorical(identity())
term agree: maximize I(Z[1]; Z[2]) by infonce(temperature: 0.2)
term label: minimize H(Y | Z[1]) by c
represent R
train { data: digits  epochs: 2  batch: 100  labelled: 20  optimizer: sgd(lr: 0.05) }
"""
WITHOUT_LABELS = "".join(
    line.replace(", Y: label partial", "").replace("labelled: 20", "")
    for line in SPEC.splitlines(keepends=True)
    if not line.startswith(("decoder", "term label"))
)
TRAIN = ("train", "tiny.mvib", "--quiet", "--monitors", "rank", "--checkpoint-every", "1 steps")
pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes that were left behind")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the spec, and the run of one process and of two."""
    folder = tmp_path_factory.mktemp("devices")
    (folder / "tiny.mvib").write_text(SPEC)
    for name, more in (("one", ()), ("two", ("--devices", "2")), ("parted", ("--devices", "2", "--fsdp"))):
        found = run(*TRAIN, "--out", name, *more, cwd=folder)
        assert found.returncode == 0, found.stderr
        # The folder is all that a quiet run prints, once.
        assert found.stdout.splitlines() == [name]
        assert found.stderr == ""
    return folder


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder: Path) -> bytes:
    return (folder / "checkpoint.safetensors").read_bytes()


@pytest.mark.xdist_group("devices")
@pytest.mark.parametrize("name", ["two", "parted"])
def test_two_processes_have_the_curve_of_one_in_single_precision(place: Path, name: str) -> None:
    for found, expected in zip(records(place / name), records(place / "one"), strict=True):
        assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
        assert found["terms"] == pytest.approx(expected["terms"], rel=1e-5)
        assert found["held_out"]["terms"] == pytest.approx(expected["held_out"]["terms"], rel=1e-5)
        assert found["gradient_norm"] == pytest.approx(expected["gradient_norm"], rel=1e-4)
    one, two = ((place / run / "monitors.jsonl").read_text().splitlines() for run in ("one", name))
    assert [json.loads(line)["step"] for line in two] == [json.loads(line)["step"] for line in one]
    # What other tools look at is the whole, whoever had which part of it.
    before, after = (load_file(place / run / "checkpoint.safetensors") for run in ("one", name))
    assert {key: value.shape for key, value in before.items()} == {key: value.shape for key, value in after.items()}
    assert all(torch.allclose(after[key], value, atol=1e-4) for key, value in before.items())


@pytest.mark.xdist_group("devices")
def test_torchrun_starts_the_same_run(place: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "mvib"]
    found = subprocess.run(
        [*command, *TRAIN, "--out", "torchrun"],
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == ["torchrun"]
    assert weights(place / "torchrun") == weights(place / "two")


@pytest.mark.xdist_group("devices")
@pytest.mark.parametrize(("name", "devices"), [("two", ("--devices", "2")), ("parted", ("--devices", "2", "--fsdp"))])
def test_a_run_that_was_asked_to_stop_goes_on_to_the_same_bits(place: Path, name: str, devices: tuple[str]) -> None:
    folder = f"{name}-stopped"
    process = started(*TRAIN, "--out", folder, *devices, cwd=place)
    wait_for(lambda: has_saved(place / folder, 3), process)
    # To one of them, and not the one that writes.
    (other,) = [pid for pid in members(process) if pid != process.pid and is_of_run(pid)]
    os.kill(other, signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode in {130, 143}, err
    assert f"go on with `mvib train --resume {folder} {' '.join(devices)}`" in err
    assert err.count("go on with") == 1
    assert left_behind(process) == []
    shutil.copytree(place / folder, place / f"{folder}-alone")
    found = run("train", "--resume", folder, "--quiet", *devices, cwd=place)
    assert found.returncode == 0, found.stderr
    assert weights(place / folder) == weights(place / name)
    # A checkpoint holds whole weights: one process may go on with what two have parted.
    if name == "parted":
        found = run("train", "--resume", f"{folder}-alone", "--quiet", cwd=place)
        assert found.returncode == 0, found.stderr
        assert records(place / f"{folder}-alone")[-1]["loss"] == pytest.approx(
            records(place / "one")[-1]["loss"], rel=1e-5
        )


@pytest.mark.xdist_group("devices")
def test_where_one_process_is_killed_the_others_leave_and_the_checkpoint_stays(place: Path) -> None:
    process = started(*TRAIN, "--out", "lost", "--devices", "2", cwd=place)
    wait_for(lambda: has_saved(place / "lost", 3), process)
    (other,) = [pid for pid in members(process) if pid != process.pid and is_of_run(pid)]
    os.kill(other, signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE)
    # lightning-fabric kills the first process where it sees the end of another before torch does.
    assert process.returncode in {3, -signal.SIGKILL}, err
    if process.returncode == 3:
        assert "another process of the run has ended" in err
    assert "Traceback" not in err
    # With one process less: it says so, and goes on.
    found = run("train", "--resume", "lost", "--quiet", cwd=place)
    assert found.returncode == 0, found.stderr
    for one, other_run in zip(records(place / "one"), records(place / "lost"), strict=True):
        assert other_run["loss"] == pytest.approx(one["loss"], rel=1e-4)


@pytest.mark.xdist_group("devices")
def test_no_process_is_left_where_the_first_is_killed(place: Path) -> None:
    process = started(*TRAIN, "--out", "orphans", "--devices", "2", cwd=place)
    wait_for(lambda: has_saved(place / "orphans", 1), process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    assert left_behind(process) == []


@pytest.mark.xdist_group("devices")
def test_what_cannot_be_started_is_said_once(place: Path) -> None:
    for arguments, words in (
        (("--devices", "2", "--set", "train.batch=3", "--set", "train.accumulate=2"), "a batch of 3 examples has none"),
        (("--devices", "2", "--out", "one"), "holds a run already"),
        (("--devices", "2", "--device", "mps"), "this machine has no `mps`"),
        (("--fsdp",), "weights are to be parted, and there is one process"),
        (("--devices", "2", "--fsdp", "--set", "train.accumulate=2"), "parted weights do not go with `accumulate`"),
    ):
        found = run("train", "tiny.mvib", *arguments, cwd=place)
        assert found.returncode == 2, found.stderr
        assert found.stderr.count("error:") == 1
        assert words in found.stderr
    # A job of its own, which is no part of the run.
    found = run(*TRAIN, "--out", "alone", cwd=place, SLURM_PROCID="1", RANK="1")
    assert found.stdout.splitlines() == ["alone"]
    found = run("train", "-", "--devices", "2", cwd=place)
    assert found.returncode == 2
    assert "several processes cannot read one standard input" in found.stderr


@pytest.mark.xdist_group("devices")
def test_pictures_that_each_process_leaves_out_are_counted_together(place: Path) -> None:
    for number in range(40):
        path = write_picture(place / "pictures" / f"{number:02}.png", number)
        if number % 8 == 0:
            path.write_bytes(path.read_bytes()[:60])
    (place / "pictures.mvib").write_text(WITHOUT_LABELS)
    spec = "pictures.mvib", "--data", "folder:pictures,cache=no", "--set", "train.batch=8", "--epochs", "1"
    found = run("train", *spec, "--quiet", "--out", "skip5", "--devices", "2", "--skip-bad", "5", cwd=place)
    assert found.returncode == 0, found.stderr
    assert json.loads((place / "skip5" / "summary.json").read_text())["left_out"] == 5


@pytest.mark.xdist_group("devices")
@pytest.mark.parametrize(("part", "devices"), [("train", ("--devices", "2", "--fsdp")), ("test", ("--devices", "2"))])
def test_what_one_process_cannot_read_stops_all_after_the_same_step_and_loses_none(
    place: Path, part: str, devices: tuple[str, ...]
) -> None:
    number, size = 40, 8
    train, held_out = split_indices(number, None)
    # The last of a batch is read by the second process.
    if part == "train":
        steps, order = 2, epoch_order(len(train), seed=0, epoch=0)
        wrong = int(train[order[steps * size + size - 1]])
    else:
        steps, order = len(train) // size, fixed_order(len(held_out))
        wrong = int(held_out[order[min(size, len(order)) - 1]])
    name = "-".join((part, *devices))
    for n in range(number):
        path = write_picture(place / name / f"{n:02}.png", n)
        if n == wrong:
            path.write_bytes(path.read_bytes()[:60])
    spec = "pictures.mvib", "--data", f"folder:{name},cache=no", "--set", f"train.batch={size}", "--epochs", "1"
    (place / "pictures.mvib").write_text(WITHOUT_LABELS)
    rarely = "--checkpoint-every", "epoch", "--monitors", "none"
    out = f"unread-{name}"
    found = run("train", *spec, *rarely, "--out", out, *devices, "--quiet", cwd=place)
    assert found.returncode == 2, found.stderr
    # The first says it, whose share can be read.
    assert found.stderr.count(f"{wrong:02}.png") == 1
    assert found.stderr.count("error:") == 1
    assert "Traceback" not in found.stderr
    assert json.loads((place / out / "checkpoint.json").read_text())["step"] == steps


def is_of_run(pid: int) -> bool:
    """Whether it is a process that trains, and none that reads data or watches."""
    try:
        return b"mvib" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        # It has ended since.
        return False


def test_what_cannot_be_compiled_is_said(tmp_path: Path) -> None:
    (tmp_path / "tiny.mvib").write_text(SPEC)
    parts = run("train", "tiny.mvib", "--compile", "--set", "train.accumulate=2", cwd=tmp_path)
    assert parts.returncode == 2
    assert "a batch in parts is not compiled; leave out `--compile`, or `accumulate`" in parts.stderr
    found = run(
        *TRAIN,
        "--compile",
        "--out",
        "run",
        cwd=tmp_path,
        CXX="/nowhere",
        TORCHINDUCTOR_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert found.returncode == 2
    assert "`torch.compile` cannot compile the method here" in found.stderr

"""Trains a small run again and again, kills it at a random moment each time, goes on, and compares it with one that
nobody killed. Run as a program by `test_nothing_lost.py`: `python -m tests.train.killing FOLDER KILLS SEED`.

Half of the kills come at a random time after the first checkpoint, from outside; the others at a random operation on a
file, from the making of the folder on, from within. Processes are forked from this one, which never trains itself, so
that torch is imported once.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from torch import Tensor

from mvib.train import train_method
from mvib.train.cadence import Cadence
from tests.train.small import analysis_of, metrics

SPEC = """method Tiny
data    X: image
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f: X[i] -> Z[i] = mlp(16, 8)
term agree: maximize I(Z[1]; Z[2]) by infonce(temperature: 0.2)
represent Z
train { data: digits  epochs: 2  batch: 16  optimizer: adamw(lr: 1e-2) }
"""
# Operations on files by which a process may be killed, as audit events call them.
OPERATIONS = ("open", "os.rename", "os.link", "os.remove", "os.chmod", "os.truncate", "os.mkdir")


def digits() -> dict[str, Tensor]:
    """A few hundred handwritten digits."""
    source = load_digits()
    return {"image": torch.tensor(source.images[:300] / 16, dtype=torch.float32)[:, None]}


def train(folder: Path, *, data: dict[str, Tensor]) -> None:
    """Train, or go on where there is a run that can go on; a checkpoint after every step."""
    analysis, cadence = analysis_of(SPEC), Cadence(steps=1)
    if (folder / "config.json").exists():
        train_method(analysis, data=data, resume=folder, cadence=cadence)
    else:
        train_method(analysis, data=data, out=folder, cadence=cadence)


def fork(work: Callable[[], None]) -> int:
    """Do something in another process."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    finally:
        if code:
            sys.excepthook(*sys.exc_info())
        os._exit(code)


def counted(folder: Path, work: Callable[[], None], *, die_at: int | None) -> Callable[[], None]:
    """Count operations on files of a folder, leave their number in `<folder>.count`, or die at one of them."""

    def run() -> None:
        place, number = str(folder), 0

        def look(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal number
            if event in OPERATIONS and arguments and str(arguments[0]).startswith(place):
                number += 1
                if number == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(look)
        work()
        folder.with_suffix(".count").write_text(str(number))

    return run


def state_of(folder: Path) -> tuple[int, bool]:
    """The step of the newest checkpoint, -1 before the first, and whether a file was half written."""
    place = folder / "checkpoint.json"
    step = json.loads(place.read_text())["step"] if place.exists() else -1
    return step, bool(list(folder.glob(".*.tmp")))


def is_same(first: Path, second: Path) -> bool:
    """Whether two runs have the same weights, optimizer, place, metrics and what was watched, bit for bit."""
    one, two = (load_file(folder / "checkpoint.safetensors") for folder in (first, second))
    same = one.keys() == two.keys() and all(
        one[name].dtype == two[name].dtype and one[name].numpy().tobytes() == two[name].numpy().tobytes()
        for name in one
    )
    files = [(folder / "checkpoint.safetensors").read_bytes() for folder in (first, second)]
    watched = [(folder / "monitors.jsonl").read_bytes() for folder in (first, second)]
    return same and files[0] == files[1] and metrics(first) == metrics(second) and watched[0] == watched[1]


def wait_for_checkpoint(folder: Path, pid: int) -> None:
    """Wait until a run has a checkpoint, or is about to be reaped."""
    while (
        not (folder / "checkpoint.json").exists()
        and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    ):
        time.sleep(0.002)


def killed_once(folder: Path, data: dict[str, Tensor], draws: random.Random, *, seconds: float, operations: int) -> str:
    """Train until the kill, which hits before the end; says when it came."""
    by_time = draws.random() < 0.5
    share = draws.random()
    while True:
        if folder.exists():
            # It was done before the kill came, as may happen on a machine that is busy now and then.
            for file in folder.iterdir():
                file.unlink()
            share /= 2
        operation = None if by_time else 1 + int(share * operations)
        pid = fork(counted(folder, lambda: train(folder, data=data), die_at=operation))
        if by_time:
            wait_for_checkpoint(folder, pid)
            time.sleep(share * seconds)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            return (
                f"{share * seconds:.3f} s after the first checkpoint"
                if by_time
                else f"at operation {operation} of {operations}"
            )
        assert os.WEXITSTATUS(status) == 0, "the run failed before it was killed"


def main(folder: Path, kills: int, seed: int) -> None:
    """Print a line of JSON for every kill."""
    torch.set_num_threads(1)
    data, draws = digits(), random.Random(seed)
    unbroken = folder / "unbroken"
    pid = fork(counted(unbroken, lambda: train(unbroken, data=data), die_at=None))
    wait_for_checkpoint(unbroken, pid)
    began = time.monotonic()
    _, status = os.waitpid(pid, 0)
    assert status == 0, "the run that nobody kills has failed"
    seconds = time.monotonic() - began
    operations = int(unbroken.with_suffix(".count").read_text())
    for number in range(kills):
        run = folder / f"killed-{number}"
        when = killed_once(run, data, draws, seconds=seconds, operations=operations)
        step, is_half_written = state_of(run)
        _, status = os.waitpid(fork(lambda run=run: train(run, data=data)), 0)  # type: ignore[misc]
        same = status == 0 and is_same(run, unbroken)
        print(json.dumps({"when": when, "step": step, "half_written": is_half_written, "same": same}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""Commands of mvib as processes of their own, as a user or a cluster starts them, and how they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **more}


def started(*arguments: str, cwd: Path, **more: str) -> "subprocess.Popen[str]":
    """A command that runs in a session of its own, so that all its processes can be reached."""
    command = [sys.executable, "-m", "mvib", *arguments]
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    process = started(*arguments, cwd=cwd, **more)
    out, err = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def members(process: "subprocess.Popen[str]") -> list[int]:
    """The processes of its session that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z" and int(fields[3]) == process.pid:
                found.append(int(entry.name))
    return found


def left_behind(process: "subprocess.Popen[str]", *, seconds: float = 60.0) -> list[int]:
    """What is still alive of its session after some time: a process closes its pipes a little before it ends."""
    deadline = time.monotonic() + seconds
    while (found := members(process)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.02)


def has_saved(folder: Path, step: int) -> bool:
    """Whether a run has a checkpoint of this step or a later one, beside the one that it may be writing."""
    steps = (int(path.stem.rpartition("-")[2]) for path in folder.glob("checkpoint-*.safetensors"))
    return any(found >= step for found in steps)


def kill_all(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)

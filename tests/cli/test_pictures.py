"""The commands of docs/images.md, on small pictures, with small settings: train by two processes, kill, go on, report,
export, and use the encoder from a program that has no mvib."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from tests.train.processes import ROOT, has_saved, kill_all, members, run, started, wait_for

PAGE = (ROOT / "docs" / "images.md").read_text(encoding="utf-8")
SMALL = ("--epochs", "3", "--set", "train.batch=16", "--backbone", "conv(8, 16)", "--checkpoint-every", "2 steps")
NUM_PICTURES = 40


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[2:] for block in blocks for line in block.splitlines()]


def write_pictures(folder: Path) -> None:
    """Pieces of two photographs, a folder each, as JPEG."""
    generator = np.random.default_rng(0)
    photographs = load_sample_images()
    for path, photograph in zip(photographs.filenames, photographs.images, strict=True):
        for number in range(NUM_PICTURES):
            row, column = (generator.integers(0, side - 48) for side in photograph.shape[:2])
            piece = Image.fromarray(photograph[row : row + 48, column : column + 48])
            file = folder / Path(path).stem / f"{number:03}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            piece.save(file)
    piece.save(folder.parent / "some.jpg")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes that were left behind")
def test_every_command_of_the_page_works_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures")
    check, train, resume, *rest = commands()
    assert (check[0], train[0], resume[:2]) == ("check", "train", ["train", "--resume"])
    assert run(*check, cwd=tmp_path).returncode == 0

    folder = tmp_path / "runs" / "pictures"
    process = started(*train, *SMALL, cwd=tmp_path)
    wait_for(lambda: has_saved(folder, 2), process)
    assert len(members(process)) >= 2
    kill_all(process)
    assert not (folder / "summary.json").exists()

    found = run(*resume, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    # Two processes, one voice.
    assert found.stdout.count("written to") == 1
    whole = tmp_path / "whole"
    found = run(*train[: train.index("--out")], "--out", str(whole), *SMALL, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert (folder / "checkpoint.safetensors").read_bytes() == (whole / "checkpoint.safetensors").read_bytes()
    assert json.loads((folder / "config.json").read_text())["processes"] == 2

    for command in rest:
        found = run(*command, cwd=tmp_path)
        assert found.returncode == 0, found.stderr
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")

    (script,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    # Neither mvib nor torch can be imported there.
    (tmp_path / "use.py").write_text(f"import sys\nsys.modules['mvib'] = sys.modules['torch'] = None\n{script}")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    used = subprocess.run(
        [sys.executable, "use.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert used.returncode == 0, used.stderr
    assert used.stdout.strip() == "(16,)"

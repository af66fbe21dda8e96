"""A run that is killed at any moment goes on to the bits of one that nobody killed.

`MVIB_KILLS=20 python -m pytest tests/train/test_nothing_lost.py` kills twenty times; otherwise it is a few.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("MVIB_KILLS", "4"))
SEED = int(os.environ.get("MVIB_KILLS_SEED", "0"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked and killed")
def test_a_run_killed_at_a_random_moment_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.train.killing", str(tmp_path), str(KILLS), str(SEED)]
    root = Path(__file__).parents[2]
    result = subprocess.run(
        command, cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    trials = [json.loads(line) for line in result.stdout.splitlines()]
    print(*trials, sep="\n")
    assert len(trials) == KILLS
    assert [trial for trial in trials if not trial["same"]] == [], result.stderr

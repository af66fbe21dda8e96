"""Every bundled spec on the handwritten digits: probe accuracies, seconds, and the untrained network beside them.

    python benchmarks/digits.py [SPEC...]

Each spec is trained with its own train block, in a process of its own, by the command a user types. The targets are
those the project sets itself: what a loop written by hand reaches with that network, with a margin for the seed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mvib.resources import bundled_specs

TARGETS = {
    "simclr": {"knn": 0.97, "linear": 0.985},
    "vicreg": {"knn": 0.98, "linear": 0.985},
    "barlow_twins": {"knn": 0.96, "linear": 0.985},
    "byol": {"linear": 0.97},
    "vib": {"classifier": 0.98},
}
SECONDS = 60.0
PROBES = ("knn", "linear", "classifier")


def mvib(*arguments: str) -> str:
    """Run a command; its standard output."""
    return subprocess.run([sys.executable, "-m", "mvib", *arguments], capture_output=True, text=True, check=True).stdout


def accuracies(evaluation: dict[str, Any]) -> dict[str, float]:
    return {result["probe"]: result["accuracy"] for result in evaluation["results"]}


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", default=list(bundled_specs()))
    arguments = parser.parse_args()
    print(f"{'spec':<14}{'seconds':>9}" + "".join(f"{probe:>28}" for probe in PROBES))
    print(f"{'':<23}" + f"{'trained untrained target':>28}" * len(PROBES))
    for spec in arguments.specs:
        with tempfile.TemporaryDirectory() as folder:
            run = str(Path(folder) / "run")
            start = time.perf_counter()
            mvib("train", spec, "--out", run, "--quiet")
            seconds = time.perf_counter() - start
            found = json.loads(mvib("eval", run, "--probe", ",".join(PROBES), "--format", "json"))
        trained, untrained = accuracies(found["trained"]), accuracies(found["untrained"])
        cells = []
        for probe in PROBES:
            target = TARGETS.get(spec, {}).get(probe)
            values = [trained.get(probe), untrained.get(probe), target]
            cells.append(" " + "".join(f"{value:>9.3f}" if value is not None else f"{'-':>9}" for value in values))
        late = " !" if spec in TARGETS and seconds > SECONDS else ""
        print(f"{spec:<14}{seconds:>8.1f}{late or ' '}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()

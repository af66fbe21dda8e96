"""VICReg on the handwritten digits with other estimators of its entropy: one word of the spec is another.

    python benchmarks/swap.py [--seeds 0 1 2]

Each estimator stands, with its default arguments, in the place of `variance_covariance` in the bundled spec; nothing
else changes. The target is VICReg's accuracy less one point.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ORIGINAL = "variance_covariance(std: variance, cov: covariance)"
OTHERS = ("logdet()", "pairwise()", "renyi(order: 2)")
MARGIN = 0.01


def mvib(*arguments: str) -> str:
    """Run a command; its standard output."""
    return subprocess.run([sys.executable, "-m", "mvib", *arguments], capture_output=True, text=True, check=True).stdout


def accuracies(estimator: str, seed: int) -> dict[str, float]:
    """Train VICReg with an estimator, and probe it."""
    spec = (Path(__file__).parents[1] / "specs" / "vicreg.mvib").read_text(encoding="utf-8")
    assert ORIGINAL in spec
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "swapped.mvib"
        file.write_text(spec.replace(ORIGINAL, estimator), encoding="utf-8")
        run = str(Path(folder) / "run")
        mvib("train", str(file), "--out", run, "--quiet", "--set", f"train.seed={seed}")
        found = json.loads(mvib("eval", run, "--probe", "knn,linear", "--format", "json"))
    return {result["probe"]: result["accuracy"] for result in found["trained"]["results"]}


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    seeds = parser.parse_args().seeds
    print(f"{'entropy by':<54}{'kNN':>8}{'linear':>8}   mean of {len(seeds)} seed(s)")
    floor: dict[str, float] = {}
    for estimator in (ORIGINAL, *OTHERS):
        found = [accuracies(estimator, seed) for seed in seeds]
        means = {probe: sum(one[probe] for one in found) / len(found) for probe in ("knn", "linear")}
        floor = floor or {probe: value - MARGIN for probe, value in means.items()}
        reached = all(means[probe] >= floor[probe] for probe in means)
        print(f"{estimator:<54}{means['knn']:>8.4f}{means['linear']:>8.4f}   {'' if reached else 'below'}", flush=True)


if __name__ == "__main__":
    main()

"""Every bundled spec, trained for one budget and probed, beside the untrained network and the raw pixels.

    python benchmarks/methods.py digits [SPEC...] [--seeds 0] [--jobs 2]
    python benchmarks/methods.py cifar10 [SPEC...] --images cifar10_jpeg.npz [--seeds 0 1]

On the digits (1,437 for training, 360 held out): conv(64, 64, 128, 128), batch 256, 40 epochs, kNN of 5 neighbours. On
CIFAR-10 (10,000 for training, 2,000 held out): conv(64, 128, 256, 256), batch 256, 8 epochs, bf16, weighted kNN of as
many neighbours as a fifth of the training part prefers. Everything else is the spec's own train block. Each spec is
trained by the command a user types, in a process of its own; `!` marks a label-free joint embedding that does not beat
the untrained network on both probes, or a target that is missed. The targets are in targets.toml.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mvib.data.sources import load_source
from mvib.driver import analyse, read_source
from mvib.evaluate.probes import PROBES, Split, score_probe
from mvib.evaluate.protocols.classifiers import find_tuned_neighbours
from mvib.evaluate.protocols.material import Material
from mvib.evaluate.spread import measure_spread
from mvib.resources import bundled_specs
from mvib.theory.classification import Approach, Supervision, classify

SETTINGS = {
    "digits": {"backbone": "conv(64, 64, 128, 128)", "batch": "256", "epochs": "40"},
    "cifar10": {"backbone": "conv(64, 128, 256, 256)", "batch": "256", "epochs": "8", "precision": "bf16"},
}
TARGETS = tomllib.loads((Path(__file__).parent / "targets.toml").read_text(encoding="utf-8"))
# Five neighbours are few where most of them are wrong.
KNN = {"digits": "knn", "cifar10": "knn-tuned"}
SAMPLING_ERROR = {"digits": 0.0, "cifar10": 0.011}
NUM_CIFAR = {"train": 10_000, "test": 2_000}


@dataclass(frozen=True)
class Found:
    """What one run came to."""

    seconds: float
    knn: float
    linear: float
    rank: float
    untrained: tuple[float, float]
    error: str = ""


def run(*arguments: str, threads: int) -> str:
    """A command of mvib; its standard output."""
    # Large pages for torch's memory: a fifth less time on a CPU, and the same numbers.
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "THP_MEM_ALLOC_ENABLE": "1"}
    command = [sys.executable, "-m", "mvib", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr.strip().splitlines()[0] if found.stderr.strip() else "failed")
    return found.stdout


def measure(spec: str, data: str, source: str, seed: int, threads: int) -> Found:
    """Train a spec and probe it."""
    settings = [f"--set=train.{key}={value}" for key, value in SETTINGS[data].items()]
    given = ["--data", source] if source else []
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "run")
        start = time.perf_counter()
        try:
            run("train", spec, "--out", out, "--quiet", f"--set=train.seed={seed}", *settings, *given, threads=threads)
            seconds = time.perf_counter() - start
            found = json.loads(
                run("eval", out, "--probe", f"{KNN[data]},linear", "--format", "json", *given, threads=threads)
            )
        except RuntimeError as problem:
            return Found(0, 0, 0, 0, (0, 0), error=str(problem))
    trained, untrained = (accuracies(found[key]) for key in ("trained", "untrained"))
    spread = found["trained"]["spread"]
    return Found(
        seconds=seconds,
        knn=trained.get(KNN[data], 0.0),
        linear=trained.get("linear", 0.0),
        rank=spread["effective_rank"] if spread else 0.0,
        untrained=(untrained.get(KNN[data], 0.0), untrained.get("linear", 0.0)),
    )


def accuracies(found: dict[str, Any]) -> dict[str, float]:
    """By probe, as `mvib eval --format json` has them: of those without a choice, and of those that tune."""
    plain = {result["probe"]: result["accuracy"] or 0.0 for result in found["results"]}
    return plain | {one["probe"]: one["value"] or 0.0 for one in found["measures"] if one["metric"] == "accuracy"}


def mean(found: Sequence[Found]) -> Found:
    """The mean over seeds."""
    broken = [one.error for one in found if one.error]
    if broken:
        return Found(0, 0, 0, 0, (0, 0), error=broken[0])
    averages = np.mean([(f.seconds, f.knn, f.linear, f.rank, *f.untrained) for f in found], axis=0)
    seconds, knn, linear, rank, first, second = (float(value) for value in averages)
    return Found(seconds, knn, linear, rank, (first, second))


def pixels(source: str, data: str) -> tuple[float, float, float]:
    """Both probes and the effective rank of the images themselves."""
    columns = load_source(source).columns
    image = next(c for c in columns.values() if len(c.shape) == 3)
    label = next(c for c in columns.values() if c.kind.value == "label")
    parts = [np.asarray(part, dtype=np.float32).reshape(len(part), -1) for part in (image.train, image.test)]
    labels = [np.asarray(part) for part in (label.train, label.test)]
    split = Split(train_features=parts[0], train_labels=labels[0], test_features=parts[1], test_labels=labels[1])
    knn, linear = (score_probe(PROBES[name], split).accuracy or 0.0 for name in ("knn", "linear"))
    if KNN[data] not in PROBES:
        material = Material(
            train_features=parts[0], train_labels=labels[0], test_features=parts[1], test_labels=labels[1]
        )
        knn = find_tuned_neighbours(material, 0)["accuracy"].value
    return knn, linear, measure_spread(parts[1]).effective_rank


def unpacked(path: Path, folder: Path) -> str:
    """The first images of CIFAR-10, decoded into a file that `--data` takes."""
    packed = np.load(path, allow_pickle=False)
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for part, number in NUM_CIFAR.items():
        offsets, content = packed[f"{part}_offsets"], packed[f"{part}_jpeg"].tobytes()
        images = [np.asarray(Image.open(BytesIO(content[offsets[i] : offsets[i + 1]]))) for i in range(number)]
        arrays[f"x_{part}"] = (np.stack(images).transpose(0, 3, 1, 2) / 255).astype(np.float32)
        arrays[f"y_{part}"] = packed[f"{part}_labels"][:number].astype(np.int64)
    file = folder / "cifar10.npz"
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return f"npz:{file}"


def is_label_free_embedding(spec: str) -> bool:
    """Whether the graph says that it embeds jointly, and that no term needs labels."""
    found = analyse(read_source(spec), prove=False)
    assert found.method is not None
    assert found.graph is not None
    kind = classify(found.method, found.graph, found.readings)
    embeds = kind.approach in {Approach.JOINT_EMBEDDING, Approach.BOTH}
    return embeds and kind.supervision in {Supervision.SELF_SUPERVISED, Supervision.UNSUPERVISED}


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=sorted(SETTINGS))
    parser.add_argument("specs", nargs="*")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    specs = arguments.specs or [name for name in bundled_specs() if "/" not in name]
    threads = max(1, (os.cpu_count() or 1) // arguments.jobs)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        source = unpacked(arguments.images, Path(folder)) if arguments.data == "cifar10" else ""
        knn, linear, rank = pixels(source or "digits", arguments.data)
        print(f"{'':<28}{'seconds':>8}{'kNN':>8}{'linear':>8}{'rank':>8}{'untrained kNN, linear':>26}")
        print(f"{'raw pixels':<28}{'':>8}{knn:>8.3f}{linear:>8.3f}{rank:>8.1f}", flush=True)
        waiting = [
            (spec, [pool.submit(measure, spec, arguments.data, source, seed, threads) for seed in arguments.seeds])
            for spec in specs
        ]
        for spec, runs in waiting:
            found = mean([one.result() for one in runs])
            if found.error:
                print(f"{spec:<28}{found.error}", flush=True)
                continue
            pair = (found.knn, found.linear)
            target = [t - SAMPLING_ERROR[arguments.data] for t in TARGETS[arguments.data].get(spec, (0.0, 0.0))]
            missed = any(value < least for value, least in zip(pair, target, strict=True))
            worse = any(value <= before for value, before in zip(pair, found.untrained, strict=True))
            mark = " !" if missed or (worse and is_label_free_embedding(spec)) else ""
            before = f"{found.untrained[0]:.3f}, {found.untrained[1]:.3f}"
            row = f"{found.seconds:>8.1f}{found.knn:>8.3f}{found.linear:>8.3f}{found.rank:>8.1f}{before:>26}{mark}"
            print(f"{spec:<28}{row}", flush=True)


if __name__ == "__main__":
    main()

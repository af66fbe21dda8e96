"""The step of a run against the same model in a bare loop, and how fast a folder of pictures is read beside it.

    python benchmarks/engine.py step [SPEC...]
    python benchmarks/engine.py folder --images cifar10_jpeg.npz

`step`: seconds from one step to the next at batch 256 on the digits, of `mvib train` with everything it does between
two steps (reading, checks, events, signals, the cadence of checkpoints) and of a loop of six lines over the same model
and optimizer; medians, runs in turns. `run` is the whole run, with monitors, held-out estimates, checkpoints and
drawings, over the same number of bare steps.

`folder`: pictures a second that a folder of JPEG files gives at 32 x 32, decoded when they are asked for, beside what
training takes of pictures in memory and of the folder.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from mvib.data import BatchLoader, Loading, training_part
from mvib.driver import Analysis, analyse, read_source
from mvib.train import train_method
from mvib.train.config import read_config
from mvib.train.device import move_model
from mvib.train.events import Event, StepTaken
from mvib.train.examples import load_examples
from mvib.train.optimizers import build_optimizer
from mvib.train.randomness import seed_step
from mvib.train.run import build_model

SPECS = ("simclr", "vicreg", "byol", "vib")
BATCH = 256
NUM_PICTURES = 4_000
CPU = torch.device("cpu")


def load(spec: str, **settings: str) -> Analysis:
    given = {"train.batch": str(BATCH), **{f"train.{name}": value for name, value in settings.items()}}
    return analyse(read_source(spec), overrides=given, prove=False)


def seconds_of_run(analysis: Analysis, *, data: str, epochs: int, workers: int | None = None) -> tuple[float, float]:
    """Median seconds from step to step within an epoch, and the seconds of the whole run."""
    times: list[tuple[int, float]] = []

    def note(event: Event) -> None:
        if isinstance(event, StepTaken):
            times.append((event.epoch, time.perf_counter()))

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train_method(analysis, data=data, epochs=epochs, out=Path(folder) / "run", workers=workers, on_event=note)
        whole = time.perf_counter() - began
    gaps = [b - a for (first, a), (second, b) in pairwise(times) if first == second]
    return statistics.median(gaps), whole


def seconds_of_loop(analysis: Analysis, *, data: str, epochs: int) -> float:
    """Median seconds of a step of a bare loop."""
    assert analysis.method is not None
    config = read_config(analysis.method, data=data, epochs=epochs)
    examples = load_examples(analysis.method, data, labelled=config.labelled, seed=config.seed)
    model = move_model(build_model(analysis, config, examples, steps=1000), CPU)
    optimizer = build_optimizer(model, config.optimizer)
    columns = {name: rows[:] for name, rows in training_part(examples.columns).items()}
    number = examples.num_train
    times = []
    model.train()
    for epoch in range(epochs):
        order = torch.randperm(number, generator=torch.Generator().manual_seed(epoch))
        for step in range(number // BATCH):
            seed_step(0, epoch * (number // BATCH) + step)
            began = time.perf_counter()
            chosen = order[step * BATCH : (step + 1) * BATCH]
            optimizer.zero_grad(set_to_none=True)
            model({name: column[chosen] for name, column in columns.items()}).loss.backward()
            optimizer.step()
            model.after_step()
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def compare_steps(specs: Sequence[str], *, repeats: int, epochs: int) -> None:
    print(f"{'spec':<16}{'bare ms':>10}{'engine ms':>11}{'ratio':>8}{'run':>8}")
    for spec in specs:
        analysis = load(spec)
        bare, engine, runs = [], [], []
        for _ in range(repeats):
            bare.append(seconds_of_loop(analysis, data="digits", epochs=epochs))
            step, whole = seconds_of_run(analysis, data="digits", epochs=epochs)
            engine.append(step)
            runs.append(whole / epochs / (1437 // BATCH))
        one, other, run = (statistics.median(values) for values in (bare, engine, runs))
        ratio = statistics.median(b / a for a, b in zip(bare, engine, strict=True))
        mark = " !" if ratio > 1.03 else ""
        print(f"{spec:<16}{1e3 * one:>10.1f}{1e3 * other:>11.1f}{ratio:>8.3f}{run / one:>8.2f}{mark}", flush=True)


def write_pictures(packed: Path, folder: Path) -> None:
    """The first pictures of CIFAR-10 as they are, a folder for each class."""
    archive = np.load(packed, allow_pickle=False)
    content, offsets, labels = archive["train_jpeg"].tobytes(), archive["train_offsets"], archive["train_labels"]
    for number in range(NUM_PICTURES):
        path = folder / str(archive["classes"][labels[number]]) / f"{number:05}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content[offsets[number] : offsets[number + 1]])


def reading(analysis: Analysis, source: str, workers: int) -> float:
    """Pictures a second when nothing else is done."""
    assert analysis.method is not None
    examples = load_examples(analysis.method, source, labelled=None, seed=0)
    rows = training_part(examples.columns)
    loader = BatchLoader(rows, device=CPU, bad=examples.bad, loading=Loading(workers=workers))

    def batches() -> Iterator[int]:
        for epoch in range(2):
            for batch in loader.shuffled(size=BATCH, seed=0, epoch=epoch, drop_last=True):
                yield len(next(iter(batch.values())))

    found = batches()
    next(found)  # The processes have started.
    began = time.perf_counter()
    number = sum(found)
    loader.close()
    return number / (time.perf_counter() - began)


def compare_folder(packed: Path) -> None:
    analysis = load("simclr", backbone="conv(16, 32)")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        write_pictures(packed, folder)
        source = f"folder:{folder},size=32,cache=no"
        print(f"{'':<36}{'pictures/s':>12}")
        for workers in (0, 1, 2):
            print(f"{f'read alone, {workers} processes':<36}{reading(analysis, source, workers):>12.0f}", flush=True)
        arrays = Path(place) / "pictures.npz"
        columns = load_examples(analysis.method, source, labelled=None, seed=0).columns  # type: ignore[arg-type]
        (image,) = columns.values()
        np.savez(arrays, x_train=image.train[:].numpy(), x_test=image.test[:].numpy())
        found: dict[str, list[float]] = {}
        for _ in range(3):
            for name, data, processes in (
                ("trained from memory", f"npz:{arrays}", None),
                ("trained from the folder, here", source, 0),
                ("trained from the folder, 1 process", source, 1),
                ("trained from the folder, 2 processes", source, 2),
            ):
                step, _ = seconds_of_run(analysis, data=data, epochs=2, workers=processes)
                found.setdefault(name, []).append(BATCH / step)
        for name, speeds in found.items():
            print(f"{name:<36}{statistics.median(speeds):>12.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["step", "folder"])
    parser.add_argument("specs", nargs="*", default=[])
    parser.add_argument("--images", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    if arguments.what == "step":
        compare_steps(arguments.specs or SPECS, repeats=arguments.repeats, epochs=arguments.epochs)
    elif arguments.images is None:
        parser.error("name the pictures: --images cifar10_jpeg.npz")
    else:
        compare_folder(arguments.images)


if __name__ == "__main__":
    main()

"""Memory of InfoNCE of a very large batch, and its time over that of the scores held all at once.

    python benchmarks/contrastive_memory.py [--rows 65536] [--dimension 128] [--ratios 2048 4096 8192] [--threads 2]

Memory is by how much the resident set of a fresh process grows at its peak over one forward and backward pass with
`negatives: other_view` (Linux: VmHWM, cleared when the inputs are there and a small run has loaded the libraries); the
gradients of the inputs count. The scores alone would take 4 N^2 bytes. The time is that of the pass.

Ratios are of the time of forward and backward to that of the same estimate written with all scores at once; both are
run in turns in one process, and the least time of each is taken. Beside them are the largest relative differences of
value and gradient (over the largest gradient).
"""

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.infonce import infonce

TEMPERATURE = 0.1
Estimate = Callable[[Tensor, Tensor], Tensor]


def views(num: int, dimension: int) -> list[Tensor]:
    """Correlated rows of unit norm that ask for a gradient."""
    generator = torch.Generator().manual_seed(0)
    z1 = torch.randn(num, dimension, generator=generator)
    z2 = z1 + torch.randn(num, dimension, generator=generator)
    return [rows.unit(z).requires_grad_() for z in (z1, z2)]


def blockwise(u1: Tensor, u2: Tensor) -> Tensor:
    """InfoNCE as the library has it."""
    return infonce(u1, u2, temperature=TEMPERATURE, negatives="other_view")


def materialised(u1: Tensor, u2: Tensor) -> Tensor:
    """InfoNCE from all scores at once."""
    scores = u1 @ u2.T / TEMPERATURE
    partitions = (scores.logsumexp(dim=0) + scores.logsumexp(dim=1)) / 2
    return math.log(len(u1)) + (scores.diagonal() - partitions).mean()


def both_passes(estimate: Estimate, inputs: Sequence[Tensor]) -> list[Tensor]:
    value = estimate(inputs[0], inputs[1])
    return [value.detach(), *torch.autograd.grad(value, inputs)]


def seconds(estimate: Estimate, inputs: Sequence[Tensor]) -> float:
    start = time.perf_counter()
    both_passes(estimate, inputs)
    return time.perf_counter() - start


def resident(what: str) -> float:
    """A number of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def growth(num: int, dimension: int) -> tuple[float, float]:
    """MiB of the resident set above the inputs at its peak, and seconds; for a fresh process."""
    both_passes(blockwise, views(16, 8))
    inputs = views(num, dimension)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    took = seconds(blockwise, inputs)
    return resident("VmHWM") - before, took


def compare(num: int, dimension: int, repeats: int) -> str:
    """A line of the table."""
    inputs = views(num, dimension)
    found, expected = both_passes(blockwise, inputs), both_passes(materialised, inputs)
    differences = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, expected, strict=True)]
    turns = [[seconds(estimate, inputs) for estimate in (blockwise, materialised)] for _ in range(repeats)]
    ours, theirs = (min(column) for column in zip(*turns, strict=True))
    line = f"{num:>8}{dimension:>6}{1000 * ours:>14.1f}{1000 * theirs:>17.1f}{ours / theirs:>8.2f}"
    return f"{line}{differences[0]:>10.1e}{max(differences[1:]):>10.1e}"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=65536, help="of the batch whose memory is measured")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--ratios", type=int, nargs="*", default=[2048, 4096, 8192], help="rows at which times compare")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure-memory", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.measure_memory:
        print(*growth(given.rows, given.dimension))
        return
    if given.ratios:
        header = f"{'N':>8}{'D':>6}{'blockwise ms':>14}{'materialised ms':>17}{'ratio':>8}"
        print(f"{header}{'value':>10}{'gradient':>10}")
    for num in given.ratios:
        print(compare(num, given.dimension, given.repeats), flush=True)
    sizes = ["--rows", str(given.rows), "--dimension", str(given.dimension), "--threads", str(given.threads)]
    command = [sys.executable, __file__, *sizes, "--measure-memory"]
    grown, took = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    scores = 4 * given.rows**2 / 2**20
    print(f"{given.rows} x {given.dimension}: {grown:.0f} MiB above the inputs, {took:.1f} s; scores {scores:.0f} MiB")


if __name__ == "__main__":
    main()

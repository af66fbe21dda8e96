"""Time and memory of every estimator beside the bare matrix products it cannot do without, in one run.

    python benchmarks/estimators.py [ESTIMATOR...] [--shapes 256x128 ...] [--repeats 30] [--threads 2] [--no-memory]

Time is that of forward and backward in float32, over that of the products alone with their backward (`g = z @ z.T;
g.backward(constant)`): the Gram matrix of each table of rows on its smaller side for the second-order estimators, that
of both tables side by side where the quantity is one of their joint covariance, the scores of all pairs of rows for
the contrastive ones and those of kernels (2N x 2N where the rows of both views are candidates). Both are timed in turns
and the least time of each is taken, so that what else the machine does falls out. `rows` is the same with the transform
of the rows (unit, centered, standardized) inside, which a compiled step makes once for all its estimators.

Memory is by how much the resident set of a fresh process grows at its peak over one forward and backward pass (Linux:
VmHWM, cleared when the inputs are there and a small run has loaded the libraries; freed blocks of 64 KiB or more go
back to the system at once). The gradients of the inputs count.

Targets: 1.5 for the second-order estimators, 2 for the contrastive ones, for the time without the transform. What
misses its target is marked with !. Estimators that need eigenvalues have no target: no product bounds them.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mvib.catalogue.estimators.contrastive import CONTRASTIVE
from mvib.catalogue.estimators.kernels import KERNELS
from mvib.catalogue.estimators.second_order import SECOND_ORDER
from mvib.catalogue.signature import EstimatorEntry, Form, Interface
from mvib.compile.networks import import_object
from mvib.estimators import rows

SHAPES = ("256x128", "256x2048", "1024x2048", "4096x256")
SLICES = 1024
Action = Callable[[], object]


class Products(Enum):
    """The matrix products that a quantity consists of, as a table says it."""

    SMALLER = "smaller side"
    JOINT = "smaller side, joint"
    COLUMNS = "D x D"
    PAIRS = "N x N"
    SCORES = "N x N scores"
    STACKED = "2N x 2N scores"
    SLICES = "slices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An estimator with its arguments, and what it is held against."""

    label: str
    entry: EstimatorEntry
    form: Form
    products: Products
    target: float | None
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def num_tables(self) -> int:
        """Number of tables of rows it takes."""
        if self.form in (Form.ENTROPY, Form.DIVERGENCE):
            return 2 if self.entry.draws_prior else 1
        return 2


def cases() -> Iterator[Case]:
    """Every differentiable estimator of rows that couples the examples of a batch, with its defaults."""
    information = {"form": Form.INFORMATION}
    variants: dict[str, Sequence[tuple[str, dict[str, Any]]]] = {
        "logdet": (("", {}), ("I(A; B)", {**information, "products": Products.JOINT})),
        "ldmi": (("", {"products": Products.JOINT}),),
        "cca": (
            ("", {"products": Products.JOINT}),
            ("correlation", {"products": Products.JOINT, "arguments": {"objective": "correlation"}, "target": None}),
        ),
        "whitened_mse": (("", {"products": Products.COLUMNS}),),
        "renyi": (
            ("", {"products": Products.PAIRS}),
            ("linear", {"arguments": {"kernel": "linear"}}),
            ("linear, order: 1", {"arguments": {"kernel": "linear", "order": 1.0}, "target": None}),
        ),
        "matrix_mi": (
            ("", {"products": Products.PAIRS}),
            ("order: 1", {"arguments": {"order": 1.0}, "products": Products.PAIRS, "target": None}),
        ),
        "sigreg": (("", {"products": Products.SLICES, "target": None}),),
        "infonce": (
            ("", {"products": Products.STACKED}),
            ("other_view", {"arguments": {"negatives": "other_view"}}),
        ),
        "dcl": (("", {"products": Products.STACKED}),),
    }
    families = (
        (SECOND_ORDER, Products.SMALLER, 1.5),
        (CONTRASTIVE, Products.SCORES, 2.0),
        (KERNELS, Products.SCORES, None),
    )
    for entries, products, target in families:
        for entry in entries:
            if entry.interface is not Interface.ROWS or not entry.differentiable or not entry.couples_batch:
                continue
            for name, changes in variants.get(entry.name, (("", {}),)):
                given = {"form": entry.forms[0], "products": products, "target": target, **changes}
                yield Case(label=f"{entry.name} {name}".strip(), entry=entry, **given)


# ---- what is timed ---------------------------------------------------------------------------------------------


def tables(case: Case, shape: str) -> list[Tensor]:
    """Rows of each variable, correlated, that ask for a gradient."""
    num, dimension = (int(number) for number in shape.split("x"))
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(num, dimension, generator=generator)
    others = [0.8 * first + 0.6 * torch.randn(num, dimension, generator=generator) for _ in range(case.num_tables - 1)]
    return [z.requires_grad_() for z in (first, *others)]


def transformed(case: Case, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The rows as the estimator takes them, as leaves of their own."""
    transform = getattr(rows, case.entry.rows.value)
    return [transform(z).detach().requires_grad_() for z in inputs]


def estimate(case: Case, inputs: Sequence[Tensor], *, from_raw: bool = False) -> Action:
    """Forward and backward of the estimator."""
    function = import_object(case.entry.implementation_of(case.form))
    transform = getattr(rows, case.entry.rows.value)

    def action() -> object:
        given = [transform(z) for z in inputs] if from_raw else inputs
        return torch.autograd.grad(function(*given, **case.arguments), inputs)

    return action


def bare(case: Case, inputs: Sequence[Tensor]) -> Action:
    """Forward and backward of the products alone."""
    num, dimension = inputs[0].shape
    plain = [z.detach().requires_grad_() for z in inputs]
    match case.products:
        case Products.SMALLER:
            pairs = [(z, z.T) if num < dimension else (z.T, z) for z in plain]
        case Products.JOINT:
            plain = [torch.cat(plain, dim=1).detach().requires_grad_()]
            pairs = [(z, z.T) if num < z.shape[1] else (z.T, z) for z in plain]
        case Products.COLUMNS:
            pairs = [(z.T, z) for z in plain]
        case Products.PAIRS:
            pairs = [(z, z.T) for z in plain]
        case Products.SCORES:
            pairs = [(plain[0], plain[-1].T)]
        case Products.STACKED:
            plain = [torch.cat(plain).detach().requires_grad_()]
            pairs = [(z, z.T) for z in plain]
        case Products.SLICES:
            pairs = [(z, torch.randn(dimension, SLICES)) for z in plain]
    constants = [torch.randn(a.shape[0], b.shape[1]) for a, b in pairs]

    def action() -> object:
        return torch.autograd.grad([a @ b for a, b in pairs], plain, constants)

    return action


# ---- measures --------------------------------------------------------------------------------------------------


def milliseconds(action: Action) -> float:
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def least_times(actions: Sequence[Action], repeats: int, seconds: float) -> list[float]:
    """The least time of each action in milliseconds, timed in turns; fewer turns if they would take too long."""
    for action in actions:
        action()
    turns = [[milliseconds(action) for action in actions]]
    start = time.perf_counter()
    while len(turns) < 3 or (len(turns) < repeats and time.perf_counter() - start < seconds):
        turns.append([milliseconds(action) for action in actions])
    return [min(column) for column in zip(*turns, strict=True)]


def resident(what: str) -> float:
    """A number of /proc/self/status in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def peak_memory(case: Case, shape: str) -> float:
    """Growth of the resident set at its peak over one forward and backward, in MiB."""
    inputs = transformed(case, tables(case, shape))
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    estimate(case, inputs)()
    return resident("VmHWM") - before


def peak_memories_in_a_fresh_process(case: Case, shapes: Sequence[str], threads: int) -> list[float]:
    """The same for each shape."""
    command = [sys.executable, __file__, case.label, "--threads", str(threads), "--measure-memory", "--shapes", *shapes]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return [float(line) for line in printed.splitlines()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("estimators", nargs="*", help="names, or names with a variant; all if none is given")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), metavar="NxD")
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=4.0, help="at most, for one estimator at one shape")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--measure-memory", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    chosen = [c for c in cases() if not given.estimators or {c.label, c.entry.name} & set(given.estimators)]
    if given.measure_memory:
        case = next(c for c in chosen if c.label == given.estimators[0])
        peak_memory(case, "16x8")  # loads the libraries
        for shape in given.shapes:
            print(peak_memory(case, shape))
        return
    header = f"{'estimator':<24}{'N x D':>11}{'products':>21}{'product ms':>11}{'ms':>9}{'ratio':>8}{'rows':>7}"
    print(header + ("" if given.no_memory else f"{'MiB':>8}"))
    missed = 0
    for case in chosen:
        memories = [] if given.no_memory else peak_memories_in_a_fresh_process(case, given.shapes, given.threads)
        for index, shape in enumerate(given.shapes):
            raw = tables(case, shape)
            inputs = transformed(case, raw)
            actions = estimate(case, inputs), bare(case, inputs), estimate(case, raw, from_raw=True)
            ours, product, with_rows = least_times(actions, given.repeats, given.seconds)
            misses = case.target is not None and ours / product > case.target
            missed += misses
            line = f"{case.label:<24}{shape:>11}{case.products.value:>21}{product:>11.2f}{ours:>9.2f}"
            line += f"{ours / product:>7.2f}{'!' if misses else ' '}{with_rows / product:>7.2f}"
            print(line + (f"{memories[index]:>8.1f}" if memories else ""), flush=True)
    print(f"targets: 1.5 (second order), 2 (contrastive); {missed} missed")


if __name__ == "__main__":
    main()

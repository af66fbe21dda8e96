"""Error of the estimators of mutual information against true information, dimension and sample size.

Run from the root of a checkout: `python -m studies.estimators.run`. Writes table.csv, table.md, errors.svg and
errors.png beside this file.
"""

import csv
import math
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

# Read by torch when it is first imported: two processes share two cores.
os.environ["OMP_NUM_THREADS"] = "1"

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt
from torch import Tensor

import mvib
from mvib.data.laws import Law, gaussian
from mvib.estimators import dv, infonce, nwj, smile
from mvib.estimators.club import club
from mvib.estimators.l1out import l1out
from mvib.nn.distributions import DiagonalGaussian

HERE = Path(__file__).parent
NUM_PROCESSES = 2
SEEDS = (0, 1, 2)

INFORMATION, DIM, NUM = 2.0, 8, 4096
INFORMATIONS = (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0)
DIMS = (1, 2, 8, 32, 128)
NUMS = (64, 256, 1024, 4096, 16384)

# Pairs of rows that are scored at once, as by `mvib.estimate`; a batch of it is also what InfoNCE has candidates from.
MOST_ROWS_SCORED = 1024
# Beyond this N^2 D a measurement takes many seconds, and hardly depends on the draw: one draw instead of three.
MOST_WORK_REPEATED = NUM**2 * 2 * DIM

CRITIC = "separable(128, 128, dim: 32)"
NET = "mlp(128)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A Gaussian law of equally correlated pairs, and a number of rows."""

    information: float
    dim: int
    num: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An estimate on one draw."""

    estimator: str
    setting: Setting
    seed: int
    value: float
    seconds: float

    @property
    def error(self) -> float:
        """Estimate less truth, nats."""
        return self.value - self.setting.information


Measure = Callable[[Law, Tensor, Tensor, int], float]


def with_exact_critic(
    estimate: Callable[[Tensor, Tensor], Tensor], shift: float, law: Law, x: Tensor, y: Tensor, _seed: int
) -> float:
    """Mean over batches with the log-ratio of the law as critic, all others of the batch as negatives."""
    values = []
    for some_x, some_y in in_batches(x, y):
        scores = law.log_ratio(some_x[:, None], some_y[None]) + shift
        off_diagonal = ~torch.eye(len(scores), dtype=torch.bool)
        values.append(estimate(scores.diagonal(), scores[off_diagonal].reshape(len(scores), -1)).item())
    return statistics.fmean(values)


def with_exact_density(
    estimate: Callable[[DiagonalGaussian, Tensor], Tensor], law: Law, x: Tensor, y: Tensor, _seed: int
) -> float:
    """Mean over batches with the conditional density of the law."""
    assert law.conditional is not None
    values = []
    for some_x, some_y in in_batches(x, y):
        mean, std = law.conditional(some_x)
        values.append(estimate(DiagonalGaussian(mean=mean, std=std), some_y).item())
    return statistics.fmean(values)


def from_samples(name: str, arguments: dict[str, object], _law: Law, x: Tensor, y: Tensor, seed: int) -> float:
    """As a user has it: what must be trained is trained on one half of the rows and measured on the other."""
    return float(mvib.estimate(name, x, y, arguments, resamples=0, seed=seed))


def in_batches(x: Tensor, y: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
    """Even parts of at most `MOST_ROWS_SCORED` rows."""
    num_parts = -(-len(x) // MOST_ROWS_SCORED)
    bounds = [round(part * len(x) / num_parts) for part in range(num_parts + 1)]
    return ((x[start:end], y[start:end]) for start, end in pairwise(bounds))


FAMILIES: dict[str, dict[str, Measure]] = {
    "critic: the exact log-ratio": {
        "infonce": partial(with_exact_critic, infonce.from_critic, 0.0),
        "nwj": partial(with_exact_critic, nwj.nwj, 1.0),
        "dv": partial(with_exact_critic, dv.dv, 0.0),
        "smile": partial(with_exact_critic, smile.smile, 0.0),
    },
    "critic: trained on half of the rows": {
        f"{name}, trained": partial(from_samples, name, {"critic": CRITIC})
        for name in ("infonce", "nwj", "dv", "smile")
    },
    "density: exact, or trained on half of the rows": {
        "club": partial(with_exact_density, club),
        "l1out": partial(with_exact_density, l1out),
        "club, trained": partial(from_samples, "club", {"net": NET}),
        "l1out, trained": partial(from_samples, "l1out", {"net": NET}),
    },
    "covariances and a linear probe": {
        "cca": partial(from_samples, "cca", {"ridge": 1e-6}),
        "ldmi": partial(from_samples, "ldmi", {"eps": 1e-3}),
        "logdet": partial(from_samples, "logdet", {"beta": 100.0, "center": True}),
        "v_information": partial(from_samples, "v_information", {}),
    },
    "neighbours, kernels, cosines": {
        "ksg": partial(from_samples, "ksg", {}),
        "ksg, variant 2": partial(from_samples, "ksg", {"variant": 2}),
        "sliced": partial(from_samples, "sliced", {"slices": 16}),
        "kde": partial(from_samples, "kde", {}),
        "matrix_mi": partial(from_samples, "matrix_mi", {}),
        "infonce, cosines": partial(from_samples, "infonce", {}),
    },
}
MEASURES = {name: measure for family in FAMILIES.values() for name, measure in family.items()}

SWEEPS: dict[str, tuple[Setting, ...]] = {
    "information": tuple(Setting(information=i, dim=DIM, num=NUM) for i in INFORMATIONS),
    "dim": tuple(Setting(information=INFORMATION, dim=d, num=NUM) for d in DIMS),
    "num": tuple(Setting(information=INFORMATION, dim=DIM, num=n) for n in NUMS),
}


def measure(estimator: str, setting: Setting, seed: int) -> Result:
    """One estimate on one draw of a law."""
    law = gaussian(information=setting.information, dim=setting.dim)
    x, y = law.sample(setting.num, torch.Generator().manual_seed(1000 + seed))
    started = time.perf_counter()
    value = MEASURES[estimator](law, x, y, seed)
    return Result(estimator=estimator, setting=setting, seed=seed, value=value, seconds=time.perf_counter() - started)


def seeds_of(estimator: str, setting: Setting) -> tuple[int, ...]:
    """Draws of the law; one where a measurement is long."""
    is_long = setting.num**2 * setting.dim * 2 > MOST_WORK_REPEATED or "trained" in estimator
    return SEEDS[:1] if is_long else SEEDS


def run() -> list[Result]:
    """All estimators at all settings."""
    settings = dict.fromkeys(setting for sweep in SWEEPS.values() for setting in sweep)
    # The longest first, so that no process ends long after the other.
    ordered = sorted(settings, key=lambda s: -(s.num**2 * s.dim))
    jobs = [(name, setting, seed) for setting in ordered for name in MEASURES for seed in seeds_of(name, setting)]
    with ProcessPoolExecutor(NUM_PROCESSES, mp_context=get_context("spawn")) as pool:
        return list(pool.map(measure, *zip(*jobs, strict=True)))


def write_csv(results: Sequence[Result], path: Path) -> None:
    """Every estimate."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("estimator", "information", "dim", "num", "seed", "value", "error", "seconds"))
        for r in results:
            s = r.setting
            numbers = (f"{r.value:.4f}", f"{r.error:.4f}", f"{r.seconds:.2f}")
            writer.writerow((r.estimator, s.information, s.dim, s.num, r.seed, *numbers))


def errors_of(results: Sequence[Result]) -> dict[tuple[str, Setting], list[float]]:
    """Errors of the draws of each estimator at each setting."""
    errors: dict[tuple[str, Setting], list[float]] = defaultdict(list)
    for result in results:
        errors[result.estimator, result.setting].append(result.error)
    return errors


def write_markdown(results: Sequence[Result], path: Path) -> None:
    """Mean errors, a table for each sweep."""
    errors = errors_of(results)
    seconds: dict[str, float] = defaultdict(float)
    for r in results:
        if r.setting == Setting(information=INFORMATION, dim=DIM, num=NUM) and r.seed == 0:
            seconds[r.estimator] = r.seconds
    lines = []
    for sweep, settings in SWEEPS.items():
        fixed = {"information": f"D = {DIM}, N = {NUM}", "dim": f"I = {INFORMATION:g}, N = {NUM}"}
        lines += [
            f"Mean error in nats against {WORDS[sweep]} ({fixed.get(sweep, f'I = {INFORMATION:g}, D = {DIM}')})",
            "",
        ]
        values = [f"{getattr(setting, sweep):g}" for setting in settings]
        lines += [f"| estimator | {' | '.join(values)} |", "| --- |" + " ---: |" * len(values)]
        for name in MEASURES:
            means = [statistics.fmean(errors[name, setting]) for setting in settings]
            cells = [f"{mean:+.2f}" if abs(mean) < 100 else f"{mean:+.0e}" for mean in means]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    lines += [f"Seconds of one estimate at I = {INFORMATION:g}, D = {DIM}, N = {NUM}", ""]
    lines += ["| estimator | seconds |", "| --- | ---: |"]
    lines += [f"| {name} | {taken:.2f} |" for name, taken in seconds.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


WORDS = {"information": "true information (nats)", "dim": "dimensions of either variable", "num": "number of rows"}

# Okabe and Ito's colours for all kinds of colour vision, without the yellow, which is too light for lines on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9")
# Errors beyond are drawn at the edge.
LOWEST, HIGHEST = -30.0, 60.0
MARKERS = ("o", "s", "^", "D", "v", "P")


def draw(results: Sequence[Result]) -> None:
    """A panel for each family and sweep, on one scale that is linear near zero."""
    errors = errors_of(results)
    mpl.rcParams.update({"font.size": 9, "svg.hashsalt": "mvib", "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(
        len(FAMILIES), len(SWEEPS), figsize=(11, 2.6 * len(FAMILIES)), sharey=True, sharex="col", layout="constrained"
    )
    for row, (family, measures) in zip(axes, FAMILIES.items(), strict=True):
        for axis, (sweep, settings) in zip(row, SWEEPS.items(), strict=True):
            axis.axhspan(-0.1, 0.1, color="#EDEDED", zorder=0)
            axis.axhline(0, color="#6E6E6E", linewidth=0.8, zorder=1)
            places = [getattr(setting, sweep) for setting in settings]
            for name, colour, marker in zip(measures, COLOURS, MARKERS, strict=False):
                means = [statistics.fmean(errors[name, setting]) for setting in settings]
                drawn = [min(max(mean, LOWEST), HIGHEST) for mean in means]
                style = "--" if "trained" in name and not family.startswith("critic") else "-"
                axis.plot(places, drawn, style, color=colour, marker=marker, markersize=4, linewidth=1.3, label=name)
            if sweep != "information":
                axis.set_xscale("log", base=2)
                axis.set_xticks(places, [str(place) for place in places])
                axis.minorticks_off()
            axis.set_yscale("symlog", linthresh=0.1)
            ticks = (-10, -1, -0.1, 0, 0.1, 1, 10)
            axis.set_yticks(ticks, [f"{tick:+g}" if tick else "0" for tick in ticks])
            axis.minorticks_off()
            axis.set_ylim(LOWEST * 1.3, HIGHEST * 1.3)
        row[0].set_ylabel("error (nats)")
        row[0].set_title(family, loc="left", fontsize=10, fontweight="bold")
        row[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    for axis, sweep in zip(axes[-1], SWEEPS, strict=True):
        axis.set_xlabel(WORDS[sweep])
    # No date inside, so that the same numbers give the same file.
    figure.savefig(HERE / "errors.svg", metadata={"Date": None})
    figure.savefig(HERE / "errors.png", dpi=110)


def main() -> None:
    """Measure, and write what was found."""
    started = time.perf_counter()
    results = run()
    # Minus infinity is what `nwj` says of a critic that is far off on rows it was not trained on.
    assert not any(math.isnan(result.value) for result in results)
    write_csv(results, HERE / "table.csv")
    write_markdown(results, HERE / "table.md")
    draw(results)
    print(f"{len(results)} estimates in {(time.perf_counter() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()

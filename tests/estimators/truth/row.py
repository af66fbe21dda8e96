"""A row of the truth table: how an estimator is called on samples of a law, and what its mean over batches must be."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import torch
from torch import Tensor

from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import Bound, EstimatorEntry, Form
from mvib.data.laws import Kind, Law, gaussian
from mvib.estimators import rows
from mvib.nn.distributions import DiagonalGaussian

CATALOGUE = load_catalogue(()).estimators
ONE_VARIABLE = (Form.ENTROPY, Form.DIVERGENCE)

Measure = Callable[[Law, Tensor, Tensor], Tensor]


def nothing(_law: Law, _num: int) -> float:
    return 0.0


def unbounded(_law: Law, _num: int) -> float:
    return math.inf


def unknown(_law: Law, _num: int) -> float | None:
    return None


def with_more_information(step: int) -> Law:
    """Laws of one marginal and ever more information."""
    return gaussian(information=(0.0, 0.7, 1.5, 3.0)[step], dim=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to call an estimator, and its promise.

    The mean over batches must lie, within the sampling error, where the catalogue's direction of the bound puts it with
    respect to `quantity`, and at `population`.

    Attributes:
        name: of the estimator in the catalogue.
        form: of the quantity.
        words: arguments, as a spec writes them, which may decide the direction of the bound.
        about: what distinguishes this call from others of the estimator.
        measure: the estimate from a batch of pairs of a law.
        quantity: of which the estimate is a bound, or exact; None on laws where it cannot be called or is not known.
        gap: at most so far is the mean from the quantity on the side that its bound leaves open.
        slack: at most so far is it, for a batch of n, on the side that its bound excludes.
        population: what the mean of the estimate is, whatever the quantity; None where that has no closed form.
        bias: at most so far is the mean from `population`, for a batch of n.
        cap: the value that no batch exceeds.
        num_rows: of a batch.
        family: laws along which an information rises.
        grows: whether the mean rises along them in steps that can be told apart.
        invariant: whether the call leaves the rows as they come, so that it has the invariances of the estimator.
    """

    name: str
    form: Form = Form.INFORMATION
    words: dict[str, str] = field(default_factory=dict)
    about: str = ""
    measure: Measure
    quantity: Callable[[Law], float | None] = lambda _: None
    gap: Callable[[Law, int], float] = unbounded
    slack: Callable[[Law, int], float] = nothing
    population: Callable[[Law, int], float | None] = unknown
    bias: Callable[[Law, int], float] = nothing
    cap: Measure | None = None
    num_rows: int = 128
    family: Callable[[int], Law] = with_more_information
    grows: bool = True
    invariant: bool = True

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.name, self.form.value, self.about) if part)

    @property
    def entry(self) -> EstimatorEntry:
        return CATALOGUE[self.name]

    @property
    def bound(self) -> Bound:
        return self.entry.bound_of(self.form, self.words)

    def interval(self, law: Law) -> tuple[float, float]:
        """Where the mean over batches of a law must lie; all numbers where nothing is promised."""
        num, low, high = self.num_rows, -math.inf, math.inf
        quantity, population = self.quantity(law), self.population(law, num)
        if quantity is not None:
            slack, gap = self.slack(law, num), self.gap(law, num)
            below, above = {
                Bound.LOWER: (gap, slack),
                Bound.UPPER: (slack, gap),
                Bound.EXACT: (slack, slack),
                Bound.SURROGATE: (math.inf, math.inf),
            }[self.bound]
            low, high = quantity - below, quantity + above
        if population is not None:
            bias = self.bias(law, num)
            low, high = max(low, population - bias), min(high, population + bias)
        return low, high


def on_rows(name: str, form: Form, /, **arguments: Any) -> Measure:
    """An estimator of rows as the plan calls it: the implementation of the form, after the catalogue's transform."""
    entry = CATALOGUE[name]
    module, _, function = entry.implementation_of(form).partition(":")
    estimate = getattr(importlib.import_module(module), function)
    prepare = getattr(rows, entry.rows.value)

    def measure(_law: Law, x: Tensor, y: Tensor) -> Tensor:
        variables = (x,) if form in ONE_VARIABLE else (x, y)
        value: Tensor = estimate(*(prepare(v) for v in variables), **arguments)
        return value

    return measure


def on_scores(estimate: Callable[[Tensor, Tensor], Tensor], critic: Callable[[Tensor], Tensor]) -> Measure:
    """An estimator of scores, for a critic that is a function of the exact log-ratio; all others as negatives."""

    def measure(law: Law, x: Tensor, y: Tensor) -> Tensor:
        scores = critic(log_ratios(law, x, y))
        off_diagonal = ~torch.eye(len(scores), dtype=torch.bool)
        return estimate(scores.diagonal(), scores[off_diagonal].reshape(len(scores), -1))

    return measure


def on_density(
    estimate: Callable[[DiagonalGaussian, Tensor], Tensor], *, shrink: float = 1.0, widen: float = 1.0
) -> Measure:
    """An estimator of a conditional density: the law's own, or one with shrunk means and wider spread."""

    def measure(law: Law, x: Tensor, y: Tensor) -> Tensor:
        assert law.conditional is not None
        mean, std = law.conditional(x)
        return estimate(DiagonalGaussian(mean=shrink * mean, std=widen * std), y)

    return measure


def log_ratios(law: Law, x: Tensor, y: Tensor) -> Tensor:
    """The log-ratio of every x with every y."""
    return law.log_ratio(x[:, None], y[None])


@lru_cache(maxsize=64)
def batch(law: Law, num_rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """A batch of pairs."""
    return law.sample(num_rows, torch.Generator().manual_seed(seed))


@cache
def contrast_deficit(law: Law, num_rows: int) -> float:
    """E log(1 + (e^r - 1) / n): at most so much does InfoNCE with the best critic fall short of I.

    I - E InfoNCE = E log mean_j e^r_ij over one positive and n - 1 negatives. Given x_i a negative's e^r has mean 1,
    and the logarithm is concave. The mean over 20,000 pairs, and four of its standard errors.
    """
    deficits = torch.log1p(law.log_ratio(*batch(law, 20_000, 12345)).expm1() / num_rows)
    return (deficits.mean() + 4 * deficits.std() / math.sqrt(len(deficits))).item()


def information(law: Law) -> float:
    return law.information


def is_gaussian(law: Law) -> bool:
    return law.name.startswith(("gaussian", "sparse gaussian", "dense gaussian", "independent"))


def is_independent(law: Law) -> bool:
    return law.information == 0.0


def has_normal_x(law: Law) -> bool:
    """Whether X is standard normal."""
    return law.name.startswith(("gaussian", "sparse gaussian", "independent"))


def has_light_ratio(law: Law) -> bool:
    """Whether e^r varies little: its variance over independent pairs is e^(2 I) - 1 for Gaussian laws and their images,
    and bounded for the laws of uniform and of discrete variables; for Student's it may be infinite."""
    return law.information <= 2 and "student" not in law.name


def has_density(law: Law) -> bool:
    return law.kind is Kind.CONTINUOUS


def same_width(law: Law) -> bool:
    return law.dim_x == law.dim_y

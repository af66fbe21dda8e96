"""One information quantity of arrays by one estimator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from mvib.catalogue import Catalogue, load_catalogue
from mvib.catalogue.signature import EstimatorEntry, Form, Interface, Rows
from mvib.compile.estimator import Estimated, Estimator
from mvib.compile.execution import Networks, Tables, transform_rows
from mvib.compile.networks import build_auxiliary
from mvib.estimators.ranks import ALONE
from mvib.evaluate.information.call import bind_arguments, find_entry, form_of
from mvib.evaluate.information.fitting import fit
from mvib.evaluate.information.interval import half_sample_interval
from mvib.evaluate.information.measurement import Measurement, Promise
from mvib.evaluate.information.samples import as_table, read_samples
from mvib.nn.builders.critics import JointCritic
from mvib.nn.learned_number import LearnedNumber
from mvib.plan.plan import Auxiliary, Estimate
from mvib.semantics.values import BoundCall, Learned
from mvib.source import SourceFile, Span

_NOWHERE = Span(SourceFile("arguments", ""), 0, 0)

# Rows a step in training. A critic that does not separate is applied to every pair of them.
_BATCH = 256
_JOINT_BATCH = 64

# Rows that a critic scores at once: its scores are as many as the pairs of rows.
_MOST_ROWS_SCORED = 1024


def measure_information(
    name: str,
    x: Any,
    y: Any,
    arguments: Mapping[str, object],
    *,
    level: float = 0.95,
    resamples: int = 20,
    seed: int = 0,
    plugins: tuple[str, ...] = (),
) -> Measurement:
    """Measure an information quantity of samples; see `mvib.estimate`."""
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is between 0 and 1, not {level:g}")
    if resamples < 0 or resamples == 1:
        raise ValueError("resamples is 0 for no interval, or at least 2")
    catalogue = load_catalogue(plugins)
    entry = find_entry(catalogue, name)
    samples = read_samples(x, y)
    form = form_of(entry, len(samples))
    call = bind_arguments(catalogue, entry, arguments)
    if entry.same_width and entry.interface is Interface.ROWS and len({as_table(s).shape for s in samples}) > 1:
        widths = " and ".join(str(as_table(s).shape[1]) for s in samples)
        raise ValueError(f"`{name}` compares rows of one width, and x and y have {widths} columns")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        measure, rows = _prepare(catalogue, entry, call, form, samples)
        value = measure(rows)
        interval = None
        if resamples and len(rows[0]) >= 2 * _fewest(entry):
            generator = torch.Generator().manual_seed(seed)
            interval = half_sample_interval(measure, rows, value, level=level, resamples=resamples, generator=generator)
    letters = form.value.replace("A || prior", "A || normal")
    joint = "H(A, B)" if form is Form.ENTROPY and len(samples) == 2 else letters
    bound = entry.bound_of(form, call.words())
    promise = Promise(
        estimator=call.text(),
        quantity=joint,
        bound=bound.value,
        exact_when=entry.exact_when,
        units=entry.units,
        interval=interval,
        level=level,
        num_examples=len(rows[0]),
        saturation=entry.saturation,
    )
    return Measurement(value, promise)


def _fewest(entry: EstimatorEntry) -> int:
    """Rows a half must have to be worth measuring."""
    return 8 if entry.differentiable else 16


def _prepare(
    catalogue: Catalogue, entry: EstimatorEntry, call: BoundCall, form: Form, samples: Sequence[Tensor]
) -> tuple[Callable[[Sequence[Tensor]], float], list[Tensor]]:
    """How some rows are measured, and the rows to measure."""
    estimate = Estimate(
        entry=entry,
        call=call,
        inputs=("x", "y")[: len(samples)],
        prior=_normal(catalogue) if entry.draws_prior else None,
        form=form,
        share=Fraction(1),
        name="estimate",
        span=_NOWHERE,
    )
    auxiliary = _auxiliary(entry, call)
    learned = {
        name: LearnedNumber(value.start, positive=value.positive, least=value.least)
        for name, value in call.arguments
        if isinstance(value, Learned)
    }
    if auxiliary is None and not learned:
        estimator = Estimator(estimate, auxiliaries=Networks())
        rows = _rows_for(entry, samples)
        return lambda some: _measured(estimator, _transformed(entry, some)), rows
    return _fit_and_prepare(replace(estimate, auxiliary=auxiliary), learned, samples)


def _fit_and_prepare(
    estimate: Estimate, learned: Mapping[str, LearnedNumber], samples: Sequence[Tensor]
) -> tuple[Callable[[Sequence[Tensor]], float], list[Tensor]]:
    """Train on one half of the rows, measure on the other: the direction of a bound holds on rows not trained on."""
    entry, auxiliary = estimate.entry, estimate.auxiliary
    assert entry is not None
    order = torch.randperm(len(samples[0]))
    half = len(order) // 2
    tables = [as_table(table)[order] for table in samples]
    # Information does not change under a map of each variable; networks train best on standardised ones.
    means = [table[:half].mean(dim=0) for table in tables]
    scales = [table[:half].std(dim=0).clamp(min=1e-12) for table in tables]
    if auxiliary is not None:
        tables = [((t - m) / s).float() for t, m, s in zip(tables, means, scales, strict=True)]
    networks = nn.ModuleDict(dict(learned))
    auxiliaries = Networks()
    if auxiliary is not None:
        auxiliaries.add(auxiliary.name, build_auxiliary(auxiliary, tables[0].shape[1:], tables[1].shape[1:]))
        networks["auxiliaries"] = auxiliaries
    estimator = Estimator(estimate, auxiliaries=auxiliaries, learned=learned)

    def evaluate(some: Sequence[Tensor]) -> Estimated:
        prepared = some if auxiliary is not None else _transformed(entry, some)
        return estimator(_tables(prepared))

    def restrict() -> None:
        for number in learned.values():
            number.restrict()

    joint = any(isinstance(module, JointCritic) for module in networks.modules())
    batch = _JOINT_BATCH if joint else _BATCH
    fit(networks, evaluate, [table[:half] for table in tables], batch=batch, after_step=restrict)
    kept = [table[half:] for table in tables]
    if auxiliary is None:
        return lambda some: _measured(estimator, _transformed(entry, some)), kept
    return lambda some: _measured_in_parts(estimator, some), kept


def _measured(estimator: Estimator, rows: Sequence[Tensor]) -> float:
    with torch.no_grad():
        return float(estimator(_tables(rows)).value)


def _measured_in_parts(estimator: Estimator, rows: Sequence[Tensor]) -> float:
    """The mean over batches, none of them small, of what a critic says."""
    num = len(rows[0])
    num_parts = -(-num // _MOST_ROWS_SCORED)
    bounds = [round(part * num / num_parts) for part in range(num_parts + 1)]
    values = [_measured(estimator, [table[start:end] for table in rows]) for start, end in pairwise(bounds)]
    return sum(values) / len(values)


def _tables(rows: Sequence[Tensor]) -> Tables:
    return Tables({}, values=dict(zip(("x", "y"), rows, strict=False)))


def _rows_for(entry: EstimatorEntry, samples: Sequence[Tensor]) -> list[Tensor]:
    """Tables of numbers; the label of an estimator about labels stays one."""
    if entry.interface is Interface.LABELS:
        rows, labels = samples
        if labels.is_floating_point():
            raise ValueError(f"`{entry.name}` takes labels for y: whole numbers, one an example")
        return [as_table(rows), labels]
    return [as_table(table) for table in samples]


def _transformed(entry: EstimatorEntry, rows: Sequence[Tensor]) -> list[Tensor]:
    """The rows as the estimator asks for them; labels as they are."""
    kind = entry.rows if entry.interface is Interface.ROWS else Rows.RAW
    return [transform_rows(kind, table, ALONE) if table.is_floating_point() else table for table in rows]


def _normal(catalogue: Catalogue) -> BoundCall:
    return BoundCall(entry=catalogue.distributions["normal"], arguments=(), span=_NOWHERE)


def _auxiliary(entry: EstimatorEntry, call: BoundCall) -> Auxiliary | None:
    given = dict(call.arguments)
    network = given.get("net") if entry.interface is Interface.CONDITIONAL else given.get("critic")
    if not isinstance(network, BoundCall):
        return None
    is_density = entry.interface is Interface.CONDITIONAL
    return Auxiliary(name="auxiliary", call=network, is_density=is_density, first="x", second="y")

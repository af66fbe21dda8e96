"""One information quantity of arrays by one estimator."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from mvib.catalogue import Catalogue, load_catalogue
from mvib.catalogue.signature import Bound, EstimatorEntry, Form, Interface, Rows, Widths
from mvib.compile.estimator import Estimated, Estimator, build_memory
from mvib.compile.execution import Networks, Tables, transform_rows
from mvib.compile.networks import build_auxiliary
from mvib.estimators.neighbours import TiesWarning
from mvib.estimators.ranks import ALONE
from mvib.evaluate.information.call import bind_arguments, find_entry, form_of
from mvib.evaluate.information.fitting import fit
from mvib.evaluate.information.interval import half_sample_interval
from mvib.evaluate.information.measurement import Measurement, Promise
from mvib.evaluate.information.samples import as_table, read_samples
from mvib.nn.builders.critics import JointCritic
from mvib.nn.learned_number import LearnedNumber
from mvib.nn.shapes import ShapeError
from mvib.plan.plan import Auxiliary, Estimate
from mvib.semantics.values import BoundCall, Learned
from mvib.source import SourceFile, Span

_NOWHERE = Span(SourceFile("arguments", ""), 0, 0)

# Rows a step in training. A critic that does not separate is applied to every pair of them.
_BATCH = 256
_JOINT_BATCH = 64

# Rows that a critic scores at once: its scores are as many as the pairs of rows.
_MOST_ROWS_SCORED = 1024


# Rows that a network and its measurement take at least, half of them each.
_FEWEST_TRAINED = 32


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
    if not 0 <= seed < 2**63:
        raise ValueError(f"the seed is a whole number from 0 to 2^63 - 1, not {seed}")
    catalogue = load_catalogue(plugins)
    entry = find_entry(catalogue, name)
    samples = read_samples(x, y)
    form = form_of(entry, len(samples))
    call = bind_arguments(catalogue, entry, arguments)
    widths = {as_table(table).shape[1] for table in samples}
    compares = entry.interface is Interface.ROWS and (entry.same_width or entry.widths is not Widths.ANY)
    if compares and form not in entry.labelled and len(widths) > 1:
        listed = " and ".join(str(as_table(table).shape[1]) for table in samples)
        raise ValueError(f"`{name}` compares rows of one width, and x and y have {listed} columns")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        prepared = _prepare(catalogue, entry, call, form, samples)
        rows = prepared.rows
        try:
            value, ties = _with_ties(prepared.measure, rows)
        except LinAlgError as error:
            raise ValueError(f"`{call.text()}` cannot be computed of these rows: {error}") from error
        remarks = [*ties]
        interval = None
        if resamples and len(rows[0]) >= 2 * _fewest(entry):
            generator = torch.Generator().manual_seed(seed)
            try:
                with warnings.catch_warnings():
                    # Said of the whole sample already.
                    warnings.simplefilter("ignore", TiesWarning)
                    interval = half_sample_interval(
                        prepared.measure,
                        rows,
                        value,
                        level=level,
                        resamples=resamples,
                        generator=generator,
                        grows=entry.grows,
                    )
            except (ValueError, LinAlgError) as error:
                remarks.append(f"there is no interval, since half of the rows cannot be measured: {error}")
        elif resamples:
            remarks.append(f"there is no interval, which takes at least {2 * _fewest(entry)} rows")
    if interval is not None and prepared.is_trained:
        remarks.append(
            "the interval is that of the rows measured on, given what was trained on the others; training on other "
            "rows, or from another seed, may change the value by more"
        )
    letters = form.value.replace("A || prior", "A || normal")
    joint = "H(A, B)" if form is Form.ENTROPY and len(samples) == 2 else letters
    bound, slack = _direction(entry, form, call, has_ties=bool(ties))
    remarks += slack
    promise = Promise(
        estimator=call.text(),
        quantity=joint,
        bound=bound.value,
        exact_when="" if ties else entry.exact_when,
        units="none" if call.words().get("objective") == "correlation" else entry.units,
        interval=interval,
        level=level,
        num_examples=len(rows[0]),
        saturation=entry.saturation,
        remarks=tuple(remarks),
    )
    return Measurement(value, promise)


def _direction(entry: EstimatorEntry, form: Form, call: BoundCall, *, has_ties: bool) -> tuple[Bound, list[str]]:
    """The direction of a value, and by how much it may miss where it then bounds nothing as it stands."""
    bound, slack = entry.bound_of(form, call.words()), entry.slack_of(call.words())
    # Where rows repeat, what is promised of continuous variables does not hold.
    if has_ties or bound is Bound.SURROGATE or not slack:
        return Bound.SURROGATE if has_ties else bound, []
    return Bound.SURROGATE, [f"less {slack}, N the number of rows, it is a {bound.value}"]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """How some rows are measured, the rows to measure, and whether something was trained on others."""

    measure: Callable[[Sequence[Tensor]], float]
    rows: list[Tensor]
    is_trained: bool = False


def _with_ties(measure: Callable[[Sequence[Tensor]], float], rows: Sequence[Tensor]) -> tuple[float, list[str]]:
    """The measurement, and what it had to warn of repeated rows; all warnings go on to whoever asked."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = measure(rows)
    ties: list[str] = []
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, TiesWarning):
            if text in ties:  # said of each of many projections
                continue
            ties.append(text)
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return value, ties


def _fewest(entry: EstimatorEntry) -> int:
    """Rows a half must have to be worth measuring."""
    return 8 if entry.differentiable else 16


def _prepare(
    catalogue: Catalogue, entry: EstimatorEntry, call: BoundCall, form: Form, samples: Sequence[Tensor]
) -> _Prepared:
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
        rows = _rows_for(entry, form, samples)
        return _Prepared(lambda some: _measured(estimator, _transformed(entry, some)), rows)
    return _fit_and_prepare(replace(estimate, auxiliary=auxiliary), learned, samples)


def _fit_and_prepare(estimate: Estimate, learned: Mapping[str, LearnedNumber], samples: Sequence[Tensor]) -> _Prepared:
    """Train on one half of the rows, measure on the other: the direction of a bound holds on rows not trained on."""
    entry, auxiliary = estimate.entry, estimate.auxiliary
    assert entry is not None
    assert estimate.form is not None
    order = torch.randperm(len(samples[0]))
    half = len(order) // 2
    networks = nn.ModuleDict(dict(learned))
    auxiliaries = Networks()
    if auxiliary is not None:
        if len(samples[0]) < _FEWEST_TRAINED:
            raise ValueError(
                f"there are {len(samples[0])} rows, and `{entry.name}` trains a network on half of them: give at least "
                f"{_FEWEST_TRAINED}"
            )
        tables = [as_table(table)[order] for table in samples]
        # Information does not change under a map of each variable; networks train best on standardised ones.
        means = [table[:half].mean(dim=0) for table in tables]
        scales = [table[:half].std(dim=0).clamp(min=1e-12) for table in tables]
        tables = [((t - m) / s).float() for t, m, s in zip(tables, means, scales, strict=True)]
        try:
            network = build_auxiliary(auxiliary, tables[0].shape[1:], tables[1].shape[1:])
        except ShapeError as error:
            raise ValueError(f"`{auxiliary.call.text()}` takes no rows of a table: {error}") from error
        auxiliaries.add(auxiliary.name, network)
        networks["auxiliaries"] = auxiliaries
    else:
        tables = [table[order] for table in _rows_for(entry, estimate.form, samples)]
    memory = build_memory(estimate, tables[0].shape[-1])
    if memory is not None:
        networks["memory"] = memory
    estimator = Estimator(estimate, auxiliaries=auxiliaries, memory=memory, learned=learned)

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
        return _Prepared(lambda some: _measured(estimator, _transformed(entry, some)), kept, is_trained=True)
    return _Prepared(lambda some: _measured_in_parts(estimator, some), kept, is_trained=True)


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


def _rows_for(entry: EstimatorEntry, form: Form, samples: Sequence[Tensor]) -> list[Tensor]:
    """Tables of numbers; the label of an estimator about labels stays one.

    Raises:
        ValueError: a label is wanted, and what is given is none.
    """
    if entry.takes_labels:
        # As they were given: whole numbers are labels, and anything else is rows.
        return [as_table(samples[0]), *samples[1:]]
    if entry.interface is not Interface.LABELS and form not in entry.labelled:
        return [as_table(table) for table in samples]
    *first, last = samples
    rows = [as_table(table) for table in first]
    is_logits = entry.interface is Interface.LABELS
    if last.is_floating_point():
        if is_logits and last.shape == rows[0].shape:
            return [*rows, last]
        raise ValueError(f"`{entry.name}` takes labels for y: whole numbers, one an example")
    labels, num_classes = last.reshape(-1), rows[0].shape[1]
    wrong = ((labels < 0) | (labels >= num_classes)).nonzero()
    if is_logits and len(wrong):
        raise ValueError(
            f"x has {num_classes} columns, one logit a class, so the labels of y are 0 to {num_classes - 1}; "
            f"row {int(wrong[0])} has {int(labels[wrong[0]])}"
        )
    return [*rows, labels]


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

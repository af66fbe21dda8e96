"""Every estimator on every law: the mean over batches lies where its promise puts it, within the sampling error."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from mvib.catalogue.signature import Form, Invariance
from mvib.data.laws import LAWS, Law, dense_gaussian, gaussian, independent, spiral, wiggly
from tests.estimators.truth.row import CATALOGUE, ONE_VARIABLE, Row, batch
from tests.estimators.truth.table import ROWS

NUM_BATCHES = 24


def values_on(row: Row, law: Law, num_batches: int = NUM_BATCHES) -> Tensor:
    """The estimate on independent batches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.stack([row.measure(law, *batch(law, row.num_rows, seed)) for seed in range(num_batches)])


def has_promise(row: Row, law: Law) -> bool:
    low, high = row.interval(law)
    return not (math.isinf(low) and math.isinf(high))


# Laws outermost, so that the batches of a law are drawn once.
PROMISES = [(law, row) for law in LAWS for row in ROWS if has_promise(row, law)]

# The mean of independent batches over its standard error is Student's, to a good approximation; all of the comparisons
# together fail by chance with a probability of 1e-3, were the seeds not fixed.
NUM_COMPARISONS = len(PROMISES) + 5 * len(ROWS)
STANDARD_ERRORS = stats.t.ppf(1 - 1e-3 / (2 * NUM_COMPARISONS), df=NUM_BATCHES - 1)


def sampling_error(values: Tensor) -> float:
    """The reach of the mean's sampling error; of values that are equal, that of rounding."""
    error: float = STANDARD_ERRORS * values.std().item() / math.sqrt(len(values))
    return error + 1e-9 * (1 + values.abs().max().item())


def test_every_estimator_has_a_row() -> None:
    assert {row.name for row in ROWS} == set(CATALOGUE)


def test_every_bound_is_held_on_some_laws() -> None:
    promised = {(row.name, row.form) for _, row in PROMISES}
    for entry in CATALOGUE.values():
        assert any(row.name == entry.name for _, row in PROMISES), entry.name
        for form in entry.forms:
            if entry.bound_of(form, {}).value != "surrogate":
                assert (entry.name, form) in promised


def test_every_law_is_used() -> None:
    assert {law.name for law, _ in PROMISES} == {law.name for law in LAWS}


@pytest.mark.parametrize(("law", "row"), PROMISES, ids=[f"{row.label} on {law.name}" for law, row in PROMISES])
def test_mean_keeps_the_promise(law: Law, row: Row) -> None:
    values = values_on(row, law)
    low, high = row.interval(law)
    error = sampling_error(values)
    assert low - error <= values.mean().item() <= high + error


@pytest.mark.parametrize("row", [row for row in ROWS if row.grows], ids=lambda row: row.label)
def test_grows_with_what_it_estimates(row: Row) -> None:
    """With information, or with less conditional entropy; entropy and divergence, from a narrow law to an even one."""
    if row.form in ONE_VARIABLE:
        laws = [dense_gaussian(correlation=0.9, dim_x=4, dim_y=1), independent(dim=4)]
        sign = 1 if row.form is Form.ENTROPY else -1
    else:
        laws = [row.family(step) for step in range(4)]
        sign = -1 if row.form is Form.CONDITIONAL_ENTROPY else 1
    for less, more in itertools.pairwise(laws):
        difference = sign * (values_on(row, more) - values_on(row, less))
        assert difference.mean().item() > sampling_error(difference)


@pytest.mark.parametrize("row", [row for row in ROWS if row.cap is not None], ids=lambda row: row.label)
@pytest.mark.parametrize("law", [gaussian(information=10.0, dim=20), gaussian(information=30.0, dim=3)])
def test_no_batch_exceeds_the_cap(row: Row, law: Law) -> None:
    assert row.cap is not None
    for seed in range(4):
        pair = batch(law, row.num_rows, seed)
        # Rounding of a value of this size.
        assert row.measure(law, *pair).item() <= row.cap(law, *pair).item() * (1 + 1e-9) + 1e-9


def test_every_declared_saturation_has_a_cap() -> None:
    assert {row.name for row in ROWS if row.cap is not None} == {e.name for e in CATALOGUE.values() if e.saturation}


# Where 1,000 rows are too few for a consistent estimate, more are better.
SLOW = {
    "ksg I(A; B)": spiral(gaussian(information=1.0, dim=2), speed=0.5),
    "ksg I(A; B) variant 2": spiral(gaussian(information=1.0, dim=2), speed=0.5),
    "kde I(A; B) scott": wiggly(gaussian(information=1.0, dim=1)),
}


@pytest.mark.parametrize("label", SLOW)
def test_error_falls_with_the_number_of_rows(label: str) -> None:
    (row,) = (row for row in ROWS if row.label == label)
    law = SLOW[label]
    few, many = (values_on(replace(row, num_rows=num), law, 12) - law.information for num in (200, 1600))
    assert few.mean().abs() - many.mean().abs() > sampling_error(few) + sampling_error(many)


INVARIANCES = [
    (row, invariance)
    for row in ROWS
    if row.invariant
    for invariance in row.entry.invariances
    if not (invariance is Invariance.SWAP and row.form in ONE_VARIABLE)
]


@pytest.mark.parametrize(
    ("row", "invariance"), INVARIANCES, ids=[f"{row.label} {invariance.name}" for row, invariance in INVARIANCES]
)
def test_invariance(row: Row, invariance: Invariance) -> None:
    law = gaussian(information=1.0, dim=3)
    x, y = batch(law, 64, 0)
    changed = (
        (y, x) if invariance is Invariance.SWAP else (changed_rows(x, invariance, 1), changed_rows(y, invariance, 2))
    )
    values = []
    for pair in ((x, y), changed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            values.append(row.measure(law, *pair))
    # Rounding of double precision through a matrix decomposition of rows shifted by several of their spreads.
    torch.testing.assert_close(values[0], values[1], rtol=1e-8, atol=1e-8)


def changed_rows(z: Tensor, invariance: Invariance, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    dim = z.shape[1]
    shift = 3 * torch.randn(dim, dtype=z.dtype, generator=generator)
    matrix = torch.randn(dim, dim, dtype=z.dtype, generator=generator)
    match invariance:
        case Invariance.TRANSLATION:
            return z + shift
        case Invariance.ROTATION:
            rotation: Tensor = torch.linalg.qr(matrix).Q
            return z @ rotation
        case Invariance.SCALE:
            return z * (0.3 + seed)
        case Invariance.ROW_SCALE:
            return z * (0.1 + torch.rand(len(z), 1, dtype=z.dtype, generator=generator))
        case Invariance.COLUMN_AFFINE:
            return z * (0.1 + torch.rand(dim, dtype=z.dtype, generator=generator)) + shift
        case Invariance.LINEAR:
            return z @ matrix + shift
        case Invariance.SWAP:
            raise AssertionError("a swap changes no rows")

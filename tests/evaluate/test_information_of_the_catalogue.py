"""Every estimator that samples suffice for gives what its function gives, and intervals cover as often as they say."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import mvib
from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import REQUIRED, EstimatorEntry, Form, Interface
from mvib.compile.networks import import_object
from mvib.estimators import rows

CATALOGUE = load_catalogue()
OF_ONE = (Form.ENTROPY, Form.DIVERGENCE)
OF_PAIRS = (Form.INFORMATION, Form.CONDITIONAL_ENTROPY)


def _asked_for(entry: EstimatorEntry) -> list[Form]:
    """The form that one array is taken for, and the one that two are."""
    firsts = (next((f for f in forms if f in entry.forms), None) for forms in (OF_ONE, OF_PAIRS))
    return [form for form in firsts if form is not None]


OF_SAMPLES = tuple(
    entry
    for entry in CATALOGUE.estimators.values()
    if entry.interface in {Interface.ROWS, Interface.LABELS}
    and not entry.memory
    and all(argument.default is not REQUIRED for argument in entry.arguments)
)
CASES = tuple((entry, form) for entry in OF_SAMPLES for form in _asked_for(entry))


def views(num: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = 1.5 * generator.normal(size=(num, 3))
    return x, 0.7 * x + 0.7 * generator.normal(size=(num, 3))


def inputs(entry: EstimatorEntry, form: Form) -> tuple[np.ndarray, np.ndarray | None]:
    x, y = views(40)
    if form not in OF_PAIRS:
        return x, None
    is_label = entry.interface is Interface.LABELS or form in entry.labelled
    return x, np.arange(40) % 3 if is_label else y


def prepared(entry: EstimatorEntry, sample: np.ndarray) -> Tensor:
    table = torch.from_numpy(sample)
    return getattr(rows, entry.rows.value)(table) if table.is_floating_point() else table


@pytest.mark.parametrize(("entry", "form"), CASES, ids=[f"{entry.name} {form.value}" for entry, form in CASES])
def test_an_estimate_is_what_the_function_gives(entry: EstimatorEntry, form: Form) -> None:
    x, y = inputs(entry, form)
    measured = mvib.estimate(entry.name, x, y, resamples=0)
    assert measured.promise.quantity == form.value.replace("A || prior", "A || normal")
    tables = [prepared(entry, sample) for sample in (x, y) if sample is not None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if entry.draws_prior:
            normal = import_object(CATALOGUE.distributions["normal"].implementation)()
            tables.append(normal.draw(tuple(tables[0].shape), like=tables[0]))
        expected = import_object(entry.implementation_of(form))(*tables)
    assert measured.value == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sigreg", {"slices": 32}),
        ("siglip", {}),
        ("ksg", {}),
        ("hsic", {"kernel": "linear"}),
        ("cca", {}),
        ("logdet", {}),
        ("renyi", {"sigma": 2}),
        ("tcr", {}),
    ],
)
def test_intervals_cover_the_mean_of_the_estimator(name: str, arguments: dict[str, object]) -> None:
    """At the level 0.95, of 60 samples: four standard errors of a proportion, and too wide is no harm."""
    is_of_pairs = CATALOGUE.estimators[name].forms[0] in OF_PAIRS
    samples = [views(100, seed=seed) for seed in range(60)]
    measured = [
        mvib.estimate(name, x, y if is_of_pairs else None, arguments, seed=seed) for seed, (x, y) in enumerate(samples)
    ]
    mean = float(np.mean([m.value for m in measured]))
    covered = [m.interval[0] <= mean <= m.interval[1] for m in measured if m.interval is not None]
    assert len(covered) == 60
    assert np.mean(covered) >= 0.85
    # Nor so wide as to say nothing: at most three times what a normal law of their spread wants.
    reach = float(np.mean([m.interval[1] - m.value for m in measured if m.interval is not None]))
    assert reach < 3 * 1.96 * float(np.std([m.value for m in measured]))


def test_what_was_trained_is_said_to_be_held_fixed() -> None:
    measured = mvib.estimate("nwj", *views(80), {"critic": "separable(8)"}, resamples=2)
    assert any("given what was trained" in remark for remark in measured.promise.remarks)
    assert not mvib.estimate("cca", *views(80), resamples=2).promise.remarks


def test_ties_lower_the_promise() -> None:
    x, y = views(400)
    with pytest.warns(UserWarning, match="equal in one of the variables"):
        measured = mvib.estimate("ksg", x[:, :1], (y[:, 0] > 0).astype(int), resamples=2)
    assert measured.bound == "surrogate"
    assert measured.promise.exact_when == ""
    assert "variant: mixed" in measured.promise.remarks[0]
    mixed = mvib.estimate("ksg", x[:, :1], (y[:, 0] > 0).astype(int), {"variant": "mixed"}, resamples=2)
    assert mixed.bound == "exact"
    assert mixed < math.log(2)


def test_too_few_rows_for_an_interval_are_said() -> None:
    measured = mvib.estimate("mse", *views(10))
    assert measured.interval is None
    assert measured.promise.remarks == ("there is no interval, which takes at least 16 rows",)

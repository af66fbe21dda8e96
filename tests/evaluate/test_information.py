"""Information of arrays: value, direction, interval, and what is refused."""

import math

import numpy as np
import pytest
import torch

import mvib
from mvib.evaluate.information.measurement import describe

CORRELATION = 0.8
TRUTH = -math.log(1 - CORRELATION**2)  # of two independent pairs


def pairs(num: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(num, 2))
    y = CORRELATION * x + math.sqrt(1 - CORRELATION**2) * generator.normal(size=(num, 2))
    return x, y


def test_a_measurement_is_a_number_that_knows_what_it_promises() -> None:
    measured = mvib.estimate("ksg", *pairs(1000), {"k": 4})
    assert isinstance(measured, float)
    assert measured + 0 == measured.value
    assert measured.bound == "exact"
    assert measured.units == "nats"
    assert measured.interval is not None
    assert measured.interval[0] < TRUTH < measured.interval[1]
    assert measured.promise.quantity == "I(A; B)"
    assert measured.promise.num_examples == 1000
    assert describe(measured).startswith(f"{measured.value:.6g} nats, exact, 95% in [")


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of a mean, whose truth is known without bias: 200 samples, 90 percent."""
    hits = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        x = generator.normal(size=(60, 1))
        y = x + generator.normal(size=(60, 1))
        measured = mvib.estimate("mse", x, y, level=0.9, seed=seed)
        assert measured.interval is not None
        hits += measured.interval[0] < 1.0 < measured.interval[1]
    # Three standard errors of a proportion of 0.9 in 200, and the small-sample error of an interval of a chi-square.
    assert 0.9 - 3 * 0.0212 - 0.03 <= hits / 200 <= 1


@pytest.mark.parametrize("name", ["nwj", "dv", "infonce"])
def test_a_critic_is_trained_on_one_half_and_measured_on_the_other(name: str) -> None:
    x, y = pairs(3000)
    measured = mvib.estimate(name, x, y, {"critic": "separable(64, dim: 16)"}, resamples=4)
    assert measured.promise.num_examples == 1500
    # A lower bound in expectation; three standard errors of an estimate with the best critic at this size.
    assert 0.7 * TRUTH < measured < TRUTH + 0.15


def test_the_same_seed_gives_the_same_bits_and_leaves_torch_alone() -> None:
    x, y = pairs(400)
    torch.manual_seed(5)
    before = torch.rand(3)
    torch.manual_seed(5)
    first = mvib.estimate("club", x, y, {"net": "mlp(16, norm: none)"}, resamples=2)
    torch.testing.assert_close(torch.rand(3), before, rtol=0, atol=0)
    second = mvib.estimate("club", x, y, {"net": "mlp(16, norm: none)"}, resamples=2)
    assert first.value == second.value
    assert first.interval == second.interval
    assert first.bound == "surrogate", "the density is fitted"


def test_one_column_may_be_given_as_a_list_of_numbers() -> None:
    x, y = pairs(300)
    flat, table = (mvib.estimate("ksg", x[:, 0][shape], y[:, 0][shape]) for shape in (..., (..., None)))
    assert flat.value == table.value


def test_no_interval_where_none_is_wanted() -> None:
    measured = mvib.estimate("mse", *pairs(50), resamples=0)
    assert measured.interval is None
    assert "in [" not in describe(measured)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("ksgg", {}, "no estimator `ksgg`.*did you mean `ksg`"),
        ("rate", {}, "`rate` needs the density of a stochastic encoder"),
        ("ksg", {"n": 3}, "`ksg` has no argument `n`"),
        ("ksg", {"k": 0}, "at least 1"),
        ("nwj", {"critic": "joint(8"}, "cannot be read"),
        ("nwj", {"critic": "mlp(8)"}, "unknown critic `mlp`"),
        ("variance_covariance", {}, "leave the second one out"),
        ("infonce", {"negatives": "queue(64)"}, "`negatives: queue.64.` of `infonce` remembers the batches"),
        ("whitened_mse", {"eps": 0, "size": 2}, "whitened_mse.*cannot be computed of these rows.*`eps`"),
    ],
)
def test_what_cannot_be_measured_is_said(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mvib.estimate(name, *pairs(50), arguments)


def test_the_moving_average_of_a_critic_is_kept_in_training() -> None:
    x, y = pairs(200)
    without, with_average, without_past = (
        mvib.estimate("dv", x, y, {"critic": "separable(16)", **given}, resamples=0)
        for given in ({}, {"ema": 0.9}, {"ema": 0})
    )
    assert with_average.value != without.value
    assert without_past.value == without.value


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((5, 2)), np.ones((6, 2)), "x has 5 rows and y 6"),
        (np.ones((2, 2)), np.ones((2, 2)), "x has 2 rows; at least 4"),
        (np.ones((5, 2, 2)), np.ones((5, 2)), "x is 5 x 2 x 2; samples are rows"),
        (np.array([[1.0], [2.0], [np.nan], [3.0]]), np.ones((4, 1)), "not finite, first in row 2"),
        (np.array(["a", "b", "c", "d"]), np.ones((4, 1)), "numbers are needed"),
        (np.ones((50, 2)), np.ones((50, 3)), "2 and 3 columns"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(x: object, y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mvib.estimate("mse", x, y)

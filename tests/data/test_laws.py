"""Each law of the table against its own definition: what it samples, its log-ratio and its information agree."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from mvib.data.laws import (
    LAWS,
    Kind,
    Law,
    dense_gaussian,
    discrete,
    gaussian,
    independent,
    student,
    symmetric_channel,
    uniform,
    uniform_noise,
    uniform_step,
    zero_inflated_poisson,
)

NUM_SAMPLES = 10_000

# Standard errors allowed. Some 150 statistics below are compared so; a normal one exceeds 5 with probability 6e-7, and
# the seeds are fixed.
Z = 5.0


each_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)


def draw(law: Law, num_samples: int = NUM_SAMPLES, seed: int = 0) -> tuple[Tensor, Tensor]:
    return law.sample(num_samples, torch.Generator().manual_seed(seed))


def assert_mean_is(values: Tensor, expected: float | Tensor) -> None:
    values = values - expected
    standard_error = (values.std() / math.sqrt(len(values))).item()
    # Of values that are all equal the error is that of rounding.
    assert abs(values.mean().item()) <= Z * standard_error + 1e-12


def test_names_are_unique() -> None:
    assert len({law.name for law in LAWS}) == len(LAWS)


@each_law
def test_samples_have_the_shapes_and_follow_the_seed(law: Law) -> None:
    x, y = draw(law, 7)
    assert x.shape == (7, law.dim_x)
    assert y.shape == (7, law.dim_y)
    assert x.dtype == y.dtype == torch.float64
    again = draw(law, 7)
    assert torch.equal(x, again[0])
    assert torch.equal(y, again[1])


@each_law
def test_mean_of_the_log_ratio_is_the_information(law: Law) -> None:
    assert_mean_is(law.log_ratio(*draw(law)), law.information)


@each_law
def test_log_ratio_is_the_ratio_of_joint_to_independent_pairs(law: Law) -> None:
    """E_p 1 / (1 + e^r) = E_pp e^r / (1 + e^r), since both integrate p pp / (p + pp); bounded, so no tail can hide."""
    x, y = draw(law)
    other_x, _ = draw(law, seed=1)
    paired, independent_ = law.log_ratio(x, y), law.log_ratio(other_x, y)
    assert_mean_is((-paired).sigmoid() - independent_.sigmoid(), 0.0)


@each_law
def test_log_ratio_broadcasts_to_the_table_of_pairs(law: Law) -> None:
    x, y = draw(law, 6)
    table = law.log_ratio(x[:, None], y[None])
    assert table.shape == (6, 6)
    # The same numbers by matrix products of other shapes: rounding alone, larger for the inverse maps.
    torch.testing.assert_close(table.diagonal(), law.log_ratio(x, y), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(table[2, 4], law.log_ratio(x[2:3], y[4:5])[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("law", [law for law in LAWS if law.entropy_xy is not None], ids=lambda law: law.name)
def test_entropies_add_up_to_the_information(law: Law) -> None:
    assert law.entropy_x is not None
    assert law.entropy_y is not None
    assert law.entropy_xy is not None
    assert law.entropy_x + law.entropy_y - law.entropy_xy == pytest.approx(law.information, abs=1e-10)


@pytest.mark.parametrize("law", [law for law in LAWS if law.conditional is not None], ids=lambda law: law.name)
def test_conditional_gives_the_log_ratio(law: Law) -> None:
    """Log p(y | x) - log p(y), where Y is standard normal."""
    assert law.conditional is not None
    x, y = draw(law, 100)
    mean, std = law.conditional(x)
    conditional = (-((y - mean) / std).square() / 2 - std.log()).sum(dim=1)
    marginal = -y.square().sum(dim=1) / 2
    torch.testing.assert_close(conditional - marginal, law.log_ratio(x, y), rtol=1e-9, atol=1e-9)


def test_entropies_against_densities_of_others() -> None:
    covariance = np.full((5, 5), 0.3) + 0.7 * np.eye(5)
    of_gaussian = stats.multivariate_normal(cov=covariance).entropy()
    assert dense_gaussian(correlation=0.3, dim_x=2, dim_y=3).entropy_xy == pytest.approx(of_gaussian, abs=1e-12)
    assert student(correlation=0.0, dof=5).entropy_x == pytest.approx(stats.t(df=5).entropy(), abs=1e-8)


@pytest.mark.parametrize("dim", [1, 20, 128])
@pytest.mark.parametrize("information", [0.0, 2.0, 10.0])
def test_gaussian_has_the_information_asked_for(information: float, dim: int) -> None:
    law = gaussian(information=information, dim=dim)
    assert law.information == information
    assert law.entropy_xy is not None
    assert law.entropy_x is not None
    # The determinants lose digits as the correlation comes near 1: 10 nats in one pair leave 1 - rho^2 = 2e-9.
    assert 2 * law.entropy_x - law.entropy_xy == pytest.approx(information, abs=1e-6)


def test_information_in_closed_form() -> None:
    assert independent(dim=3).information == 0.0
    assert uniform_noise(width=0.5).information == pytest.approx(0.5)
    assert uniform_noise(width=2.0).information == pytest.approx(0.125)
    assert uniform_step(num_values=2).information == pytest.approx(math.log(2) / 2)
    # Capacity of the binary symmetric channel.
    assert symmetric_channel(num_values=2, error=0.1).information == pytest.approx(
        math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)
    )
    # As printed by Gao et al. for no zeros; where there are some, less than their (1 - zeros) of it.
    assert zero_inflated_poisson(zeros=0.0).information == pytest.approx(0.3012, abs=5e-5)
    assert zero_inflated_poisson(zeros=0.15).information < 0.85 * 0.3012


def test_heavy_tails_make_uncorrelated_vectors_dependent() -> None:
    informations = [student(correlation=0.0, dof=dof, dim=2).information for dof in (1, 2, 4, 1000)]
    assert informations == sorted(informations, reverse=True)
    assert informations[-1] == pytest.approx(0.0, abs=1e-5)


def test_uniform_coordinates_are_uniform() -> None:
    x, y = draw(uniform(information=1.0, dim=2))
    for values in (*x.T, *y.T):
        assert_mean_is(values, 1 / 2)
        assert_mean_is(values.square(), 1 / 3)


def test_table_of_a_discrete_law() -> None:
    law = discrete(torch.tensor([[0.5, 0.0625], [0.25, 0.1875]], dtype=torch.float64), name="table")
    x, y = draw(law)
    assert law.kind is Kind.DISCRETE
    assert_mean_is(((x == 1) & (y == 0)).double()[:, 0], 0.25)

"""Bounds by densities and critics, on pairs whose information is known: Gaussians and a noisy label."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators.barber_agakov import barber_agakov
from mvib.estimators.cross_entropy import cross_entropy
from mvib.estimators.jsd import jsd
from mvib.estimators.rate import rate
from mvib.nn.distributions import Categorical, DiagonalGaussian, DiagonalLaplace, NoClosedFormError, StandardNormal

RHO, DIMENSION, NUM = 0.8, 4, 20_000
NOISE = math.sqrt(1 - RHO**2)
INFORMATION = -0.5 * DIMENSION * math.log(1 - RHO**2)
# Five standard errors of a mean over NUM rows whose standard deviation is at most 3.
TOLERANCE = 5 * 3 / math.sqrt(NUM)


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(NUM, DIMENSION, generator=generator, dtype=torch.float64)
    return x, RHO * x + NOISE * torch.randn(NUM, DIMENSION, generator=generator, dtype=torch.float64)


def gaussian(mean: Tensor, std: float) -> DiagonalGaussian:
    return DiagonalGaussian(mean=mean, std=torch.full_like(mean, std))


def test_rate_with_the_true_marginal_is_the_information(pairs: tuple[Tensor, Tensor]) -> None:
    x, z = pairs
    posterior = gaussian(RHO * x, NOISE)
    assert rate(posterior, StandardNormal()).item() == pytest.approx(INFORMATION, abs=TOLERANCE)
    sampled = rate(posterior, StandardNormal(), sample=z, form="sampled")
    assert sampled.item() == pytest.approx(INFORMATION, abs=TOLERANCE)


def test_rate_with_another_prior_is_above_by_the_divergence_of_the_marginal(pairs: tuple[Tensor, Tensor]) -> None:
    x, _ = pairs
    prior_std = 1.5
    gap = DIMENSION * (math.log(prior_std) + 1 / (2 * prior_std**2) - 0.5)
    bound = rate(gaussian(RHO * x, NOISE), gaussian(torch.zeros_like(x), prior_std))
    assert bound.item() == pytest.approx(INFORMATION + gap, abs=TOLERANCE)


def test_conditional_rate_vanishes_where_the_other_view_says_as_much(pairs: tuple[Tensor, Tensor]) -> None:
    x, _ = pairs
    assert rate(gaussian(RHO * x, NOISE), gaussian(RHO * x, NOISE)).item() == pytest.approx(0, abs=1e-12)


def test_analytic_rate_without_closed_form_says_so() -> None:
    values = torch.ones(2, 3)
    posterior = DiagonalLaplace(mean=values, scale=values)
    with pytest.raises(NoClosedFormError, match=r"KL\(DiagonalLaplace \|\| StandardNormal\) has no closed form"):
        rate(posterior, StandardNormal())
    assert rate(posterior, StandardNormal(), sample=values, form="sampled").isfinite()


def test_true_decoder_gives_the_conditional_entropy(pairs: tuple[Tensor, Tensor]) -> None:
    b, a = pairs
    conditional_entropy = 0.5 * DIMENSION * math.log(2 * math.pi * math.e * NOISE**2)
    exact = barber_agakov(gaussian(RHO * b, NOISE), a)
    assert exact.item() == pytest.approx(-conditional_entropy, abs=TOLERANCE)
    # H(A) plus it is the information: the Barber-Agakov bound is tight for the true conditional.
    entropy = 0.5 * DIMENSION * math.log(2 * math.pi * math.e)
    assert entropy + exact.item() == pytest.approx(INFORMATION, abs=TOLERANCE)


@pytest.mark.parametrize(("slope", "std"), [(0.5, NOISE), (RHO, 1.0), (RHO, 0.4)])
def test_wrong_decoder_is_below(pairs: tuple[Tensor, Tensor], slope: float, std: float) -> None:
    b, a = pairs
    assert barber_agakov(gaussian(slope * b, std), a) < barber_agakov(gaussian(RHO * b, NOISE), a) - TOLERANCE


def test_jsd_at_the_log_density_ratio(pairs: tuple[Tensor, Tensor]) -> None:
    x, z = pairs

    def log_ratio(a: Tensor, b: Tensor) -> Tensor:
        return gaussian(RHO * a, NOISE).log_prob(b) - StandardNormal().log_prob(b)

    best = jsd(log_ratio(x, z), log_ratio(x.roll(1, 0), z).unsqueeze(1))
    assert best.item() == pytest.approx(-0.593, abs=0.02)
    other = jsd(0.5 * log_ratio(x, z), 0.5 * log_ratio(x.roll(1, 0), z).unsqueeze(1))
    assert other < best < 0


def test_cross_entropy_of_the_true_classifier_is_the_conditional_entropy() -> None:
    p = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64)
    entropy = -(p * p.log()).sum()
    logits = p.log().expand(5, 3)
    targets = p.expand(5, 3)
    torch.testing.assert_close(cross_entropy(logits, targets), entropy)
    assert cross_entropy(torch.zeros(5, 3, dtype=torch.float64), targets) > entropy


def test_integer_and_one_hot_labels_agree() -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    by_index = cross_entropy(logits, labels)
    torch.testing.assert_close(cross_entropy(logits, F.one_hot(labels, 4).float()), by_index)
    torch.testing.assert_close(-barber_agakov(Categorical(logits=logits), labels), by_index)
    torch.testing.assert_close(cross_entropy(logits + 100, labels), by_index)

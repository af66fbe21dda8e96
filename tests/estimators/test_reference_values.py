"""Numbers that the authors' code gives on one small input, printed to six digits."""

import math

import pytest
import torch
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.cosine import cosine
from mvib.estimators.cross_correlation import cross_correlation
from mvib.estimators.infonce import constant, infonce
from mvib.estimators.jsd import jsd
from mvib.estimators.mse import mse
from mvib.estimators.rate import rate
from mvib.estimators.variance_covariance import variance_covariance
from mvib.nn.distributions import DiagonalGaussian, StandardNormal, VonMisesFisher

Views = tuple[Tensor, Tensor]


def assert_printed(value: Tensor, printed: float) -> None:
    torch.testing.assert_close(value.item(), printed, rtol=0, atol=5.1e-7)  # half of the last printed digit


@pytest.mark.parametrize(("temperature", "printed"), [(0.5, 1.115642), (0.1, 0.576218)])
def test_nt_xent(reference_views: Views, temperature: float, printed: float) -> None:
    u1, u2 = map(rows.unit, reference_views)
    estimate = infonce(u1, u2, temperature=temperature)
    assert_printed(constant(u1, u2, temperature=temperature) - estimate, printed)


def test_symmetric_infonce(reference_views: Views) -> None:
    u1, u2 = map(rows.unit, reference_views)
    assert_printed(math.log(6) - infonce(u1, u2, negatives="other_view"), 0.735395)


@pytest.mark.parametrize(("lambda_", "printed"), [(0.0051, 0.064540), (0.005, 0.064402)])
def test_barlow_twins(reference_views: Views, lambda_: float, printed: float) -> None:
    s1, s2 = map(rows.standardized, reference_views)
    assert_printed(-cross_correlation(s1, s2, lambda_=lambda_), printed)


@pytest.mark.parametrize(("std", "printed"), [(12.5, 9.619439), (25.0, 16.118408)], ids=["official", "solo-learn"])
def test_vicreg(reference_views: Views, std: float, printed: float) -> None:
    c1, c2 = map(rows.centered, reference_views)
    entropies = variance_covariance(c1, std=std) + variance_covariance(c2, std=std)
    assert_printed(25 * mse(*reference_views) - entropies, printed)


def test_vicreg_parts(reference_views: Views) -> None:
    c1, c2 = map(rows.centered, reference_views)
    assert_printed(mse(*reference_views), 0.118424)
    assert_printed(-variance_covariance(c1, std=1, cov=0) - variance_covariance(c2, std=1, cov=0), 0.519917)
    assert_printed(-variance_covariance(c1, std=0, cov=1) - variance_covariance(c2, std=0, cov=1), 0.159860)


def test_byol(reference_views: Views) -> None:
    z1, z2 = reference_views
    assert_printed(-VonMisesFisher(direction=z1, kappa=2).log_prob(z2).mean(), 0.308061)
    assert_printed(2 + 2 * cosine(rows.unit(z1), rows.unit(z2)), 0.308061)


def test_negative_cosine(reference_views: Views) -> None:
    u1, u2 = map(rows.unit, reference_views)
    assert_printed(cosine(u1, u2), -0.845969)


def test_alignment_is_the_squared_distance_of_unit_rows(reference_views: Views) -> None:
    u1, u2 = map(rows.unit, reference_views)
    assert_printed(4 * mse(u1, u2), 0.308061)


def test_rate_of_a_gaussian(reference_views: Views) -> None:
    z1, _ = reference_views
    assert_printed(rate(DiagonalGaussian(mean=z1, std=torch.full_like(z1, 0.5)), StandardNormal()), 2.241291)


def test_symmetrised_kullback_leibler_of_mvib(reference_views: Views) -> None:
    z1, z2 = reference_views
    p = DiagonalGaussian(mean=z1, std=torch.full_like(z1, 0.5))
    q = DiagonalGaussian(mean=z2, std=torch.full_like(z2, 0.8))
    assert_printed((rate(p, q) + rate(q, p)) / 2, 1.609361)


def test_jsd_of_mvib() -> None:
    i = torch.arange(5, dtype=torch.float64)
    scores = torch.sin(2 * i[:, None] + 3 * i[None]) + 2 * torch.eye(5, dtype=torch.float64)
    negative = scores.roll(1, dims=0).diagonal()  # the negative of k is (x_{k-1}, y_k)
    assert_printed(jsd(scores.diagonal(), negative), -1.089782)

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.cross_correlation import cross_correlation
from mvib.estimators.gram import off_diagonal_square_sum
from mvib.estimators.variance_covariance import variance_covariance


def random_matrix(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    return torch.randn(num, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(num=st.integers(1, 12), dimension=st.integers(1, 30), seed=st.integers(0, 2**31))
def test_both_sides_of_a_cross_product_give_the_same_sum(num: int, dimension: int, seed: int) -> None:
    a, b = random_matrix(num, dimension, seed=seed), random_matrix(num, dimension, seed=seed + 1)
    for left, right in ((a, b), (a, a)):
        product = left.T @ right
        expected = product.square().sum() - product.diagonal().square().sum()
        torch.testing.assert_close(off_diagonal_square_sum(left, right), expected, rtol=1e-10, atol=1e-10)


def test_few_examples_of_many_dimensions_never_form_the_large_matrix() -> None:
    # 2^20 squared numbers would take 4 TB.
    c = rows.centered(torch.randn(3, 2**20, generator=torch.Generator().manual_seed(0)))
    assert variance_covariance(c).isfinite()
    s = rows.standardized(c)
    assert cross_correlation(s, s).isfinite()


def test_uncorrelated_spread_columns_have_the_largest_entropy() -> None:
    c = torch.tensor([[2.0, 2], [2, -2], [-2, 2], [-2, -2]], dtype=torch.float64)
    assert variance_covariance(c).item() == 0
    assert variance_covariance(0.1 * c).item() < 0  # not spread
    assert variance_covariance(c[:, [0, 0]]).item() < 0  # redundant


def test_collapse_costs_the_whole_hinge_with_a_finite_gradient() -> None:
    z = torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    estimate = variance_covariance(rows.centered(z), std=25, gamma=1, eps=1e-4)
    (gradient,) = torch.autograd.grad(estimate, z)
    assert estimate.item() == pytest.approx(-25 * (1 - 0.01))
    assert gradient.isfinite().all()


def test_entropy_surrogate_is_invariant_to_shifts_and_rotations_of_sign() -> None:
    z = random_matrix(9, 5)
    reference = variance_covariance(rows.centered(z))
    signs = torch.tensor([1.0, -1, 1, -1, -1], dtype=torch.float64)
    torch.testing.assert_close(variance_covariance(rows.centered(z * signs + 7)), reference, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("num", "dimension"), [(9, 4), (4, 19)])
def test_cross_correlation_is_invariant_to_affine_maps_of_columns(num: int, dimension: int) -> None:
    z1, z2 = random_matrix(num, dimension), random_matrix(num, dimension, seed=1)
    scale, shift = random_matrix(1, dimension, seed=2).abs() + 1, random_matrix(1, dimension, seed=3)

    def estimate(a: Tensor, b: Tensor) -> Tensor:
        return cross_correlation(rows.standardized(a, eps=1e-14), rows.standardized(b, eps=1e-14))

    torch.testing.assert_close(estimate(z1 * scale + shift, z2 / scale), estimate(z1, z2), rtol=1e-9, atol=1e-9)


def test_cross_correlation_of_identical_decorrelated_views_is_the_best() -> None:
    z = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    s = rows.standardized(z, eps=1e-14)
    assert cross_correlation(s, s).item() == pytest.approx(0, abs=1e-12)
    assert cross_correlation(s, -s).item() == pytest.approx(-8)


def test_weights_may_be_tensors() -> None:
    z = rows.standardized(random_matrix(6, 4))
    other = rows.standardized(random_matrix(6, 4, seed=1))
    weight = torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(cross_correlation(z, other, lambda_=weight), cross_correlation(z, other, lambda_=0.3))
    torch.testing.assert_close(variance_covariance(z, std=weight, cov=weight), variance_covariance(z, std=0.3, cov=0.3))

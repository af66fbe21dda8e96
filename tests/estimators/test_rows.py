import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mvib.estimators import rows

TRANSFORMS = (rows.raw, rows.unit, rows.centered, rows.standardized)
each_transform = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.__name__)


@pytest.fixture
def z() -> Tensor:
    return 3 * torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1


@each_transform
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_precision_is_at_least_float32(
    transform: Callable[[Tensor], Tensor], z: Tensor, given: torch.dtype, kept: torch.dtype
) -> None:
    assert transform(z.to(given)).dtype == kept


@each_transform
def test_gradient(transform: Callable[[Tensor], Tensor], z: Tensor) -> None:
    assert torch.autograd.gradcheck(transform, (z.requires_grad_(),))


def test_raw_takes_any_shape_and_copies_nothing(z: Tensor) -> None:
    assert rows.raw(z) is z
    assert rows.raw(torch.zeros(2, 3, 4, 5)).shape == (2, 3, 4, 5)


def test_unit_rows(z: Tensor) -> None:
    torch.testing.assert_close(rows.unit(z), z / z.norm(dim=1, keepdim=True))


def test_a_zero_row_stays_zero_with_a_finite_gradient() -> None:
    z = torch.zeros(2, 3, requires_grad=True)
    u = rows.unit(z)
    (gradient,) = torch.autograd.grad(u.sum(), z)
    assert not u.any()
    assert gradient.isfinite().all()


def test_centered_columns(z: Tensor) -> None:
    torch.testing.assert_close(rows.centered(z), z - z.sum(0) / 7)


def test_standardized_columns(z: Tensor) -> None:
    centred = z - z.mean(0)
    biased_variance = centred.square().sum(0) / 7
    expected = centred / (biased_variance + 1e-5).sqrt()
    torch.testing.assert_close(rows.standardized(z), expected, rtol=1e-12, atol=1e-12)


def test_a_small_spread_around_a_large_mean_is_not_lost() -> None:
    z = 1000 + torch.tensor([[-0.125], [0.125]])
    torch.testing.assert_close(rows.standardized(z), torch.tensor([[-1.0], [1.0]]), rtol=1e-3, atol=0)


def test_a_constant_column_becomes_zero() -> None:
    constant = torch.full((4, 2), 3.0)
    torch.testing.assert_close(rows.standardized(constant), torch.zeros(4, 2), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_zero_row_has_no_gradient(dtype: torch.dtype) -> None:
    z = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=dtype, requires_grad=True)
    u = rows.unit(z)
    (gradient,) = torch.autograd.grad((u * torch.tensor([1.0, 2.0])).sum(), z)
    torch.testing.assert_close(u.double(), torch.tensor([[0.0, 0.0], [0.6, 0.8]]).double(), rtol=1e-6, atol=0)
    assert not gradient[0].any()
    assert gradient[1].any()


@pytest.mark.parametrize("scale", [6e-8, 1e-6, 1e-5, 6e-5, 1e-3])
def test_tiny_rows_of_float16_have_a_finite_gradient(scale: float) -> None:
    z = torch.tensor([[scale, scale, 0.0]], dtype=torch.float16, requires_grad=True)
    (gradient,) = torch.autograd.grad(rows.unit(z)[0, 2], z)
    assert gradient.isfinite().all()
    assert gradient.any()


def test_rows_that_are_not_numbers_stay_so() -> None:
    assert rows.unit(torch.tensor([[math.nan, 0.0]])).isnan().any()

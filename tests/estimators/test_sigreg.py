"""The sliced Epps-Pulley statistic of SIGReg."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators.sigreg import sigreg


def random_matrix(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    return torch.randn(num, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def minimal(z: Tensor, directions: Tensor) -> Tensor:
    """The class SIGReg of the authors' minimal example, with given slices: complex exponentials, torch.trapezoid."""
    t = torch.linspace(0, 3, 17, dtype=z.dtype)
    window = torch.exp(-t.square() / 2)
    x_t = (z @ directions).unsqueeze(-1) * t
    error = (x_t.cos().mean(-3) - window).square() + x_t.sin().mean(-3).square()
    statistic = 2 * torch.trapezoid(error * window, t, dim=-1) * len(z)
    return statistic.mean()


def unit_columns(dimension: int, slices: int) -> Tensor:
    return F.normalize(random_matrix(dimension, slices, seed=7), dim=0)


@pytest.mark.parametrize(("num", "dimension"), [(2, 1), (6, 4), (4, 9)])
def test_value_and_gradient_are_the_authors(num: int, dimension: int) -> None:
    z = (2 * random_matrix(num, dimension) + 0.5).requires_grad_()
    directions = unit_columns(dimension, 5)
    ours, theirs = sigreg(z, directions=directions), minimal(z, directions)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    gradients = torch.autograd.grad(ours, z), torch.autograd.grad(theirs, z)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_gradient_is_that_of_finite_differences() -> None:
    directions = unit_columns(3, 2)
    assert torch.autograd.gradcheck(lambda z: sigreg(z, directions=directions), (random_matrix(5, 3).requires_grad_(),))


def test_blocks_of_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    z, directions = random_matrix(7, 3).requires_grad_(), unit_columns(3, 5)
    whole = sigreg(z, directions=directions)
    expected = torch.autograd.grad(whole, z)
    monkeypatch.setattr("mvib.estimators.sigreg._ENTRIES_AT_ONCE", 10)  # two rows at a time
    torch.testing.assert_close(sigreg(z, directions=directions), whole)
    torch.testing.assert_close(torch.autograd.grad(sigreg(z, directions=directions), z), expected)


def test_printed_value(reference_views: tuple[Tensor, Tensor]) -> None:
    """In one dimension slices are signs, which change nothing."""
    value = sigreg(reference_views[0][:, :1], slices=3)
    torch.testing.assert_close(value.item(), 0.313446, rtol=0, atol=5.1e-7)


def test_normal_rows_are_near_and_others_far() -> None:
    directions = unit_columns(4, 64)
    values = torch.stack([sigreg(random_matrix(500, 4, seed=seed), directions=directions) for seed in range(50)])
    # Under the normal law the expectation is the integral of (1 - exp(-t^2)) exp(-t^2 / 2), for any number of rows.
    expected = math.sqrt(2 * math.pi) * (math.erf(3 / math.sqrt(2)) - math.erf(3 * math.sqrt(1.5)) / math.sqrt(3))
    standard_error = values.std().item() / math.sqrt(50)
    assert values.mean().item() == pytest.approx(expected, abs=3 * standard_error)
    normal = random_matrix(2000, 4)
    near = sigreg(normal, directions=directions)
    uniform = math.sqrt(12) * (torch.rand(2000, 4, generator=torch.Generator().manual_seed(0)).double() - 0.5)
    for other in (normal + 0.5, 1.5 * normal, 0 * normal, uniform):
        assert sigreg(other, directions=directions) > 2 * near


def test_slices_are_drawn_anew_by_the_generator_of_torch() -> None:
    z = random_matrix(20, 6)
    torch.manual_seed(0)
    first, second = sigreg(z, slices=4), sigreg(z, slices=4)
    torch.manual_seed(0)
    assert first != second
    assert sigreg(z, slices=4) == first


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(dtype: torch.dtype) -> None:
    z = (5 * random_matrix(64, 6)).to(dtype).requires_grad_()
    directions = unit_columns(6, 16)
    value = sigreg(z, directions=directions.float())
    (gradient,) = torch.autograd.grad(value, z)
    assert value.dtype == torch.float32
    assert gradient.isfinite().all()
    # Sixteen steps of the recurrence for the powers keep six digits of float32's seven.
    torch.testing.assert_close(value.double(), sigreg(z.double(), directions=directions), rtol=1e-5, atol=0)


def test_a_collapsed_batch_has_a_finite_value_and_gradient() -> None:
    z = torch.full((8, 3), 2.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(sigreg(z, slices=4), z)
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


def test_compiles_into_one_graph() -> None:
    z, directions = random_matrix(6, 4).requires_grad_(), unit_columns(4, 3)
    compiled = torch.compile(sigreg, fullgraph=True, backend="eager")(z, directions=directions)
    torch.testing.assert_close(compiled, sigreg(z, directions=directions))
    assert sigreg(z.to("meta"), directions=directions.to("meta")).shape == ()

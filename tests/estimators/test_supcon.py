"""The supervised contrastive loss."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.infonce import infonce
from mvib.estimators.supcon import constant, supcon
from tests.estimators.transcriptions import sup_con


def random_views(num_views: int, num: int, dimension: int, *, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    made = [torch.randn(num, dimension, generator=generator, dtype=torch.float64) for _ in range(num_views)]
    return [z.requires_grad_() for z in made]


LABELS = ([0, 1, 0, 2, 1, 0], [3, 3, 3, 3, 3, 3], [-1, 8, 2, 5, 0, 40])
each_labelling = pytest.mark.parametrize("labels", LABELS)


@each_labelling
@pytest.mark.parametrize("num_views", [1, 2, 3])
@pytest.mark.parametrize("base", [None, 0.07])
def test_value_and_gradient_are_the_authors(labels: list[int], num_views: int, base: float | None) -> None:
    views = random_views(num_views, 6, 4)
    units, target = [rows.unit(z) for z in views], torch.tensor(labels)
    found = constant(*units, target, temperature=0.3, base=base) - supcon(*units, target, temperature=0.3, base=base)
    expected = sup_con(views, labels, temperature=0.3, base=base or 0.3)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    gradients = [torch.autograd.grad(value, views, materialize_grads=True) for value in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@each_labelling
@pytest.mark.parametrize("num_views", [1, 2])
def test_gradient_is_that_of_finite_differences(labels: list[int], num_views: int) -> None:
    target = torch.tensor(labels[:5])
    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)

    def estimate(t: Tensor, *views: Tensor) -> Tensor:
        return supcon(*map(rows.unit, views), target, temperature=t, base=0.2)

    assert torch.autograd.gradcheck(estimate, (temperature, *random_views(num_views, 5, 3)))


@pytest.mark.parametrize(
    ("temperature", "base", "printed"), [(0.07, 0.07, 10.624473), (0.5, 0.07, 17.874327), (0.5, 0.5, 2.502406)]
)
def test_printed_values(
    reference_views: tuple[Tensor, Tensor], temperature: float, base: float, printed: float
) -> None:
    units, labels = [rows.unit(z) for z in reference_views], torch.tensor([0, 0, 1, 1, 2, 2])
    cap = constant(*units, labels, temperature=temperature, base=base)
    loss = cap - supcon(*units, labels, temperature=temperature, base=base)
    # The code adds 1e-9 to sums over e^(1 / temperature).
    assert float(loss) == pytest.approx(printed, abs=1e-6)


def test_examples_of_their_own_are_the_contrast_of_both_views() -> None:
    u1, u2 = (rows.unit(z) for z in random_views(2, 6, 4))
    found = supcon(u1, u2, torch.arange(6), temperature=0.5)
    torch.testing.assert_close(found, infonce(u1, u2, temperature=0.5), rtol=1e-12, atol=1e-12)


def test_rows_without_others_of_their_label_count_zero() -> None:
    (u,) = (rows.unit(z) for z in random_views(1, 4, 3))
    target = torch.arange(4)
    found = supcon(u, target)
    assert found.item() == 0
    assert not torch.autograd.grad(found, u)[0].any()
    assert float(constant(u, target)) == 0
    half = torch.tensor([0, 0, 1, 2])
    assert float(constant(u, half)) == pytest.approx(math.log(3) / 2)


def test_value_reaches_the_entropy_of_labels_that_are_told_apart() -> None:
    labels = torch.arange(20) % 4
    u = F.one_hot(labels, 4).double()
    # 4 other rows of the label among 19 others.
    assert supcon(u, labels, temperature=0.01).item() == pytest.approx(math.log(19 / 4))
    assert supcon(u, torch.arange(20) // 5, temperature=0.5).item() < 0.3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(dtype: torch.dtype) -> None:
    views = [rows.unit(z).detach().to(dtype).requires_grad_() for z in random_views(2, 9, 4)]
    for labels in (torch.arange(9) % 3, torch.arange(9)):
        found = supcon(*views, labels, temperature=0.01)
        assert found.dtype == torch.float32
        assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found, views))
        lifted = supcon(*(z.detach().double() for z in views), labels, temperature=0.01)
        torch.testing.assert_close(found.double(), lifted, rtol=1e-5, atol=1e-4)  # float32 at scores of 100


def test_autocast_does_not_lower_the_precision() -> None:
    views = [rows.unit(z).detach().float() for z in random_views(2, 9, 4)]
    labels = torch.arange(9) % 3
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = supcon(*views, labels)
    assert inside.item() == supcon(*views, labels).item()

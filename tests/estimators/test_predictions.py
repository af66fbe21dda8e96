"""Estimators of predicted classes: masks, tokens, probabilities that are zero, and what they tend to."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators.cross_entropy import cross_entropy
from mvib.estimators.l1 import l1
from mvib.estimators.prediction_entropy import conditional_entropy, prediction_entropy
from mvib.estimators.relative_entropy import relative_entropy
from mvib.estimators.smooth_l1 import smooth_l1


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def test_rows_of_zeros_count_in_the_mean_and_change_nothing_else() -> None:
    """FixMatch's mask: the mean divides by all rows."""
    logits, target = random(6, 4), random(6, 4, seed=1).softmax(dim=1).detach()
    mask = torch.tensor([1.0, 0, 1, 0, 0, 1], dtype=torch.float64)
    found = cross_entropy(logits, target * mask[:, None])
    each = torch.stack([cross_entropy(logits[i : i + 1], target[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(found, (mask * each).sum() / 6, rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad(found, logits)
    assert not gradient[mask == 0].any()


def test_nothing_selected_costs_nothing() -> None:
    logits = random(3, 4)
    found = cross_entropy(logits, torch.zeros(3, 4, dtype=torch.float64))
    assert found.item() == 0
    assert not torch.autograd.grad(found, logits)[0].any()


def test_cross_entropy_reaches_the_distribution_too() -> None:
    logits, target = random(5, 3), random(5, 3, seed=1)
    assert torch.autograd.gradcheck(lambda a, b: cross_entropy(a, b.softmax(dim=1), temperature=0.5), (logits, target))


def test_a_temperature_divides_the_logits_of_labels_too() -> None:
    logits, labels = random(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    by_index = cross_entropy(logits, labels, temperature=0.2)
    torch.testing.assert_close(by_index, F.cross_entropy(logits / 0.2, labels))
    torch.testing.assert_close(by_index, cross_entropy(logits, F.one_hot(labels, 4).double(), temperature=0.2))


def test_tokens_are_averaged_with_the_examples() -> None:
    logits, other, labels = random(3, 5, 4), random(3, 5, 4, seed=1), torch.arange(15).reshape(3, 5) % 4
    flat, flat_other = logits.flatten(end_dim=1), other.flatten(end_dim=1)
    target, flat_target = other.softmax(dim=-1), flat_other.softmax(dim=-1)
    pairs = (
        (cross_entropy(logits, target), cross_entropy(flat, flat_target)),
        (cross_entropy(logits, labels), cross_entropy(flat, labels.flatten())),
        (relative_entropy(logits, other), relative_entropy(flat, flat_other)),
        (prediction_entropy(logits), prediction_entropy(flat)),
        (conditional_entropy(logits, other), conditional_entropy(flat, flat_other)),
        (conditional_entropy(target, other, of="probabilities"), conditional_entropy(flat_other, flat)),
    )
    for found, expected in pairs:
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_learned_temperature_has_the_gradient_of_finite_differences() -> None:
    a, b = random(4, 3), random(4, 3, seed=1)
    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 2, 1, 1])
    for estimate in (
        lambda t: cross_entropy(a, labels, temperature=t),
        lambda t: relative_entropy(a, b, temperature=t),
        lambda t: prediction_entropy(a, temperature=t),
        lambda t: conditional_entropy(a, b, temperature=t),
    ):
        assert torch.autograd.gradcheck(estimate, (temperature,))


def test_equal_predictions_have_no_relative_entropy() -> None:
    a = random(5, 4)
    shifted = a.detach() + torch.arange(5)[:, None]
    found = relative_entropy(a, shifted)
    assert found.item() == pytest.approx(0, abs=1e-14)
    torch.testing.assert_close(torch.autograd.grad(found, a)[0], torch.zeros_like(a), rtol=0, atol=1e-14)


def test_cross_entropy_is_relative_entropy_and_entropy() -> None:
    a, b = random(5, 4), random(5, 4, seed=1)
    parts = relative_entropy(a, b) + conditional_entropy(a, b)
    torch.testing.assert_close(cross_entropy(b, a.softmax(dim=1)), parts, rtol=1e-12, atol=1e-12)


def test_entropies_of_sure_and_of_even_predictions() -> None:
    sure = 1000 * torch.eye(4, dtype=torch.float64)
    even = torch.zeros(4, 4, dtype=torch.float64)
    assert conditional_entropy(sure, sure).item() == 0
    assert conditional_entropy(even, even).item() == pytest.approx(math.log(4))
    # All classes are used, whether each prediction is sure or not.
    assert prediction_entropy(sure).item() == pytest.approx(math.log(4))
    assert prediction_entropy(even).item() == pytest.approx(math.log(4))
    assert prediction_entropy(sure[:1].repeat(4, 1)).item() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_that_are_zero_are_finite_in_value_and_gradient(dtype: torch.dtype) -> None:
    p = torch.eye(3, dtype=dtype)[:2].requires_grad_()
    for found in (prediction_entropy(p, of="probabilities"), conditional_entropy(p, p, of="probabilities")):
        assert found.isfinite()
        assert torch.autograd.grad(found, p)[0].isfinite().all()
    assert conditional_entropy(p, p, of="probabilities").item() == 0
    assert prediction_entropy(p, of="probabilities").item() == pytest.approx(math.log(2))


def test_probabilities_are_taken_as_they_are() -> None:
    logits = random(5, 4)
    p = logits.softmax(dim=1)
    torch.testing.assert_close(prediction_entropy(p, of="probabilities"), prediction_entropy(logits))
    torch.testing.assert_close(conditional_entropy(p, p, of="probabilities"), conditional_entropy(logits, logits))


def test_a_temperature_sharpens_probabilities() -> None:
    logits = random(5, 4)
    p = logits.softmax(dim=1)
    for estimate in (prediction_entropy, lambda a, **given: conditional_entropy(a, a, **given)):
        sharpened = estimate(p, of="probabilities", temperature=0.25)
        torch.testing.assert_close(sharpened, estimate(logits, temperature=0.25), rtol=1e-12, atol=1e-12)


def test_smooth_absolute_error_lies_between_its_parts() -> None:
    a, b = random(4, 3, 2), random(4, 3, 2, seed=1)
    far = smooth_l1(a, b, beta=1e-6)
    torch.testing.assert_close(far, l1(a, b), rtol=0, atol=1e-6)
    near = smooth_l1(a, b, beta=100.0)
    torch.testing.assert_close(near, F.mse_loss(a, b) / 200, rtol=1e-12, atol=0)


def test_equal_entries_have_no_absolute_error_and_no_gradient() -> None:
    a = random(4, 3)
    for found in (l1(a, a.detach()), smooth_l1(a, a.detach())):
        assert found.item() == 0
        assert not torch.autograd.grad(found, a)[0].any()

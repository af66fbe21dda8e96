"""A divergence by a discriminator: the authors' losses, and what they are at the best discriminator."""

import math

import pytest
import torch
from torch import Tensor

from mvib.estimators.adversarial import Loss, adversarial, constant, fit
from tests.estimators.transcriptions import total

each_loss = pytest.mark.parametrize("loss", ["non_saturating", "saturating"])


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def sigmoid(score: Tensor) -> Tensor:
    return 1 / (1 + (-score).exp())


def test_losses_are_those_of_goodfellow() -> None:
    """With D = sigmoid(T): the discriminator maximises E log D(real) + E log(1 - D(fake))."""
    real, fake = random(6), random(6, seed=1)
    value = total([sigmoid(t).log() for t in real]) / 6 + total([(1 - sigmoid(t)).log() for t in fake]) / 6
    pairs = (
        (fit(real, fake), -value, [real, fake]),
        (adversarial(fake) - constant(fake), -total([sigmoid(t).log() for t in fake]) / 6, [fake]),
        (
            adversarial(fake, loss="saturating") - constant(fake, loss="saturating"),
            total([(1 - sigmoid(t)).log() for t in fake]) / 6,
            [fake],
        ),
    )
    for found, expected, inputs in pairs:
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
        gradients = torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs)
        torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_at_the_best_discriminator_they_are_relative_entropies() -> None:
    # Tables of 16 equally likely draws stand for the codes and the prior, so that means are expectations.
    q, p = torch.tensor([8, 4, 3, 1]), torch.tensor([2, 6, 4, 4])
    codes, drawn = torch.arange(4).repeat_interleave(q), torch.arange(4).repeat_interleave(p)
    q, p = q.double() / 16, p.double() / 16
    m = (p + q) / 2
    scores = (p / q).log()

    def divergence(a: Tensor, b: Tensor) -> Tensor:
        return (a * (a / b).log()).sum()

    torch.testing.assert_close(adversarial(scores[codes]), divergence(q, p) - divergence(q, m))
    torch.testing.assert_close(adversarial(scores[codes], loss="saturating"), divergence(q, m))
    twice_js = divergence(p, m) + divergence(q, m)
    torch.testing.assert_close(2 * math.log(2) - fit(scores[drawn], scores[codes]), twice_js)
    for other in (scores + 0.3, 0.5 * scores, torch.zeros_like(scores)):
        assert 2 * math.log(2) - fit(other[drawn], other[codes]) < twice_js


@each_loss
def test_a_discriminator_that_cannot_tell_finds_nothing(loss: Loss) -> None:
    assert adversarial(torch.zeros(5), loss=loss).item() == pytest.approx(0, abs=1e-7)
    assert fit(torch.zeros(5), torch.zeros(5)).item() == pytest.approx(2 * math.log(2))


def test_only_the_saturating_loss_loses_its_gradient_where_the_discriminator_is_sure() -> None:
    sure = torch.full((4,), -40.0, dtype=torch.float64, requires_grad=True)
    (strong,) = torch.autograd.grad(adversarial(sure), sure)
    (weak,) = torch.autograd.grad(adversarial(sure, loss="saturating"), sure)
    torch.testing.assert_close(strong, torch.full_like(strong, -0.25))
    assert (weak < 0).all()
    assert weak.abs().max() < 1e-15


@each_loss
def test_several_scores_of_a_row_are_averaged(loss: Loss) -> None:
    scores = random(5, 3)
    torch.testing.assert_close(adversarial(scores, loss=loss), adversarial(scores.flatten(), loss=loss))
    torch.testing.assert_close(fit(scores, scores), fit(scores.flatten(), scores.flatten()))


@each_loss
def test_gradient_is_that_of_finite_differences(loss: Loss) -> None:
    assert torch.autograd.gradcheck(lambda fake: adversarial(fake, loss=loss), (random(5),))
    assert torch.autograd.gradcheck(fit, (random(5), random(5, seed=1)))


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(loss: Loss, dtype: torch.dtype) -> None:
    fake = torch.tensor([-60.0, -1, 0, 1, 60], dtype=dtype, requires_grad=True)
    for value in (adversarial(fake, loss=loss), fit(fake, fake)):
        assert value.dtype == torch.float32
        assert value.isfinite()
        assert torch.autograd.grad(value, fake)[0].isfinite().all()

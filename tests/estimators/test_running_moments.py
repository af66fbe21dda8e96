"""Estimators that remember moments of earlier batches, with their memories, over several batches."""

import math

import pytest
import torch
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.collision import collision
from mvib.estimators.covariance_contrast import covariance_contrast
from mvib.estimators.renyi import renyi
from mvib.estimators.running_logdet import running_logdet
from mvib.nn.memory import RunningCovariance, RunningMoment
from tests.estimators.transcriptions import big_bang, ti_co_contrast


def random(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num, dimension, generator=generator, dtype=torch.float64).requires_grad_()


def eye(dimension: int) -> Tensor:
    return torch.eye(dimension, dtype=torch.float64)


@pytest.mark.parametrize(("num", "dimension"), [(6, 4), (3, 7)])
def test_contrast_over_batches_is_that_of_tico(num: int, dimension: int) -> None:
    memory = RunningMoment(width=dimension, momentum=0.9).double()
    matrix = torch.zeros(dimension, dimension, dtype=torch.float64)
    for step in range(4):
        z = random(num, dimension, seed=step)
        u = rows.unit(z)
        found = covariance_contrast(u, momentum=0.9, **memory(u))
        loss, matrix = ti_co_contrast(z, matrix, beta=0.9)
        torch.testing.assert_close(found, -loss, rtol=1e-10, atol=1e-10)
        gradients = torch.autograd.grad(found, z), torch.autograd.grad(-loss, z)
        torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(memory.covariance, matrix, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("num", "dimension"), [(6, 4), (3, 7)])
@pytest.mark.parametrize("forgetting", [0.01, 0.3])
def test_logdet_over_batches_is_that_of_corinfomax(num: int, dimension: int, forgetting: float) -> None:
    memory = RunningCovariance(width=dimension, momentum=forgetting)
    covariance, mean = eye(dimension), torch.zeros(dimension, dtype=torch.float64)
    for step in range(3):
        z = random(num, dimension, seed=step)
        u = rows.unit(z)
        found = running_logdet(u, momentum=forgetting, **memory(u))
        expected, covariance, mean = big_bang(z, covariance, mean, forgetting=forgetting, eps=1e-8)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
        gradients = torch.autograd.grad(found, z), torch.autograd.grad(expected, z)
        # Theirs is through eigenvalues as small as 1e-6 of what is left of the identity.
        torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(memory.covariance, covariance, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(memory.mean, mean, rtol=1e-12, atol=1e-12)


def test_gradients_with_a_past_are_those_of_finite_differences() -> None:
    past = random(5, 3, seed=9).detach()
    moment, mean = past.T @ past / 5, past.mean(dim=0)

    def logdet(z: Tensor) -> Tensor:
        return running_logdet(rows.unit(z), covariance=moment, mean=mean, momentum=0.2)

    assert torch.autograd.gradcheck(logdet, (random(6, 3),))
    u = rows.unit(random(6, 3)).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(covariance_contrast(u, covariance=moment), u)
    matrix = 0.9 * moment + 0.1 * u.T @ u / 6
    torch.testing.assert_close(gradient, (-2 * u @ matrix / 6).detach())


@pytest.mark.parametrize("memory", [RunningMoment(width=4), RunningCovariance(width=4)])
def test_evaluation_leaves_what_is_remembered_alone(memory: RunningMoment | RunningCovariance) -> None:
    u = rows.unit(random(6, 4)).detach()
    memory(u)
    before = {name: value.clone() for name, value in memory.state_dict().items()}
    memory.eval()
    given = memory(u)
    assert given.keys() == before.keys()
    for name, value in memory.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        torch.testing.assert_close(given[name], before[name], rtol=0, atol=0)


def test_printed_values(reference_views: tuple[Tensor, Tensor]) -> None:
    z1, z2 = reference_views
    u1, u2 = rows.unit(z1), rows.unit(z2)
    tico = 1 - float((u1 * u2).sum(dim=1).mean()) - 8 * float(covariance_contrast(u1))
    assert tico == pytest.approx(0.413896, abs=5e-7)
    logdets = -float(running_logdet(u1) + running_logdet(u2))
    assert logdets == pytest.approx(3.189024, abs=5e-7)
    assert -float(collision(u1)) == pytest.approx(0.324831, abs=5e-7)


def test_a_first_batch_alone_is_the_collision_of_its_rows() -> None:
    u = rows.unit(random(7, 3))
    torch.testing.assert_close(covariance_contrast(u), 0.1 * collision(u), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("num", "dimension"), [(7, 3), (3, 7), (5, 5)])
def test_collision_is_minus_the_exponential_of_minus_an_entropy(num: int, dimension: int) -> None:
    u = rows.unit(random(num, dimension))
    torch.testing.assert_close(collision(u), -(-renyi(u, order=2, kernel="linear")).exp(), rtol=1e-12, atol=1e-12)
    assert -1 <= collision(u).item() <= -1 / min(num, dimension)
    assert collision(eye(5)).item() == pytest.approx(-1 / 5)
    assert collision(torch.ones(5, 1, dtype=torch.float64)).item() == pytest.approx(-1)


def test_logdet_of_one_repeated_row_is_what_is_left_of_the_past() -> None:
    u = torch.tensor([[1.0, 0, 0]], dtype=torch.float64).repeat(4, 1)
    # The new mean keeps 99 percent of the row; R is 0.01 I but for 0.99 * 0.01^2 along it.
    expected = (2 * math.log(0.01) + math.log(0.01 + 0.99 * 1e-4)) / 3
    assert running_logdet(u, eps=1e-12).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_with_a_past(dtype: torch.dtype) -> None:
    for memory, estimate in (
        (RunningMoment(width=4), covariance_contrast),
        (RunningCovariance(width=4), running_logdet),
    ):
        for seed in range(3):
            u = rows.unit(random(9, 4, seed=seed)).detach().to(dtype).requires_grad_()
            value = estimate(u, **memory(u))
            assert value.dtype == torch.float32
            assert torch.autograd.grad(value, u)[0].isfinite().all()
        assert all(buffer.isfinite().all() for buffer in memory.buffers())

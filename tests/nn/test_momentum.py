import copy

import pytest
import torch
from torch import nn

from mvib.nn.momentum import MomentumCopy


@pytest.fixture
def source() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))


def perturb(module: nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))


def test_starts_as_an_exact_copy_of_its_own(source: nn.Module) -> None:
    momentum_copy = MomentumCopy(source)
    x = torch.randn(5, 4)
    torch.testing.assert_close(momentum_copy(x), source(x), rtol=0, atol=0)
    perturb(source)
    assert not torch.equal(momentum_copy(x), source(x))


def test_momentum_one_is_constant_and_zero_is_the_source(source: nn.Module) -> None:
    momentum_copy = MomentumCopy(source)
    initial = copy.deepcopy(momentum_copy)
    perturb(source)
    momentum_copy.update(source, 1.0)
    torch.testing.assert_close(list(momentum_copy.parameters()), list(initial.parameters()), rtol=0, atol=0)
    momentum_copy.update(source, 0.0)
    torch.testing.assert_close(
        [p.detach() for p in momentum_copy.parameters()], [p.detach() for p in source.parameters()], rtol=0, atol=0
    )


@pytest.mark.parametrize("momentum", [0.3, 0.996])
def test_update_is_the_moving_average(source: nn.Module, momentum: float) -> None:
    momentum_copy = MomentumCopy(source.double())
    perturb(source)
    before = [p.clone() for p in momentum_copy.parameters()]
    momentum_copy.update(source, momentum)
    expected = [momentum * t + (1 - momentum) * s.detach() for t, s in zip(before, source.parameters(), strict=True)]
    torch.testing.assert_close([p.detach() for p in momentum_copy.parameters()], expected, rtol=1e-14, atol=1e-14)


def test_running_statistics_are_not_averaged(source: nn.Module) -> None:
    momentum_copy = MomentumCopy(source)
    source(torch.randn(5, 4) + 3)
    before = {name: buffer.clone() for name, buffer in momentum_copy.named_buffers()}
    assert before
    momentum_copy.update(source, 0.0)
    for name, buffer in momentum_copy.named_buffers():
        torch.testing.assert_close(buffer, before[name], rtol=0, atol=0)


def test_no_gradient_ever(source: nn.Module) -> None:
    momentum_copy = MomentumCopy(source)
    x = torch.randn(5, 4, requires_grad=True)
    target = momentum_copy(x)
    assert not target.requires_grad
    torch.autograd.backward((source(x) - target).square().sum())
    momentum_copy.update(source, 0.5)
    assert all(p.grad is None and not p.requires_grad for p in momentum_copy.parameters())
    assert all(p.grad is not None for p in source.parameters())


def test_batch_statistics_in_training_and_running_ones_in_evaluation(source: nn.Module) -> None:
    momentum_copy = MomentumCopy(source)
    x = torch.randn(5, 4)
    in_training = momentum_copy.train()(x)
    statistics = momentum_copy.eval().copy.get_buffer("1.running_mean").clone()
    in_evaluation = momentum_copy(x)
    assert not torch.equal(in_training, in_evaluation)
    torch.testing.assert_close(momentum_copy.copy.get_buffer("1.running_mean"), statistics, rtol=0, atol=0)


def test_a_source_without_parameters() -> None:
    momentum_copy = MomentumCopy(nn.Identity())
    momentum_copy.update(nn.Identity(), 0.5)
    assert momentum_copy(torch.ones(2)).tolist() == [1, 1]


def test_another_network_is_refused(source: nn.Module) -> None:
    with pytest.raises(AssertionError, match="has changed its parameters"):
        MomentumCopy(source).update(nn.Identity(), 0.5)


def test_a_copy_of_a_copy(source: nn.Module) -> None:
    twice = MomentumCopy(MomentumCopy(source))
    x = torch.randn(5, 4)
    torch.testing.assert_close(twice(x), source(x), rtol=0, atol=0)

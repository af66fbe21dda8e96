import math

import pytest
import torch
from torch import nn

import mvib
from mvib.semantics.values import value_at
from mvib.train.config import AdamW, Optimizer, Sgd, read_config
from mvib.train.config import Lars as LarsConfig
from mvib.train.errors import SettingError
from mvib.train.optimizers import Lars, build_optimizer, set_rates
from tests.train.small import CONTRASTIVE

CONFIGS = (
    AdamW(lr=1e-3, weight_decay=0.1, betas=(0.9, 0.999)),
    Sgd(lr=1e-3, weight_decay=0.1, momentum=0.9, nesterov=True),
    LarsConfig(lr=1e-3, weight_decay=0.1, momentum=0.9, eta=1e-3),
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2).requires_grad_(False))


@pytest.mark.parametrize("config", CONFIGS)
def test_decay_spares_parameters_of_one_axis_and_frozen_ones_are_left_out(config: Optimizer) -> None:
    module = network()
    optimizer = build_optimizer(module, config)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    linear, norm, _ = module.children()
    assert decays == {
        id(linear.weight): 0.1,
        id(linear.bias): 0.0,
        id(norm.weight): 0.0,
        id(norm.bias): 0.0,
    }


@pytest.mark.parametrize("config", CONFIGS)
def test_rates_of_a_step_spare_them_too(config: Optimizer) -> None:
    optimizer = build_optimizer(network(), config)
    set_rates(optimizer, lr=0.25, weight_decay=0.7)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.25, 0.7), (0.25, 0.0)]


def test_weight_decay_follows_its_schedule_as_in_dino() -> None:
    text = CONTRASTIVE.replace("adamw(lr: 1e-2)", "adamw(lr: 1e-2, weight_decay: cosine(0.04 -> 0.4))")
    decay = read_config(mvib.loads(text).method).weight_decay
    steps = 50
    # facebookresearch/dino, utils.py, cosine_scheduler without warm-up.
    official = [0.4 + 0.5 * (0.04 - 0.4) * (1 + math.cos(math.pi * i / steps)) for i in range(steps)]
    assert [value_at(decay, i / steps) for i in range(steps)] == pytest.approx(official)


def test_a_network_without_trained_weights_is_refused() -> None:
    with pytest.raises(SettingError, match="no trained weights"):
        build_optimizer(network().requires_grad_(False), CONFIGS[0])


def test_lars_follows_the_formula_over_two_steps() -> None:
    lr, decay, momentum, eta = 0.5, 0.1, 0.9, 0.01
    weight = nn.Parameter(torch.tensor([[3.0, 4.0]], dtype=torch.float64))
    bias = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = Lars([weight, bias], lr=lr, weight_decay=decay, momentum=momentum, eta=eta)
    w, b = weight.detach().clone(), bias.detach().clone()
    buffer_w, buffer_b = torch.zeros_like(w), torch.zeros_like(b)
    for gradient in (torch.tensor([[1.0, -2.0]]).double(), torch.tensor([[0.5, 0.25]]).double()):
        weight.grad, bias.grad = gradient.clone(), torch.ones_like(bias)
        optimizer.step()
        update = gradient + decay * w
        update = update * eta * w.norm() / update.norm()
        buffer_w = momentum * buffer_w + update
        buffer_b = momentum * buffer_b + 1.0
        w, b = w - lr * buffer_w, b - lr * buffer_b
    assert torch.allclose(weight.detach(), w, rtol=0, atol=1e-15)
    assert torch.allclose(bias.detach(), b, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("weight", "gradient"), [(0.0, 1.0), (1.0, 0.0)])
def test_lars_takes_a_plain_step_where_a_norm_is_zero(weight: float, gradient: float) -> None:
    parameter = nn.Parameter(torch.full((2, 2), weight))
    parameter.grad = torch.full((2, 2), gradient)
    Lars([parameter], lr=0.1).step()
    assert torch.equal(parameter.detach(), torch.full((2, 2), weight - 0.1 * gradient))

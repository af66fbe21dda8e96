import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mvib.nn.distributions import Distribution
from mvib.nn.heads import (
    BernoulliHead,
    CategoricalHead,
    GaussianHead,
    LaplaceHead,
    MixtureHead,
    VonMisesFisherHead,
)
from mvib.nn.shapes import ShapeError

HEADS: tuple[tuple[str, Callable[[], nn.Module], tuple[int, ...]], ...] = (
    ("gaussian", lambda: GaussianHead(8, (3, 2), variance=None, linear=True), (3, 2)),
    ("gaussian of fixed variance", lambda: GaussianHead(8, (3, 2), variance=0.5, linear=True, activate=True), (3, 2)),
    ("gaussian of the features", lambda: GaussianHead(8, (4,), variance=None, linear=False), (4,)),
    ("gaussian around the features", lambda: GaussianHead(8, (2, 4), variance=1.0, linear=False), (2, 4)),
    ("laplace", lambda: LaplaceHead(8, (3, 2), scale=None, linear=True), (3, 2)),
    ("laplace around the features", lambda: LaplaceHead(8, (8,), scale=2.0, linear=False), (8,)),
    ("bernoulli", lambda: BernoulliHead(8, (1, 4, 4), linear=True), (1, 4, 4)),
    ("categorical", lambda: CategoricalHead(8, 5, linear=True), (5,)),
    ("categorical of the features", lambda: CategoricalHead(8, 8, temperature=0.1, linear=False), (8,)),
    ("mixture", lambda: MixtureHead(8, (3, 2), components=4), (3, 2)),
    ("mixture behind a network", lambda: MixtureHead(8, (4,), components=2, activate=True), (4,)),
    ("von mises-fisher", lambda: VonMisesFisherHead(8, (8,), kappa=2), (8,)),
    ("von mises-fisher, linear", lambda: VonMisesFisherHead(8, (3,), kappa=2, linear=True), (3,)),
)
each_head = pytest.mark.parametrize(("build", "event"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])


@pytest.fixture
def features() -> Tensor:
    return torch.randn(4, 8, generator=torch.Generator().manual_seed(0))


@each_head
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_event_has_the_shape_asked_for(
    build: Callable[[], nn.Module], event: tuple[int, ...], device: str, features: Tensor
) -> None:
    with torch.device(device):
        head = build()
    distribution: Distribution = head(features.to(device))
    assert distribution.mean.shape == (4, *event)


@each_head
def test_gradients_reach_the_features(build: Callable[[], nn.Module], event: tuple[int, ...], features: Tensor) -> None:
    head = build()
    distribution: Distribution = head(features.requires_grad_())
    target = torch.zeros(4, dtype=torch.int64) if "Categorical" in type(head).__name__ else torch.ones(4, *event) * 0.3
    gradients = torch.autograd.grad(distribution.log_prob(target).mean(), [features, *head.parameters()])
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)


@each_head
def test_parameters_come_out_in_float32(
    build: Callable[[], nn.Module], event: tuple[int, ...], features: Tensor
) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        distribution: Distribution = build()(features.bfloat16())
    assert distribution.mean.dtype == torch.float32


def test_learnt_scale_is_a_shifted_softplus_with_a_floor() -> None:
    features = torch.tensor([[1.0, 2, 0, -200]])
    gaussian = GaussianHead(4, (2,), variance=None, shift=-5, linear=False)(features)
    torch.testing.assert_close(gaussian.mean, features[:, :2])
    torch.testing.assert_close(gaussian.std, torch.tensor([[math.log1p(math.exp(-5)) + 1e-7, 1e-7]]))
    laplace = LaplaceHead(4, (2,), scale=None, linear=False)(features)
    torch.testing.assert_close(laplace.scale, torch.tensor([[math.log(2) + 1e-7, 1e-7]]))


def test_fixed_variance_and_scale(features: Tensor) -> None:
    gaussian = GaussianHead(8, (8,), variance=4.0, linear=False)(features)
    torch.testing.assert_close(gaussian.std, torch.full((4, 8), 2.0))
    laplace = LaplaceHead(8, (8,), scale=4.0, linear=False)(features)
    torch.testing.assert_close(laplace.scale, torch.full((4, 8), 4.0))


def test_activation_precedes_the_linear_layer(features: Tensor) -> None:
    head = BernoulliHead(8, (3,), linear=True, activate=True)
    given = features.clone()
    weight, bias = head.parameters()
    torch.testing.assert_close(head(features).logits, F.relu(features) @ weight.T + bias)
    torch.testing.assert_close(features, given)  # the features, which others may use, are not written over


def test_temperature_divides_the_logits(features: Tensor) -> None:
    logits = CategoricalHead(8, 8, temperature=0.1, linear=False)(features).logits
    torch.testing.assert_close(logits, features / 0.1)


@pytest.mark.parametrize(
    ("build", "width"),
    [
        (lambda: GaussianHead(8, (8,), variance=None, linear=False), 16),
        (lambda: GaussianHead(8, (9,), variance=1.0, linear=False), 9),
        (lambda: LaplaceHead(8, (8,), scale=None, linear=False), 16),
        (lambda: BernoulliHead(8, (1, 3, 3), linear=False), 9),
        (lambda: CategoricalHead(8, 10, linear=False), 10),
        (lambda: VonMisesFisherHead(8, (4,), kappa=1), 4),
    ],
)
def test_features_that_are_no_parameters_are_refused(build: Callable[[], nn.Module], width: int) -> None:
    message = f"expected a vector of {width}, .* found a vector of 8; let the network end with width {width}"
    with pytest.raises(ShapeError, match=message):
        build()

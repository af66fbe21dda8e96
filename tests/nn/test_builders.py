from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mvib.nn.builders.conv import conv
from mvib.nn.builders.critics import joint, separable
from mvib.nn.builders.flatten import flatten
from mvib.nn.builders.identity import identity
from mvib.nn.builders.linear import linear
from mvib.nn.builders.mlp import mlp
from mvib.nn.builders.pool import pool
from mvib.nn.builders.resnet import resnet18
from mvib.nn.shapes import Shape, ShapeError

Build = Callable[[Shape], nn.Module]

ROWS: tuple[tuple[str, Build, Shape, Shape], ...] = (
    ("mlp", lambda s: mlp(s, widths=(7, 5)), (6,), (5,)),
    ("mlp of one width", lambda s: mlp(s, widths=(5,)), (6,), (5,)),
    ("mlp on an image", lambda s: mlp(s, widths=(7, 5), norm="layer", activation="gelu"), (1, 4, 4), (5,)),
    ("mlp without norm or bias", lambda s: mlp(s, widths=(7, 7, 5), norm="none", bias=False), (6,), (5,)),
    ("mlp with a norm at its end", lambda s: mlp(s, widths=(7, 5), last_norm=True), (6,), (5,)),
    ("linear", lambda s: linear(s, width=3), (6,), (3,)),
    ("linear on a sequence", lambda s: linear(s, width=3, bias=False), (2, 6), (3,)),
    ("conv", lambda s: conv(s, widths=(4, 4, 8, 8)), (1, 8, 8), (8,)),
    ("conv on one pixel", lambda s: conv(s, widths=(4, 8, 16), norm="layer", activation="gelu"), (3, 1, 1), (16,)),
    ("conv without norm", lambda s: conv(s, widths=(4,), norm="none"), (3, 5, 7), (4,)),
    ("resnet18", lambda s: resnet18(s, width=4), (3, 16, 16), (32,)),
    ("resnet18 with the large stem", lambda s: resnet18(s, width=4, stem="imagenet"), (3, 32, 32), (32,)),
    ("resnet18 on a tiny image", lambda s: resnet18(s, width=4, stem="imagenet"), (1, 8, 8), (32,)),
    ("identity", identity, (2, 3, 4, 5), (2, 3, 4, 5)),
    ("pool of an image", pool, (6, 4, 3), (6,)),
    ("pool of a sequence", pool, (9, 6), (6,)),
    ("flatten", flatten, (2, 3, 4), (24,)),
)
each_builder = pytest.mark.parametrize(
    ("build", "shape", "shape_out"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)


@each_builder
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_output_shape(build: Build, shape: Shape, shape_out: Shape, device: str) -> None:
    with torch.device(device):
        module = build(shape)
        assert module(torch.ones(2, *shape)).shape == (2, *shape_out)
        assert module.eval()(torch.ones(1, *shape)).shape == (1, *shape_out)


@each_builder
def test_gradients_flow(build: Build, shape: Shape, shape_out: Shape) -> None:
    torch.manual_seed(0)
    module = build(shape)
    x = torch.randn(4, *shape, requires_grad=True)
    given = x.detach().clone()
    target = torch.randn(4, *shape_out)  # a sum of normalised outputs would have no gradient
    for gradient in torch.autograd.grad(F.mse_loss(module(x), target), [x, *module.parameters()]):
        assert gradient.isfinite().all()
        assert gradient.any()
    torch.testing.assert_close(x.detach(), given, rtol=0, atol=0)  # the input is not written over


@pytest.mark.parametrize(
    ("build", "shape", "message"),
    [
        (
            lambda s: conv(s, widths=(8,)),
            (64,),
            r"expected an image \(channels, height, width\), found a vector of 64; use `mlp\(64, 64\)`, which",
        ),
        (
            lambda s: resnet18(s),
            (28, 28),
            r"found a sequence \(steps, features\) of 28 x 28; give it a channel axis, 1 x 28 x 28, or use `mlp\(",
        ),
        (lambda s: conv(s, widths=(8,)), (2, 3, 4, 5), "found an array of 4 axes of 2 x 3 x 4 x 5"),
        (pool, (64,), r"or a sequence \(steps, features\), found a vector of 64; leave `pool\(\)` out"),
        (pool, (1, 2, 3, 4), r"found an array of 4 axes of 1 x 2 x 3 x 4; use `flatten\(\)`"),
        (lambda s: mlp(s, widths=(3,)), (), "expected at least one axis beside the batch, found a single number; give"),
        (lambda s: linear(s, width=3), (), "expected at least one axis"),
        (flatten, (), "expected at least one axis"),
        (lambda s: joint(s, (3,), widths=(4,)), (), "expected at least one axis"),
    ],
)
def test_shapes_that_do_not_fit(build: Build, shape: Shape, message: str) -> None:
    with pytest.raises(ShapeError, match=message) as raised:
        build(shape)
    assert raised.value.found == shape
    assert raised.value.remedy
    assert raised.value.expected


def layer_names(module: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in module.modules() if not list(layer.children())]


def test_layers_of_a_perceptron() -> None:
    assert layer_names(mlp((6,), widths=(7, 5))) == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    assert layer_names(mlp((6,), widths=(5,))) == ["Linear"]
    assert layer_names(mlp((6,), widths=(7, 5), norm="none", activation="gelu")) == ["Linear", "GELU", "Linear"]
    assert layer_names(mlp((6,), widths=(5,), norm="layer", last_norm=True)) == ["Linear", "LayerNorm"]


@pytest.mark.parametrize(
    ("norm", "last_norm", "bias", "has_bias"),
    [
        ("batch", False, True, [False, True]),
        ("batch", True, True, [False, False]),
        ("batch", False, False, [False, False]),
        ("layer", True, True, [True, True]),
        ("none", True, True, [True, True]),
    ],
)
def test_no_bias_before_a_batch_normalisation(norm: str, last_norm: bool, bias: bool, has_bias: list[bool]) -> None:
    module = mlp((6,), widths=(7, 5), norm=norm, last_norm=last_norm, bias=bias)  # type: ignore[arg-type]
    assert [layer.bias is not None for layer in module.modules() if isinstance(layer, nn.Linear)] == has_bias


def test_convolution_strides_where_the_width_grows() -> None:
    module = conv((1, 8, 8), widths=(64, 64, 128, 128, 64))
    strides = [layer.stride[0] for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert strides == [1, 1, 2, 1, 1]
    assert layer_names(module)[:3] == ["Conv2d", "BatchNorm2d", "ReLU"]


def test_resnet18_is_the_papers() -> None:
    with torch.device("meta"):
        module = resnet18((3, 224, 224), stem="imagenet")
        assert module(torch.ones(2, 3, 224, 224)).shape == (2, 512)
    # Torchvision's has 11,689,512 parameters, of which 513,000 are the classifier's.
    assert sum(p.numel() for p in module.parameters()) == 11_689_512 - 513_000


def test_small_stem_keeps_the_resolution() -> None:
    module = resnet18((3, 32, 32), width=4)
    assert isinstance(module, nn.Sequential)
    assert module[:3](torch.ones(2, 3, 32, 32)).shape == (2, 4, 32, 32)


def test_critics_score_pairs_of_any_shapes() -> None:
    torch.manual_seed(0)
    for critic in (joint((3,), (2, 2), widths=(8, 8)), separable((3,), (2, 2), widths=(8,), dim=5)):
        z1, z2 = torch.randn(6, 3, requires_grad=True), torch.randn(6, 2, 2, requires_grad=True)
        scores = critic(z1, z2)
        assert scores.shape == (6,)
        gradients = torch.autograd.grad(scores.sum(), [z1, z2, *critic.parameters()])
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert (scores < 0).any() or (critic(z1 * 100, z2 * 100) < 0).any()  # linear output
        one_alone = critic(z1[2:3], z2[2:3])
        torch.testing.assert_close(one_alone, scores[2:3])


def test_layers_of_a_joint_critic() -> None:
    critic = joint((64,), (64,), widths=(1024, 1024))
    assert layer_names(critic) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert [layer.out_features for layer in critic.modules() if isinstance(layer, nn.Linear)] == [1024, 1024, 1]


def test_separable_critic_is_an_inner_product() -> None:
    critic = separable((3,), (4,), widths=(8,), dim=5)
    z1, z2 = torch.randn(6, 3), torch.randn(6, 4)
    scores = (critic.embed1(z1) @ critic.embed2(z2).T).diagonal()
    torch.testing.assert_close(critic(z1, z2), scores)

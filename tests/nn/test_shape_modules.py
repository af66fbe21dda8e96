"""Normalisations, whitening, maps of several variables, and the options of networks, against loops over entries."""

import copy
import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from mvib.nn.builders.conv import conv
from mvib.nn.builders.gru import LastState, gru
from mvib.nn.builders.layer_norm import FeatureNorm, layer_norm
from mvib.nn.builders.mean import mean
from mvib.nn.builders.mlp import mlp
from mvib.nn.builders.pool import pool
from mvib.nn.builders.position import position
from mvib.nn.builders.sigmoid import sigmoid
from mvib.nn.builders.standardize import standardize
from mvib.nn.builders.unit import unit
from mvib.nn.builders.whiten import Whiten, whiten
from mvib.nn.shapes import Shape, ShapeError

Build = Callable[[Shape], nn.Module]

OF_FEATURES: tuple[tuple[str, Build], ...] = (
    ("unit", unit),
    ("standardize", standardize),
    ("unbiased standardize", lambda s: standardize(s, unbiased=True, eps=1e-6)),
    ("layer_norm", lambda s: layer_norm(s)),
    ("iternorm", lambda s: whiten(s, groups=2)),
    ("iternorm as it comes", lambda s: whiten(s)),
    ("zca", lambda s: whiten(s, method="zca")),
    ("cholesky", lambda s: whiten(s, method="cholesky", affine=False)),
    ("cholesky in parts", lambda s: whiten(s, method="cholesky", size=6)),
)
each_module = pytest.mark.parametrize("build", [row[1] for row in OF_FEATURES], ids=[row[0] for row in OF_FEATURES])


def assert_exact(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@each_module
@pytest.mark.parametrize("shape", [(4,), (3, 4), (4, 2, 3)])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_shape_stays(build: Build, shape: tuple[int, ...], device: Literal["cpu", "meta"]) -> None:
    with torch.device(device):
        module = build(shape)
        for mode in (True, False):
            assert module.train(mode)(torch.randn(8, *shape)).shape == (8, *shape)


@each_module
@pytest.mark.parametrize("shape", [(3, 4), (4, 2, 3)])
def test_steps_and_places_are_vectors_of_their_own(build: Build, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    of_vectors, module = build((4,)), build(shape)
    x = torch.randn(5, *shape)
    rows = x.movedim(1 if len(shape) == 3 else -1, -1)
    for mode in (True, False):
        expected = of_vectors.train(mode)(rows.reshape(-1, 4)).reshape(rows.shape)
        found = module.train(mode)(x).movedim(1 if len(shape) == 3 else -1, -1)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@each_module
def test_precisions(build: Build) -> None:
    torch.manual_seed(0)
    module, x = build((4,)), torch.randn(12, 4)
    given = x.clone()
    single = module(x)
    torch.testing.assert_close(x, given, rtol=0, atol=0)  # the input is not written over
    assert single.dtype == torch.float32
    double = copy.deepcopy(module).double()(x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)
    rounded = x.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = module(rounded)
    torch.testing.assert_close(under_autocast.float(), module(rounded.float()), rtol=0.02, atol=0.02)


@each_module
def test_gradients(build: Build) -> None:
    torch.manual_seed(0)
    module = build((4,)).double()
    for name, parameter in module.named_parameters():
        nn.init.uniform_(parameter, 0.5, 1.5) if "weight" in name else nn.init.normal_(parameter)
    x = torch.randn(13, 4, dtype=torch.float64, requires_grad=True)
    for mode in (True, False):
        module.train(mode)
        assert torch.autograd.gradcheck(module, (x,))
    upstream = torch.randn(13, 4, dtype=torch.float64)
    inputs: list[Tensor] = [x, *module.parameters()]
    for gradient in torch.autograd.grad((module(x) * upstream).sum(), inputs):
        assert gradient.any()


@each_module
def test_no_axis_at_all(build: Build) -> None:
    with pytest.raises(ShapeError, match="expected at least one axis beside the batch, found a single number"):
        build(())


# ---- vectors ---------------------------------------------------------------------------------------------------------


def test_vectors_of_unit_length() -> None:
    x = torch.tensor([[3.0, 4.0], [-1e-3, 0.0], [0.0, 0.0], [1e-13, 0.0]], dtype=torch.float64)
    expected = torch.tensor([[0.6, 0.8], [-1.0, 0.0], [0.0, 0.0], [0.1, 0.0]], dtype=torch.float64)
    assert_exact(unit((2,))(x), expected)


def test_the_logistic_function() -> None:
    assert sigmoid((2,))(torch.tensor([[0.0, math.log(3)]])).tolist() == [[0.5, pytest.approx(0.75)]]


@pytest.mark.parametrize(("unbiased", "eps"), [(False, 1e-5), (True, 1e-6)])
def test_standardised_vectors(unbiased: bool, eps: float) -> None:
    x = torch.randn(3, 6, dtype=torch.float64) * 2 + 5
    rows = []
    for row in x.tolist():
        middle = sum(row) / len(row)
        variance = sum((v - middle) ** 2 for v in row) / (len(row) - unbiased)
        rows.append([(v - middle) / math.sqrt(variance + eps) for v in row])
    assert_exact(standardize((6,), eps=eps, unbiased=unbiased)(x), torch.tensor(rows, dtype=torch.float64))


def test_standardised_pixels_of_a_known_image() -> None:
    """Vectors 44 and 45 of the reference: MAE's normalised pixels, and what the biased variance gives."""
    image = [[[math.sin(c + 2 * h + 3 * w + 1) for w in range(4)] for h in range(4)] for c in range(3)]
    corners = [(row, column) for row in (0, 2) for column in (0, 2)]
    patches = torch.tensor(
        [[image[c][i + h][j + w] for h in range(2) for w in range(2) for c in range(3)] for i, j in corners],
        dtype=torch.float64,
    ).unsqueeze(0)
    prediction = torch.tensor([[math.cos(k + 5 * p) for k in range(12)] for p in range(4)], dtype=torch.float64)
    losses = []
    for unbiased in (True, False):
        target = standardize((4, 12), eps=1e-6, unbiased=unbiased)(patches)[0]
        losses.append((prediction - target)[[0, 2, 3]].square().mean().item())
    assert losses[0] == pytest.approx(1.222021, abs=1e-6)
    assert losses[1] == pytest.approx(1.296672, abs=1e-6)


def test_one_feature_is_not_standardised() -> None:
    with pytest.raises(ShapeError, match=r"expected at least two features to standardise, found a vector of 1; leave"):
        standardize((1,))


def test_layer_normalisation_with_scale_and_shift() -> None:
    module = layer_norm((3,), eps=0.1).double()
    assert isinstance(module, FeatureNorm)
    scale, shift = [2.0, 3.0, -1.0], [0.5, 0.0, 1.0]
    module.norm.weight.data, module.norm.bias.data = torch.tensor(scale).double(), torch.tensor(shift).double()
    row = [1.0, 2.0, 6.0]
    variance = sum((v - 3) ** 2 for v in row) / 3
    expected = [s * (v - 3) / math.sqrt(variance + 0.1) + t for v, s, t in zip(row, scale, shift, strict=True)]
    assert_exact(module(torch.tensor([row]).double()), torch.tensor([expected], dtype=torch.float64))


# ---- whitening -------------------------------------------------------------------------------------------------------


def newton_whitened(x: Tensor, *, iterations: int, eps: float) -> tuple[Tensor, Tensor]:
    """Algorithm 1 of Huang et al. for one group of columns, and its whitening matrix."""
    num_rows, width = x.shape
    centered = x - sum(x[i] for i in range(num_rows)) / num_rows
    covariance = eps * torch.eye(width, dtype=x.dtype)
    for row in centered:
        covariance = covariance + torch.outer(row, row) / num_rows
    trace = sum(covariance[c, c] for c in range(width))
    root = torch.eye(width, dtype=x.dtype)
    for _ in range(iterations):
        root = 0.5 * (3 * root - torch.linalg.matrix_power(root, 3) @ (covariance / trace))
    matrix = root / torch.as_tensor(trace).sqrt()
    return torch.stack([matrix @ row for row in centered]), matrix


@pytest.mark.parametrize("iterations", [1, 5])
def test_newton_whitening_in_groups(iterations: int) -> None:
    torch.manual_seed(0)
    module = whiten((6,), groups=2, iterations=iterations, eps=1e-3).double()
    assert isinstance(module, Whiten)
    scale, shift = torch.randn(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    module.weight.data, module.bias.data = scale, shift
    x = torch.randn(9, 6, dtype=torch.float64, requires_grad=True)
    found, upstream = module(x), torch.randn(9, 6, dtype=torch.float64)
    parts = [newton_whitened(x[:, c : c + 3], iterations=iterations, eps=1e-3)[0] for c in (0, 3)]
    expected = torch.cat(parts, dim=1) * scale + shift
    assert_exact(found, expected)
    gradients = [torch.autograd.grad((y * upstream).sum(), x)[0] for y in (found, expected)]
    assert_exact(gradients[0], gradients[1])


def test_the_symmetric_root_and_its_approximation() -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 5, dtype=torch.float64) @ (torch.eye(5) + 0.2 * torch.randn(5, 5)).double()
    z = whiten((5,), method="zca", eps=0, affine=False).double()(x)
    assert_exact(z.T @ z / 50, torch.eye(5, dtype=torch.float64))
    centered = x - x.mean(dim=0)
    values, vectors = torch.linalg.eigh(centered.T @ centered / 50)
    assert_exact(z, centered @ vectors @ torch.diag(values**-0.5) @ vectors.T)
    approximate = whiten((5,), groups=1, iterations=12, eps=0, affine=False).double()(x)
    torch.testing.assert_close(approximate, z, rtol=1e-4, atol=1e-4)


def test_gradient_of_the_symmetric_root_where_eigenvalues_are_equal() -> None:
    corners = torch.tensor([[a, b] for a in (-1, 1) for b in (-1, 1)], dtype=torch.float64).requires_grad_()
    module = whiten((2,), method="zca", affine=False).double()
    assert torch.autograd.gradcheck(module, (corners,))


def test_cholesky_whitening_of_known_tables() -> None:
    """Vector 26 of the reference: W-MSE of two views over six rows."""
    z1 = torch.tensor([[math.sin((i + 1) * (j + 2)) for j in range(4)] for i in range(6)], dtype=torch.float64)
    shift = torch.tensor([[math.cos(i + 1 + 3 * (j + 1)) for j in range(4)] for i in range(6)], dtype=torch.float64)
    module = whiten((4,), method="cholesky", eps=0, affine=False).double()
    w1, w2 = (unit((4,))(module(z)) for z in (z1, z1 + 0.5 * shift))
    assert (2 - 2 * (w1 * w2).sum(dim=1)).mean().item() == pytest.approx(0.349271, abs=1e-6)


def test_cholesky_whitening_in_parts() -> None:
    torch.manual_seed(0)
    whole = whiten((3,), method="cholesky", eps=0.01, affine=False).double()
    parted = whiten((3,), method="cholesky", eps=0.01, affine=False, size=5).double()
    x = torch.randn(17, 3, dtype=torch.float64)
    expected = torch.cat([whole(x[:6]), whole(x[6:12]), whole(x[12:])])
    assert_exact(parted(x), expected)
    few = x[:4]  # fewer than one part
    assert_exact(parted(few), whole(few))


def test_cholesky_covariance_is_shrunk_to_the_identity() -> None:
    torch.manual_seed(0)
    x = torch.randn(20, 3, dtype=torch.float64)
    z = whiten((3,), method="cholesky", eps=0.3, affine=False).double()(x)
    centered = x - x.mean(dim=0)
    shrunk = 0.7 * centered.T @ centered / 19 + 0.3 * torch.eye(3, dtype=torch.float64)
    # z = c L^-T, so that the Gram matrix of the inverse factor is the inverse of the shrunk covariance.
    inverse = torch.linalg.lstsq(centered, z).solution
    assert_exact(inverse @ inverse.T, torch.linalg.inv(shrunk))
    assert_exact(inverse.tril(-1), torch.zeros(3, 3, dtype=torch.float64))


def test_evaluation_uses_running_statistics() -> None:
    torch.manual_seed(0)
    module = whiten((3,), groups=1, momentum=0.25, affine=False).double()
    assert isinstance(module, Whiten)
    middle, matrix = torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    for _ in range(3):
        x = torch.randn(8, 3, dtype=torch.float64) + 2
        module(x)
        middle = 0.75 * middle + 0.25 * x.mean(dim=0)
        matrix = 0.75 * matrix + 0.25 * newton_whitened(x, iterations=5, eps=1e-5)[1]
    module.eval()
    x = torch.randn(1, 3, dtype=torch.float64)
    assert_exact(module(x)[0], matrix @ (x[0] - middle))
    assert_exact(module.running_mean, middle)


@pytest.mark.parametrize(
    ("width", "groups"), [(2048, 64), (128, 64), (64, 64), (10, 10), (100, 50), (96, 48), (192, 64), (65, 65)]
)
def test_groups_of_the_authors(width: int, groups: int) -> None:
    module = whiten((width,))
    assert isinstance(module, Whiten)
    assert module.running_matrix.shape == (groups, width // groups, width // groups)
    assert whiten((width,), method="cholesky").get_buffer("running_matrix").shape == (1, width, width)


def test_groups_that_do_not_divide_the_features() -> None:
    message = "expected a number of features that 4 groups divide, found a vector of 6; use `groups: 2`"
    with pytest.raises(ShapeError, match=message):
        whiten((6,), groups=4)


# ---- several variables -----------------------------------------------------------------------------------------------


def test_the_mean_of_variables() -> None:
    values = [torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    module = mean(tuple((2, 3) for _ in values))
    assert_exact(module(*values), (values[0] + values[1] + values[2]) / 3)
    assert_exact(mean(((2, 3),))(values[0]), values[0])
    assert torch.autograd.gradcheck(module, tuple(values))
    with pytest.raises(ShapeError, match="of one shape, as the first is a vector of 3, found a vector of 4; bring"):
        mean(((3,), (3,), (4,)))


def recurrent(module: LastState, steps: list[Tensor]) -> Tensor:
    """The gates of a GRU, step by step."""
    weights = dict(module.gru.named_parameters())
    state = torch.zeros(len(steps[0]), module.gru.hidden_size, dtype=steps[0].dtype)
    for x in steps:
        from_input = x @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
        from_state = state @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]
        (reset1, update1, new1), (reset2, update2, new2) = from_input.chunk(3, dim=1), from_state.chunk(3, dim=1)
        reset, update = (reset1 + reset2).sigmoid(), (update1 + update2).sigmoid()
        new = (new1 + reset * new2).tanh()
        state = (1 - update) * new + update * state
    return state


def test_recurrent_network_over_variables_and_over_a_sequence() -> None:
    torch.manual_seed(0)
    of_variables = gru(((3,), (3,), (3,)), width=4).double()
    of_sequence = gru(((3, 3),), width=4).double()
    assert isinstance(of_variables, LastState)
    assert isinstance(of_sequence, LastState)
    of_sequence.load_state_dict(of_variables.state_dict())
    x = torch.randn(5, 3, 3, dtype=torch.float64, requires_grad=True)
    steps = [x[:, t] for t in range(3)]
    expected = recurrent(of_variables, steps)
    assert_exact(of_variables(*steps), expected)
    assert_exact(of_sequence(x), expected)
    for one in (of_variables, of_sequence):
        inputs = [x, *one.parameters()]
        value = one(*steps) if one is of_variables else one(x)
        for found, exact in zip(
            torch.autograd.grad(value.square().sum(), inputs),
            torch.autograd.grad(recurrent(one, steps).square().sum(), inputs),
            strict=True,
        ):
            assert_exact(found, exact)
    alone = gru(((3,),), width=2).double()
    assert isinstance(alone, LastState)
    assert_exact(alone(steps[0]), recurrent(alone, steps[:1]))


def test_recurrent_network_on_meta_and_in_half_precision() -> None:
    with torch.device("meta"):
        assert gru(((3,), (3,)), width=4)(torch.ones(2, 3), torch.ones(2, 3)).shape == (2, 4)
        assert gru(((7, 3),), width=4)(torch.ones(2, 7, 3)).shape == (2, 4)
    module, x = gru(((7, 3),), width=4), torch.randn(2, 7, 3).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert module(x).dtype == torch.float32
        torch.testing.assert_close(module(x), module(x.float()), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (4,)), "or vectors of one width as steps, found a vector of 4; make each step a vector first"),
        (((2, 3), (2, 3)), r"found a sequence \(steps, features\) of 2 x 3"),
        (((1, 8, 8),), r"expected one sequence \(steps, features\), or vectors"),
        (((),), "found a single number"),
    ],
)
def test_recurrent_network_takes_steps(shapes: tuple[Shape, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        gru(shapes, width=4)


# ---- parts and options -----------------------------------------------------------------------------------------------


def test_positions_are_counted_from_one_in_raster_order() -> None:
    sequence, image = torch.arange(24.0).reshape(2, 4, 3), torch.arange(24.0).reshape(1, 4, 2, 3)
    for index in range(1, 5):
        assert position((4, 3), index=index)(sequence).tolist() == sequence[:, index - 1].tolist()
    for index in range(1, 7):
        row, column = divmod(index - 1, 3)
        assert position((4, 2, 3), index=index)(image).tolist() == image[:, :, row, column].tolist()
    with torch.device("meta"):
        assert position((4, 3), index=2)(torch.ones(2, 4, 3)).shape == (2, 3)
        assert position((4, 2, 3), index=2)(torch.ones(2, 4, 2, 3)).shape == (2, 4)


@pytest.mark.parametrize(
    ("shape", "index", "message"),
    [
        ((4, 3), 5, r"expected at least 5 positions, found a sequence .* of 4 x 3; positions run from 1 to 4"),
        ((4, 2, 3), 7, "positions run from 1 to 6"),
        ((4,), 5, "positions run from 1 to 4"),
        ((4, 3, 2, 2), 1, r"or a map \(channels, height, width\), found an array of 4 axes"),
    ],
)
def test_positions_that_are_not_there(shape: Shape, index: int, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        position(shape, index=index)


def test_another_number_of_positions_than_was_said() -> None:
    image = torch.arange(24.0).reshape(1, 4, 2, 3)
    assert position((4, 2, 3), index=6, of=6)(image).tolist() == image[:, :, 1, 2].tolist()
    for shape, index, number in (((4, 2, 4), 1, 8), ((4, 2, 2), 5, 4), ((5, 3), 1, 5), ((7,), 1, 7)):
        with pytest.raises(ShapeError, match="expected 6 positions and no other number") as caught:
            position(shape, index=index, of=6)
        assert (caught.value.argument, caught.value.needed) == ("of", number)


def test_the_mean_without_the_first_steps() -> None:
    x = torch.randn(3, 5, 2, dtype=torch.float64)
    assert_exact(pool((5, 2), skip=2)(x), (x[:, 2] + x[:, 3] + x[:, 4]) / 3)
    assert_exact(pool((5, 2), skip=0)(x), pool((5, 2))(x))
    with torch.device("meta"):
        assert pool((5, 2), skip=4)(torch.ones(2, 5, 2)).shape == (2, 2)
    for shape in ((5, 2), (8, 8, 8), (8,)):
        with pytest.raises(ShapeError, match="of more than 5 steps, found"):
            pool(shape, skip=5)


def test_a_convolution_that_gives_its_map() -> None:
    torch.manual_seed(0)
    averaged = conv((1, 8, 8), widths=(4, 8))
    mapped = conv((1, 8, 8), widths=(4, 8), pool=False)
    mapped.load_state_dict(averaged.state_dict())
    x = torch.randn(3, 1, 8, 8)
    assert mapped(x).shape == (3, 8, 4, 4)
    torch.testing.assert_close(mapped(x).mean(dim=(2, 3)), averaged(x))


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_the_last_norm_without_scale_and_shift(norm: Literal["batch", "layer"]) -> None:
    torch.manual_seed(0)
    module = mlp((6,), widths=(7, 5), norm=norm, last_norm=True, last_affine=False)
    assert isinstance(module, nn.Sequential)
    assert not list(module[-1].parameters())
    assert len(list(module[1].parameters())) == 2  # those between keep theirs
    with_affine = mlp((6,), widths=(7, 5), norm=norm, last_norm=True)
    with_affine.load_state_dict(module.state_dict(), strict=False)
    x = torch.randn(9, 6)
    torch.testing.assert_close(module(x), with_affine(x))  # the scale starts at 1 and the shift at 0

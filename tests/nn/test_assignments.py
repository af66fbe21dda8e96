"""Prototypes, balanced assignment, sharpening, centres, codebooks and support sets against loops over their entries."""

import copy
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mvib.estimators.ranks import ALONE, ProcessRanks, Ranks
from mvib.nn.builders.center import Center, center
from mvib.nn.builders.codebook import Codebook, codebook
from mvib.nn.builders.harden import harden
from mvib.nn.builders.nearest import Nearest, nearest
from mvib.nn.builders.prototypes import Prototypes, prototypes
from mvib.nn.builders.sharpen import Sharpen, sharpen
from mvib.nn.builders.sinkhorn import sinkhorn
from mvib.nn.builders.softmax import Softmax, softmax
from mvib.nn.builders.straight_through import straight_through
from mvib.nn.builders.whiten import whiten
from mvib.nn.memory import Remembering
from mvib.nn.shapes import Shape, ShapeError

Build = Callable[[Shape], nn.Module]

# The processes of a distributed run are started once.
pytestmark = pytest.mark.xdist_group("modules_across_ranks")

EVERY: tuple[tuple[str, Build, int | None], ...] = (
    ("softmax", lambda s: softmax(s, temperature=0.1), None),
    ("sharpen", lambda s: sharpen(s), None),
    ("harden", lambda s: harden(s, threshold=0.3), None),
    ("center", lambda s: center(s), None),
    ("sinkhorn", lambda s: sinkhorn(s), None),
    ("sinkhorn of probabilities", lambda s: sinkhorn(s, of="probabilities"), None),
    ("prototypes", lambda s: prototypes(s, count=7), 7),
    ("projected prototypes", lambda s: prototypes(s, count=7, norm="project"), 7),
    ("codebook", lambda s: codebook(s, size=9), None),
    ("nearest", lambda s: nearest(s, size=11), None),
    ("nearest of all calls", lambda s: nearest(s, size=11, support="all"), None),
)
each_module = pytest.mark.parametrize(("build", "width"), [row[1:] for row in EVERY], ids=[row[0] for row in EVERY])


def assert_exact(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def finish_step(module: nn.Module) -> None:
    if isinstance(module, Remembering):
        module.after_step()


@each_module
@pytest.mark.parametrize("shape", [(5,), (4, 5), (5, 2, 3)])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_shapes_are_known_without_data(
    build: Build, width: int | None, shape: tuple[int, ...], device: Literal["cpu", "meta"]
) -> None:
    with torch.device(device):
        module = build(shape)
        expected = list(shape)
        expected[0 if len(shape) == 3 else -1] = width or 5
        for mode in (True, False):
            module.train(mode)
            assert list(module(torch.ones(2, *shape)).shape) == [2, *expected]
            finish_step(module)


@each_module
def test_precisions(build: Build, width: int | None) -> None:
    torch.manual_seed(0)
    module, x = build((5,)), torch.rand(6, 5)
    given = x.clone()
    single = module(x)
    torch.testing.assert_close(x, given, rtol=0, atol=0)  # the input is not written over
    assert single.dtype == torch.float32
    double = copy.deepcopy(module).double()(x.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-5)
    rounded = x.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = copy.deepcopy(module)(rounded)
    torch.testing.assert_close(under_autocast, copy.deepcopy(module)(rounded.float()), rtol=0, atol=0)


@each_module
@pytest.mark.parametrize("shape", [(4, 5), (5, 2, 3)])
def test_steps_and_places_are_vectors_of_their_own(build: Build, width: int | None, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = build((5,))
    same = build(shape)
    same.load_state_dict(module.state_dict())
    x = torch.rand(3, *shape)
    axis = 1 if len(shape) == 3 else -1
    rows = x.movedim(axis, -1)
    for _ in range(3):
        expected = module(rows.reshape(-1, 5)).reshape(*rows.shape[:-1], -1).movedim(-1, axis)
        torch.testing.assert_close(same(x), expected)
        for one in (module, same):
            finish_step(one)
    for name, buffer in module.named_buffers():
        torch.testing.assert_close(dict(same.named_buffers())[name], buffer)


@each_module
def test_no_axis_at_all(build: Build, width: int | None) -> None:
    with pytest.raises(ShapeError, match="expected at least one axis beside the batch, found a single number"):
        build(())


# ---- probabilities ---------------------------------------------------------------------------------------------------


def test_softmax_at_a_temperature_that_changes() -> None:
    module = softmax((3,), temperature=2.0)
    assert isinstance(module, Softmax)
    x = torch.tensor([[0.1, 0.5, -0.3]], dtype=torch.float64)
    for temperature in (2.0, 0.04):
        module.temperature = temperature
        weights = [math.exp(v / temperature) for v in x[0].tolist()]
        expected = torch.tensor([[w / sum(weights) for w in weights]], dtype=torch.float64)
        assert_exact(module(x), expected)


def test_sharpening_is_a_power() -> None:
    module = sharpen((3,))
    assert isinstance(module, Sharpen)
    p = torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]], dtype=torch.float64)
    for temperature in (0.25, 1.0, 0.5):
        module.temperature = temperature
        rows = []
        for row in p.tolist():
            powers = [v ** (1 / temperature) for v in row]
            rows.append([v / sum(powers) for v in powers])
        assert_exact(module(p), torch.tensor(rows, dtype=torch.float64))


def test_sharpening_of_softmax_is_softmax_at_the_product_of_temperatures() -> None:
    scores = torch.randn(6, 5, dtype=torch.float64)
    expected = softmax((5,), temperature=0.025)(scores)
    assert_exact(sharpen((5,))(softmax((5,), temperature=0.1)(scores)), expected)


def test_sharpening_where_powers_vanish() -> None:
    p = torch.full((1, 1000), 1e-3)
    torch.testing.assert_close(sharpen((1000,), temperature=0.01)(p), p)
    zeros = sharpen((3,))(torch.zeros(1, 3))
    assert zeros.tolist() == [[0, 0, 0]]


def test_gradients_of_probabilities() -> None:
    torch.manual_seed(0)
    x = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(softmax((4,), temperature=0.3), (x,))
    assert torch.autograd.gradcheck(sharpen((4,)), (x.detach().softmax(1).requires_grad_(),))


def test_labels_are_given_where_probabilities_are_sure() -> None:
    p = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2]], requires_grad=True)
    assert harden((3,))(p).tolist() == [[1, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert harden((3,), threshold=0.5)(p).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert harden((3,), threshold=0.95)(p).tolist() == [[0, 0, 0]] * 3
    assert not harden((3,))(p).requires_grad


# ---- centre ----------------------------------------------------------------------------------------------------------


def test_the_centre_follows_the_mean_of_a_step() -> None:
    torch.manual_seed(0)
    module = center((4,), momentum=0.7).double()
    assert isinstance(module, Center)
    expected = [0.0] * 4
    for sizes in ((5, 5), (3,), (6, 2, 4)):
        calls = [torch.randn(size, 4, dtype=torch.float64) for size in sizes]
        for x in calls:
            subtracted = torch.tensor([[v - c for v, c in zip(row, expected, strict=True)] for row in x.tolist()])
            torch.testing.assert_close(module(x), subtracted.double(), rtol=1e-6, atol=1e-6)
            assert_exact(module.center, torch.tensor(expected, dtype=torch.float64))
        module.after_step()
        rows = [row for x in calls for row in x.tolist()]
        for k in range(4):
            expected[k] = 0.7 * expected[k] + 0.3 * sum(row[k] for row in rows) / len(rows)
        assert_exact(module.center, torch.tensor(expected, dtype=torch.float64))


def test_evaluation_and_empty_steps_leave_the_centre() -> None:
    module = center((2,))
    assert isinstance(module, Center)
    module(torch.ones(3, 2))
    module.after_step()
    before = module.center.tolist()
    assert before == pytest.approx([0.1, 0.1])
    module.after_step()
    module.eval()(torch.ones(3, 2) * 7)
    module.after_step()
    assert module.center.tolist() == before


def test_gradients_pass_beside_the_centre() -> None:
    module = center((2,))
    assert isinstance(module, Center)
    x = torch.ones(3, 2, requires_grad=True)
    y = module(x)
    assert not module.center.requires_grad
    module.after_step()
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.tolist() == torch.ones(3, 2).tolist()


# ---- balanced assignment ---------------------------------------------------------------------------------------------


def authors_assignment(weights: list[list[float]], iterations: int) -> Tensor:
    """SwAV's loop over a table of prototypes and examples, `weights[k][b]`."""
    num_prototypes, num_examples = len(weights), len(weights[0])
    total = sum(map(sum, weights))
    table = [[w / total for w in row] for row in weights]
    for _ in range(iterations):
        for k in range(num_prototypes):
            row = sum(table[k])
            table[k] = [w / row / num_prototypes for w in table[k]]
        for b in range(num_examples):
            column = sum(table[k][b] for k in range(num_prototypes))
            for k in range(num_prototypes):
                table[k][b] /= column * num_examples
    shares = torch.tensor(table, dtype=torch.float64).T
    return shares / shares.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("iterations", [0, 1, 3, 10])
@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_assignment_is_that_of_the_authors_loop(iterations: int, temperature: float) -> None:
    torch.manual_seed(0)
    scores = torch.rand(6, 4, dtype=torch.float64) * 2 - 1
    weights = [[math.exp(s / temperature) for s in column] for column in scores.T.tolist()]
    found = sinkhorn((4,), temperature=temperature, iterations=iterations)(scores)
    assert_exact(found, authors_assignment(weights, iterations))
    assert_exact(found.sum(dim=1), torch.ones(6, dtype=torch.float64))


def test_assignment_of_a_known_table() -> None:
    """Vector 29 of the reference, which the authors' code gave."""
    z1 = torch.tensor([[math.sin((i + 1) * (j + 2)) for j in range(4)] for i in range(6)], dtype=torch.float64)
    found = sinkhorn((4,), temperature=0.5)(z1)
    assert found[0, 0].item() == pytest.approx(0.698193, abs=1e-6)
    assert found[5, 3].item() == pytest.approx(0.204447, abs=1e-6)


def test_assignment_of_probabilities() -> None:
    p = torch.rand(6, 4, dtype=torch.float64).softmax(dim=1)
    found = sinkhorn((4,), temperature=0.05, of="probabilities")(p)
    assert_exact(found, authors_assignment(p.T.tolist(), 3))
    # One that is certain, and a prototype that no one wants.
    certain = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    assert sinkhorn((3,), of="probabilities")(certain).isfinite().all()


def test_a_clustering_loss_of_known_tables() -> None:
    """Vector 31 of the reference: MSN with lightly's mean of one process, without and with three iterations."""
    z1 = torch.tensor([[math.sin((i + 1) * (j + 2)) for j in range(4)] for i in range(6)], dtype=torch.float64)
    shift = torch.tensor([[math.cos(i + 1 + 3 * (j + 1)) for j in range(4)] for i in range(6)], dtype=torch.float64)
    module = prototypes((4,), count=3).double()
    assert isinstance(module, Prototypes)
    weights = [[math.sin(1.7 * (4 * k + d) + 0.2) for d in range(4)] for k in range(3)]
    module.weight.data = torch.tensor(weights, dtype=torch.float64)
    probabilities = [softmax((3,), temperature=0.1)(module(z)) for z in (z1, z1 + 0.5 * shift)]
    mean = probabilities[0].mean(dim=0)
    for iterations, expected in ((0, 0.310264), (3, 0.327635)):
        targets = sinkhorn((3,), iterations=iterations, of="probabilities")(sharpen((3,))(probabilities[1]))
        loss = -(targets * probabilities[0].log()).sum(dim=1).mean() + (mean * mean.log()).sum() + math.log(3)
        assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_assignment_is_balanced_after_many_iterations() -> None:
    torch.manual_seed(0)
    shares = sinkhorn((5,), iterations=500)(torch.randn(20, 5, dtype=torch.float64) / 4)
    torch.testing.assert_close(shares.sum(dim=0), torch.full((5,), 4.0, dtype=torch.float64), rtol=1e-6, atol=0)


def test_large_scores_do_not_overflow() -> None:
    shares = sinkhorn((3,))(torch.tensor([[90.0, -90.0, 0.0], [80.0, 100.0, 60.0]]))
    assert shares.isfinite().all()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(2))


def test_no_gradient_of_an_assignment() -> None:
    assert not sinkhorn((3,))(torch.randn(2, 3, requires_grad=True)).requires_grad


# ---- prototypes ------------------------------------------------------------------------------------------------------


def cosines(x: Tensor, weight: Tensor) -> Tensor:
    rows = []
    for a in x:
        scores = [(a * w).sum() / (a.square().sum() * w.square().sum()).sqrt() for w in weight]
        rows.append(torch.stack(scores))
    return torch.stack(rows)


@pytest.mark.parametrize("norm", ["weight", "project"])
def test_scores_are_cosines(norm: Literal["weight", "project"]) -> None:
    torch.manual_seed(0)
    module = prototypes((4,), count=3, norm=norm).double()
    assert isinstance(module, Prototypes)
    x = torch.randn(5, 4, dtype=torch.float64)
    for _ in range(2):
        assert_exact(module(x), cosines(x, module.weight))
        with torch.no_grad():
            module.weight.mul_(2).add_(0.1)


def test_gradient_through_the_norm_of_the_weights_is_tangent() -> None:
    torch.manual_seed(0)
    module = prototypes((4,), count=3).double()
    assert isinstance(module, Prototypes)
    x, upstream = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    (found,) = torch.autograd.grad((module(x) * upstream).sum(), module.weight)
    (expected,) = torch.autograd.grad((cosines(x, module.weight) * upstream).sum(), module.weight)
    assert_exact(found, expected)
    assert (found * module.weight).sum(dim=1).abs().max() < 1e-12
    before = module.weight.detach().clone()
    module.after_step()
    torch.testing.assert_close(module.weight.detach(), before, rtol=0, atol=0)


def test_gradient_of_projected_weights_is_that_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    module = prototypes((4,), count=3, norm="project").double()
    assert isinstance(module, Prototypes)
    module.after_step()  # unit length in double precision
    x, upstream = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    z = x / x.square().sum(dim=1, keepdim=True).sqrt()
    (found,) = torch.autograd.grad((module(z) * upstream).sum(), module.weight)
    # The authors' layer is linear in weights of unit length.
    assert_exact(found, upstream.T @ z)
    with torch.no_grad():
        module.weight.sub_(0.3 * found)
    moved = module.weight.detach().clone()
    module.after_step()
    expected = torch.stack([w / w.square().sum().sqrt() for w in moved])
    assert_exact(module.weight.detach(), expected)


@pytest.mark.parametrize("norm", ["weight", "project"])
def test_gradient_of_prototypes_with_respect_to_vectors(norm: Literal["weight", "project"]) -> None:
    torch.manual_seed(0)
    module = prototypes((4,), count=3, norm=norm).double()
    assert torch.autograd.gradcheck(module, (torch.randn(5, 4, dtype=torch.float64, requires_grad=True),))


def test_two_views_before_one_step() -> None:
    """What brings prototypes back to unit length is not to touch weights that a gradient still needs."""
    module = prototypes((4,), count=3, norm="project")
    first, second = module(torch.randn(5, 4)), module(torch.randn(5, 4))
    torch.autograd.backward((first * second).sum())
    assert all(p.grad is not None for p in module.parameters())


# ---- codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (4, 3), (3, 2, 2)])
def test_codes_are_the_nearest(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = codebook(shape, size=6).double()
    assert isinstance(module, Codebook)
    x = torch.randn(5, *shape, dtype=torch.float64) + 3
    axis = 1 if len(shape) == 3 else -1
    vectors, found = x.movedim(axis, -1).reshape(-1, 3), module(x).movedim(axis, -1).reshape(-1, 3)
    for vector, code in zip(vectors, found, strict=True):
        distances = [float((vector - c).square().sum()) for c in module.codes.detach()]
        assert code.tolist() == module.codes[distances.index(min(distances))].tolist()


def test_gradient_reaches_the_codes_only() -> None:
    torch.manual_seed(0)
    module = codebook((3,), size=4).double()
    assert isinstance(module, Codebook)
    x = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    codes = module(x)
    (gradient,) = torch.autograd.grad((codes - x.detach()).square().mean(), module.codes)
    expected = torch.zeros_like(gradient)
    for vector in x.detach():
        distances = [float((vector - c).square().sum()) for c in module.codes.detach()]
        chosen = distances.index(min(distances))
        expected[chosen] += 2 * (module.codes[chosen].detach() - vector) / x.numel()
    assert_exact(gradient, expected)
    (unused,) = torch.autograd.grad(module(x).sum(), x, allow_unused=True)
    assert unused is None


def test_straight_through_takes_the_value_of_one_and_the_gradient_of_the_other() -> None:
    torch.manual_seed(0)
    module = straight_through(((3, 2), (3, 2)))
    encoded, code = (torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    value = module(encoded, code)
    assert_exact(value, code)
    upstream = torch.randn(4, 3, 2, dtype=torch.float64)
    gradients = torch.autograd.grad((value * upstream).sum(), [encoded, code], allow_unused=True)
    assert gradients[1] is None
    torch.testing.assert_close(gradients[0], upstream, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (4,)), "that it replaces, a vector of 3, found a vector of 4; give the code of the variable before"),
        (((3,),), "expected two variables, a value and its code, and not 1, found a vector of 3; give both"),
        (((3,), (3,), (3,)), "and not 3"),
    ],
)
def test_straight_through_takes_two_of_one_shape(shapes: tuple[Shape, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        straight_through(shapes)


# ---- support set -----------------------------------------------------------------------------------------------------


def nearest_by_loop(rows: Tensor, support: list[Tensor]) -> Tensor:
    found = []
    for row in rows:
        unit = row / row.square().sum().sqrt()
        best = max(support, key=lambda s: float((s * unit).sum())) if support else unit
        found.append(best)
    return torch.stack(found)


@pytest.mark.parametrize("support", ["first", "all"])
def test_the_nearest_of_earlier_steps(support: Literal["first", "all"]) -> None:
    torch.manual_seed(0)
    module = nearest((3,), size=11, support=support).double()
    assert isinstance(module, Nearest)
    kept: list[Tensor] = []
    for size in (4, 5, 3, 15, 4):
        views = [torch.randn(size, 3, dtype=torch.float64) * 5 for _ in range(2)]
        for view in views:
            assert_exact(module(view), nearest_by_loop(view, kept))
        module.after_step()
        for view in views[: 1 if support == "first" else 2]:
            kept += [row / row.square().sum().sqrt() for row in view]
        kept = kept[-11:]


def test_evaluation_adds_nothing_to_the_support_set() -> None:
    module = nearest((3,), size=4)
    assert isinstance(module, Nearest)
    module.eval()(torch.randn(2, 3))
    module.after_step()
    assert int(module.queue.count) == 0
    module.train()(torch.randn(2, 3))
    module.after_step()
    module.after_step()
    assert int(module.queue.count) == 2


def test_no_gradient_of_the_nearest() -> None:
    module = nearest((3,), size=4)
    for _ in range(2):
        assert not module(torch.randn(2, 3, requires_grad=True)).requires_grad
        finish_step(module)


# ---- state -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [lambda: center((3,)), lambda: nearest((3,), size=5), lambda: whiten((4,))])
def test_a_checkpoint_holds_what_a_module_remembers(build: Callable[[], nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, restored = build(), build()
    width = 4 if "running_mean" in module.state_dict() else 3

    def step(one: nn.Module, x: Tensor) -> Tensor:
        value: Tensor = one(x)
        finish_step(one)
        return value

    for _ in range(3):
        step(module, torch.randn(4, width))
    save_file(module.state_dict(), tmp_path / "state.safetensors")
    restored.load_state_dict(load_file(tmp_path / "state.safetensors"))
    for mode in (True, False):
        x = torch.randn(4, width)
        torch.testing.assert_close(step(restored.train(mode), x), step(module.train(mode), x), rtol=0, atol=0)


# ---- ranks -----------------------------------------------------------------------------------------------------------

CROSSING: dict[str, Build] = {
    "center": lambda s: center(s),
    "sinkhorn": lambda s: sinkhorn(s),
    "sinkhorn of probabilities": lambda s: sinkhorn(s, of="probabilities"),
    "nearest": lambda s: nearest(s, size=20),
    "nearest of all calls": lambda s: nearest(s, size=20, support="all"),
    "iternorm": lambda s: whiten(s, groups=2),
    "zca": lambda s: whiten(s, method="zca"),
    "cholesky": lambda s: whiten(s, method="cholesky"),
    "cholesky in parts": lambda s: whiten(s, method="cholesky", size=5),
}
# Rows of the two ranks: even, uneven, and a rank without any.
SPLITS = {"even": (6, 6), "uneven": (9, 3), "none": (0, 12)}


def run_steps(build: Build, ranks: Ranks, counts: tuple[int, ...]) -> dict[str, Tensor]:
    """Two steps of two views: outputs and gradients for the rows of this rank, and the state at the end."""
    torch.manual_seed(0)
    module = build((4,)).double()
    start = sum(counts[: ranks.rank])
    mine = slice(start, start + counts[ranks.rank])
    found = {}
    for step in range(2):
        views = [torch.rand(sum(counts), 4, dtype=torch.float64) for _ in range(2)]
        upstream = torch.randn(sum(counts), 4, dtype=torch.float64)
        for index, view in enumerate(views):
            x = view[mine].clone().requires_grad_()
            y = module(x, ranks=ranks)
            found[f"{step}.{index}.value"] = y.detach()
            if y.requires_grad:
                loss = ranks.sum((y * upstream[mine]).sum())
                (gradient,) = torch.autograd.grad(loss, x)
                # Averaged over ranks, as gradients of parameters are.
                found[f"{step}.{index}.gradient"] = gradient / ranks.size
        finish_step(module)
    return found | {name: buffer.double() for name, buffer in module.named_buffers()}


@pytest.fixture(scope="module")
def of_two_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    folder = tmp_path_factory.mktemp("ranks")
    command, environment = [sys.executable, __file__], os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    processes = [
        subprocess.Popen([*command, str(rank), str(folder)], env=environment, stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", CROSSING)
def test_two_ranks_give_what_one_gives(name: str, split: str, of_two_ranks: list[dict[str, dict[str, Tensor]]]) -> None:
    alone = run_steps(CROSSING[name], ALONE, (12,))
    parts = [found[f"{name}|{split}"] for found in of_two_ranks]
    assert parts[0].keys() == parts[1].keys() == alone.keys()
    for key, expected in alone.items():
        if key.endswith((".value", ".gradient")):
            assert_exact(torch.cat([part[key] for part in parts]), expected)
        else:
            for part in parts:
                assert_exact(part[key], expected)


def main(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", world_size=2, rank=rank)
    ranks = ProcessRanks()
    found: dict[str, Any] = {
        f"{name}|{split}": run_steps(build, ranks, counts)
        for name, build in CROSSING.items()
        for split, counts in SPLITS.items()
    }
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

"""Matching of local vectors, and perceptrons at each position, against loops over places."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from mvib.nn.builders.local import local
from mvib.nn.builders.match import match
from mvib.nn.builders.mlp import mlp
from mvib.nn.shapes import Shape, ShapeError


def assert_exact(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def pairs(where: Tensor, other: Tensor, count: int) -> list[tuple[int, int]]:
    """Of one example the places that belong together, in the order of the first's."""
    found = []
    for p in range(len(where)):
        distances = [float(((where[p] - other[q]) ** 2).sum()) for q in range(len(other))]
        nearest = distances.index(min(distances))
        found.append((distances[nearest], p, nearest))
    return sorted((p, q) for _, p, q in sorted(found)[:count])


@pytest.mark.parametrize("count", [1, 3, 5, None])
def test_sequences_are_matched_by_features(count: int | None) -> None:
    torch.manual_seed(0)
    a = torch.randn(4, 5, 3, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, 6, 3, dtype=torch.float64, requires_grad=True)
    module = match(((5, 3), (6, 3)), count=count)
    found = module(a, b)
    kept = count or 5
    assert found.shape == (4, 2 * kept, 3)
    for i in range(4):
        for step, (p, q) in enumerate(pairs(a[i].detach(), b[i].detach(), kept)):
            assert_exact(found[i, step], a[i, p])
            assert_exact(found[i, step + kept], b[i, q])
    assert torch.autograd.gradcheck(module, (a, b))


@pytest.mark.parametrize("count", [2, 6])
def test_maps_are_matched_by_location(count: int) -> None:
    torch.manual_seed(0)
    a, b = (torch.randn(3, 4, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    where_a, where_b = (torch.rand(3, 2, 2, 3, dtype=torch.float64) for _ in range(2))
    module = match(((4, 2, 3), (4, 2, 3), (2, 2, 3), (2, 2, 3)), count=count, by="location")
    found = module(a, b, where_a, where_b)
    assert found.shape == (3, 2 * count, 4)
    for i in range(3):
        vectors = [[m[i, :, p // 3, p % 3] for p in range(6)] for m in (a, b)]
        spots = [torch.stack([g[i, :, p // 3, p % 3] for p in range(6)]) for g in (where_a, where_b)]
        for step, (p, q) in enumerate(pairs(spots[0], spots[1], count)):
            assert_exact(found[i, step], vectors[0][p])
            assert_exact(found[i, step + count], vectors[1][q])
    (of_a,) = torch.autograd.grad(found[:, :count].sum(), a)
    assert of_a.sum().item() == 3 * count * 4  # the vectors that are kept, and no others
    assert ((of_a == 0) | (of_a == 1)).all()


def test_equal_maps_match_themselves() -> None:
    # The distances of vectors that are close have few digits left in half precision, and in a matrix product.
    x = (100 + torch.randn(2, 8, 4, 4) / 10).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = match(((8, 4, 4), (8, 4, 4)))(x, x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found[:, :16], found[:, 16:], rtol=0, atol=0)


def test_shapes_are_known_without_data() -> None:
    with torch.device("meta"):
        assert match(((5, 3), (5, 3)), count=2)(torch.ones(2, 5, 3), torch.ones(2, 5, 3)).shape == (2, 4, 3)
        assert local((3, 4, 4), widths=(7, 5))(torch.ones(2, 3, 4, 4)).shape == (2, 5, 4, 4)
        assert local((4, 3), widths=(7, 5))(torch.ones(2, 4, 3)).shape == (2, 4, 5)


@pytest.mark.parametrize(
    ("shapes", "by", "message"),
    [
        (((4, 2, 2),), "features", "expected 2 variables to match by features, and not 1, found"),
        (((4, 2, 2), (4, 2, 2)), "location", r"4 variables to match by location, .*; give two maps and where"),
        (((4, 2, 2), (3, 2, 2)), "features", "vectors of 4 features, as those of the first are, found"),
        (((4, 1, 2), (4, 2, 2)), "features", "at least 3 vectors, found .*; write `count: 2`, or leave it out"),
        (((4,), (4,)), "features", r"or a map \(channels, height, width\), found a vector of 4; match before `pool"),
        (((4, 2, 2), (4, 2, 2), (2, 3, 3), (2, 2, 2)), "location", "expected a location for each vector of"),
    ],
)
def test_what_cannot_be_matched(shapes: tuple[Shape, ...], by: Literal["features", "location"], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        match(shapes, count=3, by=by)


@pytest.mark.parametrize("shape", [(3, 2, 5), (10, 3)])
def test_a_perceptron_at_each_position(shape: Shape) -> None:
    torch.manual_seed(0)
    module = local(shape, widths=(6, 4)).double()
    alone = mlp((3,), widths=(6, 4)).double()
    alone.load_state_dict({name.removeprefix("network."): value for name, value in module.state_dict().items()})
    x = torch.randn(7, *shape, dtype=torch.float64)
    found = module(x)
    is_map = len(shape) == 3
    positions = [x[:, :, p // 5, p % 5] if is_map else x[:, p] for p in range(10)]
    expected = alone(torch.cat(positions)).reshape(10, 7, 4)
    for p in range(10):
        assert_exact(found[:, :, p // 5, p % 5] if is_map else found[:, p], expected[p])


def test_a_vector_has_no_positions() -> None:
    with pytest.raises(ShapeError, match="found a vector of 3; use `mlp`"):
        local((3,), widths=(4,))

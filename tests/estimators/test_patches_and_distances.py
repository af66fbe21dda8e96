"""Contrasts of locations and of distances: several locations and views, blocks, and edges."""

import math

import pytest
import torch
from torch import Tensor

from mvib.estimators.distance_infonce import constant as constant_of_distances
from mvib.estimators.distance_infonce import distance_infonce
from mvib.estimators.infonce import from_critic
from mvib.estimators.pairwise import constant as constant_of_pairwise
from mvib.estimators.pairwise import pairwise
from mvib.estimators.patch_infonce import constant, patch_infonce
from tests.estimators.transcriptions import amdim, info_cl


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def assert_same(found: Tensor, expected: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    gradients = torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("num", "locations", "width"), [(5, 3, 4), (2, 6, 3), (6, 1, 5)])
@pytest.mark.parametrize(("clip", "penalty"), [(20.0, 0.05), (1.5, 0.0)])
def test_locations_are_those_of_amdim(num: int, locations: int, width: int, clip: float, penalty: float) -> None:
    a, b = random(num, width), random(num, locations, width)
    found = constant(a, b) - patch_infonce(a, b, clip=clip, penalty=penalty)
    assert constant(a, b) == pytest.approx(math.log(1 + (num - 1) * locations))
    assert_same(found, amdim(a, b, clip=clip, penalty=penalty), [a, b])


def test_a_map_is_its_locations() -> None:
    a, b = random(4, 5), random(4, 5, 2, 3)
    tokens = b.flatten(start_dim=2).transpose(1, 2)
    torch.testing.assert_close(patch_infonce(a, b), patch_infonce(a, tokens), rtol=1e-12, atol=1e-12)
    assert constant(a, b) == constant(a, tokens) == pytest.approx(math.log(19))


def test_each_location_of_both_is_a_source_and_a_target() -> None:
    a, b = random(4, 5, 2, 2), random(4, 3, 5)
    found = constant(a, b) - patch_infonce(a, b, clip=2.0, penalty=0.3)
    sources = [a[:, :, row, column] for row in range(2) for column in range(2)]
    expected = torch.stack([amdim(source, b, clip=2.0, penalty=0.3) for source in sources]).mean()
    assert_same(found, expected, [a, b])


def test_order_of_locations_does_not_matter() -> None:
    a, b = random(4, 5), random(4, 6, 5)
    torch.testing.assert_close(patch_infonce(a, b.flip(1)), patch_infonce(a, b), rtol=1e-12, atol=1e-12)


def test_one_location_without_penalty_is_infonce_of_the_products() -> None:
    a, b = random(6, 4), random(6, 4, seed=1)
    scores = a @ b.T / 2
    others = torch.stack([torch.cat([row[:i], row[i + 1 :]]) for i, row in enumerate(scores)])
    # A clip of 10^4 changes scores of a few units by less than 10^-7.
    found = patch_infonce(a, b, clip=1e4, penalty=0.0)
    torch.testing.assert_close(found, from_critic(scores.diagonal(), others), rtol=0, atol=1e-7)


def test_blocks_of_rows_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = random(7, 4), random(7, 3, 4)
    whole = patch_infonce(a, b)
    expected = torch.autograd.grad(whole, [a, b])
    monkeypatch.setattr("mvib.estimators.kernels._PAIRS_AT_ONCE", 45)  # two rows of 21 candidates at a time
    blocks = patch_infonce(a, b)
    torch.testing.assert_close(blocks, whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.autograd.grad(blocks, [a, b]), expected, rtol=1e-12, atol=1e-12)


def test_gradient_of_locations_is_that_of_finite_differences() -> None:
    assert torch.autograd.gradcheck(lambda a, b: patch_infonce(a, b, clip=3.0), (random(4, 3), random(4, 2, 3)))


def test_one_example_carries_no_information_and_a_finite_gradient() -> None:
    a, b = random(1, 3), random(1, 4, 3)
    found = patch_infonce(a, b, penalty=0.0)
    assert found.item() == pytest.approx(0, abs=1e-12)
    assert all(not gradient.any() for gradient in torch.autograd.grad(found, [a, b]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_of_locations(dtype: torch.dtype) -> None:
    a, b = ((30 * z).detach().to(dtype).requires_grad_() for z in (random(6, 4), random(6, 3, 4)))
    found = patch_infonce(a, b)
    assert found.dtype == torch.float32
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found, [a, b]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = patch_infonce(a.detach().float(), b.detach().float())
    assert inside.item() == patch_infonce(a.detach().float(), b.detach().float()).item()


@pytest.mark.parametrize("num_views", [1, 2, 3])
def test_views_are_pooled_as_in_infocl(num_views: int) -> None:
    samples = [random(5, 3, seed=v) for v in range(num_views)]
    means = [random(5, 3, seed=10 + v) for v in range(num_views)]
    found = distance_infonce(*samples, torch.cat(means, dim=1), bandwidth=4.0)
    cap = constant_of_distances(*samples, torch.cat(means, dim=1))
    assert cap == pytest.approx(math.log(5 * num_views))
    assert_same(cap - found, info_cl(samples, means, bandwidth=4.0), [*samples, *means])


def test_a_learned_bandwidth_has_the_gradient_of_finite_differences() -> None:
    bandwidth = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    estimate = distance_infonce
    assert torch.autograd.gradcheck(
        lambda a, b, w: estimate(a, b, bandwidth=w), (random(5, 3), random(5, 3, seed=1), bandwidth)
    )


def test_rows_far_from_the_origin_keep_their_distances() -> None:
    a, b = random(6, 3).detach(), random(6, 3, seed=1).detach()
    near = distance_infonce(a.float(), b.float())
    far = distance_infonce((a + 1000).float(), (b + 1000).float())
    torch.testing.assert_close(far, near, rtol=0, atol=1e-3)  # float32 has 6e-5 at 1000
    exact = distance_infonce(a + 1e6, b + 1e6)
    torch.testing.assert_close(exact, distance_infonce(a, b), rtol=0, atol=1e-9)


def test_samples_at_their_means_have_the_entropy_of_a_mixture() -> None:
    z = random(8, 3)
    sigma = 1.7
    found = distance_infonce(z, z, bandwidth=2 * sigma**2)
    expected = pairwise(z, sigma=sigma) - constant_of_pairwise(z, sigma=sigma)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)

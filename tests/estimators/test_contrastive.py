"""The contrastive estimators against the formulas of their papers, transcribed pair by pair."""

import math
from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.alignment import alignment
from mvib.estimators.dcl import constant, dcl
from mvib.estimators.infonce import constant as infonce_constant
from mvib.estimators.infonce import from_critic, infonce
from mvib.estimators.siglip import siglip
from mvib.estimators.spectral import spectral
from mvib.estimators.uniformity import uniformity

Views = tuple[Tensor, Tensor]

# The printed vectors have six decimals.
PRINTED = 5e-7


def random_views(num: int, dimension: int, *, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z1 = torch.randn(num, dimension, generator=generator, dtype=torch.float64)
    z2 = 0.8 * z1 + 0.6 * torch.randn(num, dimension, generator=generator, dtype=torch.float64)
    return [rows.unit(z).requires_grad_() for z in (z1, z2)]


def assert_same(found: Tensor, expected: Tensor, inputs: Sequence[Tensor]) -> None:
    """The same value and gradients up to rounding in double precision."""
    pairs = zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True)
    for one, other in ((found, expected), *pairs):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


# ---- the authors' formulas -------------------------------------------------------------------------------------------


def moco(u1: Tensor, u2: Tensor, queue: Tensor, temperature: Tensor | float) -> Tensor:
    logits = torch.cat([(u1 * u2).sum(1, keepdim=True), u1 @ queue.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(u1), dtype=torch.int64))


def dcl_loss(u1: Tensor, u2: Tensor, temperature: Tensor | float, sigma: float | None = None) -> Tensor:
    n = len(u1)
    loss = torch.zeros((), dtype=u1.dtype)
    similar = [u1[i] @ u2[i] for i in range(n)]
    for one, other in ((u1, u2), (u2, u1)):
        for i in range(n):
            weight = 1.0
            if sigma is not None:
                exponentials = [math.exp(float(s.detach()) / sigma) for s in similar]
                weight = 2 - n * exponentials[i] / sum(exponentials)
            others = [(one[i] @ view[j] / temperature).exp() for view in (one, other) for j in range(n) if j != i]
            loss = loss + (torch.stack(others).sum().log() - weight * similar[i] / temperature) / (2 * n)
    return loss


def siglip_loss(u1: Tensor, u2: Tensor, temperature: Tensor | float, bias: Tensor | float) -> Tensor:
    labels = 2 * torch.eye(len(u1), dtype=u1.dtype) - 1
    return -F.logsigmoid(labels * (u1 @ u2.T / temperature + bias)).sum() / len(u1)


def spectral_loss(z1: Tensor, z2: Tensor, mu: float) -> Tensor:
    n = len(z1)

    def clip(z: Tensor) -> Tensor:
        short = (z.norm(dim=1) < math.sqrt(mu))[:, None]
        return torch.where(short, z, math.sqrt(mu) * F.normalize(z))

    z1, z2 = clip(z1), clip(z2)
    others = [(z1[i] @ z2[j]).square() for i in range(n) for j in range(n) if i != j]
    return (-2 * (z1 * z2).sum(1).mean() + torch.stack(others).mean()) / mu


def uniform_loss(u: Tensor, t: float) -> Tensor:
    return torch.pdist(u).square().mul(-t).exp().mean().log()


# ---- equality with them ----------------------------------------------------------------------------------------------

# N = 2; N < D, N = D and N > D, and more than twice D.
each_shape = pytest.mark.parametrize(("num", "dimension"), [(2, 3), (4, 7), (5, 5), (7, 4), (12, 3)])


@each_shape
@pytest.mark.parametrize("num_keys", [1, 6])
def test_queue_is_the_loss_of_moco(num: int, dimension: int, num_keys: int) -> None:
    u1, u2 = random_views(num, dimension)
    queue = random_views(num_keys, dimension, seed=3)[0]
    temperature = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    found = infonce(u1, u2, temperature=temperature, negatives="queue", queue=queue)
    expected = math.log(num_keys + 1) - moco(u1, u2, queue, temperature)
    assert_same(found, expected, [u1, u2, queue, temperature])
    assert infonce_constant(u1, u2, negatives="queue", queue=queue) == math.log(num_keys + 1)


def test_an_empty_queue_says_nothing() -> None:
    u1, u2 = random_views(4, 3)
    found = infonce(u1, u2, negatives="queue", queue=torch.empty(0, 3, dtype=torch.float64))
    assert found.item() == 0
    assert not torch.autograd.grad(found, u1)[0].any()


@pytest.mark.parametrize("negatives", [1, 4])
def test_infonce_of_a_critic(negatives: int) -> None:
    generator = torch.Generator().manual_seed(0)
    positive = torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)
    negative = torch.randn(5, negatives, generator=generator, dtype=torch.float64, requires_grad=True)
    ratios = positive.exp() / (positive.exp() + negative.exp().sum(1))
    expected = math.log(negatives + 1) + ratios.log().mean()
    assert_same(from_critic(positive, negative), expected, [positive, negative])


@each_shape
@pytest.mark.parametrize("sigma", [None, 0.5])
def test_dcl(num: int, dimension: int, sigma: float | None) -> None:
    u1, u2 = random_views(num, dimension)
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    found = dcl(u1, u2, temperature=temperature, sigma=sigma)
    expected = constant(u1, u2, sigma=sigma) - dcl_loss(u1, u2, temperature, sigma)
    assert_same(found, expected, [u1, u2, temperature])


@each_shape
def test_siglip(num: int, dimension: int) -> None:
    u1, u2 = random_views(num, dimension)
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    bias = torch.tensor(-1.5, dtype=torch.float64, requires_grad=True)
    found = siglip(u1, u2, temperature=temperature, bias=bias)
    assert_same(found, -siglip_loss(u1, u2, temperature, bias), [u1, u2, temperature, bias])


@each_shape
@pytest.mark.parametrize("mu", [0.7, 1.0, 10.0])
def test_spectral(num: int, dimension: int, mu: float) -> None:
    factors = torch.linspace(0.3, 2, num, dtype=torch.float64)[:, None]
    z1, z2 = ((factors * u).detach().requires_grad_() for u in random_views(num, dimension))
    assert_same(spectral(z1, z2, mu=mu), -spectral_loss(z1, z2, mu), [z1, z2])


@each_shape
@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 3.0])
def test_alignment(num: int, dimension: int, alpha: float) -> None:
    u1, u2 = random_views(num, dimension)
    assert_same(alignment(u1, u2, alpha=alpha), (u1 - u2).norm(dim=1).pow(alpha).mean(), [u1, u2])


@each_shape
@pytest.mark.parametrize("t", [1.0, 2.0])
def test_uniformity(num: int, dimension: int, t: float) -> None:
    u, _ = random_views(num, dimension)
    assert_same(uniformity(u, t=t), -uniform_loss(u, t), [u])


# ---- printed values of the authors' code -----------------------------------------------------------------------------


def assert_printed(found: Tensor | float, expected: float) -> None:
    assert float(found) == pytest.approx(expected, abs=PRINTED)


def test_vectors_of_infonce(reference_views: Views) -> None:
    u1, u2 = (rows.unit(z) for z in reference_views)
    assert_printed(math.log(11) - infonce(u1, u2, temperature=0.5), 1.115642)  # 1
    assert_printed(math.log(11) - infonce(u1, u2, temperature=0.1), 0.576218)  # 2
    assert_printed(2 * (math.log(11) - infonce(u1, u2, temperature=0.5)), 2.231284)  # 3
    assert abs(math.log(11) - infonce(u1, u2, temperature=0.5) - 1.486974) > 0.3  # 4, with the row itself: wrong
    assert_printed(math.log(6) - infonce(u1, u2, temperature=0.5, negatives="other_view"), 0.735395)  # 5


def test_vectors_of_one_direction(reference_views: Views) -> None:
    # One direction is MoCo's with the other keys of the batch as the queue of each row; the critic's says the same.
    u1, u2 = (rows.unit(z) for z in reference_views)

    def one_direction(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
        scores = queries @ keys.T / temperature
        others = torch.stack([torch.cat([row[:i], row[i + 1 :]]) for i, row in enumerate(scores)])
        return math.log(6) - from_critic(scores.diagonal(), others)

    assert_printed(one_direction(u1, u2, 0.5), 0.727362)  # 5
    assert_printed(2 * 0.2 * one_direction(u1, u2, 0.2), 0.137791)  # 6
    assert_printed(one_direction(u2, u1, 0.1), 0.825346)  # 9


def test_vector_of_moco(reference_views: Views) -> None:
    u1, u2 = (rows.unit(z) for z in reference_views)
    d, k = torch.arange(4, dtype=torch.float64), torch.arange(5, dtype=torch.float64)[:, None]
    queue = rows.unit(torch.sin(5 * d + k + 0.5))
    found = math.log(6) - infonce(u1, u2, temperature=0.2, negatives="queue", queue=queue)
    assert_printed(found, 0.533277)  # 7


def test_vectors_of_the_others(reference_views: Views) -> None:
    z1, z2 = reference_views
    u1, u2 = rows.unit(z1), rows.unit(z2)
    assert_printed(math.log(10) - dcl(u1, u2, temperature=0.1), -1.947310)  # 8
    assert_printed(math.log(10) - dcl(u1, u2, temperature=0.1, sigma=0.5), -1.456322)  # 8
    assert_printed(-siglip(u1, u2, temperature=0.1, bias=-10.0), 1.983949)  # 10
    # No row is longer than 10, so that nothing is clipped; the value is divided by mu.
    assert_printed(-100 * spectral(z1, z2, mu=100.0), -2.817536)  # 11
    assert_printed(alignment(u1, u2), 0.308061)  # 12
    assert_printed(-(uniformity(u1) + uniformity(u2)) / 2, -3.170668)  # 12
    assert_printed(alignment(u1, u2) - (uniformity(u1, t=1.0) + uniformity(u2, t=1.0)) / 2, -1.647570)  # 13


# ---- invariances, precision, edges -----------------------------------------------------------------------------------

of_pairs: tuple[Callable[..., Tensor], ...] = (infonce, dcl, siglip, spectral, alignment)
each_of_pairs = pytest.mark.parametrize("estimator", of_pairs, ids=lambda estimator: estimator.__name__)


@each_of_pairs
def test_views_are_interchangeable(estimator: Callable[..., Tensor]) -> None:
    u1, u2 = random_views(7, 4)
    torch.testing.assert_close(estimator(u1, u2), estimator(u2, u1), rtol=1e-12, atol=1e-12)


@each_of_pairs
def test_a_rotation_of_both_views_does_not_matter(estimator: Callable[..., Tensor]) -> None:
    u1, u2 = random_views(7, 4)
    rotation = torch.linalg.qr(random_views(4, 4, seed=5)[0].detach()).Q
    torch.testing.assert_close(estimator(u1 @ rotation, u2 @ rotation), estimator(u1, u2), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("estimator", [dcl, siglip, alignment])
def test_lengths_of_rows_do_not_matter(estimator: Callable[..., Tensor]) -> None:
    u1, u2 = random_views(7, 4)
    factors = torch.linspace(0.1, 9, 7, dtype=torch.float64)[:, None]
    found = estimator(rows.unit(u1 * factors), rows.unit(u2 / factors))
    torch.testing.assert_close(found, estimator(u1, u2), rtol=1e-10, atol=1e-10)


def test_uniformity_is_invariant_to_rotation_and_lengths() -> None:
    u, _ = random_views(7, 4)
    rotation = torch.linalg.qr(random_views(4, 4, seed=5)[0].detach()).Q
    factors = torch.linspace(0.1, 9, 7, dtype=torch.float64)[:, None]
    torch.testing.assert_close(uniformity(rows.unit(factors * u @ rotation)), uniformity(u), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("collapsed", [False, True])
@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_half_precision_and_collapsed_rows_are_finite(dtype: torch.dtype, collapsed: bool, temperature: float) -> None:
    u1, u2 = (u.detach().to(dtype).requires_grad_() for u in random_views(9, 4))
    if collapsed:
        u1, u2 = (u.detach()[:1].repeat(9, 1).requires_grad_() for u in (u1, u2))
    queue = u2.detach()
    estimates = (
        *(infonce(u1, u2, temperature=temperature, negatives=n, queue=queue) for n in ("all", "other_view", "queue")),
        dcl(u1, u2, temperature=temperature, sigma=0.5),
        siglip(u1, u2, temperature=temperature),
        spectral(u1, u2),
        *(alignment(u1, u2, alpha=alpha) for alpha in (0.5, 1.0, 2.0)),
        uniformity(u1) + uniformity(u2),
    )
    for estimate in estimates:
        assert estimate.dtype == torch.float32
        assert estimate.isfinite()
        for gradient in torch.autograd.grad(estimate, (u1, u2)):
            assert gradient.isfinite().all()


@each_of_pairs
def test_autocast_does_not_round_the_products(estimator: Callable[..., Tensor]) -> None:
    u1, u2 = (u.detach().float() for u in random_views(9, 4))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = estimator(u1, u2)
    assert inside.item() == estimator(u1, u2).item()


def test_equal_rows_have_no_distance_and_no_gradient() -> None:
    u, _ = random_views(5, 3)
    for alpha in (0.5, 1.0, 2.0):
        estimate = alignment(u, u.detach(), alpha=alpha)
        assert estimate.item() == 0
        assert not torch.autograd.grad(estimate, u)[0].any()


def test_uniformity_of_equal_rows_is_zero_and_that_of_a_simplex_reaches_its_most() -> None:
    assert uniformity(torch.ones(6, 1, dtype=torch.float64)).item() == pytest.approx(0, abs=1e-12)
    # All distances of a regular simplex are equal, and its mean is zero.
    simplex = rows.unit(torch.eye(6, dtype=torch.float64) - 1 / 6)
    assert uniformity(simplex, t=2.0).item() == pytest.approx(2 * 2.0 * 6 / 5)


def test_spectral_is_the_chi_square_of_a_discrete_pair_at_its_best() -> None:
    # K equal classes seen without error: one-hot codes scaled to sqrt(K) are the factor of the density ratio, and
    # 1 + chi^2 = K. Codes of norm sqrt(K) need mu = K, which divides the value.
    num_classes = 4
    labels = torch.arange(4000) % num_classes
    codes = math.sqrt(num_classes) * F.one_hot(labels, num_classes).double()
    # The 999 other examples of a class, of 3999, are N / (N - 1) too few.
    expected = (2 * num_classes - num_classes**2 * 999 / 3999) / num_classes
    assert spectral(codes, codes, mu=float(num_classes)).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 3.0])
def test_alignment_of_what_is_not_a_number_is_none(alpha: float) -> None:
    u = torch.eye(4)
    assert alignment(torch.full_like(u, torch.nan), u, alpha=alpha).isnan()


def test_one_pair_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        spectral(torch.ones(1, 3), torch.ones(1, 3))

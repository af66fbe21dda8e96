import math
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.infonce import Anchors, constant, infonce
from mvib.nn.distributions import VonMisesFisher
from tests.estimators.transcriptions import within_domains

Negatives = Literal["all", "other_view"]
Candidates = Literal["all", "other_view", "own_view"]
each_choice = pytest.mark.parametrize("negatives", ["all", "other_view"])


def random_rows(num: int, dimension: int, *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return rows.unit(torch.randn(num, dimension, generator=generator, dtype=torch.float64))


@given(
    num=st.integers(1, 12),
    dimension=st.integers(1, 6),
    temperature=st.floats(0.01, 10),
    seed=st.integers(0, 2**31),
    negatives=st.sampled_from(["all", "other_view"]),
)
def test_estimate_never_exceeds_the_log_of_the_number_of_candidates(
    num: int, dimension: int, temperature: float, seed: int, negatives: Negatives
) -> None:
    u1, u2 = random_rows(num, dimension, seed=seed), random_rows(num, dimension, seed=seed + 1)
    for other in (u2, u1):
        cap = constant(u1, other, temperature=temperature, negatives=negatives)
        assert infonce(u1, other, temperature=temperature, negatives=negatives) <= cap + 1e-9


def test_caps() -> None:
    u = random_rows(7, 3, seed=0)
    assert constant(u, u, negatives="all") == pytest.approx(math.log(13))
    assert constant(u, u, negatives="other_view") == pytest.approx(math.log(7))


@each_choice
def test_distinct_pairs_reach_the_cap_at_low_temperature(negatives: Negatives) -> None:
    u = torch.eye(8, dtype=torch.float64)
    estimate = infonce(u, u, temperature=0.01, negatives=negatives)
    assert estimate.item() == pytest.approx(constant(u, u, negatives=negatives), abs=1e-12)


@each_choice
def test_information_on_the_sphere_is_recovered_from_below(negatives: Negatives) -> None:
    # u1 uniform on the sphere and u2 von Mises-Fisher around it: kappa cos is the log density ratio up to a constant,
    # so temperature 1 / kappa is the best there is. In three dimensions
    # I = log(kappa / sinh(kappa)) + kappa coth(kappa) - 1.
    kappa = 5.0
    information = math.log(kappa / math.sinh(kappa)) + kappa / math.tanh(kappa) - 1
    torch.manual_seed(0)
    batches = []
    for _ in range(20):
        u1 = F.normalize(torch.randn(512, 3, dtype=torch.float64))
        u2 = VonMisesFisher(direction=u1, kappa=kappa).sample()
        batches.append(infonce(u1, u2, temperature=1 / kappa, negatives=negatives))
    mean, error = torch.stack(batches).mean().item(), torch.stack(batches).std().item() / math.sqrt(20)
    assert mean <= information + 3 * error
    assert mean >= information - 0.03 - 3 * error  # the bias of the estimate is of order e^I / (2 B)


@each_choice
def test_bound_is_below_the_information_of_gaussian_pairs(negatives: Negatives) -> None:
    rho, dimension, num_batches = 0.8, 4, 20
    information = -0.5 * dimension * math.log(1 - rho**2)
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(num_batches):
        z1 = torch.randn(64, dimension, generator=generator, dtype=torch.float64)
        z2 = rho * z1 + math.sqrt(1 - rho**2) * torch.randn(64, dimension, generator=generator, dtype=torch.float64)
        batches.append(infonce(rows.unit(z1), rows.unit(z2), temperature=0.3, negatives=negatives))
    estimates = torch.stack(batches)
    assert 0 < estimates.mean() <= information + 3 * estimates.std() / math.sqrt(num_batches)


def test_negatives_of_both_views_may_exceed_the_information_and_by_how_much() -> None:
    # Z1 = Z2 is one of two orthogonal rows, each with probability 1/2: I = log 2. At a low temperature a row's pair and
    # all its equals have one score, and the others none. Every batch is taken, so that there is no sampling error.
    num, choices = 5, torch.eye(2, dtype=torch.float64)
    batches = [choices[[number >> place & 1 for place in range(num)]] for number in range(2**num)]

    def expected(negatives: Candidates) -> float:
        return sum(infonce(u, u, temperature=0.01, negatives=negatives).item() for u in batches) / len(batches)

    assert math.log(2) + 0.002 < expected("all") < math.log(2) + math.log(2 - 1 / num)
    assert expected("other_view") < math.log(2)
    assert expected("own_view") < math.log(2)


@given(
    num=st.integers(2, 12),
    dimension=st.integers(1, 6),
    temperature=st.floats(0.01, 10),
    seed=st.integers(0, 2**31),
)
def test_more_candidates_add_no_more_than_their_cap_does(
    num: int, dimension: int, temperature: float, seed: int
) -> None:
    u1, u2 = random_rows(num, dimension, seed=seed), random_rows(num, dimension, seed=seed + 1)
    bound = infonce(u1, u2, temperature=temperature, negatives="other_view")
    assert infonce(u1, u2, temperature=temperature, negatives="all") <= bound + math.log(2 - 1 / num) + 1e-9
    for extra in (u1, u2, random_rows(num, dimension, seed=seed + 2)):
        first = {"temperature": temperature, "negatives": "other_view", "anchors": "first"}
        assert (
            infonce(u1, u2, extra=extra, **first) <= infonce(u1, u2, **first) + math.log(2 - 1 / num) + 1e-9  # type: ignore[arg-type]
        )


def test_negatives_of_another_law_may_exceed_the_information() -> None:
    # The second view is one row whatever the first is: I = 0. Rows of the first view are as far from each other as in
    # a law of many directions, and farther than from that row, which tells the pair from negatives of the own view.
    num = 6
    second = torch.eye(num + 1, dtype=torch.float64)[:1].expand(num, num + 1)
    first = 0.6 * second + 0.8 * torch.eye(num + 1, dtype=torch.float64)[1:]
    choices: list[Candidates] = ["own_view", "all", "other_view"]
    own, both, other = (infonce(first, second, temperature=0.1, negatives=n, anchors="first").item() for n in choices)
    assert own > 1
    assert 0.5 < both < math.log(2 - 1 / num)
    assert other == pytest.approx(0, abs=1e-12)


@each_choice
def test_scale_of_the_projections_does_not_matter(negatives: Negatives) -> None:
    u1, u2 = random_rows(6, 4, seed=0), random_rows(6, 4, seed=1)
    scale = torch.linspace(0.1, 10, 6, dtype=torch.float64)[:, None]
    scaled = infonce(rows.unit(scale * u1), rows.unit(u2 / scale), negatives=negatives)
    torch.testing.assert_close(scaled, infonce(u1, u2, negatives=negatives), rtol=1e-12, atol=1e-12)


@each_choice
def test_views_are_interchangeable(negatives: Negatives) -> None:
    u1, u2 = random_rows(6, 4, seed=0), random_rows(6, 4, seed=1)
    exchanged = infonce(u2, u1, negatives=negatives)
    torch.testing.assert_close(exchanged, infonce(u1, u2, negatives=negatives), rtol=1e-12, atol=1e-12)


@each_choice
def test_temperature_may_be_learnt(negatives: Negatives) -> None:
    u1, u2 = random_rows(6, 4, seed=0), random_rows(6, 4, seed=1)
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)

    def estimate(t: Tensor) -> Tensor:
        return infonce(u1, u2, temperature=t, negatives=negatives)

    assert torch.autograd.gradcheck(estimate, (temperature,))
    torch.testing.assert_close(estimate(temperature), infonce(u1, u2, temperature=0.3, negatives=negatives))


@each_choice
def test_one_pair_carries_no_information_and_no_gradient(negatives: Negatives) -> None:
    u1, u2 = random_rows(1, 4, seed=0).requires_grad_(), random_rows(1, 4, seed=1)
    estimate = infonce(u1, u2, negatives=negatives)
    (gradient,) = torch.autograd.grad(estimate, u1)
    assert estimate.item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient))


# ---- anchors, domains, further candidates ---------------------------------------------------------------------------


@each_choice
def test_both_directions_are_the_mean_of_one_and_the_other(negatives: Negatives) -> None:
    u1, u2 = random_rows(6, 4, seed=0), random_rows(6, 4, seed=1)
    first, second = (infonce(*pair, negatives=negatives, anchors="first") for pair in ((u1, u2), (u2, u1)))
    torch.testing.assert_close((first + second) / 2, infonce(u1, u2, negatives=negatives), rtol=1e-12, atol=1e-12)


def test_the_own_view_as_extra_rows_is_the_contrast_with_both() -> None:
    u1, u2 = random_rows(6, 4, seed=0), random_rows(6, 4, seed=1)
    found = infonce(u1, u2, negatives="other_view", anchors="first", extra=u1)
    torch.testing.assert_close(found, infonce(u1, u2, anchors="first"), rtol=1e-12, atol=1e-12)
    assert constant(u1, u2, negatives="other_view", anchors="first", extra=u1) == pytest.approx(math.log(11))


def test_extra_rows_are_for_one_direction() -> None:
    u = random_rows(4, 3, seed=0)
    with pytest.raises(ValueError, match="`extra` rows are candidates of anchors: first"):
        infonce(u, u, negatives="other_view", extra=u)


DOMAINS = ([0, 1, 0, 2, 1, 0, 0], [5, 5, 5, 5, 5, 5, 5], [-3, 0, 9, 1, 2, 7, 4])
each_set = pytest.mark.parametrize("negatives", ["all", "other_view", "own_view"])


def test_a_queue_has_no_domains() -> None:
    u1, u2 = (rows.unit(random_rows(4, 3, seed=seed)) for seed in (0, 1))
    with pytest.raises(ValueError, match="rows of a queue have no domain"):
        infonce(u1, u2, negatives="queue", queue=u2, domain=torch.zeros(4, dtype=torch.int64))


@each_set
@pytest.mark.parametrize("domains", DOMAINS)
@pytest.mark.parametrize("anchors", ["both", "first"])
def test_contrast_within_domains(domains: list[int], anchors: Anchors, negatives: Candidates) -> None:
    z1, z2 = (z.requires_grad_() for z in (random_rows(7, 4, seed=0), random_rows(7, 4, seed=1)))
    domain = torch.tensor(domains)
    u1, u2 = rows.unit(z1), rows.unit(z2)
    found = infonce(u1, u2, temperature=0.3, negatives=negatives, anchors=anchors, domain=domain)
    loss = within_domains(z1, z2, domains, negatives=negatives, temperature=0.3)
    if anchors == "both":
        loss = (loss + within_domains(z2, z1, domains, negatives=negatives, temperature=0.3)) / 2
    numbers = [domains.count(name) for name in domains]
    cap = sum(math.log(2 * number - 1 if negatives == "all" else number) for number in numbers) / 7
    torch.testing.assert_close(found, cap - loss, rtol=1e-10, atol=1e-10)
    assert constant(u1, u2, negatives=negatives, domain=domain) == pytest.approx(cap)
    gradients = [torch.autograd.grad(value, (z1, z2), materialize_grads=True) for value in (found, -loss)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@each_set
def test_one_domain_is_none(negatives: Candidates) -> None:
    u1, u2 = random_rows(6, 4, seed=0), random_rows(6, 4, seed=1)
    within = infonce(u1, u2, negatives=negatives, domain=torch.zeros(6, dtype=torch.int64))
    torch.testing.assert_close(within, infonce(u1, u2, negatives=negatives), rtol=1e-12, atol=1e-12)


def test_gradient_within_domains_is_that_of_finite_differences() -> None:
    z1, z2 = (random_rows(5, 3, seed=seed).requires_grad_() for seed in (0, 1))
    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    domain = torch.tensor([0, 1, 1, 0, 2])

    def estimate(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        return infonce(rows.unit(a), rows.unit(b), temperature=t, domain=domain)

    assert torch.autograd.gradcheck(estimate, (z1, z2, temperature))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_within_domains_half_precision_is_finite(dtype: torch.dtype) -> None:
    u1, u2 = (random_rows(9, 4, seed=seed).to(dtype).requires_grad_() for seed in (0, 1))
    found = infonce(u1, u2, temperature=0.01, negatives="own_view", domain=torch.arange(9) % 4)
    assert found.dtype == torch.float32
    assert found.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found, (u1, u2)))

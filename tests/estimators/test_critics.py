"""Estimates from the scores of a critic: printed values, gradients, and what they are at the true log density ratio."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from mvib.estimators.dv import dv, log_mean_exp
from mvib.estimators.jsd import jsd
from mvib.estimators.nwj import nwj
from mvib.estimators.smile import smile
from mvib.estimators.tuba import tuba

Estimate = Callable[[Tensor, Tensor], Tensor]

ESTIMATES: dict[str, Estimate] = {
    "jsd": jsd,
    "nwj": nwj,
    "tuba": tuba,
    "tuba with baseline 3": lambda positive, negative: tuba(positive, negative, baseline=3.0),
    "dv": dv,
    "dv with an average": lambda p, n: dv(p, n, log_normalizer=torch.tensor(0.3, dtype=torch.float64)),
    "smile": lambda positive, negative: smile(positive, negative, clip=1.0),
}
each_estimate = pytest.mark.parametrize("estimate", ESTIMATES.values(), ids=ESTIMATES)


def off_diagonal(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Scores of the pairs, and of each row with the others."""
    num = len(scores)
    return scores.diagonal(), scores[~torch.eye(num, dtype=torch.bool)].view(num, num - 1)


def random_scores(num: int = 6, others: int = 4, *, seed: int = 0, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    positive = scale * torch.randn(num, generator=generator, dtype=torch.float64)
    negative = scale * torch.randn(num, others, generator=generator, dtype=torch.float64)
    return positive.requires_grad_(), negative.requires_grad_()


# ---- printed values: scores S_ij = sin(2i + 3j) + 2 [i = j] of five rows -----------------------------------------


@pytest.fixture
def scores() -> Tensor:
    i = torch.arange(5, dtype=torch.float64)
    table = torch.sin(2 * i[:, None] + 3 * i[None]) + 2 * torch.eye(5, dtype=torch.float64)
    assert table.sum().item() == pytest.approx(10.582979, abs=5e-7)
    return table.requires_grad_()


PRINTED: dict[str, tuple[Estimate, float]] = {
    "tuba, a = 1": (tuba, 1.694004),
    # The reference passes its scores minus 1 to a function of the unshifted critic.
    "nwj": (nwj, 1.527173),
    "dv": (dv, 1.735901),
    "smile, clip 1": (lambda p, n: smile(p, n, clip=1.0), 1.735901),
    "smile, clip 5": (smile, 1.735901),
    "smile without clip": (lambda p, n: smile(p, n, clip=math.inf), 1.735901),
    "smile, clip 0.5": (lambda p, n: smile(p, n, clip=0.5), 1.912478),
    "jsd": (jsd, -0.922327),
}


@pytest.mark.parametrize(("estimate", "printed"), PRINTED.values(), ids=PRINTED)
def test_reference_values(scores: Tensor, estimate: Estimate, printed: float) -> None:
    # Half a unit of the last printed digit.
    assert estimate(*off_diagonal(scores)).item() == pytest.approx(printed, abs=5e-7)


def test_reference_values_of_mvib_with_one_roll(scores: Tensor) -> None:
    pairs = scores.diagonal(), scores.roll(1, dims=0).diagonal().unsqueeze(1)  # the negative of k is (x_{k-1}, y_k)
    assert jsd(*pairs).item() == pytest.approx(-1.089782, abs=5e-7)
    assert tuba(*pairs).item() == pytest.approx(1.307119, abs=5e-7)


GRADIENTS: dict[str, tuple[Estimate, float]] = {
    "dv": (dv, -0.043684),
    "mine": (
        lambda p, n: dv(p, n, log_normalizer=(0.9 + 0.1 * log_mean_exp(p, n).exp()).log()),
        -0.055803,
    ),
    "smile": (lambda p, n: smile(p, n, clip=1.0), -0.026761),
}


@pytest.mark.parametrize(("estimate", "printed"), GRADIENTS.values(), ids=GRADIENTS)
def test_reference_gradients(scores: Tensor, estimate: Estimate, printed: float) -> None:
    (gradient,) = torch.autograd.grad(estimate(*off_diagonal(scores)), scores)
    assert gradient[0, 1].item() == pytest.approx(printed, abs=5e-7)


# ---- formulas and gradients ----------------------------------------------------------------------------------------


FORMULAS: dict[str, Estimate] = {
    "jsd": lambda p, n: -(1 + (-p).exp()).log().mean() - (1 + n.exp()).log().mean(),
    "nwj": lambda p, n: p.mean() - n.exp().mean() / math.e,
    "tuba": lambda p, n: 1 + p.mean() - n.exp().mean(),
    "tuba with baseline 3": lambda p, n: 1 + p.mean() - math.log(3) - n.exp().mean() / 3,
    "dv": lambda p, n: p.mean() - n.exp().mean().log(),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("others", [1, 4])
def test_value_and_gradient_are_those_of_the_formula(name: str, others: int) -> None:
    pairs = random_scores(others=others)
    ours, theirs = ESTIMATES[name](*pairs), FORMULAS[name](*pairs)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    gradients = torch.autograd.grad(ours, pairs), torch.autograd.grad(theirs, pairs)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)
    assert torch.autograd.gradcheck(ESTIMATES[name], pairs)


def test_smile_has_the_gradient_of_jsd_and_the_value_of_a_clipped_dv() -> None:
    pairs = random_scores()
    estimate = smile(*pairs, clip=0.7)
    torch.testing.assert_close(
        estimate, pairs[0].mean() - pairs[1].clamp(-0.7, 0.7).exp().mean().log(), rtol=1e-12, atol=1e-12
    )
    gradients = torch.autograd.grad(estimate, pairs), torch.autograd.grad(jsd(*pairs), pairs)
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


def test_mine_divides_the_gradient_of_the_partition_by_the_average() -> None:
    positive, negative = random_scores()
    log_average = torch.tensor(0.4, dtype=torch.float64)
    estimate = dv(positive, negative, log_normalizer=log_average)
    torch.testing.assert_close(estimate, dv(positive, negative), rtol=0, atol=0)
    of_positive, of_negative = torch.autograd.grad(estimate, (positive, negative))
    torch.testing.assert_close(of_positive, torch.full_like(positive, 1 / 6))
    torch.testing.assert_close(of_negative, -negative.exp() / 24 / log_average.exp())


def test_mine_with_the_mean_of_its_own_batch_is_dv() -> None:
    pairs = random_scores()
    own = log_mean_exp(*pairs)
    of_mine = torch.autograd.grad(dv(*pairs, log_normalizer=own), pairs)
    torch.testing.assert_close(of_mine, torch.autograd.grad(dv(*pairs), pairs), rtol=1e-12, atol=1e-12)


def test_dv_does_not_see_a_constant_of_the_critic() -> None:
    positive, negative = random_scores()
    torch.testing.assert_close(dv(positive + 7, negative + 7), dv(positive, negative), rtol=1e-12, atol=1e-12)


@each_estimate
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(estimate: Estimate, dtype: torch.dtype) -> None:
    positive, negative = (s.detach().to(dtype).requires_grad_() for s in random_scores(16, 15))
    value = estimate(positive, negative)
    if estimate is not ESTIMATES["dv with an average"]:
        assert value.dtype == torch.float32
    assert all(g.isfinite().all() and g.any() for g in torch.autograd.grad(value, (positive, negative)))
    lifted = estimate(positive.detach().double(), negative.detach().double())
    torch.testing.assert_close(value.double(), lifted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("estimate", [jsd, dv, smile])
def test_large_scores_stay_finite(estimate: Estimate) -> None:
    # The exponential of these overflows; `nwj` and `tuba`, which are linear in it, are infinite then.
    pairs = torch.tensor([-1e4, 1e4], requires_grad=True), torch.tensor([[1e4], [-1e4]], requires_grad=True)
    value = estimate(*pairs)
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(value, pairs))


def test_a_blind_critic_knows_nothing() -> None:
    zero = torch.zeros(4, dtype=torch.float64), torch.zeros(4, 3, dtype=torch.float64)
    assert jsd(*zero).item() == pytest.approx(-2 * math.log(2))
    for estimate in (dv, smile, tuba):
        assert estimate(*zero).item() == pytest.approx(0)
    assert nwj(zero[0] + 1, zero[1] + 1).item() == pytest.approx(0)


# ---- at the exact log density ratio of Gaussian pairs ---------------------------------------------------------------


def log_ratios(*, dimension: int, rho: float, num: int, batches: int) -> tuple[float, Tensor]:
    """Information of the pairs, and the log density ratio of all pairs of each batch."""
    generator = torch.Generator().manual_seed(dimension + num)
    x, noise = torch.randn(2, batches, num, dimension, generator=generator, dtype=torch.float64)
    y = rho * x + math.sqrt(1 - rho**2) * noise
    variance = 1 - rho**2
    log_density = -(y.unsqueeze(1) - rho * x.unsqueeze(2)).square().sum(3) / (2 * variance)
    log_ratio = log_density + y.square().sum(2).unsqueeze(1) / 2 - dimension / 2 * math.log(variance)
    return -dimension / 2 * math.log(variance), log_ratio


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Mean and standard deviation over batches; the latter None where it was not recorded."""

    mean: float
    spread: float | None = None


WEAK, STRONG = (4, 0.8, 64), (20, 0.795, 64)  # dimensions, correlation and rows: 2.04 and 10.0 nats
NUM_BATCHES = 200
TABLE: dict[str, tuple[Estimate, Behaviour, Behaviour]] = {
    "nwj": (lambda p, n: nwj(p + 1, n + 1), Behaviour(2.05, 0.22), Behaviour(10.25, 2.95)),
    "nwj without the 1": (nwj, Behaviour(1.68, 0.20), Behaviour(9.73, 1.17)),
    "dv": (dv, Behaviour(2.05, 0.22), Behaviour(11.34, 1.34)),
    "smile, clip 1": (lambda p, n: smile(p, n, clip=1.0), Behaviour(2.39), Behaviour(10.97, 0.47)),
    "smile, clip 5": (smile, Behaviour(2.06), Behaviour(12.09, 0.73)),
    "jsd": (jsd, Behaviour(-0.593), Behaviour(-0.027)),
}


@pytest.mark.parametrize(("estimate", "weak", "strong"), TABLE.values(), ids=TABLE)
def test_behaviour_at_the_log_density_ratio(estimate: Estimate, weak: Behaviour, strong: Behaviour) -> None:
    for (dimension, rho, num), recorded in ((WEAK, weak), (STRONG, strong)):
        _, ratios = log_ratios(dimension=dimension, rho=rho, num=num, batches=NUM_BATCHES)
        values = torch.stack([estimate(*off_diagonal(table)) for table in ratios])
        # Four standard errors of ours, as much again for the mean of the table, and its rounding.
        spread = max(values.std().item(), recorded.spread or 0)
        assert values.mean().item() == pytest.approx(recorded.mean, abs=8 * spread / math.sqrt(NUM_BATCHES) + 0.005)
        if recorded.spread is not None and spread < 0.8:
            # A standard deviation over 200 batches has 5 % of itself as standard error, in the table too; those above
            # 0.8 are of heavy tails, and have none to speak of.
            assert values.std().item() == pytest.approx(recorded.spread, rel=0.3)


@pytest.mark.parametrize("setting", [WEAK, STRONG])
def test_unnormalised_bounds_are_below_the_information_for_any_critic(setting: tuple[int, float, int]) -> None:
    dimension, rho, num = setting
    information, ratios = log_ratios(dimension=dimension, rho=rho, num=num, batches=NUM_BATCHES)
    for critic in (ratios, ratios + 1, ratios / 2, ratios.clamp(-2, 2) + 0.3, torch.zeros_like(ratios)):
        for bound in (nwj, tuba, lambda p, n: tuba(p, n, baseline=5.0)):
            values = torch.stack([bound(*off_diagonal(table)) for table in critic])
            # The tail that pulls the mean down is heavy: a sample mean above is rare, one below is not.
            assert values.mean().item() <= information + 4 * values.std().item() / math.sqrt(NUM_BATCHES)


def test_one_shuffled_pair_an_example_has_the_same_mean_and_more_spread() -> None:
    dimension, rho, num = WEAK
    _, ratios = log_ratios(dimension=dimension, rho=rho, num=num, batches=NUM_BATCHES)
    rolled = [(table.diagonal(), table.roll(1, dims=0).diagonal().unsqueeze(1)) for table in ratios]
    of_one = torch.stack([jsd(*pairs) for pairs in rolled])
    of_all = torch.stack([jsd(*off_diagonal(table)) for table in ratios])
    assert of_one.std() > of_all.std()
    error = 4 * of_one.std().item() / math.sqrt(NUM_BATCHES)
    assert of_one.mean().item() == pytest.approx(of_all.mean().item(), abs=error)

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass

import pytest
import torch
import torch.distributions as td
from scipy.special import gamma, iv, ive
from torch import Tensor

from mvib.nn.distributions import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    DiagonalLaplace,
    Distribution,
    NoClosedFormError,
    StandardNormal,
    UniformSphere,
    VonMisesFisher,
    has_closed_form,
    kl_divergence,
)

EVENT = (3, 2)


def random_values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def torchs_log_prob(law: td.Distribution, x: Tensor) -> Tensor:
    log_prob: Callable[[Tensor], Tensor] = law.log_prob  # torch leaves it without types
    return log_prob(x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A family by its two parameters, torch's law of the same parameters, and values it can take."""

    name: str
    ours: Callable[[Tensor, Tensor], Distribution]
    torchs: Callable[[Tensor, Tensor], td.Distribution]
    value: Callable[[Tensor], Tensor] = lambda x: x


CASES = (
    Case(
        name="gaussian",
        ours=lambda a, b: DiagonalGaussian(mean=a, std=b.exp()),
        torchs=lambda a, b: td.Normal(a, b.exp()),
    ),
    Case(
        name="laplace",
        ours=lambda a, b: DiagonalLaplace(mean=a, scale=b.exp()),
        torchs=lambda a, b: td.Laplace(a, b.exp()),
    ),
    Case(
        name="standard normal",
        ours=lambda a, b: StandardNormal(),
        torchs=lambda a, b: td.Normal(torch.zeros_like(a), 1),
    ),
    Case(
        name="bernoulli",
        ours=lambda a, b: Bernoulli(logits=a),
        torchs=lambda a, b: td.Bernoulli(logits=a),
        value=lambda x: (x > 0).double(),
    ),
)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_log_density_and_its_gradient_are_those_of_torch(case: Case) -> None:
    parameters = [random_values(4, *EVENT, seed=seed).requires_grad_() for seed in (0, 1)]
    x = case.value(random_values(4, *EVENT, seed=2))
    ours = case.ours(*parameters).log_prob(x)
    theirs = torchs_log_prob(td.Independent(case.torchs(*parameters), len(EVENT)), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    if ours.requires_grad:
        of_ours = torch.autograd.grad(ours.sum(), parameters, materialize_grads=True)
        of_theirs = torch.autograd.grad(theirs.sum(), parameters, materialize_grads=True)
        torch.testing.assert_close(of_ours, of_theirs, rtol=1e-10, atol=1e-10)


@each_case
def test_mean_is_that_of_torch(case: Case) -> None:
    parameters = [random_values(4, *EVENT, seed=seed) for seed in (0, 1)]
    torch.testing.assert_close(
        case.ours(*parameters).mean.expand(4, *EVENT).double(), case.torchs(*parameters).mean, rtol=1e-12, atol=1e-12
    )


@each_case
def test_half_precision_is_lifted(case: Case) -> None:
    half = [random_values(4, *EVENT, seed=seed).bfloat16() for seed in (0, 1, 2)]
    log_prob = case.ours(half[0], half[1]).log_prob(case.value(half[2]).bfloat16())
    assert log_prob.dtype == torch.float32
    lifted = case.ours(half[0].double(), half[1].double()).log_prob(case.value(half[2]).double())
    torch.testing.assert_close(log_prob.double(), lifted, rtol=2e-2, atol=1e-1)  # the exponential was in half


def test_categorical() -> None:
    logits, labels = random_values(5, 4), torch.tensor([0, 3, 2, 1, 0])
    ours, theirs = Categorical(logits=logits), td.Categorical(logits=logits)
    torch.testing.assert_close(ours.log_prob(labels), torchs_log_prob(theirs, labels), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ours.mean, theirs.probs)


def test_events_of_one_number() -> None:
    x = random_values(5)
    torch.testing.assert_close(StandardNormal().log_prob(x), torchs_log_prob(td.Normal(0.0, 1.0), x))


def test_bernoulli_per_entry_is_the_mean_over_dimensions() -> None:
    logits, x = torch.randn(3, 2, 4, dtype=torch.float64), torch.rand(3, 2, 4, dtype=torch.float64)
    p = torch.sigmoid(logits)
    expected = (x * p.log() + (1 - x) * (1 - p).log()).flatten(1).mean(dim=1)
    density = Bernoulli(logits=logits, per_entry=True)
    torch.testing.assert_close(density.log_prob(x), expected)
    torch.testing.assert_close(density.log_prob_pairs(x).diagonal(), expected)
    torch.testing.assert_close(density.with_rows(lambda rows: rows[1:]).log_prob(x[1:]), expected[1:])


def test_bernoulli_takes_soft_targets() -> None:
    logits, x = random_values(2, 3), torch.full((2, 3), 0.3, dtype=torch.float64)
    p = logits.sigmoid()
    expected = (0.3 * p.log() + 0.7 * (1 - p).log()).sum(1)
    torch.testing.assert_close(Bernoulli(logits=logits).log_prob(x), expected)


@pytest.mark.parametrize("family", [DiagonalGaussian, DiagonalLaplace])
def test_samples_have_the_law_and_follow_the_parameters(family: type[DiagonalGaussian | DiagonalLaplace]) -> None:
    torch.manual_seed(0)
    num = 20_000
    mean = torch.full((num, 1), 2.0, dtype=torch.float64, requires_grad=True)
    spread = torch.full((num, 1), 0.5, dtype=torch.float64, requires_grad=True)
    if family is DiagonalGaussian:
        sample = DiagonalGaussian(mean=mean, std=spread).sample()
        law: td.Distribution = td.Normal(2.0, 0.5)
    else:
        sample = DiagonalLaplace(mean=mean, scale=spread).sample()
        law = td.Laplace(2.0, 0.5)
    assert sample.shape == (num, 1)
    # Five standard errors of a uniform mean and of a mean square.
    cdf: Callable[[Tensor], Tensor] = law.cdf
    uniform = cdf(sample.detach())
    assert uniform.mean().item() == pytest.approx(1 / 2, abs=5 * 0.29 / math.sqrt(num))
    assert uniform.square().mean().item() == pytest.approx(1 / 3, abs=5 * 0.3 / math.sqrt(num))
    of_mean, of_spread = torch.autograd.grad(sample.sum(), (mean, spread))
    torch.testing.assert_close(of_mean, torch.ones_like(of_mean))
    torch.testing.assert_close(of_spread, (sample.detach() - mean.detach()) / 0.5)


def test_gaussian_divergence_is_that_of_torch() -> None:
    values = [random_values(4, *EVENT, seed=seed).requires_grad_() for seed in range(4)]
    p = DiagonalGaussian(mean=values[0], std=values[1].exp())
    q = DiagonalGaussian(mean=values[2], std=values[3].exp())
    ours = kl_divergence(p, q)
    torchs_p, torchs_q = td.Normal(values[0], values[1].exp()), td.Normal(values[2], values[3].exp())
    theirs = td.kl_divergence(torchs_p, torchs_q).sum((1, 2))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    gradients = torch.autograd.grad(ours.sum(), values), torch.autograd.grad(theirs.sum(), values)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(p.kl_divergence(q), ours)
    torch.testing.assert_close(kl_divergence(p, p), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)


def test_divergence_from_the_standard_normal_is_that_of_torch() -> None:
    mean, std = random_values(4, *EVENT), random_values(4, *EVENT, seed=1).exp()
    ours = kl_divergence(DiagonalGaussian(mean=mean, std=std), StandardNormal())
    theirs = td.kl_divergence(td.Normal(mean, std), td.Normal(0.0, 1.0)).sum((1, 2))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_divergence_without_closed_form() -> None:
    values = torch.ones(2, 3)
    message = r"KL\(StandardNormal \|\| VonMisesFisher\) has no closed form here; estimate it at a sample instead"
    with pytest.raises(NoClosedFormError, match=message):
        kl_divergence(StandardNormal(), VonMisesFisher(direction=values, kappa=1))


class TestVonMisesFisher:
    def test_a_perfect_prediction_costs_nothing(self) -> None:
        direction = random_values(4, 5)
        cost = VonMisesFisher(direction=direction, kappa=7).log_prob(3 * direction)
        torch.testing.assert_close(cost, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)

    def test_density_falls_with_the_cosine(self) -> None:
        direction, x = random_values(4, 5), random_values(4, 5, seed=1)
        expected = 3 * (torch.cosine_similarity(direction, x) - 1)
        torch.testing.assert_close(VonMisesFisher(direction=direction, kappa=3).log_prob(x), expected)

    def test_zero_vectors_have_finite_gradients(self) -> None:
        direction = torch.zeros(2, 3, requires_grad=True)
        (gradient,) = torch.autograd.grad(
            VonMisesFisher(direction=direction, kappa=1).log_prob(torch.ones(2, 3)).sum(), direction
        )
        assert gradient.isfinite().all()

    @pytest.mark.parametrize("kappa", [0.0, 0.7, 10.0, 400.0])
    def test_samples_on_the_sphere_have_the_mean_resultant_length(self, kappa: float) -> None:
        torch.manual_seed(0)
        num = 20_000
        direction = torch.tensor([[0.6, -0.8, 0]], dtype=torch.float64).expand(num, 3)
        sample = VonMisesFisher(direction=5 * direction, kappa=kappa).sample()
        torch.testing.assert_close(sample.norm(dim=1), torch.ones(num, dtype=torch.float64))
        length = 1 / math.tanh(kappa) - 1 / kappa if kappa else 0.0
        mean = sample.mean(0)
        error = 5 / math.sqrt(3 * num)
        torch.testing.assert_close(mean, length * direction[0], rtol=0, atol=error)

    @pytest.mark.parametrize("dimension", [2, 8, 128])
    def test_samples_in_other_dimensions(self, dimension: int) -> None:
        # Mean of the cosine: I_{D/2}(kappa) / I_{D/2 - 1}(kappa), here by integrating the density of the cosine.
        torch.manual_seed(0)
        num, kappa = 4000, 6.0
        angle = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
        weight = (kappa * angle.cos()).exp() * angle.sin() ** (dimension - 2)
        mean = (weight * angle.cos()).sum() / weight.sum()
        direction = random_values(num, dimension)
        sample = VonMisesFisher(direction=direction, kappa=kappa).sample()
        cosines = torch.cosine_similarity(direction, sample)
        assert cosines.mean().item() == pytest.approx(mean.item(), abs=5 * cosines.std().item() / math.sqrt(num))

    @pytest.mark.parametrize(("kappa", "dimension"), [(1024.0, 128), (16384.0, 256)])
    def test_samples_of_sharp_densities_in_single_precision(self, kappa: float, dimension: int) -> None:
        torch.manual_seed(0)
        num = 4000
        direction = random_values(num, dimension).float()
        sample = VonMisesFisher(direction=direction, kappa=kappa).sample()
        assert sample.dtype == torch.float32
        gap = 1 - torch.cosine_similarity(direction.double(), sample.double())
        expected = 1 - ive(dimension / 2, kappa) / ive(dimension / 2 - 1, kappa)
        assert gap.mean().item() == pytest.approx(expected, abs=5 * gap.std().item() / math.sqrt(num))

    @pytest.mark.parametrize("start", [(2.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.5, -0.7, 0.1)])
    def test_samples_turn_with_the_direction(self, start: tuple[float, ...]) -> None:
        """Their derivative is that of the smallest turn from one direction to another."""
        direction = torch.tensor([start], dtype=torch.float64, requires_grad=True)
        sample = VonMisesFisher(direction=direction, kappa=4.0).sample()
        jacobian = torch.stack(
            [torch.autograd.grad(sample[0, d], direction, retain_graph=True)[0][0] for d in range(3)]
        )
        before = direction.detach()[0] / direction.detach().norm()
        for step in torch.eye(3, dtype=torch.float64):
            moved = direction.detach()[0] + 1e-6 * step
            after = moved / moved.norm()
            axis, halved = torch.linalg.cross(before, after), 1 / (1 + before @ after)
            crossed = torch.linalg.cross(axis, sample.detach()[0])
            turned = sample.detach()[0] + crossed + halved * torch.linalg.cross(axis, crossed)
            torch.testing.assert_close(jacobian @ step, (turned - sample.detach()[0]) / 1e-6, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("start", [(2.0, 0.0, 0.0), (0.0, 0.0, -2.0)])
    def test_gradient_of_an_expectation_is_that_of_the_law(self, start: tuple[float, ...]) -> None:
        # E[z] = length * direction, whose gradient along the sphere is the length over the norm, and none outwards.
        torch.manual_seed(0)
        num, kappa = 40_000, 5.0
        direction = torch.tensor([start], dtype=torch.float64, requires_grad=True)
        sample = VonMisesFisher(direction=direction.expand(num, 3), kappa=kappa).sample()
        (gradient,) = torch.autograd.grad((sample @ torch.tensor([0.3, 1, 0.6]).double()).mean(), direction)
        length = 1 / math.tanh(kappa) - 1 / kappa
        expected = length / 2 * torch.tensor([[0.3, 1, 0.6]]).double() * (direction == 0)
        torch.testing.assert_close(gradient, expected, rtol=0, atol=5 / math.sqrt(num))

    @pytest.mark.parametrize(
        ("dimension", "kappa"),
        [(2, 0.3), (3, 10.0), (128, 10.0), (128, 1024.0), (256, 16384.0), (4096, 1.0), (4096, 600.0)],
    )
    def test_what_is_left_out_is_the_log_density_at_the_direction(self, dimension: int, kappa: float) -> None:
        # The density integrates to one: over the angle from the direction, times the sphere of one dimension less.
        angle = torch.linspace(0, math.pi, 400_001, dtype=torch.float64)[1:-1]
        log_weight = kappa * (angle.cos() - 1) + (dimension - 2) * angle.sin().log()
        log_integral = log_weight.logsumexp(0).item() + math.log(math.pi / 400_000)
        log_sphere = math.log(2) + (dimension - 1) / 2 * math.log(math.pi) - math.lgamma((dimension - 1) / 2)
        distribution = VonMisesFisher(direction=random_values(2, dimension), kappa=kappa)
        # At the ends of a circle the weight is not zero, so that the sum misses half of them.
        assert distribution.left_out == pytest.approx(-log_integral - log_sphere, abs=1e-4 if dimension == 2 else 1e-7)
        assert StandardNormal().left_out == 0

    def test_samples_follow_the_direction(self) -> None:
        direction = random_values(4, 3).requires_grad_()
        sample = VonMisesFisher(direction=direction, kappa=5).sample()
        (gradient,) = torch.autograd.grad(sample[:, 0].sum(), direction)
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0

    def test_mean_is_the_direction(self) -> None:
        direction = random_values(4, 2, 3)
        mean = VonMisesFisher(direction=direction, kappa=5).mean
        assert mean.shape == (4, 2, 3)
        torch.testing.assert_close(mean.flatten(1), torch.nn.functional.normalize(direction.flatten(1)))


def test_distributions_are_values() -> None:
    gaussian = DiagonalGaussian(mean=torch.zeros(1, 2), std=torch.ones(1, 2))
    with pytest.raises(FrozenInstanceError, match="mean"):
        gaussian.mean = torch.ones(1, 2)  # type: ignore[misc]
    assert not hasattr(gaussian, "__dict__")


# ---- the uniform law of the sphere -------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 2, 3, 8, 64])
def test_density_on_the_sphere_is_one_over_its_area(dimension: int) -> None:
    area = 2 * math.pi ** (dimension / 2) / gamma(dimension / 2)
    x = torch.nn.functional.normalize(random_values(4, dimension), dim=1)
    torch.testing.assert_close(UniformSphere().log_prob(x), torch.full((4,), -math.log(area)).double())


def test_known_areas() -> None:
    circle, sphere = (float(UniformSphere().log_prob(random_values(1, d))) for d in (2, 3))
    assert circle == pytest.approx(-math.log(2 * math.pi), abs=1e-12)
    assert sphere == pytest.approx(-math.log(4 * math.pi), abs=1e-12)


def test_draws_are_directions_without_a_preferred_one() -> None:
    torch.manual_seed(0)
    drawn = UniformSphere().draw((20000, *EVENT), like=torch.zeros((), dtype=torch.float64))
    rows = drawn.flatten(1)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(20000, dtype=torch.float64))
    # An entry has the variance 1/6: means of 20,000 have a standard deviation of 0.003.
    torch.testing.assert_close(rows.mean(dim=0), torch.zeros(6, dtype=torch.float64), rtol=0, atol=0.015)
    torch.testing.assert_close(rows.T @ rows / 20000, torch.eye(6, dtype=torch.float64) / 6, rtol=0, atol=0.015)


@pytest.mark.parametrize("dimension", [2, 3, 10, 64])
@pytest.mark.parametrize("kappa", [1e-3, 0.5, 10.0, 300.0])
def test_divergence_of_directions_from_the_uniform_law(dimension: int, kappa: float) -> None:
    """Against Bessel functions of scipy and, in three dimensions, Fisher's elementary formula."""
    p = VonMisesFisher(direction=random_values(4, dimension), kappa=kappa)
    assert has_closed_form(p, UniformSphere())
    order = dimension / 2 - 1
    log_bessel = math.log(iv(order, kappa) if kappa < 1 else ive(order, kappa)) + (0 if kappa < 1 else kappa)
    log_normalizer = order * math.log(kappa) - dimension / 2 * math.log(2 * math.pi) - log_bessel
    log_area = math.log(2) + dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2)
    expected = log_normalizer + kappa * ive(dimension / 2, kappa) / ive(order, kappa) + log_area
    found = p.kl_divergence(UniformSphere())
    torch.testing.assert_close(found, torch.full((4,), float(expected), dtype=torch.float64), rtol=1e-10, atol=1e-10)
    if dimension == 3:
        fisher = math.log(kappa / math.sinh(kappa)) if kappa < 100 else math.log(2 * kappa) - kappa
        by_hand = fisher + kappa / math.tanh(kappa) - 1
        torch.testing.assert_close(found, torch.full((4,), by_hand, dtype=torch.float64), rtol=1e-10, atol=1e-10)


def test_divergence_from_the_uniform_law_is_the_mean_log_ratio_at_samples() -> None:
    torch.manual_seed(0)
    p = VonMisesFisher(direction=random_values(20000, 5), kappa=4)
    sample = p.sample()
    ratio = p.log_prob(sample) + p.left_out - UniformSphere().log_prob(sample)
    # The log ratio has a standard deviation of about 1.4 here, its mean of 20,000 one of 0.01.
    assert float(ratio.mean()) == pytest.approx(float(p.kl_divergence(UniformSphere())[0]), abs=0.04)

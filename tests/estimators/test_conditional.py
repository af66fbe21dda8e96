"""Upper bounds from a conditional density: formulas, the Gaussian pairs whose information is known, and precision."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from mvib.estimators.club import club
from mvib.estimators.densities import ExponentialFamily, PairwiseDensity
from mvib.estimators.l1out import l1out
from mvib.nn import distributions
from mvib.nn.distributions import Bernoulli, Categorical, DiagonalGaussian, DiagonalLaplace, VonMisesFisher

EVENT = (3, 2)


def random_values(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family by two parameters of one shape, and the values of it."""

    name: str
    build: Callable[[Tensor, Tensor], PairwiseDensity]
    value: Callable[[Tensor], Tensor] = lambda y: y


FAMILIES = (
    Family(name="gaussian", build=lambda a, b: DiagonalGaussian(mean=a, std=b.exp())),
    Family(name="laplace", build=lambda a, b: DiagonalLaplace(mean=a, scale=b.exp())),
    Family(name="bernoulli", build=lambda a, b: Bernoulli(logits=a + b), value=lambda y: y.sigmoid()),
    Family(
        name="categorical",
        build=lambda a, b: Categorical(logits=(a * b).flatten(1)),
        value=lambda y: y.flatten(1).argmax(1),
    ),
    Family(name="von mises-fisher", build=lambda a, b: VonMisesFisher(direction=a + b, kappa=3)),
)
each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def random_case(family: Family, num: int = 7) -> tuple[list[Tensor], PairwiseDensity, Tensor]:
    parameters = [random_values(num, *EVENT, seed=seed).requires_grad_() for seed in (0, 1)]
    y = family.value(parameters[0].detach() + random_values(num, *EVENT, seed=2))
    if y.is_floating_point():
        parameters.append(y.requires_grad_())
    return parameters, family.build(parameters[0], parameters[1]), y


def table_of(density: PairwiseDensity, y: Tensor) -> Tensor:
    """log q(y_m | x_b) one value at a time."""
    num = len(y)
    columns = [density.log_prob(y[m].expand(num, *y.shape[1:])) for m in range(num)]
    return torch.stack(columns)


# ---- densities at the values of others ------------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("block", [1 << 24, 50, 1])
def test_log_density_of_pairs(family: Family, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributions, "_LARGEST_BLOCK", block)
    parameters, density, y = random_case(family)
    ours, theirs = density.log_prob_pairs(y[:4]), table_of(density, y)[:4]
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weights = random_values(4, 7, seed=5)
    gradients = [
        torch.autograd.grad((weights * table).sum(), parameters, retain_graph=True) for table in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@each_family
def test_any_origin_gives_the_same_density(family: Family) -> None:
    _, density, y = random_case(family)
    if not isinstance(density, ExponentialFamily):
        assert isinstance(density, DiagonalLaplace)
        return
    for origin in (torch.zeros(EVENT, dtype=torch.float64), random_values(*EVENT, seed=9)):
        statistics, natural, log_normalizer = density.factors(y, origin=origin)
        table = statistics @ natural.T - log_normalizer
        torch.testing.assert_close(table, table_of(density, y), rtol=1e-12, atol=1e-12)


@each_family
def test_rows_of_the_distributions_of_others(family: Family) -> None:
    _, density, y = random_case(family)
    turned = density.with_rows(lambda rows: rows.flip(0))
    assert type(turned) is type(density)
    torch.testing.assert_close(turned.log_prob(y.flip(0)), density.log_prob(y).flip(0), rtol=0, atol=0)


# ---- formulas --------------------------------------------------------------------------------------------------------


def club_by_loops(density: PairwiseDensity, y: Tensor) -> Tensor:
    table, num = table_of(density, y), len(y)
    others = [table[j, i] for i in range(num) for j in range(num) if i != j]
    return table.diagonal().mean() - torch.stack(others).mean()


def shuffled_club_by_loops(density: PairwiseDensity, y: Tensor) -> Tensor:
    table, num = table_of(density, y), len(y)
    return torch.stack([table[i, i] - table[i - 1, i] for i in range(num)]).mean()


def l1out_by_loops(density: PairwiseDensity, y: Tensor) -> Tensor:
    table, num = table_of(density, y), len(y)
    rows = []
    for i in range(num):
        others = torch.stack([table[i, j].exp() for j in range(num) if j != i])
        rows.append(table[i, i] - others.mean().log())
    return torch.stack(rows).mean()


Estimate = Callable[[PairwiseDensity, Tensor], Tensor]
FORMULAS: dict[str, tuple[Estimate, Estimate]] = {
    "club": (club, club_by_loops),
    "club, shuffle": (lambda density, y: club(density, y, negatives="shuffle"), shuffled_club_by_loops),
    "l1out": (l1out, l1out_by_loops),
}
each_estimate = pytest.mark.parametrize(("ours", "theirs"), FORMULAS.values(), ids=FORMULAS)


@each_family
@each_estimate
@pytest.mark.parametrize("num", [2, 7])
def test_value_and_gradient_are_those_of_the_formula(
    family: Family, ours: Estimate, theirs: Estimate, num: int
) -> None:
    parameters, density, y = random_case(family, num)
    found, expected = ours(density, y), theirs(density, y)
    assert found.shape == ()
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    # Both go through the parameters of one density, whose graph is kept for the second.
    gradients = [torch.autograd.grad(value, parameters, retain_graph=True) for value in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@each_family
@each_estimate
def test_a_density_that_ignores_its_condition_tells_nothing(family: Family, ours: Estimate, theirs: Estimate) -> None:
    _, density, y = random_case(family)
    blind = density.with_rows(lambda rows: rows[:1].expand_as(rows))
    assert ours(blind, y).item() == pytest.approx(0, abs=1e-12 * len(y)) or ours is FORMULAS["club, shuffle"][0]


@each_family
@each_estimate
def test_half_precision_is_lifted(family: Family, ours: Estimate, theirs: Estimate) -> None:
    a, b, noise = (random_values(16, *EVENT, seed=seed).bfloat16() for seed in range(3))
    y = family.value(a + noise)
    # The exponential of a scale is taken in half precision by the test itself, and is the same on both sides.
    density = family.build(a, b).with_rows(lambda rows: rows.detach().requires_grad_())
    found = ours(density, y)
    assert found.dtype == torch.float32
    lifted = ours(density.with_rows(lambda rows: rows.double()), y.double() if y.is_floating_point() else y)
    torch.testing.assert_close(found.double(), lifted, rtol=1e-5, atol=1e-4)


# ---- Gaussian pairs: y = rho x + noise of variance 1 - rho^2 ---------------------------------------------------------

WEAK, STRONG = (4, 0.8, 64), (20, 0.795, 64)
NUM_BATCHES = 200


def gaussian_batches(dimension: int, rho: float, num: int) -> list[tuple[PairwiseDensity, Tensor]]:
    generator = torch.Generator().manual_seed(dimension)
    noise_std = math.sqrt(1 - rho**2)
    x, noise = torch.randn(2, NUM_BATCHES, num, dimension, generator=generator, dtype=torch.float64)
    std = torch.full((num, dimension), noise_std, dtype=torch.float64)
    return [
        (DiagonalGaussian(mean=rho * one, std=std), rho * one + noise_std * other)
        for one, other in zip(x, noise, strict=True)
    ]


BEHAVIOUR: dict[str, tuple[Estimate, tuple[float, float | None], tuple[float, float | None]]] = {
    # The mean of CLUB is that of the population, d rho^2 / (1 - rho^2).
    "club": (club, (7.111, None), (34.35, None)),
    "club, shuffle": (FORMULAS["club, shuffle"][0], (7.111, 0.91), (34.35, 2.0)),
    "l1out": (l1out, (2.22, 0.23), (16.28, 0.93)),
}


@pytest.mark.parametrize(("estimate", "weak", "strong"), BEHAVIOUR.values(), ids=BEHAVIOUR)
def test_true_conditional_is_above_the_information(
    estimate: Estimate, weak: tuple[float, float | None], strong: tuple[float, float | None]
) -> None:
    for setting, (mean, spread) in ((WEAK, weak), (STRONG, strong)):
        dimension, rho, _ = setting
        values = torch.stack([estimate(density, y) for density, y in gaussian_batches(*setting)])
        error = values.std().item() / math.sqrt(NUM_BATCHES)
        # Four standard errors of ours, as much again for the mean of the table, and its rounding.
        assert values.mean().item() > -dimension / 2 * math.log(1 - rho**2) + 4 * error
        assert values.mean().item() == pytest.approx(mean, abs=8 * error + 0.005)
        if spread is not None:
            # A standard deviation over 200 batches has 5 % of itself as standard error, in the table too.
            assert values.std().item() == pytest.approx(spread, rel=0.3)


def test_a_wrong_conditional_may_be_below_the_information() -> None:
    dimension, rho, _ = WEAK
    for density, y in gaussian_batches(*WEAK)[:5]:
        assert isinstance(density, DiagonalGaussian)
        wrong = DiagonalGaussian(mean=-density.mean, std=density.std)
        assert club(wrong, y) < 0 < -dimension / 2 * math.log(1 - rho**2)
        assert l1out(wrong, y) < 0


def test_club_of_gaussians_is_linear_in_the_batch() -> None:
    # 200,000 rows: a table of all pairs would have 4e10 numbers.
    num, rho = 200_000, 0.6
    x, noise = random_values(2, num, 1, seed=0)
    density = DiagonalGaussian(mean=rho * x, std=torch.full_like(x, 0.8))
    # rho^2 / (1 - rho^2), within five standard errors of a mean over rows of standard deviation 1.
    assert club(density, rho * x + 0.8 * noise).item() == pytest.approx(0.5625, abs=5 / math.sqrt(num))


@pytest.mark.parametrize("distance", [0.0, 1e3])
@pytest.mark.parametrize("std", [0.6, 0.01])
@each_estimate
def test_single_precision_keeps_its_digits(ours: Estimate, theirs: Estimate, std: float, distance: float) -> None:
    x, noise = random_values(2, 64, 8, seed=0)
    # Rows that single precision holds exactly: at a distance of 1000 it has 2^-14 left.
    mean, y = (((value + distance) * 2**12).round() / 2**12 for value in (x, x + std * noise))
    scale = torch.full_like(mean, std)
    lifted = ours(DiagonalGaussian(mean=mean, std=scale), y)
    single = ours(DiagonalGaussian(mean=mean.float(), std=scale.float()), y.float())
    # The tables' entries are of the size of the value, which is 1e5 nats at a standard deviation of 0.01.
    torch.testing.assert_close(single.double(), lifted, rtol=3e-6, atol=3e-6)


@each_family
@each_estimate
def test_shapes_alone_are_enough(family: Family, ours: Estimate, theirs: Estimate) -> None:
    _, density, y = random_case(family)
    assert ours(density.with_rows(lambda rows: rows.to("meta")), y.to("meta")).shape == ()


@each_family
def test_no_rows_have_no_density(family: Family) -> None:
    _, density, y = random_case(family)
    none = density.with_rows(lambda rows: rows[:0])
    assert none.log_prob(y[:0]).shape == (0,)
    assert none.log_prob_pairs(y[:4]).shape == (4, 0)
    assert density.log_prob_pairs(y[:0]).shape == (0, 7)


def test_autocast_does_not_lower_the_precision() -> None:
    for family in FAMILIES:
        _, density, y = random_case(family)
        single = density.with_rows(lambda rows: rows.detach().float())
        rows = y.detach().float() if y.is_floating_point() else y
        for ours, _ in FORMULAS.values():
            with torch.autocast("cpu", dtype=torch.bfloat16):
                inside = ours(single, rows)
            torch.testing.assert_close(inside, ours(single, rows))


def test_estimates_compile_into_one_graph() -> None:
    a, b, noise = (random_values(6, 4, seed=seed) for seed in range(3))

    def total(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
        density = DiagonalGaussian(mean=a, std=b.exp())
        return torch.stack([ours(density, y) for ours, _ in FORMULAS.values()]).sum()

    compiled = torch.compile(total, fullgraph=True, backend="eager")(a, b, a + noise)
    torch.testing.assert_close(compiled, total(a, b, a + noise))

import math

import pytest
import torch
import torch.distributions as td
from torch import Tensor

from mvib.nn.heads import MixtureHead
from mvib.nn.mixture import GaussianMixture, LearnedMixture
from tests.nn.test_distributions import torchs_log_prob

EVENT = (3, 2)
# Sums of a dozen numbers of order one in double precision.
TOLERANCE = 1e-12


def random_values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters_of(batch: int, components: int) -> list[Tensor]:
    logits = random_values(batch, components, seed=1)
    means, scales = (random_values(batch, components, *EVENT, seed=seed) for seed in (2, 3))
    return [value.requires_grad_() for value in (logits, means, scales)]


def of(parameters: list[Tensor]) -> GaussianMixture:
    logits, means, scales = parameters
    return GaussianMixture(logits=logits, means=means, stds=scales.exp())


def torchs(parameters: list[Tensor]) -> td.Distribution:
    logits, means, scales = parameters
    components = td.Independent(td.Normal(means, scales.exp()), len(EVENT))
    return td.MixtureSameFamily(td.Categorical(logits=logits), components)


@pytest.mark.parametrize("batch", [4, 1])
def test_log_density_and_its_gradient_are_those_of_torch(batch: int) -> None:
    """With one row of parameters, one law for all examples: a prior."""
    parameters = parameters_of(batch, components=5)
    x = random_values(4, *EVENT, seed=4).requires_grad_()
    ours: Tensor = of(parameters).log_prob(x)
    theirs = torchs_log_prob(torchs(parameters), x)
    torch.testing.assert_close(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE)
    of_ours, of_theirs = (torch.autograd.grad(value.sum(), [*parameters, x]) for value in (ours, theirs))
    for one, other in zip(of_ours, of_theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def test_mean_is_that_of_the_components_by_their_weights() -> None:
    parameters = parameters_of(4, components=5)
    torch.testing.assert_close(of(parameters).mean, torchs(parameters).mean, rtol=TOLERANCE, atol=TOLERANCE)


def test_density_integrates_to_one() -> None:
    mixture = GaussianMixture(
        logits=torch.tensor([[0.0, 1, -2]], dtype=torch.float64),
        means=torch.tensor([[[-3.0], [0], [4]]], dtype=torch.float64),
        stds=torch.tensor([[[0.5], [1], [2]]], dtype=torch.float64),
    )
    x = torch.linspace(-20, 24, 40001, dtype=torch.float64).unsqueeze(1)
    # The trapezoidal rule is exact to rounding for functions that are smooth and gone at both ends.
    total = torch.trapezoid(mixture.log_prob(x).exp(), x[:, 0])
    assert float(total) == pytest.approx(1, abs=1e-10)


def test_one_component_is_a_gaussian() -> None:
    logits, means, scales = parameters_of(4, components=1)
    x = random_values(4, *EVENT, seed=4)
    gaussian = td.Independent(td.Normal(means[:, 0], scales[:, 0].exp()), len(EVENT))
    expected = torchs_log_prob(gaussian, x)
    torch.testing.assert_close(of([logits, means, scales]).log_prob(x), expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_value_far_from_all_components_has_a_finite_density_and_gradient() -> None:
    parameters = parameters_of(1, components=3)
    density = of(parameters).log_prob(torch.full((1, *EVENT), 1e3, dtype=torch.float64))
    gradients = torch.autograd.grad(density.sum(), parameters)
    assert density.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_rows_can_be_chosen() -> None:
    parameters = parameters_of(4, components=5)
    x = random_values(4, *EVENT, seed=4)
    chosen = of(parameters).with_rows(lambda value: value[[2, 0]])
    torch.testing.assert_close(chosen.log_prob(x[[2, 0]]), of(parameters).log_prob(x)[[2, 0]])


def test_head_gives_weights_means_and_scales_in_this_order() -> None:
    torch.manual_seed(0)
    head = MixtureHead(8, EVENT, components=4)
    features = torch.randn(5, 8)
    mixture = head(features)
    raw = head.parameters_of(features)
    torch.testing.assert_close(mixture.logits, raw[:, :4])
    torch.testing.assert_close(mixture.means, raw[:, 4:28].reshape(5, 4, *EVENT))
    torch.testing.assert_close(mixture.stds, (1 + raw[:, 28:].exp()).log().reshape(5, 4, *EVENT), rtol=1e-5, atol=1e-6)


# ---- as a prior --------------------------------------------------------------------------------------------------


def learned(components: int = 4) -> LearnedMixture:
    torch.manual_seed(0)
    prior = LearnedMixture(EVENT, components=components).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(torch.randn_like(parameter))
    return prior


def test_prior_starts_near_the_standard_normal_law() -> None:
    torch.manual_seed(0)
    mixture = LearnedMixture((2000,), components=4)()
    torch.testing.assert_close(mixture.logits.softmax(dim=1), torch.full((1, 4), 0.25))
    variance = mixture.means.square().mean() + mixture.stds.square().mean()
    # 8000 squares of normal numbers.
    assert float(variance.detach()) == pytest.approx(1, abs=0.05)


def test_draws_have_the_density_of_the_prior() -> None:
    """The mean log density of draws is minus the entropy, which torch's samples have too."""
    prior = learned()
    like = torch.zeros((), dtype=torch.float64)
    drawn = prior.draw((40000, *EVENT), like=like)
    mixture = prior()
    law = torchs([mixture.logits[0], mixture.means[0], mixture.stds[0].log()])
    ours = mixture.log_prob(drawn).mean().detach()
    theirs = torchs_log_prob(law, law.sample((40000,))).mean().detach()
    # Its standard deviation is about 2, so that of the difference of two means is 0.014.
    assert float(ours) == pytest.approx(float(theirs), abs=0.06)
    torch.testing.assert_close(drawn.mean(dim=0), mixture.mean[0], rtol=0, atol=0.06)


def test_draws_move_with_the_component_that_they_are_of() -> None:
    prior = learned()
    noise = prior.noise(6, like=torch.zeros((), dtype=torch.float64))
    weights = prior.logits.softmax(dim=0)
    chosen = [int((float(choice) >= weights.cumsum(dim=0)).sum()) for choice in noise[:, 0]]
    placed = prior.place(noise)
    expected = torch.stack(
        [
            prior.means[k] + (torch.nn.functional.softplus(prior.raw_stds[k]) + 1e-7) * noise[row, 1:].reshape(EVENT)
            for row, k in enumerate(chosen)
        ]
    )
    torch.testing.assert_close(placed, expected, rtol=TOLERANCE, atol=TOLERANCE)
    parameters = [prior.means, prior.raw_stds]
    found, right = (torch.autograd.grad(value.square().sum(), parameters) for value in (placed, expected))
    for one, other in zip(found, right, strict=True):
        torch.testing.assert_close(one, other, rtol=TOLERANCE, atol=TOLERANCE)


def test_a_choice_beyond_the_last_step_is_the_last_component() -> None:
    prior = learned()
    noise = torch.zeros(1, 1 + math.prod(EVENT), dtype=torch.float64)
    noise[0, 0] = 1
    torch.testing.assert_close(prior.place(noise)[0], prior.means[-1])

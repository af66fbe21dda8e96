"""What a method with a prior computes: fixed ones, and one that is trained with the objective."""

import math
from typing import Any

import pytest
import torch
import torch.distributions as td
from torch import Tensor

import mvib
from mvib.compile import CompiledModel
from mvib.compile.summary import summarise
from mvib.diagnostics import SpecError
from mvib.driver import analyse
from mvib.estimators.mmd import mmd
from mvib.nn.mixture import LearnedMixture
from mvib.source import SourceFile
from tests.compile.emitted import built, written
from tests.compile.test_emit import assert_equal_run
from tests.nn.test_distributions import torchs_log_prob

GAUSSIAN = """
method M
data    X: vector
encoder e: X ~> Z = gaussian(mlp(16), dim: 4)
decoder q: Z ~> X = mixture(mlp(16), components: 3)
minimize H(X | Z) by q
"""
DIRECTIONS = """
method M
data    X: vector
encoder e: X ~> Z = vmf(mlp(16, 4), kappa: 10)
decoder q: Z ~> X = gaussian(mlp(16), var: 1)
minimize H(X | Z) by q
"""
RATE = "minimize 0.1 * I(X; Z) by rate(mixture(5))\n"
DIVERGENCE = "minimize 0.1 * D(Z || mixture(5)) by mmd()\n"


def compiled(text: str) -> tuple[CompiledModel, dict[str, Tensor]]:
    torch.manual_seed(0)
    batch = {"X": torch.randn(12, 20)}
    return mvib.compile(mvib.loads(text), {"X": (12, 20)}), batch


def the_prior(model: CompiledModel) -> LearnedMixture:
    (prior,) = model.objective.priors.values()
    assert isinstance(prior, LearnedMixture)
    return prior


def torchs(mixture: Any) -> td.Distribution:
    """Torch's law of the same parameters, a row of them for each example."""
    components = td.Independent(td.Normal(mixture.means, mixture.stds), 1)
    return td.MixtureSameFamily(td.Categorical(logits=mixture.logits), components)


def test_a_mixture_decoder_predicts_by_its_density() -> None:
    model, batch = compiled(GAUSSIAN)
    out = model(batch)
    law = torchs(out.densities["q(Z)"])
    expected = -torchs_log_prob(law, batch["X"]).mean()
    torch.testing.assert_close(out.loss, expected)
    torch.testing.assert_close(out.densities["q(Z)"].mean, law.mean)


def test_a_rate_against_a_mixture_is_the_log_ratio_at_the_sample_and_trains_all_of_it() -> None:
    model, batch = compiled(GAUSSIAN + RATE)
    out = model(batch)
    (label,) = model.objective.priors
    posterior, z = out.densities["e(X)"], out.variables["Z"]
    law = torchs(the_prior(model)())
    expected = (posterior.log_prob(z) - torchs_log_prob(law, z)).mean()
    torch.testing.assert_close(out.terms[label], expected.detach())
    parameters = list(the_prior(model).parameters())
    right = torch.autograd.grad(0.1 * expected, parameters, retain_graph=True)
    for found, other in zip(torch.autograd.grad(out.loss, parameters), right, strict=True):
        torch.testing.assert_close(found, other)
        assert found.any()


def test_training_brings_the_prior_to_the_codes() -> None:
    """The rate of a fixed encoder falls to that of the marginal, which no fixed prior reaches."""
    torch.manual_seed(0)
    prior = LearnedMixture((1,), components=2)
    centres = torch.tensor([-4.0, 2.0])
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(400):
        side = (torch.rand(256) < 0.25).long()
        codes = centres[side].unsqueeze(1) + 0.5 * torch.randn(256, 1)
        loss = -prior().log_prob(codes).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    means, weights = prior.means.detach().flatten().tolist(), prior.logits.detach().softmax(dim=0).tolist()
    found = {round(mean): weight for mean, weight in zip(means, weights, strict=True)}
    assert found[-4] == pytest.approx(0.75, abs=0.05)
    assert found[2] == pytest.approx(0.25, abs=0.05)


def test_a_divergence_from_a_mixture_trains_means_and_scales() -> None:
    model, batch = compiled(GAUSSIAN + DIVERGENCE)
    torch.manual_seed(1)
    out = model(batch)
    out.loss.backward()
    prior = the_prior(model)
    assert prior.logits.grad is None
    assert prior.means.grad is not None
    assert prior.means.grad.any()
    # The encoder's noise is drawn first.
    torch.manual_seed(1)
    torch.randn(12, 4)
    expected = mmd(out.variables["Z"], prior.draw((12, 4), like=out.variables["Z"]))
    (label,) = model.objective.priors
    torch.testing.assert_close(out.terms[label], expected.detach())


def test_each_term_has_a_prior_of_its_own_and_its_variables_share_it() -> None:
    model, _ = compiled(
        """
        method M
        data X: vector
        view X[i: 1..2] ~ noise(X, std: 0.1)
        encoder e[i: 1..2]: X[i] ~> Z[i] = gaussian(mlp(16), dim: 4)
        decoder q: Z[i] ~> X = gaussian(mlp(16), var: 1)
        minimize mean(i) H(X | Z[i]) by q
        term first:  minimize mean(i) I(X[i]; Z[i]) by rate(mixture(5))
        term second: minimize mean(i) I(X[i]; Z[i]) by rate(mixture(5))
        """
    )
    assert list(model.objective.priors) == ["first", "second"]
    assert sum(p.numel() for p in model.objective.priors.parameters()) == 2 * (5 + 2 * 5 * 4)
    kinds = [network["kind"] for network in summarise(model)["networks"]]
    assert kinds.count("prior") == 2


def test_a_prior_has_one_shape() -> None:
    text = """
        method M
        data X: vector
        view X[i: 1..2] ~ noise(X, std: 0.1)
        encoder e: X[1] ~> Z[1] = gaussian(mlp(16), dim: 4)
        encoder f: X[2] ~> Z[2] = gaussian(mlp(16), dim: 5)
        minimize mean(i) I(X[i]; Z[i]) by rate(mixture(5))
        """
    with pytest.raises(SpecError, match=r"one `mixture\(.*5\)` is the prior of all variables of this term"):
        compiled(text)


def test_rate_of_directions_against_the_uniform_law_is_a_number_of_their_concentration() -> None:
    model, batch = compiled(DIRECTIONS + "minimize I(X; Z) by rate(uniform_sphere)\n")
    out = model(batch)
    # On the sphere of R^4 the normaliser has I_1, the mean cosine is I_2 / I_1.
    kappa = torch.tensor(10.0, dtype=torch.float64)
    i1 = float(torch.special.i1(kappa))
    i2 = float(torch.special.i0(kappa)) - 2 / 10 * i1
    log_normalizer = math.log(10) - 2 * math.log(2 * math.pi) - math.log(i1)
    expected = log_normalizer + 10 * i2 / i1 + math.log(2 * math.pi**2)
    assert float(out.terms["I_X_Z"]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("estimator", ["mmd()", "adversarial(mlp(8))"])
def test_codes_are_compared_with_draws_of_the_sphere(estimator: str) -> None:
    model, batch = compiled(DIRECTIONS + f"minimize D(Z || uniform_sphere) by {estimator}\n")
    torch.autograd.backward(model(batch).loss)
    assert all(p.grad is not None and p.grad.any() for p in model.networks.parameters())


@pytest.mark.parametrize(
    "text",
    [
        GAUSSIAN + RATE,
        GAUSSIAN + DIVERGENCE,
        GAUSSIAN + RATE + DIVERGENCE + "term again: minimize 0.1 * I(X; Z) by rate(mixture(5))\n",
        GAUSSIAN.replace("mlp(16), components", "components"),
        DIRECTIONS + "minimize I(X; Z) by rate(uniform_sphere)\n",
        DIRECTIONS + "minimize D(Z || uniform_sphere) by mmd()\n",
        DIRECTIONS + "minimize D(Z || uniform_sphere) by adversarial(mlp(8))\n",
    ],
)
def test_priors_and_mixtures_are_written_too(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = written(mvib.loads(text), monkeypatch)
    same = built(pair, seed=0).state_dict()
    assert all(torch.equal(same[key], value) for key, value in pair.model.state_dict().items())
    assert_equal_run(pair, built(pair, seed=0))


@pytest.mark.parametrize("term", [RATE, DIVERGENCE])
def test_a_checkpoint_has_the_prior(term: str) -> None:
    model, _ = compiled(GAUSSIAN + term)
    other, _ = compiled(GAUSSIAN + term)
    with torch.no_grad():
        the_prior(model).means.add_(1)
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(the_prior(other).means, the_prior(model).means)


def test_sound_methods_with_these_have_nothing_said_of_them() -> None:
    for text in (GAUSSIAN + RATE, GAUSSIAN + DIVERGENCE, DIRECTIONS + "minimize D(Z || uniform_sphere) by mmd()\n"):
        assert not analyse(SourceFile("spec.mvib", text)).diagnostics


def test_a_number_stands_for_the_components_where_no_network_is_given() -> None:
    with_parameter = GAUSSIAN.replace("mixture(mlp(16), components: 3)", "mixture(mlp(16), K)")
    text = with_parameter.replace("data ", "param K = 3\ndata ") + "minimize I(X; Z) by rate(mixture(2 * K))\n"
    model, _ = compiled(text)
    assert len(the_prior(model).logits) == 6

"""What belongs to estimators beside their formula: critics, fitted densities, learned numbers, queues, averages."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import mvib
from mvib.compile import CompiledModel

PAIR = """method P
data A: vector, B: vector
encoder f: A -> U = linear(6)
encoder g: B -> V = linear(6)
{term}
represent U
"""

CODE = """method C
data A: vector
encoder e: A ~> Z = gaussian(mlp(8, norm: none), dim: 3)
{term}
represent Z
"""


@pytest.fixture
def batch() -> dict[str, Tensor]:
    torch.manual_seed(1)
    a = torch.randn(20, 6)
    return {"A": a, "B": a + 0.5 * torch.randn(20, 6)}


def build(term: str, batch: dict[str, Tensor], *, text: str = PAIR, seed: int = 0) -> CompiledModel:
    torch.manual_seed(seed)
    method = mvib.loads(text.format(term=term))
    return mvib.compile(method, {n: value for n, value in batch.items() if n in method.graph.variables})


def gradients(model: CompiledModel, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    model.zero_grad()
    model(batch).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


# ---- queues ---------------------------------------------------------------------------------------------------------


def test_a_queue_holds_the_keys_of_earlier_batches_and_never_of_this_one(batch: dict[str, Tensor]) -> None:
    model = build("maximize I(U; sg(V)) by infonce(temperature: 0.2, negatives: queue(32))", batch)
    assert model(batch).loss.item() == 0, "there is nothing to tell the pairs from before the first step"
    model.after_step()
    out = model(batch)
    u, v = (F.normalize(out.variables[name]) for name in ("U", "V"))
    scores = torch.cat([(u * v).sum(dim=1, keepdim=True), u @ v.T], dim=1) / 0.2
    torch.testing.assert_close(out.loss, F.cross_entropy(scores, torch.zeros(20, dtype=torch.long)))
    (estimate,) = out.terms.values()
    torch.testing.assert_close(estimate, math.log(21) - out.loss)


def test_a_queue_keeps_its_last_rows_and_is_saved(batch: dict[str, Tensor]) -> None:
    model = build("maximize I(U; sg(V)) by infonce(negatives: queue(32))", batch)
    for _ in range(3):
        model(batch)
        model.after_step()
    other = build("maximize I(U; sg(V)) by infonce(negatives: queue(32))", batch, seed=1)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    torch.testing.assert_close(other(batch).loss, model(batch).loss, rtol=0, atol=0)
    assert any(value.shape == (32, 6) for value in model.state_dict().values())


def test_evaluation_leaves_the_queue_alone(batch: dict[str, Tensor]) -> None:
    model = build("maximize I(U; sg(V)) by infonce(negatives: queue(32))", batch).eval()
    model(batch)
    model.train()
    model.after_step()
    assert model(batch).loss.item() == 0


# ---- learned numbers ------------------------------------------------------------------------------------------------


def test_a_learned_temperature_is_that_of_clip(batch: dict[str, Tensor]) -> None:
    model = build("maximize I(U; V) by infonce(temperature: learned(0.07), negatives: other_view)", batch)
    scale = torch.tensor(1 / 0.07, requires_grad=True)
    out = model(batch)
    u, v = (F.normalize(out.variables[name]) for name in ("U", "V"))
    scores, labels = scale * u.detach() @ v.detach().T, torch.arange(20)
    expected = (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2
    torch.testing.assert_close(out.loss, expected)
    found = gradients(model, batch)["objective.learned.I_U_V_temperature.number"]
    # CLIP trains the log of the scale, we that of the temperature: the same number with the other sign.
    expected.backward()  # type: ignore[no-untyped-call]
    assert scale.grad is not None
    torch.testing.assert_close(found, -scale.grad * scale.detach())


def test_a_learned_temperature_stays_where_the_scale_is_at_most_a_hundred(batch: dict[str, Tensor]) -> None:
    model = build("maximize I(U; V) by infonce(temperature: learned(0.07))", batch)
    (number,) = (p for name, p in model.named_parameters() if "learned" in name)
    with torch.no_grad():
        number.fill_(math.log(1e-4))
    model.after_step()
    torch.testing.assert_close(number.exp(), torch.tensor(0.01))


def test_instances_of_a_term_share_a_learned_number(batch: dict[str, Tensor]) -> None:
    text = """method S
data A: vector
view X[i: 1..3] ~ noise(A)
encoder f: X[i] -> Z[i] = linear(4)
maximize mean(i < j) I(Z[i]; Z[j]) by infonce(temperature: learned)
represent Z
"""
    model = build("", batch, text=text)
    assert sum("learned" in name for name, _ in model.named_parameters()) == 1


# ---- fitted densities -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["club", "l1out"])
def test_the_fit_and_the_estimate_do_not_corrupt_each_other(name: str, batch: dict[str, Tensor]) -> None:
    """The density's gradient is that of its likelihood alone, the encoders' that of the estimate alone."""
    minimised = build(f"minimize I(U; V) by {name}(mlp(8, norm: none))", batch)
    weighted = build(f"minimize 3 * I(U; V) by {name}(mlp(8, norm: none))", batch)
    weighted.load_state_dict(minimised.state_dict())
    first, second = gradients(minimised, batch), gradients(weighted, batch)
    for parameter in first:
        # The weight of the term concerns the encoders, not the fit.
        factor = 1 if parameter.startswith("objective") else 3
        torch.testing.assert_close(second[parameter], factor * first[parameter])
    out = minimised(batch)
    torch.testing.assert_close(out.loss.detach(), out.terms["I_U_V"])
    network = minimised.objective.auxiliaries["I_U_V.density"]
    likelihood = network(out.variables["U"].detach()).log_prob(out.variables["V"].detach()).mean()
    torch.testing.assert_close(out.fits["I_U_V"], -likelihood.detach())
    expected = torch.autograd.grad(-likelihood, list(network.parameters()))
    found = [first[f"objective.auxiliaries.I_U_V_density.{n}"] for n, _ in network.named_parameters()]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_club_of_a_code_takes_the_encoders_own_density(batch: dict[str, Tensor]) -> None:
    model = build("minimize I(A; Z) by club()", batch, text=CODE)
    out = model({"A": batch["A"]})
    density, z = out.densities["e(A)"], out.variables["Z"]
    normal = torch.distributions.Normal(density.mean, density.std)
    pairs = torch.stack([normal.log_prob(row).sum(dim=1) for row in z])  # type: ignore[no-untyped-call]
    mean_of_others = (pairs.sum() - pairs.diagonal().sum()) / (20 * 19)
    torch.testing.assert_close(out.loss, pairs.diagonal().mean() - mean_of_others)
    assert not out.fits


def test_club_needs_a_density() -> None:
    with pytest.raises(mvib.SpecError, match="is infinite"):
        mvib.loads(PAIR.format(term="minimize I(A; U) by club()"))


# ---- critics --------------------------------------------------------------------------------------------------------


def test_infonce_with_a_critic_is_that_of_its_authors(batch: dict[str, Tensor]) -> None:
    model = build("maximize I(U; V) by infonce(critic: bilinear())", batch)
    out = model(batch)
    critic = model.objective.auxiliaries["I_U_V.critic"]
    u, v = out.variables["U"], out.variables["V"]
    scores = torch.stack([critic(u, v[j].expand_as(v)) for j in range(20)], dim=1)
    torch.testing.assert_close(out.loss + out.constant, F.cross_entropy(scores, torch.arange(20)) - math.log(20))


def test_the_average_of_mine_only_changes_the_gradient(batch: dict[str, Tensor]) -> None:
    plain = build("maximize I(U; V) by dv(critic: separable(8))", batch)
    mine = build("maximize I(U; V) by dv(critic: separable(8), ema: 0.9)", batch)
    mine.load_state_dict(plain.state_dict(), strict=False)
    first, second = gradients(plain, batch), gradients(mine, batch)
    for name in first:
        # The first batch is the average's first value.
        torch.testing.assert_close(first[name], second[name])
    shifted = {name: 3 * value for name, value in batch.items()}
    torch.testing.assert_close(mine(shifted).loss, plain(shifted).loss)
    first, second = gradients(plain, shifted), gradients(mine, shifted)
    assert any(not torch.allclose(first[name], second[name]) for name in first)


# ---- forms ----------------------------------------------------------------------------------------------------------


def test_barber_agakov_of_a_decoder_is_the_decoder(batch: dict[str, Tensor]) -> None:
    text = PAIR.replace("{term}", "decoder q: U ~> B = gaussian(linear(6), var: 1)\n{term}")
    named = build("minimize H(B | U) by barber_agakov(q)", batch, text=text)
    short = build("minimize H(B | U) by q", batch, text=text)
    torch.testing.assert_close(named(batch).loss, short(batch).loss, rtol=0, atol=0)


def test_a_joint_matrix_entropy_multiplies_kernels(batch: dict[str, Tensor]) -> None:
    model = build("maximize H(U, V) by renyi(order: 2, kernel: linear)", batch)
    out = model(batch)
    u, v = (F.normalize(out.variables[name]) for name in ("U", "V"))
    product = (u @ u.T) * (v @ v.T) / 20
    torch.testing.assert_close(out.terms["H_U_V"], -product.square().sum().log())


def test_a_divergence_draws_from_its_prior(batch: dict[str, Tensor]) -> None:
    near = build("minimize D(U || normal) by mmd()", batch)
    torch.manual_seed(3)
    value = near(batch).loss
    torch.manual_seed(3)
    torch.testing.assert_close(near(batch).loss, value, rtol=0, atol=0)
    assert near(batch).loss != value, "other draws"

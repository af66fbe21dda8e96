"""Supervised methods against their authors' formulas: loss and gradients in float64 to 1e-10."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import assert_authors, assert_authors_by_parameters, compiled


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the examples of -log of the probability of the right class, in nats (catalogue, A1)."""
    losses = []
    for row, label in zip(logits, labels.tolist(), strict=True):
        probabilities = torch.exp(row) / torch.exp(row).sum()
        losses.append(-torch.log(probabilities[label]))
    return torch.stack(losses).mean()


def rate_from_standard_normal(density: Any) -> Tensor:
    """KL(N(mu, s^2) || N(0, 1)) summed over dimensions, mean over the examples (Alemi et al. 2017; catalogue, A2)."""
    rows = []
    for mean, std in zip(density.mean, density.std, strict=True):
        rows.append(0.5 * sum(m**2 + s**2 - 1 - torch.log(s**2) for m, s in zip(mean, std, strict=True)))
    return torch.stack(rows).mean()


def test_cross_entropy_is_the_mean_surprise_of_the_right_class() -> None:
    run = compiled("cross_entropy")
    assert_authors(run, [run.out.densities["c(R)"].logits], lambda logits: cross_entropy(logits, run.batch["Y"]))


def test_information_of_the_label_is_its_entropy_less_the_cross_entropy() -> None:
    run = compiled("cross_entropy")
    shares = [(run.batch["Y"] == label).double().mean() for label in set(run.batch["Y"].tolist())]
    entropy = -sum(share * share.log() for share in shares)
    loss = cross_entropy(run.out.densities["c(R)"].logits, run.batch["Y"])
    assert abs((run.out.terms["I_R_Y"] - (entropy - loss)).item()) < 1e-10


@pytest.mark.parametrize("beta", [1e-3, 0.3])
def test_per_view_decoders_have_the_bottleneck_of_each_view(beta: float) -> None:
    """Shwartz-Ziv and LeCun 2024, equation 3, for each view, with the bounds of Alemi et al. 2017."""
    run = compiled("label_decoders_per_view", settings={"beta": beta})
    expected = torch.zeros((), dtype=torch.float64)
    for view in (1, 2):
        logits = run.out.densities[f"c[{view}](Z[{view}])"].logits
        rate = rate_from_standard_normal(run.out.densities[f"e{view}(X{view})"])
        expected = expected + cross_entropy(logits, run.batch["Y"]) + beta * rate
    assert_authors_by_parameters(run, expected)


def test_joint_decoder_sees_the_samples_of_both_views() -> None:
    """Shwartz-Ziv and LeCun 2024, equation 3, with Q(Y | Z1, Z2)."""
    run = compiled("label_decoders_joint")
    logits = run.out.densities["c((Z[1], Z[2]))"].logits
    rates = [rate_from_standard_normal(run.out.densities[f"e{view}(X{view})"]) for view in (1, 2)]
    assert_authors_by_parameters(run, cross_entropy(logits, run.batch["Y"]) + 1e-3 * (rates[0] + rates[1]))

    weight, bias = last_layer(run.model, "c")
    z1, z2 = run.variables("Z[1]", "Z[2]")
    torch.testing.assert_close(logits, torch.cat([z1, z2], dim=1) @ weight.T + bias, atol=1e-10, rtol=1e-10)


def test_multiview_supervised_bottleneck_weighs_both_rates_and_fuses_samples() -> None:
    """Wang et al. 2019 (catalogue, A5): -log q(y | z12) + alpha KL1 + beta KL2, z12 of the sampled z1 and z2."""
    run = compiled("multiview_supervised_ib", settings={"alpha": 0.02, "beta": 0.3})
    rates = [rate_from_standard_normal(run.out.densities[f"e{view}(X{view})"]) for view in (1, 2)]
    loss = cross_entropy(run.out.densities["c(Z12)"].logits, run.batch["Y"])
    assert_authors_by_parameters(run, loss + 0.02 * rates[0] + 0.3 * rates[1])

    z1, z2, fused = run.variables("Z1", "Z2", "Z12")
    assert not torch.equal(z1, run.out.densities["e1(X1)"].mean)
    gradients = torch.autograd.grad(fused.square().sum(), [z1, z2], retain_graph=True)
    assert all(bool(gradient.ne(0).any()) for gradient in gradients)


def last_layer(model: torch.nn.Module, name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a module that is one linear layer."""
    parameters = {key: value for key, value in model.named_parameters() if key.split(".")[1:2] == [name]}
    [weight] = [value for value in parameters.values() if value.dim() == 2]
    [bias] = [value for value in parameters.values() if value.dim() == 1]
    return weight, bias

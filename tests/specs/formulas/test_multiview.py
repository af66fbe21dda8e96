"""Methods for several views or modalities against their authors' formulas: loss and gradients in float64 to 1e-10."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import Compiled, assert_authors, assert_authors_by_parameters, compiled, unit
from tests.specs.formulas.test_generative import bernoulli_surprise, rate_from_standard_normal, squared_error

PIXELS = 64


def trace_norm(h1: Tensor, h2: Tensor, ridge: float) -> Tensor:
    """Andrew et al. 2013, section 3: the sum of the singular values of S11^-1/2 S12 S22^-1/2 (catalogue, D1)."""
    c1, c2 = h1 - h1.mean(0), h2 - h2.mean(0)
    n = len(h1)
    s11 = c1.T @ c1 / (n - 1) + ridge * torch.eye(h1.shape[1], dtype=h1.dtype)
    s22 = c2.T @ c2 / (n - 1) + ridge * torch.eye(h2.shape[1], dtype=h2.dtype)
    t = inverse_root(s11) @ (c1.T @ c2 / (n - 1)) @ inverse_root(s22)
    total: Tensor = torch.linalg.svdvals(t).sum()
    return total


def inverse_root(s: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(s)
    root: Tensor = vectors @ torch.diag(values**-0.5) @ vectors.T
    return root


@pytest.mark.parametrize("spec", ["cca", "deep_cca"])
def test_cca_maximises_the_sum_of_canonical_correlations(spec: str) -> None:
    run = compiled(spec, batch=64)
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda h1, h2: -trace_norm(h1, h2, 1e-3))


def test_dccae_adds_the_squared_errors_of_both_reconstructions() -> None:
    """Wang et al. 2015: deep CCA + lambda (|x1 - p(f(x1))|^2 + |x2 - q(g(x2))|^2), mean over the examples."""
    run = compiled("dccae", settings={"lambda": 0.2}, batch=64)
    constant = run.out.constant - 0.2 * 2 * PIXELS / 2 * math.log(math.pi)  # of both Gaussians of variance 1/2
    predictions = [run.out.densities[f"d{view}(Z[{view}])"].mean for view in (1, 2)]
    errors = squared_error(predictions[0], run.batch["X1"]) + squared_error(predictions[1], run.batch["X2"])
    expected = -trace_norm(run.out.variables["Z[1]"], run.out.variables["Z[2]"], 1e-3) + 0.2 * errors
    assert_authors_by_parameters(replace(run, out=replace(run.out, loss=run.out.loss + constant)), expected)


def test_vcca_is_minus_its_bound() -> None:
    """Wang et al. 2016 (catalogue, D2): -E log p(x1 | z) - E log p(x2 | z) + KL(q(z | x1) || N(0, I))."""
    run = compiled("vcca")
    expected = rate_from_standard_normal(run.out.densities["e(X1)"])
    for view in (1, 2):
        expected = expected + bernoulli_surprise(run.out.densities[f"d{view}(Z)"].logits, run.batch[f"X{view}"])
    assert_authors_by_parameters(run, expected)


def test_vcca_private_has_a_code_of_its_own_for_each_view() -> None:
    """Wang et al. 2016 (catalogue, D2): x1 from (z, h1), x2 from (z, h2), and a divergence for each of the codes."""
    run = compiled("vcca_private")
    expected = rate_from_standard_normal(run.out.densities["e(X1)"])
    for view in (1, 2):
        expected = expected + rate_from_standard_normal(run.out.densities[f"e{view}(X{view})"])
        logits = run.out.densities[f"d{view}((Z, H{view}))"].logits
        expected = expected + bernoulli_surprise(logits, run.batch[f"X{view}"])
    assert_authors_by_parameters(run, expected)


def contrast(anchors: Tensor, others: Tensor, scale: Tensor | float) -> Tensor:
    """Cross-entropy of finding each anchor's own row among the others, cosines times a scale."""
    a, b = unit(anchors), unit(others)
    losses = []
    for i in range(len(a)):
        scores = torch.stack([scale * (a[i] @ b[j]) for j in range(len(b))])
        losses.append(-torch.log(torch.exp(scores[i]) / torch.exp(scores).sum()))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("views", [4, 2])
def test_cmc_contrasts_all_pairs_of_views_in_both_directions(views: int) -> None:
    """Tian et al. 2020, full graph: sum over i < j of L(i, j) + L(j, i), at temperature 0.07 (catalogue, E5)."""
    run = compiled("cmc", settings={"V": views})
    strips = run.variables(*(f"X[{view}]" for view in range(1, views + 1)))
    assert torch.equal(torch.cat(strips, dim=3), run.batch["X"])

    def full_graph(*z: Tensor) -> Tensor:
        pairs = [(i, j) for i in range(views) for j in range(i + 1, views)]
        return torch.stack([contrast(z[i], z[j], 1 / 0.07) + contrast(z[j], z[i], 1 / 0.07) for i, j in pairs]).sum()

    assert_authors(run, run.variables(*(f"Z[{view}]" for view in range(1, views + 1))), full_graph)


def learned(run: Compiled, name: str) -> Tensor:
    """A trained number of the objective."""
    return run.model.get_parameter(f"objective.learned.match_{name}.number")


def test_clip_is_the_mean_of_both_cross_entropies_with_a_trained_scale() -> None:
    """Radford et al. 2021, figure 3: logits exp(t) I T', t the log of the scale, from log(1 / 0.07)."""
    run = compiled("clip")

    def symmetric(image: Tensor, text: Tensor, log_temperature: Tensor) -> Tensor:
        scale = torch.exp(-log_temperature)
        return (contrast(image, text, scale) + contrast(text, image, scale)) / 2

    assert abs(learned(run, "temperature").exp().item() - 0.07) < 1e-8  # from single precision
    assert_authors(run, [*run.variables("Z[1]", "Z[2]"), learned(run, "temperature")], symmetric)


def test_siglip_judges_every_pair_with_a_trained_scale_and_bias() -> None:
    """Zhai et al. 2023, equation 1: -(1/N) sum_ij log sigmoid(y_ij (s I_i T_j + b)), s from 10 and b from -10."""
    run = compiled("siglip")

    def sigmoid_loss(image: Tensor, text: Tensor, log_temperature: Tensor, bias: Tensor) -> Tensor:
        a, b = unit(image), unit(text)
        total = torch.zeros((), dtype=a.dtype)
        for i in range(len(a)):
            for j in range(len(b)):
                label = 1 if i == j else -1
                logit = label * (torch.exp(-log_temperature) * (a[i] @ b[j]) + bias)
                total = total + torch.log(1 + torch.exp(-logit))
        return total / len(a)

    assert abs(learned(run, "temperature").exp().item() - 0.1) < 1e-8  # from single precision
    assert learned(run, "bias").item() == -10
    numbers = [learned(run, "temperature"), learned(run, "bias")]
    assert_authors(run, [*run.variables("Z[1]", "Z[2]"), *numbers], sigmoid_loss)


def jensen_shannon(critic: Any, x: Tensor, y: Tensor) -> Tensor:
    """Official code of MVIB, utils/modules.py: softplus(-T(x, y)) + softplus(T(roll(x), y)), means over the batch."""
    x, y = x.flatten(1), y.flatten(1)
    losses = []
    for i in range(len(x)):
        own = critic.score(torch.cat([x[i], y[i]]))
        other = critic.score(torch.cat([x[i - 1], y[i]]))
        losses.append(torch.log(1 + torch.exp(-own)) + torch.log(1 + torch.exp(other)))
    return torch.stack(losses).mean()


def log_density(density: Any, z: Tensor) -> Tensor:
    """Log density of a diagonal Gaussian at one value for each example, summed over dimensions."""
    mean, std = density.mean, density.std
    rows: Tensor = (-((z - mean) ** 2) / (2 * std**2) - torch.log(std) - 0.5 * math.log(2 * math.pi)).sum(1)
    return rows


def authors_beta(progress: float) -> float:
    """Official code of MVIB, utils/schedulers.py: 1e-3 to 1 by a constant factor, and constant outside of that."""
    share = min(1.0, max(0.0, (progress - 0.05) / (0.15 - 0.05)))  # of a million iterations: 50k to 150k
    return float(10 ** (-3 + 3 * share))


@pytest.mark.parametrize("progress", [0.0, 0.03, 0.08, 0.1, 0.15, 1.0])
def test_mvib_is_the_critics_objective_and_half_of_both_log_ratios(progress: float) -> None:
    """Official code of MVIB, training/mib.py (catalogue, G1)."""
    run = compiled("mvib", progress=progress)
    z1, z2 = run.variables("Z[1]", "Z[2]")
    p1, p2 = run.out.densities["e(X[1])"], run.out.densities["e(X[2])"]
    ratio1 = (log_density(p1, z1) - log_density(p2, z1)).mean()
    ratio2 = (log_density(p2, z2) - log_density(p1, z2)).mean()
    critic = run.model.get_submodule("objective.auxiliaries.shared_critic")
    expected = jensen_shannon(critic, z1, z2) + authors_beta(progress) * (ratio1 + ratio2) / 2
    assert_authors_by_parameters(run, expected)


def test_mvib_of_more_views_is_the_mean_over_pairs() -> None:
    run = compiled("mvib", settings={"V": 3}, progress=1.0)
    critic = run.model.get_submodule("objective.auxiliaries.shared_critic")
    z = run.variables("Z[1]", "Z[2]", "Z[3]")
    densities = [run.out.densities[f"e(X[{view}])"] for view in (1, 2, 3)]
    expected = torch.zeros((), dtype=torch.float64)
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        forth = (log_density(densities[i], z[i]) - log_density(densities[j], z[i])).mean()
        back = (log_density(densities[j], z[j]) - log_density(densities[i], z[j])).mean()
        expected = expected + (jensen_shannon(critic, z[i], z[j]) + (forth + back) / 2) / 3
    assert_authors_by_parameters(run, expected)


def test_infomax_is_the_critics_objective_on_code_and_input() -> None:
    """Official code of MVIB, training/infomax.py (catalogue, E1): the codes are rolled, the inputs stay."""
    run = compiled("infomax")
    critic = run.model.get_submodule("objective.auxiliaries.information_critic")
    assert_authors_by_parameters(run, jensen_shannon(critic, *run.variables("Z", "X'")))

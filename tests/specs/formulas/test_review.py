"""The review's equations: loss and gradients of each spec against the equation with its bounds written out."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import mvib
from mvib.resources import bundled_specs
from tests.specs.formulas.common import (
    Compiled,
    assert_authors,
    assert_authors_by_parameters,
    compiled,
    random_data,
    unit,
)
from tests.specs.test_goldens import REVIEWED

REVIEW = [name for name in bundled_specs() if name.startswith("review/")]
NUMBERED = [f"review/equation_{number}" for number in range(1, 10)]


def rate(density: Any) -> Tensor:
    """KL from the standard normal, in closed form, summed over dimensions."""
    variance = density.std**2
    nats: Tensor = ((density.mean**2 + variance - 1 - torch.log(variance)) / 2).sum(dim=1).mean()
    return nats


def divergence(first: Any, second: Any) -> Tensor:
    """KL between Gaussians of independent entries, in closed form."""
    ratio = first.std / second.std
    apart = (first.mean - second.mean) / second.std
    nats: Tensor = ((ratio**2 + apart**2 - 1) / 2 - torch.log(ratio)).sum(dim=1).mean()
    return nats


def log_density(z: Tensor, density: Any) -> Tensor:
    """Mean log density of a Gaussian of independent entries, with its normaliser."""
    entries: Tensor = (
        -0.5 * math.log(2 * math.pi) - torch.log(density.std) - ((z - density.mean) / density.std) ** 2 / 2
    )
    return entries.sum(dim=1).mean()


def cross_decoding(z: Tensor, mean: Tensor) -> Tensor:
    """-E log q(z | z') of a Gaussian of variance 1, without its normaliser, which depends on no parameter."""
    squares: Tensor = (z - mean).pow(2).sum(dim=1).mean() / 2
    return squares


def classification(logits: Tensor, labels: Tensor) -> Tensor:
    """-E log q(y | z) over the examples that have a label."""
    rows = [row for row in range(len(labels)) if labels[row] >= 0]
    losses = [torch.log(torch.exp(logits[row]).sum()) - logits[row, labels[row]] for row in rows]
    return torch.stack(losses).mean()


def distortion(logits: Tensor, x: Tensor) -> Tensor:
    """-E log q(x | z) of binary pixels, summed over them."""
    p, x = torch.sigmoid(logits).flatten(1), x.flatten(1)
    return -(x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=1).mean()


def contrast(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """InfoNCE across the views without log N, mean of both directions."""
    scores = unit(z1) @ unit(z2).T / temperature
    losses = [scores[i, :].logsumexp(0) + scores[:, i].logsumexp(0) - 2 * scores[i, i] for i in range(len(z1))]
    return torch.stack(losses).mean() / 2


def gaussian_entropy(z: Tensor, beta: float) -> Tensor:
    """Half of log det(I + beta Cov), the covariance divided by N, in the N x N form."""
    centred = z - z.mean(dim=0)
    n = len(z)
    nats: Tensor = torch.linalg.slogdet(torch.eye(n, dtype=z.dtype) + beta * centred @ centred.T / n).logabsdet / 2
    return nats


@pytest.mark.parametrize("spec", ["review/equation_1", "review/equation_3"])
def test_information_bottleneck(spec: str) -> None:
    run = compiled(spec, settings={"beta": 20})
    logits = run.out.densities["c(Z)"].logits
    expected = rate(run.out.densities["e(X)"]) + 20 * classification(logits, run.batch["Y"])
    assert_authors_by_parameters(run, expected)


def test_divergence_of_the_label_given_the_code() -> None:
    """Equation 2: E KL(P(y | x) || P(y | t)) is H(Y | T) up to H(Y | X), which no network changes."""
    run = compiled("review/equation_2")
    expected = classification(run.out.densities["c(T)"].logits, run.batch["Y"])
    assert_authors_by_parameters(run, expected)


def test_superfluous_and_predictive_information() -> None:
    """Equation 4, the superfluous part by log e(z | x) - log b(z | y) at the sample."""
    run = compiled("review/equation_4", settings={"beta": 3})
    (z,) = run.variables("Z")
    densities = run.out.densities
    superfluous = log_density(z, densities["e(X)"]) - log_density(z, densities["b(onehot(Y))"])
    expected = superfluous + 3 * classification(densities["c(Z)"].logits, run.batch["Y"])
    assert_authors_by_parameters(run, expected)


def test_semi_supervised_bottleneck() -> None:
    """Equation 5: I(M; Z) - beta I(M; X) - beta_y I(Y; Z), the last over the labelled examples alone."""
    labels = random_data("label")
    labels[::3] = -1
    run = compiled("review/equation_5", settings={"beta": 0.5, "beta_y": 7}, data={"Y": labels})
    densities = run.out.densities
    expected = (
        rate(densities["m(Z)"])
        + 0.5 * distortion(densities["d(M)"].logits, run.batch["X"])
        + 7 * classification(densities["c(Z)"].logits, labels)
    )
    assert_authors_by_parameters(run, expected)


def test_lossy_compression_for_invariant_tasks() -> None:
    """Equation 6: I(X1; Z1) + beta H(Z2 | X1), by way of Q(Z2 | Z1)."""
    run = compiled("review/equation_6", settings={"beta": 0.3})
    (z2,) = run.variables("Z[2]")
    expected = rate(run.out.densities["e(X[1])"]) + 0.3 * cross_decoding(z2, run.out.densities["q(Z[1])"].mean)
    assert_authors_by_parameters(run, expected)


def test_joint_embedding_needs_an_entropy() -> None:
    """Equation 7: H(Z1) + E log q(z1 | z2); the constants of the Gaussian entropy are left out."""
    run = compiled("review/equation_7")
    density = run.out.densities["q(Z[2])"]

    assert_authors(
        run,
        [*run.variables("Z[1]"), density.mean],
        lambda z1, mean: cross_decoding(z1, mean) - gaussian_entropy(z1, 10),
    )


def test_supervision_does_not_collapse() -> None:
    """Equation 8: H(Y), a constant, stands in the information and not in the loss."""
    run = compiled("review/equation_8")
    assert_authors(run, [run.out.densities["c(Z)"].logits], lambda logits: classification(logits, run.batch["Y"]))


def test_beyond_the_multiview_assumption() -> None:
    """Equation 9: - I(X1; Z1) - I(X2; Z2) - beta I(Z1; Z2)."""
    run = compiled("review/equation_9", settings={"beta": 2})
    views = run.variables("X[1]", "X[2]")
    logits = [run.out.densities[f"d(Z[{i}])"].logits for i in (1, 2)]
    assert_authors(
        run,
        [*run.variables("Z[1]", "Z[2]"), *logits],
        lambda z1, z2, l1, l2: distortion(l1, views[0]) + distortion(l2, views[1]) + 2 * contrast(z1, z2, 0.5),
    )


def test_supervised_multiview_bottleneck() -> None:
    run = compiled("review/multiview_supervised", settings={"alpha": 0.2, "beta": 0.3})
    densities = run.out.densities
    expected = (
        0.2 * rate(densities["e1(X1)"])
        + 0.3 * rate(densities["e2(X2)"])
        + classification(densities["c(Z12)"].logits, run.batch["Y"])
    )
    assert_authors_by_parameters(run, expected)


def test_unsupervised_bottleneck() -> None:
    run = compiled("review/unsupervised_ib", settings={"beta": 3})
    expected = rate(run.out.densities["e(X)"]) + 3 * distortion(run.out.densities["d(Z)"].logits, run.batch["X"])
    assert_authors_by_parameters(run, expected)


def test_infomax() -> None:
    run = compiled("review/infomax")
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: contrast(z1, z2, 0.2))


def test_one_side_of_the_multiview_bottleneck() -> None:
    """I(Z1; X1 | X2) - beta (H(Z1) + E log q(z1 | z2)), z2 from x2."""
    run = compiled("review/multiview_ib_one_side", settings={"beta": 0.7})
    (z1,) = run.variables("Z[1]")
    densities = run.out.densities
    superfluous = log_density(z1, densities["e(X[1])"]) - log_density(z1, densities["e(X[2])"])
    predicted = gaussian_entropy(z1, 1) - cross_decoding(z1, densities["q(Z[2])"].mean)
    assert_authors_by_parameters(run, superfluous - 0.7 * predicted)


def test_multiview_bottleneck() -> None:
    """- I(Z1; Z2) + beta SKL, the mean of both divergences in closed form."""
    run = compiled("review/multiview_ib", settings={"beta": 0.4})
    first, second = run.out.densities["e(X[1])"], run.out.densities["e(X[2])"]
    symmetrised = (divergence(first, second) + divergence(second, first)) / 2
    z1, z2 = run.variables("Z[1]", "Z[2]")
    assert_authors_by_parameters(run, contrast(z1, z2, 0.2) + 0.4 * symmetrised)


def test_deterministic_encoders() -> None:
    """H(Z1 | X2) in the place of I(Z1; X1 | X2), by cross decoders of unit variance."""
    run = compiled("review/deterministic_encoders", settings={"beta": 0.4})
    means = [run.out.densities[f"q(Z[{i}])"].mean for i in (1, 2)]

    assert_authors(
        run,
        [*run.variables("Z[1]", "Z[2]"), *means],
        lambda z1, z2, m1, m2: contrast(z1, z2, 0.2) + 0.4 * (cross_decoding(z2, m1) + cross_decoding(z1, m2)) / 2,
    )


def residual(run: Compiled, i: int, j: int) -> Tensor:
    """log e(z_i | x_i) - log b(z_i | x_j) at the sample."""
    (z,) = run.variables(f"Z[{i}]")
    forward, backward = run.out.densities[f"e(X[{i}])"], run.out.densities[f"b(X[{j}])"]
    return log_density(z, forward) - log_density(z, backward)


def test_conditional_entropy_bottleneck() -> None:
    run = compiled("review/conditional_entropy_bottleneck", settings={"beta": 0.4})
    z1, z2 = run.variables("Z[1]", "Z[2]")
    expected = contrast(z1, z2, 0.2) + 0.4 * (residual(run, 1, 2) + residual(run, 2, 1)) / 2
    assert_authors_by_parameters(run, expected)


def test_all_equations_are_there() -> None:
    assert set(NUMBERED) <= set(REVIEW)
    assert len(REVIEW) == 16


@pytest.mark.parametrize("name", REVIEW)
def test_a_spec_of_the_review_is_loaded_by_its_path_and_cites_it(name: str) -> None:
    by_name, by_path = mvib.load(name), mvib.load(bundled_specs()[name])
    assert by_name.name == by_path.name
    found = [f"{diagnostic.severity.value}: {diagnostic.slug}" for diagnostic in by_path.diagnostics]
    assert found == REVIEWED.get(name, [])
    assert "2304.09355" in bundled_specs()[name].read_text(encoding="utf-8")

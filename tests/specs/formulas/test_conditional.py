"""Bottlenecks between the views and within domains against the authors' formulas: loss and gradients in float64."""

import math

import pytest
import torch
from scipy.special import ive
from torch import Tensor

from tests.specs.formulas.common import assert_authors, assert_authors_by_parameters, compiled


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Of two vectors."""
    found: Tensor = a @ b / (a.norm() * b.norm())
    return found


def log_normaliser(kappa: float, dimension: int) -> float:
    """Of the von Mises-Fisher density C exp(kappa cos): log C."""
    order = dimension / 2 - 1
    log_bessel = math.log(ive(order, kappa)) + kappa
    return order * math.log(kappa) - dimension / 2 * math.log(2 * math.pi) - log_bessel


def log_density(direction: Tensor, z: Tensor, kappa: float) -> Tensor:
    """Normalised, of one vector."""
    return kappa * cosine(direction, z) + log_normaliser(kappa, len(z))


def dropped(kappa_e: float, kappa_b: float, dimension: int) -> float:
    """What a residual is less by: the log-ratio of both densities at their own directions."""
    at_mode_e, at_mode_b = (kappa + log_normaliser(kappa, dimension) for kappa in (kappa_e, kappa_b))
    return at_mode_e - at_mode_b


def residual(mean: Tensor, backward: Tensor, z: Tensor, *, kappa_e: float, kappa_b: float) -> Tensor:
    """Lee et al. 2021: the mean log-ratio of the encoder and the backward encoder at the sample."""
    return torch.stack(
        [log_density(mean[i], z[i], kappa_e) - log_density(backward[i], z[i], kappa_b) for i in range(len(z))]
    ).mean()


# ---- C-SimCLR --------------------------------------------------------------------------------------------------------


def one_direction(h1: Tensor, h2: Tensor, z: Tensor, *, beta: float, kappa_e: float, kappa_b: float) -> Tensor:
    """Lee et al. 2021, official code: residual minus what the sampled code of one view tells of the other."""
    num = len(z)
    losses = []
    for i in range(num):
        residual = log_density(h1[i], z[i], kappa_e) - log_density(h2[i], z[i], kappa_b)
        logits = [log_density(h2[j], z[i], kappa_b) for j in range(num)]
        logits += [log_density(h1[j], z[i], kappa_b) for j in range(num) if j != i]
        cross_entropy = torch.logsumexp(torch.stack(logits), dim=0) - logits[i]
        losses.append(beta * residual + cross_entropy)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("settings", [{}, {"beta": 0.1, "kappa_e": 100, "kappa_b": 4}])
def test_compressive_contrast(settings: dict[str, float]) -> None:
    run = compiled("c_simclr", settings=settings)
    chosen = {"beta": 1.0, "kappa_e": 1024.0, "kappa_b": 10.0, **settings}
    kappas = {name: chosen[name] for name in ("kappa_e", "kappa_b")}

    def formula(h1: Tensor, h2: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
        both = one_direction(h1, h2, z1, **chosen) + one_direction(h2, h1, z2, **chosen)
        return both - 2 * chosen["beta"] * dropped(**kappas, dimension=h1.shape[1])

    outputs = run.variables("H[1]", "H[2]", "Z[1]", "Z[2]")
    assert_authors(run, outputs, formula)
    assert_authors_by_parameters(run, formula(*outputs))
    # The code reports log(2N - 1) less the cross-entropy as information.
    shared = sum(
        math.log(2 * len(h) - 1) - one_direction(h, other, z, **{**chosen, "beta": 0})
        for h, other, z in ((outputs[0], outputs[1], outputs[2]), (outputs[1], outputs[0], outputs[3]))
    )
    torch.testing.assert_close(run.out.terms["shared"], shared, rtol=1e-10, atol=1e-10)


# ---- C-BYOL ----------------------------------------------------------------------------------------------------------


def squared_distance(p: Tensor, t: Tensor) -> Tensor:
    """Between unit vectors, mean over rows."""
    distances = [(a / a.norm() - b / b.norm()).square().sum() for a, b in zip(p, t, strict=True)]
    return torch.stack(distances).mean()


@pytest.mark.parametrize("settings", [{}, {"beta": 0.1, "weight": 2, "kappa_e": 500, "kappa_b": 3}])
def test_compressive_prediction_of_a_slow_copy(settings: dict[str, float]) -> None:
    run = compiled("c_byol", settings=settings)
    chosen = {"beta": 0.01, "weight": 5.0, "kappa_e": 16384.0, "kappa_b": 10.0, **settings}
    kappas = {name: chosen[name] for name in ("kappa_e", "kappa_b")}
    t1, t2 = run.variables("T[1]", "T[2]")
    assert not t1.requires_grad
    assert not t2.requires_grad
    densities = run.out.densities

    def formula(z1: Tensor, z2: Tensor, mean1: Tensor, mean2: Tensor) -> Tensor:
        predictions = [densities[f"q(Z[{i}])"].direction for i in (1, 2)]
        backward = [densities[f"b(U[{i}])"].direction for i in (1, 2)]
        predicted = squared_distance(predictions[0], t2) + squared_distance(predictions[1], t1)
        paid = residual(mean1, backward[1], z1, **kappas) + residual(mean2, backward[0], z2, **kappas)
        constant = 2 * chosen["beta"] * dropped(**kappas, dimension=z1.shape[1])
        return chosen["weight"] * predicted + chosen["beta"] * paid - constant

    outputs = [*run.variables("Z[1]", "Z[2]"), *(densities[f"e(P[{i}])"].direction for i in (1, 2))]
    assert_authors_by_parameters(run, formula(*outputs))
    assert_authors(run, outputs, formula)


def test_the_backward_encoder_sees_unit_projections_of_the_slow_copy() -> None:
    run = compiled("c_byol")
    for i in (1, 2):
        t, u = run.variables(f"T[{i}]", f"U[{i}]")
        torch.testing.assert_close(u, t / t.norm(dim=1, keepdim=True))


# ---- BINCE -----------------------------------------------------------------------------------------------------------


def nt_xent(c1: Tensor, c2: Tensor, temperature: Tensor) -> Tensor:
    """The mean over the 2N anchors, each without itself among its candidates."""
    c = torch.cat([c1, c2])
    num = len(c1)
    losses = []
    for i in range(2 * num):
        logits = torch.stack([cosine(c[i], c[j]) / temperature for j in range(2 * num) if j != i])
        positive = cosine(c[i], c[(i + num) % (2 * num)]) / temperature
        losses.append(torch.logsumexp(logits, dim=0) - positive)
    return torch.stack(losses).mean()


def unit_gaussian_rate(mean: Tensor, std: Tensor) -> Tensor:
    """KL from N(0, I), summed over dimensions, mean over rows."""
    rates = []
    for m, s in zip(mean, std, strict=True):
        rates.append(sum((m[d] ** 2 + s[d] ** 2 - 1) / 2 - torch.log(s[d]) for d in range(len(m))))
    return torch.stack([torch.as_tensor(rate) for rate in rates]).mean()


@pytest.mark.parametrize(("progress", "beta"), [(0.0, 1e-5), (0.05, 1e-5 + (1 - 1e-5) / 2), (0.1, 1.0), (0.7, 1.0)])
def test_lossy_compression_for_lossless_prediction(progress: float, beta: float) -> None:
    run = compiled("bince", progress=progress)
    temperature = next(p for name, p in run.model.named_parameters() if name.startswith("objective")).exp()
    assert temperature.item() == pytest.approx(0.07, rel=1e-6)
    density = run.out.densities["e(X[1])"]

    def formula(c1: Tensor, c2: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        return nt_xent(c1, c2, temperature) / 0.003 + beta * unit_gaussian_rate(mean, std)

    outputs = [*run.variables("C[1]", "C[2]"), density.mean, density.std]
    assert_authors(run, outputs, formula)
    assert_authors_by_parameters(run, formula(*outputs))


# ---- Kahana and Hoshen -----------------------------------------------------------------------------------------------


def within_domain(z: Tensor, positive: Tensor, domain: Tensor, temperature: float) -> Tensor:
    """DCoDR: candidates are the augmentation of the image, and the other images of its domain."""
    losses = []
    for i in range(len(z)):
        loss_pos = cosine(z[i], positive[i]) / temperature
        others = [cosine(z[i], z[j]) / temperature for j in range(len(z)) if j != i and domain[j] == domain[i]]
        losses.append(torch.logsumexp(torch.stack([loss_pos, *others]), dim=0) - loss_pos)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5, "reconstruction": 2}])
def test_contrast_within_domains(settings: dict[str, float]) -> None:
    domain = torch.tensor([0, 1, 2, 0, 1, 0, 3, 0, 1, 2, 2, 0])
    run = compiled("kahana_hoshen", settings=settings, data={"D": domain})
    temperature, weight = settings.get("temperature", 0.2), settings.get("reconstruction", 0.3)
    image, mean = run.batch["X"], next(run.out.densities[name].mean for name in run.out.densities)

    def formula(z: Tensor, p: Tensor, u: Tensor, mean: Tensor) -> Tensor:
        errors = [(x - m).abs().mean() for x, m in zip(image, mean, strict=True)]
        reconstruction = torch.stack(errors).mean()
        torch.testing.assert_close(u, z / z.norm(dim=1, keepdim=True))
        return within_domain(z, p, domain, temperature) + weight * reconstruction

    outputs = [*run.variables("Z", "P", "U"), mean]
    assert_authors(run, outputs, formula)
    assert_authors_by_parameters(run, formula(*outputs))

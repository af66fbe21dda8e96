"""Methods that push an entropy up, or towards a prior, against the authors' formulas in float64."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import mvib
from tests.specs.formulas.common import Compiled, assert_authors, compiled, unit


def test_lejepa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balestriero and LeCun 2025, official minimal code: lambda SIGReg + (1 - lambda) mean (zbar - z)^2."""
    drawn: list[Tensor] = []
    randn = torch.randn

    def recorded(*size: int, **options: object) -> Tensor:
        numbers: Tensor = randn(*size, **options)  # type: ignore[call-overload]
        if size == (16, 256):
            drawn.append(numbers)
        return numbers

    monkeypatch.setattr(torch, "randn", recorded)
    run = compiled("lejepa", settings={"lambda": 0.1})
    (slices,) = drawn  # once for all views, as in the official code

    def formula(*views: Tensor) -> Tensor:
        zbar = torch.stack(views).mean(dim=0)
        invariance = torch.stack([(zbar - z).pow(2) for z in views]).mean()
        statistics = [epps_pulley(z, slices) for z in views]
        return 0.1 * torch.stack(statistics).mean() + 0.9 * invariance

    assert_authors(run, run.variables(*(f"Z[{i}]" for i in range(1, 5))), formula)


def test_views_of_two_widths_have_two_draws() -> None:
    spec = """method TwoWidths
data    X1: vector, X2: vector
encoder g1: X1 -> Z[1] = mlp(8, 6)
encoder g2: X2 -> Z[2] = mlp(8, 5)
term normal: minimize mean(i) D(Z[i] || normal) by sigreg(slices: 7)
represent Z[1]
"""
    model = mvib.compile(mvib.loads(spec), {"X1": (12, 20), "X2": (12, 20)})
    assert model.objective.draws == {"normal.0": "normal.0", "normal.1": "normal.1"}
    assert model({"X1": torch.randn(12, 20), "X2": torch.randn(12, 20)}).loss.isfinite()


def epps_pulley(z: Tensor, directions: Tensor) -> Tensor:
    """N times the integral of |phi(t) - e^(-t^2/2)|^2 e^(-t^2/2), 17 points on [0, 3], doubled, mean over slices."""
    slices = []
    for direction in directions.T:
        x = z @ (direction / direction.norm())
        t = torch.linspace(0, 3, 17, dtype=z.dtype)
        window = torch.exp(-(t**2) / 2)
        real = torch.stack([torch.cos(x * point).mean() for point in t])
        imaginary = torch.stack([torch.sin(x * point).mean() for point in t])
        values = ((real - window) ** 2 + imaginary**2) * window
        slices.append(len(z) * 2 * torch.trapezoid(values, t))
    return torch.stack(slices).mean()


def half_log_det(matrix: Tensor) -> Tensor:
    """log det(I + A) / 2."""
    nats: Tensor = torch.linalg.slogdet(torch.eye(len(matrix), dtype=matrix.dtype) + matrix).logabsdet / 2
    return nats


@pytest.mark.parametrize(("views", "weight", "eps2"), [(8, 200.0, 0.2), (3, 5.0, 0.5)])
def test_emp_ssl(views: int, weight: float, eps2: float) -> None:
    """Tong et al. 2023, official code: 200 times minus the cosine to the mean, less the coding rate of each patch."""
    run = compiled("emp_ssl", settings={"V": views, "invariance": weight, "eps2": eps2})

    def formula(*projections: Tensor) -> Tensor:
        z = [unit(p) for p in projections]
        zbar = torch.stack(z).mean(dim=0)
        cosines = [(a @ b / (a.norm() * b.norm())) for one in z for a, b in zip(one, zbar, strict=True)]
        rates = [half_log_det(one.shape[1] / (len(one) * eps2) * one.T @ one) for one in z]
        return -weight * torch.stack(cosines).mean() - torch.stack(rates).mean()

    assert_authors(run, run.variables(*(f"P[{i}]" for i in range(1, views + 1))), formula)


def squared_correlations(z: Tensor) -> Tensor:
    """The sum over pairs of different columns, each centred and of unit norm over the batch."""
    columns = torch.stack([(c - c.mean()) / (c - c.mean()).norm() for c in z.T])
    rows = [(columns @ column).pow(2).sum() - (column @ column).pow(2) for column in columns]
    return torch.stack(rows).sum()


@pytest.mark.parametrize(("invariance", "variance", "covariance"), [(25.0, 25.0, 200.0), (2.0, 5.0, 7.0)])
def test_vibcreg(invariance: float, variance: float, covariance: float) -> None:
    """Lee and Aune 2021, as in solo-learn: the mean over all D^2 entries, whose diagonal is zero."""
    settings = {"invariance": invariance, "variance": variance, "covariance": covariance}
    run = compiled("vibcreg", settings=settings)

    def formula(z1: Tensor, z2: Tensor) -> Tensor:
        loss = invariance * (z1 - z2).pow(2).mean()
        for z in (z1, z2):
            deviations = torch.stack([torch.sqrt(c.var() + 1e-4) for c in z.T])
            redundancy = squared_correlations(z) / z.shape[1] ** 2
            loss = loss + variance * torch.relu(1 - deviations).mean() + covariance * redundancy
        return loss

    assert_authors(run, run.variables("Z[1]", "Z[2]"), formula)


@pytest.mark.parametrize(("eps2", "gamma1", "gamma2"), [(0.5, 1.0, 1.0), (0.05, 20.0, 0.3)])
def test_mcr2(eps2: float, gamma1: float, gamma2: float) -> None:
    """Yu et al. 2020, equation 8: the rate of all codes less that of each class, by its share of the examples."""
    run = compiled("mcr2", settings={"eps2": eps2, "gamma1": gamma1, "gamma2": gamma2})
    labels = run.batch["Y"].tolist()

    def formula(p: Tensor) -> Tensor:
        z = unit(p)
        m, d = z.shape
        loss = -gamma2 * half_log_det(gamma1 * d / (m * eps2) * z.T @ z)
        for label in set(labels):
            own = torch.stack([row for row, y in zip(z, labels, strict=True) if y == label])
            loss = loss + len(own) / m * half_log_det(d / (len(own) * eps2) * own.T @ own)
        return loss

    assert_authors(run, run.variables("P"), formula)


def next_step(run: Compiled) -> Compiled:
    """The run after the end of its step, on another batch: statistics of the past have moved on."""
    torch.manual_seed(5)
    batch = {"X": torch.rand(20, 1, 8, 8, dtype=torch.float64)}
    run.model.after_step()
    return replace(run, batch=batch, out=run.model(batch))


@pytest.mark.parametrize(("rho", "beta"), [(8.0, 0.9), (20.0, 0.5)])
def test_tico(rho: float, beta: float) -> None:
    """Zhu et al. 2022, as in lightly, without its constant 1: -z1 z2 + rho z1 C z1', C without gradient."""
    first = compiled("tico", settings={"rho": rho, "beta": beta})
    z = unit(first.variables("Z")[0].detach())
    past = (1 - beta) * z.T @ z / len(z)

    def formula(run: Compiled, past: Tensor | float) -> Callable[[Tensor], Tensor]:
        targets = unit(run.variables("T")[0].detach())

        def loss(z: Tensor) -> Tensor:
            z1 = unit(z)
            c = beta * past + (1 - beta) * sum(torch.outer(row, row) for row in z1.detach()) / len(z1)
            rows = [-(row @ target) + rho * row @ c @ row for row, target in zip(z1, targets, strict=True)]
            return torch.stack(rows).mean()

        return loss

    assert_authors(first, first.variables("Z"), formula(first, 0.0))
    run = next_step(first)
    assert_authors(run, run.variables("Z"), formula(run, past))


def test_tico_momentum_rises_along_a_cosine() -> None:
    assert compiled("tico", progress=0.5).model.schedule_values()["ft.momentum"] == pytest.approx(0.995, abs=1e-12)


@pytest.mark.parametrize(("weight", "keep"), [(250.0, 0.01), (3.0, 0.4)])
def test_corinfomax(weight: float, keep: float) -> None:
    """Ozsoy et al. 2022, official code for CIFAR: a running mean and covariance of each view, from 0 and I."""
    first = compiled("corinfomax", settings={"invariance": weight, "momentum": keep})
    eye, zero = torch.eye(64, dtype=torch.float64), torch.zeros(64, dtype=torch.float64)
    start = [(eye, zero), (eye, zero)]

    def moved(p: Tensor, covariance: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        z = unit(p)
        mean = keep * mean + (1 - keep) * z.mean(dim=0)
        centred = z - mean
        return keep * covariance + (1 - keep) * centred.T @ centred / len(z), mean

    def formula(p1: Tensor, p2: Tensor, past: list[tuple[Tensor, Tensor]]) -> Tensor:
        loss = weight * (unit(p1) - unit(p2)).pow(2).mean()
        for p, state in zip((p1, p2), past, strict=True):
            covariance, _ = moved(p, *state)
            loss = loss - torch.logdet(covariance + 1e-8 * eye) / 64
        return loss

    assert_authors(first, first.variables("P[1]", "P[2]"), lambda p1, p2: formula(p1, p2, start))
    outputs = first.variables("P[1]", "P[2]")
    past = [moved(p.detach(), *state) for p, state in zip(outputs, start, strict=True)]
    run = next_step(first)
    assert_authors(run, run.variables("P[1]", "P[2]"), lambda p1, p2: formula(p1, p2, past))

"""Joint embedding without contrast against the authors' formulas: loss and gradients in float64."""

import pytest
import torch
from torch import Tensor

import mvib
from tests.specs.formulas.common import Compiled, assert_authors, compiled, unit


def simple_siamese(p1: Tensor, p2: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
    """Chen and He 2021, equations 1 and 2: half of each direction, the projections without gradient."""
    z1, z2 = z1.detach(), z2.detach()
    first = torch.stack([-(p / p.norm()) @ (z / z.norm()) for p, z in zip(p1, z2, strict=True)]).mean()
    second = torch.stack([-(p / p.norm()) @ (z / z.norm()) for p, z in zip(p2, z1, strict=True)]).mean()
    return first / 2 + second / 2


def test_simple_siamese() -> None:
    run = compiled("simsiam")
    predictions, projections = run.variables("P[1]", "P[2]"), run.variables("Z[1]", "Z[2]")
    # Of the predictions alone: those are functions of the projections, which the formula stops the gradient of.
    assert_authors(run, predictions, lambda p1, p2: simple_siamese(p1, p2, *projections))


def test_simple_siamese_has_no_other_gradient_than_through_the_predictor() -> None:
    run = compiled("simsiam")
    assert_authors(run, [*run.variables("P[1]", "P[2]"), *run.variables("Z[1]", "Z[2]")], simple_siamese)


def whiten(z: Tensor) -> Tensor:
    """L^-1 (z - mean) with L L' the unbiased covariance, by substitution row by row of the factor."""
    centred = z - z.mean(dim=0)
    covariance = sum(torch.outer(row, row) for row in centred) / (len(z) - 1)
    factor: Tensor = torch.linalg.cholesky(covariance)
    whitened: Tensor = torch.linalg.inv(factor).matmul(centred.T).T
    return whitened


def whitened_distance(z1: Tensor, z2: Tensor, size: int) -> Tensor:
    """Ermolov et al. 2021, official code: parts of the batch, each view whitened on its own, 2 - 2 cos."""
    losses: list[Tensor] = []
    for start in range(0, len(z1), size):
        w1, w2 = whiten(z1[start : start + size]), whiten(z2[start : start + size])
        losses.extend((unit(w1) - unit(w2)).pow(2).sum(dim=1))
    return torch.stack(losses).mean()


def test_whitened_distance_in_two_parts() -> None:
    run = compiled("wmse", batch=256)
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: whitened_distance(z1, z2, 128))


def test_whitened_distance_of_four_views_is_the_mean_over_their_pairs() -> None:
    run = compiled("wmse", settings={"V": 4}, batch=128)

    def formula(*views: Tensor) -> Tensor:
        pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
        return torch.stack([whitened_distance(views[a], views[b], 128) for a, b in pairs]).mean()

    assert_authors(run, run.variables(*(f"Z[{i}]" for i in range(1, 5))), formula)


def log_determinant(z: Tensor, beta: float) -> Tensor:
    """Half of log det(I + beta Z Z' / N), the N x N form, which is equal by Sylvester's identity."""
    n = len(z)
    nats: Tensor = torch.linalg.slogdet(torch.eye(n, dtype=z.dtype) + beta * z @ z.T / n).logabsdet / 2
    return nats


def mixture_entropy(z: Tensor, sigma: float) -> Tensor:
    """Kolchinsky and Tracey 2017, the upper bound, without the entropy of a component, which is constant."""
    rows = []
    for row in z:
        kernels = [torch.exp(-((row - other) ** 2).sum() / (2 * sigma**2)) for other in z]
        rows.append(torch.log(torch.stack(kernels).sum() / len(z)))
    return -torch.stack(rows).mean()


def invariance(z1: Tensor, z2: Tensor) -> Tensor:
    """VICReg's term: 25 times the squared error, mean over rows and dimensions."""
    return 25 * (z1 - z2).pow(2).sum() / z1.numel()


@pytest.mark.parametrize("beta", [1.0, 0.2])
def test_vicreg_with_log_determinant(beta: float) -> None:
    run = compiled("vicreg_logdet", settings={"beta": beta})
    assert_authors(
        run,
        run.variables("Z[1]", "Z[2]"),
        lambda z1, z2: invariance(z1, z2) - log_determinant(z1, beta) - log_determinant(z2, beta),
    )


@pytest.mark.parametrize("sigma", [2.0, 16.0])
def test_vicreg_with_pairwise_distances(sigma: float) -> None:
    run = compiled("vicreg_pairwise", settings={"sigma": sigma})
    assert_authors(
        run,
        run.variables("Z[1]", "Z[2]"),
        lambda z1, z2: invariance(z1, z2) - mixture_entropy(z1, sigma) - mixture_entropy(z2, sigma),
    )


def prediction_of_the_copy(run: Compiled) -> Tensor:
    """BYOL's equations 2 and 3, of a run's predictions and targets."""
    directions = [run.out.densities[f"q(Z[{i}])"].direction for i in (1, 2)]
    t1, t2 = (t.detach() for t in run.variables("T[1]", "T[2]"))
    first, second = (unit(directions[0]) - unit(t2)).pow(2), (unit(directions[1]) - unit(t1)).pow(2)
    return (first.sum(dim=1) + second.sum(dim=1)).mean()


def byol_outputs(run: Compiled) -> list[Tensor]:
    return [*run.variables("Z[1]", "Z[2]"), *(run.out.densities[f"q(Z[{i}])"].direction for i in (1, 2))]


def test_byol_with_log_determinant() -> None:
    run = compiled("byol_logdet", settings={"weight": 0.3, "beta": 50})
    assert_authors(
        run,
        byol_outputs(run),
        lambda z1, z2, *_: (
            prediction_of_the_copy(run) - 0.3 * (log_determinant(unit(z1), 50) + log_determinant(unit(z2), 50))
        ),
    )


def test_byol_with_pairwise_distances() -> None:
    run = compiled("byol_pairwise", settings={"weight": 0.3, "sigma": 0.7})
    assert_authors(
        run,
        byol_outputs(run),
        lambda z1, z2, *_: (
            prediction_of_the_copy(run) - 0.3 * (mixture_entropy(unit(z1), 0.7) + mixture_entropy(unit(z2), 0.7))
        ),
    )


@pytest.mark.parametrize("spec", ["byol_logdet", "byol_pairwise"])
def test_momentum_follows_the_paper(spec: str) -> None:
    """BYOL, section 3.2: 1 - (1 - m) (cos(pi k / K) + 1) / 2."""
    run = compiled(spec, progress=0.3)
    expected = 1 - 0.01 * (torch.cos(torch.tensor(0.3 * torch.pi, dtype=torch.float64)).item() + 1) / 2
    assert run.model.schedule_values()["ft.momentum"] == pytest.approx(expected, abs=1e-12)
    assert mvib.load(spec).name.startswith("BYOL")

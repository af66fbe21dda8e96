"""Bottlenecks for self-supervision against the authors' formulas: loss and gradients in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.specs.formulas.common import Compiled, assert_authors, compiled, unit


def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """Chen et al. 2020, equation 1: the mean over the 2N anchors, each without itself among its candidates."""
    z = unit(torch.cat([z1, z2]))
    n = len(z1)
    losses = []
    for i in range(2 * n):
        scores = z @ z[i] / temperature
        denominator = torch.exp(scores).sum() - torch.exp(scores[i])
        losses.append(torch.log(denominator) - scores[(i + n) % (2 * n)])
    return torch.stack(losses).mean()


def test_composite_objective() -> None:
    """Tsai et al. 2021, equation 6: contrastive, forward predictive and inverse predictive."""
    run = compiled("tsai", settings={"forward": 0.02, "inverse": 0.3})
    logits = [run.out.densities[f"d(R[{i}])"].logits for i in (1, 2)]
    views = run.variables("X[1]", "X[2]")

    def formula(r1: Tensor, r2: Tensor, z1: Tensor, z2: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
        forward = torch.zeros((), dtype=r1.dtype)
        for predicted, target in ((l1, views[1]), (l2, views[0])):
            p = torch.sigmoid(predicted.flatten(1))
            x = target.flatten(1)
            forward = forward - (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=1).mean() / 2
        inverse = (r1 - r2).pow(2).mean()
        return nt_xent(z1, z2, 0.5) + 0.02 * forward + 0.3 * inverse

    assert_authors(run, [*run.variables("R[1]", "R[2]", "Z[1]", "Z[2]"), *logits], formula)


def test_composite_objective_without_predictions_is_the_contrast() -> None:
    run = compiled("tsai", settings={"forward": 0, "inverse": 0})
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: nt_xent(z1, z2, 0.5))


def cross_correlation(z1: Tensor, z2: Tensor) -> Tensor:
    """Zbontar et al. 2021, equations 1 and 2, batch normalisation without affine map."""
    a, b = ((z - z.mean(dim=0)) / torch.sqrt(z.var(dim=0, correction=0) + 1e-5) for z in (z1, z2))
    c = a.T @ b / len(a)
    off = c[~torch.eye(len(c), dtype=torch.bool)]
    return (1 - torch.diagonal(c)).pow(2).sum() + 0.0051 * off.pow(2).sum()


def two_directions(run: Compiled) -> Tensor:
    """Grill et al. 2020, equations 2 and 3: 2 - 2 cos, summed over both directions, targets without gradient."""
    p1, p2 = (run.out.densities[f"q(Z[{i}])"].direction for i in (1, 2))
    t1, t2 = (t.detach() for t in run.variables("T[1]", "T[2]"))
    return (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)).mean()


def reconstruction(means: list[Tensor], views: list[Tensor]) -> Tensor:
    """Wang et al. 2022, official code: the squared error of each view, mean over rows and pixels, summed over views."""
    errors = [(m.reshape(len(x), -1) - x.reshape(len(x), -1)).pow(2).mean() for m, x in zip(means, views, strict=True)]
    return errors[0] + errors[1]


@pytest.mark.parametrize("base", ["simclr", "byol", "barlow_twins"])
@pytest.mark.parametrize("weight", [1.0, 0.1])
def test_reconstruction_beside_a_method(base: str, weight: float) -> None:
    run = compiled(f"wang2022_{base}", settings={"lambda": weight})
    views = run.variables("X[1]", "X[2]")
    means = [run.out.densities[f"d(R[{i}])"].mean for i in (1, 2)]

    def formula(z1: Tensor, z2: Tensor, m1: Tensor, m2: Tensor, *_: Tensor) -> Tensor:
        match base:
            case "simclr":
                loss = nt_xent(z1, z2, 0.5)
            case "byol":
                loss = two_directions(run)
            case _:
                loss = cross_correlation(z1, z2)
        return loss + weight * reconstruction([m1, m2], views)

    assert_authors(run, [*run.variables("Z[1]", "Z[2]"), *means, *run.variables("R[1]", "R[2]")], formula)

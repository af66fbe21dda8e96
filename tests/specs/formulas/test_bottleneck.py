"""Bottlenecks for self-supervision against the authors' formulas: loss and gradients in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.specs.formulas.common import BATCH, Compiled, assert_authors, assert_authors_by_parameters, compiled, unit


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
    """Tsai et al. 2021, Omniglot code, main.py lines 46-66 and 99-127: `loss_type` 6 with the unswapped `BCE`."""
    run = compiled("tsai", settings={"forward": 0.02, "inverse": 0.3, "temperature": 0.1})
    recon_for_2, recon_for_1 = (run.out.densities[f"d(N[{i}])"].logits for i in (1, 2))
    pos_1, pos_2 = run.variables("X[1]", "X[2]")

    def forward_predictive_loss(target: Tensor, recon: Tensor) -> Tensor:
        losses = []
        for x, logit in zip(target.flatten(), recon.flatten(), strict=True):
            p = 1 / (1 + torch.exp(-logit))
            losses.append(-(x * torch.log(p) + (1 - x) * torch.log(1 - p)))
        return torch.stack(losses).mean()

    def formula(r1: Tensor, r2: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
        recon_loss = forward_predictive_loss(pos_1, recon_for_1) + forward_predictive_loss(pos_2, recon_for_2)
        feature_1, feature_2 = unit(r1), unit(r2)
        inver_loss = (feature_1 - feature_2).pow(2).mean() + (feature_2 - feature_1).pow(2).mean()
        return nt_xent(z1, z2, 0.1) + 0.02 * recon_loss + 0.3 * inver_loss

    outputs = run.variables("R[1]", "R[2]", "Z[1]", "Z[2]")
    assert_authors_by_parameters(run, formula(*outputs))


def test_composite_objective_does_not_change_with_the_number_of_pixels() -> None:
    """Means over pixels: a flat image of any size costs log 2 a direction where nothing is predicted."""
    for side in (8, 16):
        flat = torch.full((4, 1, side, side), 0.5, dtype=torch.float64)
        run = compiled("tsai", settings={"forward": 1, "inverse": 0}, data={"X": flat})
        assert 1.2 < run.out.terms["forward"].item() < 2.5
        assert run.out.densities["d(N[1])"].mean.shape == flat.shape


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
@pytest.mark.parametrize(("weight", "shape"), [(1.0, (1, 8, 8)), (0.1, (3, 12, 12))])
def test_reconstruction_beside_a_method(base: str, weight: float, shape: tuple[int, ...]) -> None:
    image = torch.rand(BATCH, *shape, dtype=torch.float64)
    run = compiled(f"wang2022_{base}", settings={"lambda": weight}, data={"X": image})
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


def lower_bound(mu: Tensor, z: Tensor, bandwidth: float) -> Tensor:
    """Wang et al. 2022, official code, `InfoNCE` of modules/mi_estimators.py."""
    sums = []
    for row in z:
        scores = torch.stack([-((row - mean) ** 2).sum() / bandwidth for mean in mu])
        sums.append(torch.log(torch.exp(scores).sum()))
    return -torch.stack(sums).mean()


@pytest.mark.parametrize(
    ("settings", "weight", "zeta", "bandwidth"),
    [({}, 1.0, 0.1, 20.0), ({"lambda": 0.3, "zeta": 0.5, "bandwidth": 80}, 0.3, 0.5, 80.0)],
)
def test_noisy_features_tell_their_image(
    settings: dict[str, float], weight: float, zeta: float, bandwidth: float
) -> None:
    """Main.py, `LBE` for ImageNet: the last stage of both views, means and samples put together."""
    run = compiled("wang2022_simclr_lbe", settings=settings)
    mu4, h4 = (torch.cat(run.variables(f"{name}[1]", f"{name}[2]")) for name in ("R", "H"))
    noise = h4 - mu4
    assert abs(noise.std().item() / zeta - 1) < 0.05
    z1, z2 = run.variables("Z[1]", "Z[2]")
    assert_authors_by_parameters(run, nt_xent(z1, z2, 0.5) - weight * lower_bound(mu4, h4, bandwidth))
    torch.testing.assert_close(run.model.networks["g"](run.out.variables["H[1]"]), z1)

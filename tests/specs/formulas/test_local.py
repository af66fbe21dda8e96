"""Methods of local features against the authors' formulas: loss and gradients in float64."""

import math

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import BATCH, assert_authors, compiled

# ---- VICRegL ---------------------------------------------------------------------------------------------------------


def vectors(maps: Tensor) -> list[list[Tensor]]:
    """Of each example the vectors of a map, in raster order."""
    height, width = maps.shape[2:]
    return [[example[:, row, column] for row in range(height) for column in range(width)] for example in maps]


def matches(where: list[list[Tensor]], other: list[list[Tensor]], num_matches: int) -> list[list[tuple[int, int]]]:
    """Official code, `neirest_neighbores`: of each example the pairs of least distance, in the first's order."""
    found = []
    for own, candidates in zip(where, other, strict=True):
        pairs = []
        for p, vector in enumerate(own):
            distances = [(vector - candidate).square().sum().sqrt().item() for candidate in candidates]
            q = min(range(len(candidates)), key=distances.__getitem__)
            pairs.append((distances[q], p, q))
        kept = sorted(pairs)[:num_matches]
        found.append(sorted((p, q) for _, p, q in kept))
    return found


def filtered(maps: list[list[Tensor]], index: list[list[int]]) -> Tensor:
    """The vectors at some places, (B, N, D)."""
    return torch.stack([torch.stack([own[p] for p in places]) for own, places in zip(maps, index, strict=True)])


def off_diagonal_squares(x: Tensor) -> Tensor:
    """Of the unbiased covariance of rows, summed and divided by their width."""
    centred = x - x.mean(dim=0)
    covariance = centred.T @ centred / (len(x) - 1)
    off_diagonal = covariance[~torch.eye(len(covariance), dtype=torch.bool)]
    return off_diagonal.square().sum() / len(covariance)


def vicreg_local(x: Tensor, y: Tensor) -> Tensor:
    """Official code, `_vicreg_loss`: mean squared error, hinge at each place, covariance at each place."""
    invariance = 25 * (x - y).square().mean()
    std_x, std_y = (torch.sqrt(z.var(dim=0) + 1e-4) for z in (x, y))
    variance = 25 * (torch.relu(1 - std_x).mean() / 2 + torch.relu(1 - std_y).mean() / 2)
    places = range(x.shape[1])
    covariance = torch.stack(
        [off_diagonal_squares(x[:, p]) / 2 + off_diagonal_squares(y[:, p]) / 2 for p in places]
    ).mean()
    return invariance + variance + covariance


def local_loss(maps: tuple[Tensor, Tensor], locations: tuple[Tensor, Tensor], few: int) -> Tensor:
    """Official code, `_local_loss`: both directions averaged, by features plus by location."""
    own = [vectors(m) for m in maps]
    where = [vectors(g) for g in locations]
    total = torch.zeros((), dtype=maps[0].dtype)
    for i, j in ((0, 1), (1, 0)):
        by_features = matches(own[i], own[j], len(own[i][0]))
        by_location = matches(where[i], where[j], few)
        for pairs in (by_features, by_location):
            x = filtered(own[i], [[p for p, _ in example] for example in pairs])
            y = filtered(own[j], [[q for _, q in example] for example in pairs])
            total = total + vicreg_local(x, y) / 2
    return total


def global_loss(z1: Tensor, z2: Tensor) -> Tensor:
    """Official code, `global_loss` with two views: every part is a mean over pairs or views."""
    variance, covariance = [], []
    for z in (z1, z2):
        variance.append(torch.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean())
        covariance.append(off_diagonal_squares(z))
    means = torch.stack(variance).mean(), torch.stack(covariance).mean()
    return 25 * (z1 - z2).square().mean() + 25 * means[0] + means[1]


@pytest.mark.parametrize(
    ("settings", "side"), [({}, 8), ({"alpha": 0.3, "local": 0.5, "few": 7}, 8), ({"side": 6}, 12)]
)
def test_local_features(settings: dict[str, float], side: int) -> None:
    run = compiled("vicregl", settings=settings, data={"X": torch.rand(BATCH, 1, side, side, dtype=torch.float64)})
    alpha, few = settings.get("alpha", 0.75), int(settings.get("few", 4))
    locations = run.out.variables["G[1]"], run.out.variables["G[2]"]

    def formula(z1: Tensor, z2: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
        local = settings.get("local", 1.0) * local_loss((l1, l2), locations, few)
        return alpha * global_loss(z1, z2) + (1 - alpha) * local

    outputs = run.variables("Z[1]", "Z[2]", "L[1]", "L[2]")
    assert_authors(run, outputs, formula)


# ---- AMDIM -----------------------------------------------------------------------------------------------------------


def global_to_local(source: Tensor, target: Tensor, *, clip: float, penalty: float) -> Tensor:
    """Official code, `_model_scores`: positives at all places of the image, negatives at all places of the others."""
    places = vectors(target)
    num, width = source.shape
    raw = [[[source[i] @ v / math.sqrt(width) for v in places[j]] for j in range(num)] for i in range(num)]
    regulariser = penalty * torch.stack([s for row in raw for column in row for s in column]).square().mean()
    scores = [[[clip * torch.tanh(s / clip) for s in column] for column in row] for row in raw]
    losses = []
    for i in range(num):
        negatives = torch.stack([s for j in range(num) if j != i for s in scores[i][j]])
        losses += [torch.logsumexp(torch.cat([s[None], negatives]), dim=0) - s for s in scores[i][i]]
    return torch.stack(losses).mean() + regulariser


@pytest.mark.parametrize(("settings", "side"), [({}, 8), ({"clip": 3, "penalty": 0.2}, 8), ({}, 12)])
def test_information_across_views_and_scales(settings: dict[str, float], side: int) -> None:
    image = torch.rand(6 if side == 8 else 4, 1, side, side, dtype=torch.float64)
    run = compiled("amdim", settings=settings, data={"X": image})
    chosen = {"clip": 20.0, "penalty": 0.05, **settings}

    def formula(g1: Tensor, g2: Tensor, k1: Tensor, k2: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
        loss = torch.zeros((), dtype=g1.dtype)
        for whole, own, fine, coarse in ((g1, l1, k2, l2), (g2, l2, k1, l1)):
            loss = loss + global_to_local(whole, coarse, **chosen) / 2 + global_to_local(whole, fine, **chosen) / 2
            parts = own.flatten(2).unbind(dim=2)
            for part in parts:
                loss = loss + global_to_local(part, coarse, **chosen) / 2 / len(parts)
        return loss

    assert_authors(run, run.variables("G[1]", "G[2]", "K[1]", "K[2]", "L[1]", "L[2]"), formula)

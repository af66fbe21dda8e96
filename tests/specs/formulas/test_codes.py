"""Methods with prototypes, codes and neighbours against the authors' formulas: loss and gradients in float64."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.specs.formulas.common import (
    BATCH,
    Compiled,
    assert_authors,
    assert_authors_by_parameters,
    compiled,
    unit,
)


def next_step(run: Compiled, *, seed: int = 5) -> Compiled:
    """The run after the end of its step, on another batch: centres, copies and support sets have moved on."""
    torch.manual_seed(seed)
    batch = {"X": torch.rand(20, 1, 8, 8, dtype=torch.float64)}
    run.model.after_step()
    return replace(run, batch=batch, out=run.model(batch))


def parameter(run: Compiled, name: str) -> Tensor:
    return dict(run.model.named_parameters())[f"networks.{name}"]


def balanced(scores: Tensor, temperature: float) -> Tensor:
    """Caron et al. 2020, official code (`distributed_sinkhorn`), prototypes in rows."""
    return balanced_weights(torch.exp(scores / temperature))


def balanced_weights(weights: Tensor) -> Tensor:
    """The same of what is there in place of exp(score / temperature)."""
    q = weights.detach().T
    q = q / q.sum()
    k, b = q.shape
    for _ in range(3):
        q = torch.stack([row / row.sum() / k for row in q])
        q = torch.stack([column / column.sum() / b for column in q.T], dim=1)
    return (q * b).T


def swapped(q: Tensor, scores: Tensor) -> Tensor:
    """-mean_n sum_k q log softmax(s / 0.1), row by row."""
    rows = []
    for weights, row in zip(q, scores, strict=True):
        exponentials = torch.exp(row / 0.1)
        rows.append(-(weights * torch.log(exponentials / exponentials.sum())).sum())
    return torch.stack(rows).mean()


@pytest.mark.parametrize(("local", "epsilon"), [(4, 0.03), (1, 0.05)])
def test_swav_predicts_the_codes_of_global_crops_from_all_others(local: int, epsilon: float) -> None:
    """The official loop: over crops to assign, then over all other crops, divided by their number less one."""
    run = compiled("swav", settings={"local": local, "epsilon": epsilon})
    names = ["S[1]", "S[2]", *(f"S'[{k}]" for k in range(1, local + 1))]

    def formula(*scores: Tensor) -> Tensor:
        loss = torch.zeros((), dtype=torch.float64)
        for crop in (0, 1):
            q = balanced(scores[crop], epsilon)
            others = [v for v in range(len(scores)) if v != crop]
            loss = loss + torch.stack([swapped(q, scores[v]) for v in others]).sum() / (len(scores) - 1)
        return loss / 2

    assert_authors(run, run.variables(*names), formula)


def test_swav_scores_are_products_of_unit_vectors() -> None:
    run = compiled("swav")
    weight = parameter(run, "p.weight")
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(len(weight), dtype=torch.float64))
    z, scores = run.variables("Z'[2]", "S'[2]")
    torch.testing.assert_close(scores, unit(z) @ weight.T)


def dino(teachers: list[Tensor], students: list[Tensor], center: Tensor, sharpness: float) -> Tensor:
    """Caron et al. 2021, official code (`DINOLoss`): over ordered pairs of different crops, their mean."""
    total, pairs = torch.zeros((), dtype=torch.float64), 0
    for it, teacher in enumerate(teachers):
        q = torch.softmax((teacher.detach() - center) / sharpness, dim=1)
        for v, student in enumerate(students):
            if v != it:
                total = total + swapped(q, student)
                pairs += 1
    return total / pairs


AUTHORS = {"sharpness": "linear(0.04 -> 0.07, over: 0.3)", "m": "cosine(0.996 -> 1)"}


@pytest.mark.parametrize(("local", "progress", "sharpness"), [(4, 0.0, 0.04), (2, 0.15, 0.055), (2, 0.7, 0.07)])
def test_dino_has_all_pairs_of_different_crops(local: int, progress: float, sharpness: float) -> None:
    run = compiled("dino", settings={"local": local, **AUTHORS}, progress=progress)
    teachers = run.variables("T[1]", "T[2]")
    students = run.variables("S[1]", "S[2]", *(f"S'[{k}]" for k in range(1, local + 1)))
    center = torch.zeros(256, dtype=torch.float64)
    assert_authors(run, students, lambda *scores: dino(teachers, list(scores), center, sharpness))


def test_dino_centre_follows_the_mean_of_both_views_after_the_step() -> None:
    first = compiled("dino")
    center = 0.1 * torch.cat(first.variables("T[1]", "T[2]")).mean(dim=0)
    run = next_step(first)
    students = run.variables("S[1]", "S[2]", *(f"S'[{k}]" for k in range(1, 5)))
    assert_authors(run, students, lambda *s: dino(run.variables("T[1]", "T[2]"), list(s), center, 0.02))


def test_dino_momentum_rises_along_a_cosine() -> None:
    run = compiled("dino", settings=AUTHORS, progress=0.25)
    expected = 1 - 0.004 * (1 + torch.cos(torch.tensor(torch.pi / 4, dtype=torch.float64)).item()) / 2
    assert run.model.schedule_values()["ft.momentum"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("anchors", "weight", "sharpness"), [(5, 1.0, 0.25), (3, 0.2, 0.1)])
def test_msn_matches_targets_and_uses_all_prototypes(anchors: int, weight: float, sharpness: float) -> None:
    """Assran et al. 2022, official code (`init_msn_loss`); log K, which it adds, is a constant."""
    run = compiled("msn", settings={"anchors": anchors, "lambda": weight, "sharpness": sharpness})
    target = run.variables("S'")[0]

    def formula(*scores: Tensor) -> Tensor:
        sharp = torch.softmax(target / 0.1, dim=1) ** (1 / sharpness)
        q = balanced_weights(sharp / sharp.sum(dim=1, keepdim=True))
        losses, used = [], []
        for score in scores:
            for weights, row in zip(q, score, strict=True):
                p = torch.softmax(row / 0.1, dim=0)
                losses.append(-(weights * torch.log(p)).sum())
                used.append(p)
        mean = torch.stack(used).mean(dim=0)
        return torch.stack(losses).mean() + weight * (mean * torch.log(mean)).sum()

    assert_authors(run, run.variables(*(f"S[{k}]" for k in range(1, anchors + 1))), formula)


def test_msn_hides_patches_of_one_anchor() -> None:
    run = compiled("msn")
    hidden, whole, small = (run.out.variables[name].shape[1] for name in ("V", "P[2]", "O[2]"))
    assert (hidden, whole, small) == (13, 16, 16)  # int(0.85 * 16)


def test_msn_momentum_rises_in_a_straight_line() -> None:
    run = compiled("msn", settings={"m": "linear(0.996 -> 1)"}, progress=0.5)
    assert run.model.schedule_values()["ft.momentum"] == pytest.approx(0.998, abs=1e-12)


def told_from_predictions(neighbours: Tensor, predictions: Tensor, temperature: float) -> Tensor:
    """Dwibedi et al. 2021, equation 3: each neighbour's prediction among those of the batch."""
    losses = []
    for i, neighbour in enumerate(neighbours.detach()):
        scores = torch.stack([neighbour @ p / p.norm() / temperature for p in predictions])
        losses.append(torch.log(torch.exp(scores).sum()) - scores[i])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("temperature", [0.1, 0.3])
def test_nnclr_contrasts_neighbours_with_predictions_of_the_other_view(temperature: float) -> None:
    first = compiled("nnclr", settings={"temperature": temperature})
    support = unit(first.out.variables["Z[1]"].detach())
    run = next_step(first)
    neighbours = []
    for z in run.variables("Z[1]", "Z[2]"):
        nearest = [max(support, key=lambda row, z=row_z: (row @ z).item()) for row_z in z]  # type: ignore[misc]
        neighbours.append(torch.stack(nearest))

    def formula(p1: Tensor, p2: Tensor, *_: Tensor) -> Tensor:
        one = told_from_predictions(neighbours[0], p2, temperature)
        two = told_from_predictions(neighbours[1], p1, temperature)
        return one / 2 + two / 2

    assert_authors(run, run.variables("P[1]", "P[2]", "Z[1]", "Z[2]"), formula)


def vq_vae(mean: Tensor, h: Tensor, c: Tensor, x: Tensor, beta: float) -> Tensor:
    """Van den Oord et al. 2017, equation 3, means over all elements as in the official code (`VectorQuantizer`)."""
    reconstruction = (mean.flatten() - x.flatten()).pow(2).mean()
    codes = torch.stack([(a - b).pow(2).mean() for a, b in zip(h.detach(), c, strict=True)]).mean()
    commitment = torch.stack([(a - b).pow(2).mean() for a, b in zip(h, c.detach(), strict=True)]).mean()
    return reconstruction + codes + beta * commitment


@pytest.mark.parametrize(("beta", "shape"), [(0.25, (1, 8, 8)), (2.0, (3, 12, 12))])
def test_vq_vae_pulls_codes_and_encodings_together(beta: float, shape: tuple[int, ...]) -> None:
    run = compiled("vq_vae", settings={"beta": beta}, data={"X": torch.rand(BATCH, *shape, dtype=torch.float64)})
    mean = run.out.densities["d(Z)"].mean
    outputs = [mean, *run.variables("H", "C")]
    assert_authors(run, outputs, lambda mean, h, c: vq_vae(mean, h, c, run.batch["X"], beta))


def test_vq_vae_takes_the_nearest_code_and_passes_the_gradient_by() -> None:
    run = compiled("vq_vae")
    h, c, z = run.variables("H", "C", "Z")
    codes = parameter(run, "k.codes")
    for n, row, column in [(0, 0, 0), (3, 1, 2), (11, 3, 3)]:
        distances = torch.stack([(h[n, :, row, column] - code).pow(2).sum() for code in codes])
        assert torch.equal(c[n, :, row, column], codes[distances.argmin()])
    torch.testing.assert_close(z, c)
    error = (run.out.densities["d(Z)"].mean - run.batch["X"]).pow(2).mean()
    to_code, to_encoding = torch.autograd.grad(error, [z, h], retain_graph=True)
    assert torch.equal(to_code, to_encoding)
    assert torch.autograd.grad(error, [codes], allow_unused=True)[0] is None


def discriminated(weights: list[Tensor], z: Tensor) -> Tensor:
    """Scores of a perceptron of three layers."""
    w1, b1, w2, b2, w3, b3 = weights
    scores: Tensor = ((z @ w1.T + b1).relu() @ w2.T + b2).relu() @ w3.T + b3
    return scores.squeeze(1)


def test_adversarial_autoencoder_passes_codes_for_the_prior() -> None:
    """Makhzani et al. 2015, section 2: reconstruction, and the cross-entropy of a discriminator with flipped labels."""
    run = compiled("adversarial_autoencoder")
    z, x = run.out.variables["Z"], run.batch["X"]
    torch.manual_seed(1)
    drawn = torch.randn(z.shape, dtype=z.dtype)  # of the prior; nothing else is random
    weights: list[Tensor] = [p for name, p in run.model.named_parameters() if "prior_discriminator" in name]
    entropy = F.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(len(z), dtype=z.dtype), torch.zeros(len(z), dtype=z.dtype)
    fit = entropy(discriminated(weights, drawn), ones) + entropy(discriminated(weights, z.detach()), zeros)
    fooled = entropy(discriminated([w.detach() for w in weights], z), ones)
    error = (run.out.densities["d(Z)"].mean.flatten(1) - x.flatten(1)).pow(2).sum(dim=1).mean()
    # The fit has a gradient and is no part of the value.
    assert_authors_by_parameters(run, error + fooled + fit - fit.detach())
    torch.testing.assert_close(run.out.fits["prior"], fit.detach())


@pytest.mark.parametrize(("weight", "width"), [(0.1, 256), (2.0, 48)])
def test_sparse_autoencoder_adds_absolute_values_of_the_code(weight: float, width: int) -> None:
    """Reconstruction, and lambda sum_j |z_j| of each example (catalogue, B8)."""
    run = compiled("sparse_autoencoder", settings={"lambda": weight, "width": width})

    def formula(mean: Tensor, z: Tensor) -> Tensor:
        errors = [(a - b).pow(2).sum() for a, b in zip(mean, run.batch["X"], strict=True)]
        sizes = [row.abs().sum() for row in z]
        return torch.stack(errors).mean() + weight * torch.stack(sizes).mean()

    assert_authors(run, [run.out.densities["d(Z)"].mean, *run.variables("Z")], formula)

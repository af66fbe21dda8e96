"""Contrastive methods against their authors' formulas: loss and gradients in float64."""

import math
from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.specs.formulas.common import TOLERANCE, Compiled, assert_authors, compiled, unit


def after_steps(spec: str, *, steps: int, settings: Mapping[str, str | float] | None = None) -> tuple[Compiled, Tensor]:
    """A spec with a queue after some steps on one batch, and the keys of those steps, the oldest first."""
    run = compiled(spec, settings=settings)
    keys = []
    for _ in range(steps):
        keys.append(run.model(run.batch).variables["K"].detach())
        run.model.after_step()
    return Compiled(run.method, run.model, run.batch, run.model(run.batch)), torch.cat(keys)


def momentum_contrast(q: Tensor, k: Tensor, queue: Tensor, temperature: float) -> Tensor:
    """He et al. 2020, equation 1 and algorithm 1: cross-entropy with the positive first, keys without gradient."""
    q, k, queue = unit(q), unit(k.detach()), unit(queue)
    losses = []
    for query, key in zip(q, k, strict=True):
        logits = torch.cat([(query @ key)[None], queue @ query]) / temperature
        losses.append(-torch.log(torch.exp(logits[0]) / torch.exp(logits).sum()))
    return torch.stack(losses).mean()


@pytest.mark.parametrize(("spec", "temperature"), [("moco_v1", 0.07), ("moco_v2", 0.2)])
def test_momentum_contrast_with_old_keys(spec: str, temperature: float) -> None:
    run, queue = after_steps(spec, steps=2)
    assert len(queue) == 24
    q, k = run.variables("Q", "K")
    assert not k.requires_grad
    assert_authors(run, [q, k], lambda q, k: momentum_contrast(q, k, queue, temperature))


def test_momentum_contrast_forgets_the_oldest_keys() -> None:
    run, queue = after_steps("moco_v2", steps=2, settings={"keys": 16})
    assert_authors(run, run.variables("Q", "K"), lambda q, k: momentum_contrast(q, k, queue[-16:], 0.2))


def test_momentum_of_the_copy_is_a_parameter() -> None:
    run = compiled("moco_v2", settings={"m": 0.999})
    assert run.model.schedule_values() == {"fk.momentum": 0.999, "gk.momentum": 0.999}


def momentum_contrast_without_queue(q1: Tensor, q2: Tensor, k1: Tensor, k2: Tensor, temperature: float) -> Tensor:
    """Chen, Xie and He 2021, algorithm 1: ctr(q1, k2) + ctr(q2, k1), each 2 tau times the cross-entropy."""
    loss = torch.zeros((), dtype=q1.dtype)
    for q, k in ((q1, k2), (q2, k1)):
        queries, keys = unit(q), unit(k.detach())
        for i in range(len(q)):
            logits = torch.stack([queries[i] @ key for key in keys]) / temperature
            loss = loss + 2 * temperature * (torch.log(torch.exp(logits).sum()) - logits[i]) / len(q)
    return loss


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_momentum_contrast_without_queue(temperature: float) -> None:
    run = compiled("moco_v3", settings={"temperature": temperature})
    assert_authors(
        run,
        run.variables("Q[1]", "Q[2]", "K[1]", "K[2]"),
        lambda q1, q2, k1, k2: momentum_contrast_without_queue(q1, q2, k1, k2, temperature),
    )


def test_momentum_without_queue_grows_to_one_along_a_cosine() -> None:
    """Official code: 1 - (1 - m) (1 + cos(pi p)) / 2."""
    run = compiled("moco_v3", progress=0.25)
    expected = 1 - 0.01 * (1 + math.cos(math.pi * 0.25)) / 2
    assert run.model.schedule_values() == pytest.approx({"fk.momentum": expected, "gk.momentum": expected}, abs=1e-12)


def decoupled(z1: Tensor, z2: Tensor, temperature: float, sigma: float | None = None) -> Tensor:
    """Yeh et al. 2022, equations 6 and 7 (whose weights have mean 1): the pair is not among the candidates."""
    z1, z2 = unit(z1), unit(z2)
    n = len(z1)
    pairs = torch.stack([z1[i] @ z2[i] for i in range(n)])
    weights = torch.ones(n, dtype=z1.dtype)
    if sigma is not None:
        exponentials = torch.exp(pairs.detach() / sigma)
        weights = 2 - exponentials / exponentials.mean()
    directions = []
    for anchors, others in ((z1, z2), (z2, z1)):
        losses = []
        for i in range(n):
            terms = [torch.exp(anchors[i] @ z[j] / temperature) for j in range(n) if j != i for z in (anchors, others)]
            losses.append(-weights[i] * pairs[i] / temperature + torch.log(torch.stack(terms).sum()))
        directions.append(torch.stack(losses).mean())
    return (directions[0] + directions[1]) / 2


def test_decoupled_contrast() -> None:
    run = compiled("dcl")
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: decoupled(z1, z2, 0.1))


def test_decoupled_contrast_with_weights() -> None:
    run = compiled("dclw")
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: decoupled(z1, z2, 0.1, sigma=0.5))


def spectral_contrast(z1: Tensor, z2: Tensor, mu: float) -> Tensor:
    """HaoChen et al. 2021, equation 6; the official code clips rows at norm sqrt(mu) and divides the loss by mu."""
    clipped = [
        torch.stack([row * mu**0.5 / row.norm() if row.norm() >= mu**0.5 else row for row in z]) for z in (z1, z2)
    ]
    n = len(z1)
    positive = sum(((clipped[0][i] * clipped[1][i]).sum() for i in range(n)), torch.zeros((), dtype=z1.dtype)) / n
    squares = [(clipped[0][i] @ clipped[1][j]) ** 2 for i in range(n) for j in range(n) if i != j]
    return (-2 * positive + torch.stack(squares).sum() / (n * (n - 1))) / mu


@pytest.mark.parametrize("mu", [1.0, 0.02, 10.0])
def test_spectral_contrast(mu: float) -> None:
    run = compiled("spectral_contrastive", settings={"mu": mu})
    z1, z2 = run.variables("Z[1]", "Z[2]")
    assert_authors(run, [z1, z2], lambda z1, z2: spectral_contrast(z1, z2, mu))


def test_spectral_contrast_has_rows_on_both_sides_of_the_clip() -> None:
    norms = torch.cat(compiled("spectral_contrastive").variables("Z[1]", "Z[2]")).norm(dim=1)
    mu = norms.median().item() ** 2
    run = compiled("spectral_contrastive", settings={"mu": mu})
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: spectral_contrast(z1, z2, mu))


def align_uniform(z1: Tensor, z2: Tensor, *, alpha: float, t: float, align: float, uniform: float) -> Tensor:
    """Official code of Wang and Isola 2020: align_w * align_loss + unif_w * (uniform(x) + uniform(y)) / 2."""
    x, y = unit(z1), unit(z2)
    alignment: Tensor = (x - y).norm(dim=1).pow(alpha).mean()
    uniformities = [torch.pdist(z).pow(2).mul(-t).exp().mean().log() for z in (x, y)]
    return align * alignment + uniform * (uniformities[0] + uniformities[1]) / 2


@pytest.mark.parametrize(
    ("alpha", "t", "align", "uniform"), [(2.0, 2.0, 1.0, 1.0), (2.0, 1.0, 0.98, 0.96), (1.0, 3.0, 0.75, 0.5)]
)
def test_alignment_and_uniformity(alpha: float, t: float, align: float, uniform: float) -> None:
    settings = {"alpha": alpha, "t": t, "alignment": align, "uniformity": uniform}
    run = compiled("alignment_uniformity", settings=settings)
    assert_authors(
        run,
        run.variables("Z[1]", "Z[2]"),
        lambda z1, z2: align_uniform(z1, z2, alpha=alpha, t=t, align=align, uniform=uniform),
    )


def test_decoupled_contrast_is_simclr_without_the_pair() -> None:
    """The same weights and views: NT-Xent's denominator has the pair beside what is left here."""
    ours, theirs = compiled("dcl", settings={"temperature": 0.5}), compiled("simclr")
    z1, z2 = (unit(z) for z in ours.variables("Z[1]", "Z[2]"))
    pairs = F.cosine_similarity(z1, z2) / 0.5
    scores = torch.cat([z1, z2]) @ torch.cat([z1, z2]).T / 0.5
    scores.fill_diagonal_(-torch.inf)
    full = scores.logsumexp(dim=1)
    without = torch.log(full.exp() - torch.cat([pairs, pairs]).exp())
    difference = (full - without).mean()
    assert abs((theirs.out.loss - ours.out.loss - difference).item()) < TOLERANCE

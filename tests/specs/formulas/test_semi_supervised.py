"""Methods with labels, some of them for a part of the examples, against the authors' formulas in float64."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import (
    Compiled,
    assert_authors,
    assert_authors_by_parameters,
    compiled,
    unit,
)


def with_labels(run: Compiled, given: int) -> Compiled:
    """The run on a batch of which only the first examples have labels."""
    present = torch.arange(len(run.batch["X"])) < given
    batch = run.batch | {"Y": torch.where(present, run.batch["Y"], -1), "Y.present": present}
    torch.manual_seed(3)
    return replace(run, batch=batch, out=run.model(batch))


def surprise(logits: Tensor, label: int) -> Tensor:
    """-log softmax(logits)_label."""
    return torch.log(torch.exp(logits).sum()) - logits[label]


def labelled_surprise(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over the examples with a label."""
    return torch.stack([surprise(row, int(y)) for row, y in zip(logits, labels, strict=True) if y >= 0]).mean()


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_entropy_minimisation(weight: float) -> None:
    """Grandvalet and Bengio 2005, equations 6 and 7: the entropy of the predictions without a label."""
    run = with_labels(compiled("entropy_minimisation", settings={"lambda": weight}), 5)
    labels = run.batch["Y"]

    def formula(logits: Tensor) -> Tensor:
        entropies = []
        for row, y in zip(logits, labels, strict=True):
            if y < 0:
                p = torch.exp(row) / torch.exp(row).sum()
                entropies.append(-(p * torch.log(p)).sum())
        return labelled_surprise(logits, labels) + weight * torch.stack(entropies).mean()

    assert_authors(run, run.variables("L"), formula)


@pytest.mark.parametrize(("progress", "alpha"), [(0.05, 0.0), (0.35, 1.5), (0.8, 3.0)])
def test_pseudo_label(progress: float, alpha: float) -> None:
    """Lee 2013, equations 14 to 16: alpha is 0 before T1, 3 after T2, and linear between them."""
    run = with_labels(compiled("pseudo_label", progress=progress), 5)
    labels = run.batch["Y"]

    def formula(logits: Tensor) -> Tensor:
        pseudo = [surprise(row, int(row.argmax())) for row, y in zip(logits, labels, strict=True) if y < 0]
        return labelled_surprise(logits, labels) + alpha * torch.stack(pseudo).mean()

    assert_authors(run, run.variables("L"), formula)


@pytest.mark.parametrize(("weight", "threshold"), [(1.0, 0.95), (0.5, 0.155)])
def test_fixmatch(weight: float, threshold: float) -> None:
    """Sohn et al. 2020, equations 3 and 4: the mean is over all examples, also those below the threshold."""
    run = with_labels(compiled("fixmatch", settings={"lambda": weight, "threshold": threshold}), 5)
    labels, taken = run.batch["Y"], []

    def formula(weak: Tensor, strong: Tensor) -> Tensor:
        agreement = torch.zeros((), dtype=weak.dtype)
        for row, changed in zip(weak.detach(), strong, strict=True):
            q = torch.exp(row) / torch.exp(row).sum()
            taken.append(bool(q.max() >= threshold))
            if taken[-1]:
                agreement = agreement + surprise(changed, int(q.argmax()))
        return labelled_surprise(weak, labels) + weight * agreement / len(weak)

    assert_authors(run, run.variables("L[1]", "L[2]"), formula)
    assert any(taken) is (threshold < 0.9)
    assert not all(taken)


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
def test_conditional_entropy_bottleneck(progress: float) -> None:
    """Fischer and Alemi 2020: beta (log e(z|x) - log b(z|y)) - log c(y|z), beta = exp(-rho), rho from 100 to 3."""
    run = compiled("ceb", progress=progress)
    rho = 100 - 97 * min(1.0, progress / 0.3)
    beta = run.model.schedule_values()["residual.beta"]
    assert beta == pytest.approx(torch.exp(torch.tensor(-rho, dtype=torch.float64)).item(), rel=2e-3)
    z, mean = run.out.variables["Z"], run.out.densities["e(X)"].mean
    parameters = dict(run.model.named_parameters())
    weight, bias = parameters["networks.b.trunk.weight"], parameters["networks.b.trunk.bias"]
    rows = []
    for code, forward, y, logits in zip(z, mean, run.batch["Y"], run.out.densities["c(Z)"].logits, strict=True):
        # A linear map of the one-hot label picks a column.
        of_label = weight[:, y] + bias
        residual = ((code - of_label).pow(2).sum() - (code - forward).pow(2).sum()) / 2
        rows.append(beta * residual + surprise(logits, int(y)))
    assert_authors_by_parameters(run, torch.stack(rows).mean())


def supervised_contrast(z1: Tensor, z2: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Khosla et al. 2020, equation 2, with loops over the 2N anchors and their positives."""
    z, y = unit(torch.cat([z1, z2])), torch.cat([labels, labels])
    losses = []
    for a in range(len(z)):
        others = [b for b in range(len(z)) if b != a]
        denominator = torch.stack([torch.exp(z[a] @ z[b] / temperature) for b in others]).sum()
        logs = [torch.log(torch.exp(z[a] @ z[p] / temperature) / denominator) for p in others if y[p] == y[a]]
        losses.append(-torch.stack(logs).mean())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_supervised_contrast(temperature: float) -> None:
    run = compiled("supcon", settings={"temperature": temperature})
    labels = run.batch["Y"]
    assert_authors(run, run.variables("Z[1]", "Z[2]"), lambda z1, z2: supervised_contrast(z1, z2, labels, temperature))

"""Every bundled method against its authors' formula, transcribed here: loss and gradients in float64 to 1e-10."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import mvib
from mvib.compile import CompiledModel, Output
from mvib.render.table import num_lines
from mvib.resources import bundled_specs
from mvib.semantics.values import value_at

BATCH = 12
CLASSES = 10


@dataclass(frozen=True)
class Case:
    """A spec, the tensors its networks put out, and the authors' loss of them."""

    spec: str
    outputs: Callable[[Output], list[Tensor]]
    formula: Callable[..., Tensor]


def normalise(z: Tensor) -> Tensor:
    unit: Tensor = z / z.norm(dim=1, keepdim=True)
    return unit


def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """Chen et al. 2020, equation 1 and algorithm 1, written with loops over anchors."""
    z = normalise(torch.cat([z1, z2]))
    n = len(z1)
    losses = []
    for i in range(2 * n):
        similarities = z @ z[i] / temperature
        others = torch.cat([similarities[:i], similarities[i + 1 :]])
        losses.append(torch.logsumexp(others, 0) - similarities[(i + n) % (2 * n)])
    return torch.stack(losses).mean()


def barlow(z1: Tensor, z2: Tensor, redundancy: float) -> Tensor:
    """Zbontar et al. 2021, equations 1 and 2; batch normalisation without affine map as in the official code."""
    a = F.batch_norm(z1, None, None, training=True, eps=1e-5)
    b = F.batch_norm(z2, None, None, training=True, eps=1e-5)
    c = a.T @ b / len(a)
    on = (torch.diagonal(c) - 1).pow(2).sum()
    off = c.pow(2).sum() - torch.diagonal(c).pow(2).sum()
    return on + redundancy * off


def vicreg(z1: Tensor, z2: Tensor) -> Tensor:
    """Official code of VICReg: 25 mse + 25 (v1 / 2 + v2 / 2) + c1 + c2."""
    loss = 25 * F.mse_loss(z1, z2)
    for z in (z1, z2):
        std = torch.sqrt(z.var(dim=0) + 1e-4)
        loss = loss + 25 * F.relu(1 - std).mean() / 2
        centered = z - z.mean(dim=0)
        covariance = centered.T @ centered / (len(z) - 1)
        off = covariance - torch.diag(torch.diagonal(covariance))
        loss = loss + off.pow(2).sum() / z.shape[1]
    return loss


def byol(p1: Tensor, p2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
    """Grill et al. 2020, equations 2 and 3: |p1 - t2|^2 + |p2 - t1|^2 of unit vectors, mean over the batch."""
    t1, t2 = t1.detach(), t2.detach()
    one = (normalise(p1) - normalise(t2)).pow(2).sum(1)
    two = (normalise(p2) - normalise(t1)).pow(2).sum(1)
    return (one + two).mean()


def vib(mean: Tensor, std: Tensor, logits: Tensor, labels: Tensor, beta: float) -> Tensor:
    """Alemi et al. 2017, equation 17 in nats; the divergence from N(0, I) in closed form, summed over dimensions."""
    kl = 0.5 * (mean**2 + std**2 - 1 - torch.log(std**2)).sum(1).mean()
    probabilities = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    return -torch.log(probabilities[torch.arange(len(labels)), labels]).mean() + beta * kl


def vae(mean: Tensor, std: Tensor, logits: Tensor, x: Tensor) -> Tensor:
    """Kingma and Welling 2014, equation 7, appendices B and C.1: minus the bound, summed over pixels and dimensions."""
    kl = 0.5 * (mean**2 + std**2 - 1 - torch.log(std**2)).sum(1)
    p = torch.sigmoid(logits)
    likelihood = (x * torch.log(p) + (1 - x) * torch.log(1 - p)).flatten(1).sum(1)
    return (kl - likelihood).mean()


def compiled(spec: str) -> tuple[CompiledModel, dict[str, Tensor]]:
    torch.manual_seed(0)
    method = mvib.load(spec)
    batch = {"X": torch.rand(BATCH, 1, 8, 8, dtype=torch.float64)}
    example: dict[str, Tensor | int] = {"X": batch["X"]}
    if "Y" in method.graph.variables:
        batch["Y"] = torch.randint(0, CLASSES, (BATCH,))
        example["Y"] = CLASSES
    return mvib.compile(method, example).double(), batch


def both_views(name: str) -> Callable[[Output], list[Tensor]]:
    return lambda out: [out.variables[f"{name}[1]"], out.variables[f"{name}[2]"]]


def byol_outputs(out: Output) -> list[Tensor]:
    predictions = [out.densities["q(Z[1])"].direction, out.densities["q(Z[2])"].direction]
    return [*predictions, out.variables["T[1]"], out.variables["T[2]"]]


def posterior(out: Output) -> list[Tensor]:
    density = out.densities["e(X)"]
    return [density.mean, density.std]


CASES = {
    "simclr": Case("simclr", both_views("Z"), lambda z1, z2: nt_xent(z1, z2, 0.5)),
    "barlow_twins": Case("barlow_twins", both_views("Z"), lambda z1, z2: barlow(z1, z2, 0.0051)),
    "vicreg": Case("vicreg", both_views("Z"), vicreg),
    "byol": Case("byol", byol_outputs, byol),
}


@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradients_are_the_authors(name: str) -> None:
    case = CASES[name]
    model, batch = compiled(case.spec)
    out = model(batch)
    outputs = case.outputs(out)
    expected = case.formula(*outputs)
    assert abs(out.loss.item() - expected.item()) < 1e-10
    inputs = [tensor for tensor in outputs if tensor.requires_grad]
    assert inputs
    ours = torch.autograd.grad(out.loss, inputs, retain_graph=True)
    theirs = torch.autograd.grad(expected, inputs)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-10, rtol=1e-10)


def assert_same_gradients(model: CompiledModel, ours: Tensor, theirs: Tensor) -> None:
    """With respect to every trained parameter: the code is a sample, so that gradients meet behind the networks."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    mine = torch.autograd.grad(ours, parameters, retain_graph=True)
    for one, other in zip(mine, torch.autograd.grad(theirs, parameters), strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)


def test_vib_is_its_authors_formula() -> None:
    model, batch = compiled("vib")
    out = model(batch)
    logits = out.densities["c(Z)"].logits
    mean, std = posterior(out)
    expected = vib(mean, std, logits, batch["Y"], 1e-3)
    assert abs(out.loss.item() - expected.item()) < 1e-10
    assert_same_gradients(model, out.loss, expected)


def test_vae_is_its_authors_formula() -> None:
    model, batch = compiled("vae")
    out = model(batch)
    mean, std = posterior(out)
    expected = vae(mean, std, out.densities["d(Z)"].logits, batch["X"])
    assert abs(out.loss.item() - expected.item()) < 1e-10
    assert_same_gradients(model, out.loss, expected)


def test_paper_variant_of_vicreg_doubles_the_variance_term() -> None:
    model, batch = compiled("vicreg")
    paper = mvib.compile(mvib.load("vicreg", settings={"variance": 25}), batch["X"]).double()
    paper.load_state_dict(model.state_dict())
    torch.manual_seed(1)
    official = model(batch)
    torch.manual_seed(1)
    other = paper(batch)
    z1, z2 = official.variables["Z[1]"], official.variables["Z[2]"]
    hinge = sum(F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean() for z in (z1, z2))
    assert abs((other.loss - official.loss - 12.5 * hinge).item()) < 1e-10


def test_information_of_the_label_carries_its_entropy_and_the_loss_does_not() -> None:
    model, batch = compiled("vib")
    out = model(batch)
    frequencies = torch.bincount(batch["Y"], minlength=CLASSES).double() / BATCH
    entropy = -(frequencies[frequencies > 0] * frequencies[frequencies > 0].log()).sum()
    cross_entropy = F.cross_entropy(out.densities["c(Z)"].logits, batch["Y"])
    assert abs((out.terms["I_Z_Y"] - (entropy - cross_entropy)).item()) < 1e-10


@pytest.mark.parametrize("spec", ["simclr", "barlow_twins", "vicreg", "byol", "vib", "vae"])
def test_loss_and_constant_are_the_terms_with_sign_and_weight(spec: str) -> None:
    model, batch = compiled(spec)
    out = model(batch)
    method = mvib.load(spec).method

    total = sum(
        (1 if term.direction.value == "minimize" else -1) * value_at(term.weight, 0.0) * out.terms[term.label]
        for term in method.terms
    )
    assert abs((out.loss + out.constant - total).item()) < 1e-10


def test_specs_are_short() -> None:
    for name in bundled_specs():
        assert num_lines(mvib.load(name).method) <= 25, name

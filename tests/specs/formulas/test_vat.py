"""VAT: the perturbation and the loss of the official code."""

import pytest
import torch
from torch import Tensor, nn

from mvib.data.channels.adversarial import adversarial
from tests.specs.formulas.common import BATCH, assert_authors, compiled


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL of the two softmax laws, mean over examples, with a loop over the classes."""
    first, second = torch.softmax(p, dim=1), torch.softmax(q, dim=1)
    total = torch.zeros(len(p), dtype=p.dtype)
    for k in range(p.shape[1]):
        total = total + first[:, k] * (torch.log(first[:, k]) - torch.log(second[:, k]))
    return total.mean()


def test_loss_is_that_of_the_official_code() -> None:
    labels = torch.tensor([3, -1, 0, -1, -1, 9, 2, -1, 3, -1, -1, -1])
    run = compiled("vat", data={"Y": labels}, settings={"entropy": 0.5})
    logits, moved = run.variables("L", "M")

    def formula(clean: Tensor, perturbed: Tensor) -> Tensor:
        known = [i for i in range(BATCH) if labels[i] >= 0]
        log_p = torch.log_softmax(clean, dim=1)
        classify = -torch.stack([log_p[i, labels[i]] for i in known]).mean()
        entropy = -(torch.softmax(clean, dim=1) * log_p).sum(dim=1).mean()
        return classify + divergence(clean.detach(), perturbed) + 0.5 * entropy

    assert_authors(run, [logits, moved], formula)


def test_perturbation_is_the_official_one() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3)).double()
    x = torch.randn(7, 5, dtype=torch.float64)
    channel = adversarial((5,), radius=2.0, step=1e-3, rounds=2)
    clean = net(x)
    torch.manual_seed(1)
    found = channel(x, clean, net)
    torch.manual_seed(1)
    d = torch.randn_like(x)

    def normalised(v: Tensor) -> Tensor:
        v = v / (1e-12 + v.abs().max(dim=1, keepdim=True).values)
        return v / torch.sqrt(1e-6 + (v**2).sum(dim=1, keepdim=True))

    for _ in range(2):
        d = (1e-3 * normalised(d)).detach().requires_grad_(True)
        (d,) = torch.autograd.grad(divergence(clean.detach(), net(x + d)), d)
    torch.testing.assert_close(found, x + 2.0 * normalised(d), atol=1e-10, rtol=1e-10)
    assert not found.requires_grad
    assert all(p.grad is None for p in net.parameters())


def official_unit(v: Tensor) -> Tensor:
    """`get_normalized_vector` of vat.py."""
    flat = v.flatten(1)
    flat = flat / (1e-12 + flat.abs().max(dim=1, keepdim=True).values)
    return (flat / torch.sqrt(1e-6 + (flat**2).sum(dim=1, keepdim=True))).reshape(v.shape)


@pytest.mark.parametrize("radius", [2.0, 8.0])
def test_perturbation_of_the_images_is_the_official_one(radius: float) -> None:
    """`generate_virtual_adversarial_perturbation` of vat.py, with its flags xi 1e-6 and one power iteration."""
    run = compiled("vat", settings={"radius": radius})
    x, clean = run.batch["X"], run.out.variables["L"].detach()
    torch.manual_seed(1)  # what the run drew with; nothing else is random
    d = (1e-6 * official_unit(torch.randn_like(x))).requires_grad_(True)
    networks = run.model.networks
    (d,) = torch.autograd.grad(divergence(clean, networks["c"](networks["f"](x + d))), d)
    torch.testing.assert_close(run.out.variables["V"], x + radius * official_unit(d), atol=1e-6, rtol=0)


def test_perturbed_images_change_the_prediction_more_than_random_ones_of_the_same_length() -> None:
    run = compiled("vat", batch=64, eval_mode=True)
    moved, clean, x = run.out.variables["V"], run.out.variables["L"].detach(), run.batch["X"]
    length = (moved - x).flatten(1).norm(dim=1)
    # The official floor of 1e-12 under a gradient that is hardly larger shortens it a little.
    assert bool(((length > 1.8) & (length < 2 + 1e-6)).all())
    noise = torch.randn_like(x)
    noise = 2.0 * noise / noise.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    worst = divergence(clean, run.out.variables["M"].detach())
    assert worst > 3 * divergence(clean, run.model({**run.batch, "X": x + noise}).variables["L"].detach())


def test_statistics_of_normalisation_do_not_see_the_search_for_the_direction() -> None:
    state = compiled("vat", batch=8, seed=3).model.state_dict()
    counts = [int(value) for name, value in state.items() if name.endswith("num_batches_tracked")]
    # The clean and the perturbed pass, and no other.
    assert counts
    assert set(counts) == {2}

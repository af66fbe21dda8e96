"""Semi-supervised bottlenecks with priors against the authors' formulas: loss and gradients in float64."""

import pytest
import torch
from torch import Tensor, nn

from mvib.nn.distributions import OneHotUniform, StandardNormal
from tests.specs.formulas.common import BATCH, Compiled, assert_authors, compiled

# Half of the examples have a label.
LABELS = torch.tensor([3, -1, 0, -1, 9, -1, 1, -1, 1, -1, 5, -1])


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Of the examples that have a label."""
    losses = []
    for row, label in zip(logits, labels.tolist(), strict=True):
        if label >= 0:
            losses.append(-torch.log(row.exp()[label] / row.exp().sum()))
    return torch.stack(losses).mean()


def binary_cross_entropy(scores: Tensor, target: float) -> Tensor:
    """Keras' of probabilities sigmoid(score), mean over rows."""
    probabilities = 1 / (1 + torch.exp(-scores))
    return -(target * torch.log(probabilities) + (1 - target) * torch.log(1 - probabilities)).mean()


def discriminator(run: Compiled, term: str) -> nn.Module:
    """That of a term."""
    return run.model.objective.auxiliaries[f"{term}.discriminator"]


def softmax(logits: Tensor) -> Tensor:
    """Of rows."""
    return torch.stack([row.exp() / row.exp().sum() for row in logits])


HANDCRAFTED: list[dict[str, float]] = [{}, {"alpha_a": 0.7, "alpha_c": 1.3}, {"alpha_c": 0}]


@pytest.mark.parametrize("settings", HANDCRAFTED)
def test_handcrafted_priors(settings: dict[str, float]) -> None:
    """Official code, `train_model_Dcc_Da_Dc.py`: one loss of three; both discriminators see flipped labels."""
    run = compiled("voloshynovskiy_handcrafted", settings=settings, data={"Y": LABELS})
    alpha_a, alpha_c = settings.get("alpha_a", 0.0005), settings.get("alpha_c", 0.005)

    def formula(a: Tensor, logits: Tensor, probabilities: Tensor) -> Tensor:
        torch.testing.assert_close(probabilities, softmax(logits))
        d_a = binary_cross_entropy(discriminator(run, "bottleneck")(a), 1.0)
        d_c = binary_cross_entropy(discriminator(run, "class")(probabilities), 1.0)
        return cross_entropy(logits, LABELS) + alpha_a * d_a + alpha_c * d_c

    assert_authors(run, run.variables("A", "L", "C"), formula)


LEARNABLE: list[dict[str, float]] = [{}, {"alpha_z": 0.3, "alpha_c": 2, "alpha_xx": 5}]


@pytest.mark.parametrize("settings", LEARNABLE)
def test_learnable_priors(settings: dict[str, float]) -> None:
    """Official code, `train_model_Dcc_Dz_Dc_Dxx.py`, its three steps added up: D_z + D_xxhat + D_cchat + D_c."""
    run = compiled("voloshynovskiy_learnable", settings=settings, data={"Y": LABELS})
    weights = {"alpha_z": 1.0, "alpha_c": 1.0, "alpha_xx": 1.0, **settings}
    of_style, of_class = discriminator(run, "style"), discriminator(run, "class")
    image = run.batch["X"]
    (density,) = (density for name, density in run.out.densities.items() if name.startswith("d("))

    def formula(z: Tensor, logits: Tensor, probabilities: Tensor, mean: Tensor) -> Tensor:
        torch.testing.assert_close(probabilities, softmax(logits))
        errors = [(x - m).square().mean() for x, m in zip(image, mean, strict=True)]
        d_xx = torch.stack(errors).mean()
        d_z = binary_cross_entropy(of_style(z), 1.0)
        d_c = binary_cross_entropy(of_class(probabilities), 1.0)
        paid = weights["alpha_z"] * d_z + weights["alpha_c"] * d_c + weights["alpha_xx"] * d_xx
        return cross_entropy(logits, LABELS) + paid

    assert_authors(run, [*run.variables("Z", "L", "C"), density.mean], formula)


def test_discriminators_are_fitted_to_draws_of_their_priors(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[type, Tensor] = {}
    for prior in (StandardNormal, OneHotUniform):
        kept = prior.draw

        def draw(self: object, shape: tuple[int, ...], *, like: Tensor, kept: object = kept) -> Tensor:
            drawn[type(self)] = kept(self, shape, like=like)  # type: ignore[operator]
            return drawn[type(self)]

        monkeypatch.setattr(prior, "draw", draw)
    run = compiled("voloshynovskiy_learnable", data={"Y": LABELS})
    cases = (("style", "Z", StandardNormal), ("class", "C", OneHotUniform))
    for term, name, prior in cases:
        network = discriminator(run, term)
        real, fake = drawn[prior], run.out.variables[name].detach()
        assert real.shape == fake.shape
        assert len(real) == BATCH
        expected = binary_cross_entropy(network(real), 1.0) + binary_cross_entropy(network(fake), 0.0)
        torch.testing.assert_close(run.out.fits[term], expected, rtol=1e-10, atol=1e-10)
        parameters = list(network.parameters())
        ours = torch.autograd.grad(run.out.loss, parameters, retain_graph=True)
        theirs = torch.autograd.grad(expected, parameters)
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)

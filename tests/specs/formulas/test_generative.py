"""Methods that reconstruct against their authors' formulas: loss and gradients in float64 to 1e-10."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import (
    Compiled,
    assert_authors,
    assert_authors_by_parameters,
    compiled,
)

PIXELS = 64


def squared_error(prediction: Tensor, x: Tensor) -> Tensor:
    """Sum over pixels of (x - x')^2, mean over the examples (catalogue, B1 and B2)."""
    return torch.stack([sum_of_squares(a - b) for a, b in zip(prediction, x, strict=True)]).mean()


def sum_of_squares(values: Tensor) -> Tensor:
    return (values.flatten() * values.flatten()).sum()


def bernoulli_surprise(logits: Tensor, x: Tensor) -> Tensor:
    """Sum over pixels of -log p(x | z), mean over the examples (Kingma and Welling 2014, appendix C.1)."""
    rows = []
    for row, target in zip(logits.flatten(1), x.flatten(1), strict=True):
        p = 1 / (1 + torch.exp(-row))
        rows.append(-(target * torch.log(p) + (1 - target) * torch.log(1 - p)).sum())
    return torch.stack(rows).mean()


def rate_from_standard_normal(density: Any) -> Tensor:
    """0.5 sum_d (mu^2 + s^2 - 1 - log s^2), mean over the examples (Kingma and Welling 2014, appendix B)."""
    rows = [0.5 * (m**2 + s**2 - 1 - torch.log(s**2)).sum() for m, s in zip(density.mean, density.std, strict=True)]
    return torch.stack(rows).mean()


def unbiased_mmd(z: Tensor, prior: Tensor, scale: float) -> Tensor:
    """Squared maximum mean discrepancy, U-statistic, kernel exp(-|x - y|^2 / scale) (catalogue, B5; Gretton, eq. 3)."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-sum_of_squares(a - b) / scale)

    n, m = len(z), len(prior)
    codes = sum(kernel(z[i], z[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    drawn = sum(kernel(prior[i], prior[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    cross = sum(kernel(z[i], prior[j]) for i in range(n) for j in range(m)) / (n * m)
    return torch.as_tensor(codes + drawn - 2 * cross)


def less_normaliser(run: Compiled, *, pixels: int = PIXELS) -> Compiled:
    """The run with (D/2) log(pi) taken off: what a Gaussian of variance 1/2 costs beside the squared error."""
    loss = run.out.loss + run.out.constant - pixels / 2 * math.log(math.pi)
    return replace(run, out=replace(run.out, loss=loss))


def test_autoencoder_has_the_squared_error_of_its_reconstruction() -> None:
    run = compiled("autoencoder")
    prediction = run.out.densities["d(Z)"].mean
    assert_authors(less_normaliser(run), [prediction], lambda prediction: squared_error(prediction, run.batch["X"]))


def test_denoising_autoencoder_reconstructs_the_clean_image_from_a_corrupted_one() -> None:
    """Vincent et al. 2008: E |x - g(f(x~))|^2."""
    run = compiled("denoising_autoencoder", batch=64)
    x, corrupted = run.batch["X"], run.out.variables["N"]
    assert_authors(
        less_normaliser(run), [run.out.densities["d(Z)"].mean], lambda prediction: squared_error(prediction, x)
    )
    is_lost = corrupted == 0
    assert torch.equal(corrupted[~is_lost], x[~is_lost])
    assert abs(is_lost.double().mean().item() - 0.25) < 0.03  # 4096 pixels: more than four standard errors


@pytest.mark.parametrize("beta", [4.0, 0.5])
def test_beta_vae_weighs_the_rate(beta: float) -> None:
    """Higgins et al. 2017: distortion + beta KL(q(z | x) || N(0, I))."""
    run = compiled("beta_vae", settings={"beta": beta})
    distortion = bernoulli_surprise(run.out.densities["d(Z)"].logits, run.batch["X"])
    assert_authors_by_parameters(run, distortion + beta * rate_from_standard_normal(run.out.densities["e(X)"]))


def drawn_from_prior(run: Compiled) -> Tensor:
    """What the divergence drew, by drawing again: the noise of the code comes first."""
    density, z = run.out.densities["e(X)"], run.out.variables["Z"]
    torch.manual_seed(1)
    noise = torch.randn(z.shape, dtype=z.dtype)
    assert torch.allclose(z, density.mean + density.std * noise)
    return torch.randn(z.shape, dtype=z.dtype)


@pytest.mark.parametrize(("alpha", "weight", "sigma"), [(1.0, 64.0, 2.0), (1.0, 1000.0, 2.0), (0.3, 20.0, 16 / 2**0.5)])
def test_infovae_matches_the_codes_with_the_prior(alpha: float, weight: float, sigma: float) -> None:
    """Zhao et al. 2019: -log p(x | z) + (1 - alpha) KL + (alpha + lambda - 1) MMD; alpha = 1 is the MMD-VAE.

    The defaults are 2 sigma^2 = D / 2, as in the example of pixyz; that of the first author's code is D^2.
    """
    run = compiled("infovae", settings={"alpha": alpha, "lambda": weight, "sigma": sigma})
    distortion = bernoulli_surprise(run.out.densities["d(Z)"].logits, run.batch["X"])
    rate = rate_from_standard_normal(run.out.densities["e(X)"])
    divergence = unbiased_mmd(run.out.variables["Z"], drawn_from_prior(run), 2 * sigma**2)
    assert_authors_by_parameters(run, distortion + (1 - alpha) * rate + (alpha + weight - 1) * divergence)


def test_infovae_without_extra_information_is_the_vae() -> None:
    run = compiled("infovae", settings={"alpha": 0, "lambda": 1})
    distortion = bernoulli_surprise(run.out.densities["d(Z)"].logits, run.batch["X"])
    assert_authors_by_parameters(run, distortion + rate_from_standard_normal(run.out.densities["e(X)"]))

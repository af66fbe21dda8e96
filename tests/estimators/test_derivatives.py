"""Gradients under autocast, and second derivatives: exact, or refused; never silently wrong."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.estimators import rows
from mvib.estimators.alignment import alignment
from mvib.estimators.cca import cca
from mvib.estimators.cross_correlation import cross_correlation
from mvib.estimators.dcl import dcl
from mvib.estimators.derivatives import product
from mvib.estimators.hsic import hsic
from mvib.estimators.infonce import infonce
from mvib.estimators.kde import kde
from mvib.estimators.ldmi import ldmi
from mvib.estimators.logdet import logdet
from mvib.estimators.matrix_mi import matrix_mi
from mvib.estimators.mmd import mmd
from mvib.estimators.pairwise import pairwise
from mvib.estimators.renyi import renyi
from mvib.estimators.siglip import siglip
from mvib.estimators.sigreg import sigreg
from mvib.estimators.spectral import spectral
from mvib.estimators.tcr import tcr
from mvib.estimators.uniformity import uniformity
from mvib.estimators.variance_covariance import variance_covariance
from mvib.estimators.whitened_mse import whitened_mse

Loss = Callable[[Tensor, Tensor], Tensor]

unit, centered, standardized = rows.unit, rows.centered, rows.standardized
DIRECTIONS = F.normalize(torch.arange(28, dtype=torch.float64).reshape(4, 7).cos(), dim=0)

ALL: dict[str, Loss] = {
    "infonce": lambda a, b: infonce(unit(a), unit(b), temperature=0.01),
    "dcl": lambda a, b: dcl(unit(a), unit(b)),
    "siglip": lambda a, b: siglip(unit(a), unit(b)),
    "spectral": spectral,
    "alignment": lambda a, b: alignment(unit(a), unit(b)),
    "uniformity": lambda a, b: uniformity(unit(a)),
    "renyi": lambda a, b: renyi(a),
    "renyi 1": lambda a, b: renyi(a, order=1, kernel="linear"),
    "matrix_mi": matrix_mi,
    "matrix_mi 1": lambda a, b: matrix_mi(a, b, order=1),
    "hsic": lambda a, b: hsic(a, b, sigma=1.3),
    "linear hsic": lambda a, b: hsic(a, b, kernel="linear"),
    "mmd": mmd,
    "kde": lambda a, b: kde(a),
    "pairwise": lambda a, b: pairwise(a),
    "logdet": lambda a, b: logdet(a),
    "tcr": lambda a, b: tcr(unit(a)),
    "cca": lambda a, b: cca(centered(a), centered(b)),
    "correlation": lambda a, b: cca(centered(a), centered(b), objective="correlation"),
    "ldmi": lambda a, b: ldmi(centered(a), centered(b)),
    "whitened_mse": lambda a, b: whitened_mse(centered(a), centered(b)),
    "variance_covariance": lambda a, b: variance_covariance(centered(a)),
    "cross_correlation": lambda a, b: cross_correlation(standardized(a), standardized(b)),
    "sigreg": lambda a, b: sigreg(a, directions=DIRECTIONS.to(a.dtype)),
}
FIRST_ONLY = frozenset(
    (
        "infonce",
        "dcl",
        "siglip",
        "uniformity",
        "renyi",
        "renyi 1",
        "matrix_mi",
        "matrix_mi 1",
        "logdet",
        "tcr",
        "cca",
        "correlation",
        "ldmi",
        "whitened_mse",
        "variance_covariance",
        "sigreg",
    )
)
each_loss = pytest.mark.parametrize("name", ALL)


def views(num: int, dtype: torch.dtype, *, dimension: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(num, dimension, generator=generator, dtype=dtype)
    return a.requires_grad_(), (a + 0.1 * torch.randn(num, dimension, generator=generator, dtype=dtype)).detach()


@each_loss
@pytest.mark.parametrize("num", [3, 1500])  # fewer rows than columns; scores and kernels in blocks
def test_a_backward_pass_inside_autocast_is_as_precise_as_outside(name: str, num: int) -> None:
    a, b = views(num, torch.float32)
    gradients = []
    for is_inside in (True, False):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = ALL[name](a, b)
            if is_inside:
                gradients.append(torch.autograd.grad(value, a)[0])
        if not is_inside:
            gradients.append(torch.autograd.grad(value, a)[0])
    # A few roundings of float32 where sums cancel; bfloat16 has a relative error of 4e-3 in every product.
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-5, atol=1e-6 * gradients[1].abs().max().item())


@each_loss
def test_a_second_derivative_is_exact_or_refused(name: str) -> None:
    a, b = views(9, torch.float64)
    direction = torch.arange(36, dtype=torch.float64).reshape(9, 4).sin()

    def slope(at: Tensor) -> Tensor:
        point = at.detach().requires_grad_()
        return torch.autograd.grad(ALL[name](point, b), point)[0]

    if name in FIRST_ONLY:
        with pytest.raises(RuntimeError, match="first derivatives only"):
            torch.autograd.grad(ALL[name](a, b), a, create_graph=True)
        return
    (gradient,) = torch.autograd.grad(ALL[name](a, b), a, create_graph=True)
    (found,) = torch.autograd.grad((gradient * direction).sum(), a)
    step = 1e-5
    expected = (slope(a + step * direction) - slope(a - step * direction)) / (2 * step)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item())


def test_a_product_has_all_derivatives() -> None:
    a, b = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 2), (2, 4)))
    assert torch.autograd.gradcheck(product, (a, b))
    assert torch.autograd.gradgradcheck(product, (a, b))
    assert math.isclose(product(a, b).sum().item(), (a @ b).sum().item(), rel_tol=1e-12)

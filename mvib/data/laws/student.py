"""Student's law of two vectors: Gaussian ones over a common random scale, which is itself something they share."""

import math

import torch
from torch import Tensor

from mvib.data.laws.gaussian import multinormal, paired_covariance
from mvib.data.laws.law import Law


def student(*, correlation: float, dof: int, dim: int = 1) -> Law:
    """Two vectors that are jointly multivariate Student, each coordinate correlated with the same of the other.

    The information is that of the Gaussian with the dispersion as covariance plus a term of the degrees of freedom and
    the dimensions, so that uncorrelated vectors are dependent.

    Args:
        correlation: of the pairs, below 1 in size; the dispersion is theirs and has ones on the diagonal.
        dof: degrees of freedom, at least 1 (Cauchy). The covariance is dof / (dof - 2) times the dispersion.
        dim: dimensions of either variable.

    Source: Arellano-Valle, Contreras-Reyes, Genton 2013, eq. 7, for the entropy.
    """
    dispersion = paired_covariance(torch.full((dim,), correlation, dtype=torch.float64))
    gaussian = multinormal(dispersion, dim_x=dim, name="")
    dims = (dim, dim, 2 * dim)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(dispersion))
    log_factors = [_log_factor(dof, k) for k in dims]
    # The entropy is that of the Gaussian of the same dispersion, and a difference that depends on no dispersion.
    excess_x, excess_y, excess_xy = (
        _half_slope(dof, k) - log_factor - k * math.log(2 * math.pi * math.e) / 2
        for k, log_factor in zip(dims, log_factors, strict=True)
    )

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x, y = gaussian.sample(n, generator)
        chi2 = torch.randn(n, dof, dtype=torch.float64, generator=generator).square().sum(dim=1, keepdim=True)
        scale = (dof / chi2).sqrt()
        return x * scale, y * scale

    def log_ratio(x: Tensor, y: Tensor) -> Tensor:
        x, y = _common_leading_axes(x, y)
        z = torch.cat([x, y], dim=-1)
        # The dispersion of either variable is the identity.
        forms = (x.square().sum(dim=-1), y.square().sum(dim=-1), ((z @ inverse) * z).sum(dim=-1))
        of_x, of_y, of_both = (
            log_factor - (dof + k) / 2 * torch.log1p(form / dof)
            for k, log_factor, form in zip(dims, log_factors, forms, strict=True)
        )
        return gaussian.information + of_both - of_x - of_y

    assert gaussian.entropy_x is not None
    assert gaussian.entropy_y is not None
    assert gaussian.entropy_xy is not None
    return Law(
        name=f"student {dim}-d, rho {correlation:g}, dof {dof}",
        dim_x=dim,
        dim_y=dim,
        information=gaussian.information + excess_x + excess_y - excess_xy,
        sample=sample,
        log_ratio=log_ratio,
        entropy_x=gaussian.entropy_x + excess_x,
        entropy_y=gaussian.entropy_y + excess_y,
        entropy_xy=gaussian.entropy_xy + excess_xy,
    )


def _log_factor(dof: int, dim: int) -> float:
    """Log density at the centre, for the identity as dispersion."""
    return math.lgamma((dof + dim) / 2) - math.lgamma(dof / 2) - dim / 2 * math.log(dof * math.pi)


def _half_slope(dof: int, dim: int) -> float:
    """Mean of (dof + dim) / 2 log(1 + form / dof) under the law."""
    halves = torch.tensor([(dof + dim) / 2, dof / 2], dtype=torch.float64)
    upper, lower = torch.digamma(halves)
    return (dof + dim) / 2 * float(upper - lower)


def _common_leading_axes(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    zero = torch.zeros_like(x[..., :1] + y[..., :1])
    return x + zero, y + zero

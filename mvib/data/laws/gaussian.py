"""Gaussian laws: pairs of correlated coordinates, few or all of them, and any covariance."""

# Shape suffixes: X, Y dimensions of the two variables, Z of both together, N samples.

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.data.laws.law import Law

_LOG_2_PI_E = math.log(2 * math.pi * math.e)


def gaussian(*, information: float, dim: int = 1) -> Law:
    """Two standard normal vectors; each coordinate of one tells `information / dim` nats of the same of the other.

    Args:
        information: I(X; Y) in nats, at least 0.
        dim: dimensions of either variable.
    """
    return sparse_gaussian(information=information, dim=dim, num_pairs=dim, name=f"gaussian {dim}-d, {information:g}")


def independent(*, dim: int = 1) -> Law:
    """Two standard normal vectors that tell nothing of each other."""
    return replace(gaussian(information=0.0, dim=dim), name=f"independent {dim}-d")


def sparse_gaussian(*, information: float, dim: int, num_pairs: int = 2, name: str = "") -> Law:
    """Two standard normal vectors of which `num_pairs` coordinates are correlated, each with the same of the other.

    Args:
        information: I(X; Y) in nats, at least 0.
        dim: dimensions of either variable.
        num_pairs: coordinates that carry the information, in equal parts.
        name: of the law.
    """
    rho = torch.zeros(dim, dtype=torch.float64)
    rho[:num_pairs] = math.sqrt(-math.expm1(-2 * information / num_pairs))
    std = (1 - rho.square()).sqrt()
    name = name or f"sparse gaussian {dim}-d, {num_pairs} pairs, {information:g}"
    return replace(
        multinormal(paired_covariance(rho), dim_x=dim, name=name),
        # The given number is exact; that from the determinants has their rounding.
        information=information,
        conditional=lambda x: (x * rho, std.expand_as(x)),
    )


def dense_gaussian(*, correlation: float, dim_x: int, dim_y: int) -> Law:
    """Standard normal numbers of which every two, of one variable or of both, have the same correlation.

    Args:
        correlation: of any two coordinates, between 0 and 1.
        dim_x: dimensions of X.
        dim_y: dimensions of Y.
    """
    dim = dim_x + dim_y
    covariance = torch.full((dim, dim), correlation, dtype=torch.float64).fill_diagonal_(1.0)
    return multinormal(covariance, dim_x=dim_x, name=f"dense gaussian {dim_x}+{dim_y}-d, rho {correlation:g}")


def multinormal(covariance: Float[Tensor, "Z Z"], *, dim_x: int, name: str) -> Law:
    """Two vectors that are jointly Gaussian with mean zero.

    Args:
        covariance: of (X, Y), positive definite.
        dim_x: dimensions of X; the others are Y's.
        name: of the law.
    """
    dim = len(covariance)
    factor = torch.linalg.cholesky(covariance)
    parts = blocks(covariance, dim_x=dim_x)
    log_det_x, log_det_y, log_det = (_log_det(block) for block in parts)
    information = (log_det_x + log_det_y - log_det) / 2
    precision_x, precision_y, precision = (torch.cholesky_inverse(torch.linalg.cholesky(block)) for block in parts)
    excess = precision.clone()
    excess[:dim_x, :dim_x] -= precision_x
    excess[dim_x:, dim_x:] -= precision_y

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        z = torch.randn(n, dim, dtype=torch.float64, generator=generator) @ factor.T
        return z[:, :dim_x].contiguous(), z[:, dim_x:].contiguous()

    def log_ratio(x: Tensor, y: Tensor) -> Tensor:
        own = ((x @ excess[:dim_x, :dim_x]) * x).sum(dim=-1) + ((y @ excess[dim_x:, dim_x:]) * y).sum(dim=-1)
        crossed: Tensor = ((x @ excess[:dim_x, dim_x:]) * y).sum(dim=-1)
        return information - own / 2 - crossed

    return Law(
        name=name,
        dim_x=dim_x,
        dim_y=dim - dim_x,
        information=information,
        sample=sample,
        log_ratio=log_ratio,
        entropy_x=(log_det_x + dim_x * _LOG_2_PI_E) / 2,
        entropy_y=(log_det_y + (dim - dim_x) * _LOG_2_PI_E) / 2,
        entropy_xy=(log_det + dim * _LOG_2_PI_E) / 2,
    )


def paired_covariance(correlations: Float[Tensor, " X"]) -> Float[Tensor, "Z Z"]:
    """Covariance of two standard vectors, each coordinate correlated with the same of the other vector alone."""
    own, cross = torch.eye(len(correlations), dtype=correlations.dtype), correlations.diag()
    return torch.cat([torch.cat([own, cross], dim=1), torch.cat([cross, own], dim=1)])


def blocks(
    covariance: Float[Tensor, "Z Z"], *, dim_x: int
) -> tuple[Float[Tensor, "X X"], Float[Tensor, "Y Y"], Float[Tensor, "Z Z"]]:
    """The covariances of X, of Y, and of both."""
    return covariance[:dim_x, :dim_x], covariance[dim_x:, dim_x:], covariance


def _log_det(covariance: Float[Tensor, "D D"]) -> float:
    return 2 * float(torch.linalg.cholesky(covariance).diagonal().log().sum())

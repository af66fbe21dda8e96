"""Log-determinants of second moments of rows, through Cholesky factors on the smaller side of the batch.

`torch.logdet` and LU factors are avoided: on several threads they were seen to return wrong values.
"""

# Shape suffixes: B batch of this rank, D dimension, M side of a square matrix.

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from mvib.estimators.derivatives import first_only
from mvib.estimators.gram import pair_moments
from mvib.estimators.ranks import ALONE, Ranks


@contextmanager
def remedied(remedy: str) -> Iterator[None]:
    """Say what to do where a matrix has no Cholesky factor.

    Raises:
        torch.linalg.LinAlgError: as torch does, with the remedy as its message.
    """
    try:
        yield
    except LinAlgError as error:
        raise LinAlgError(f"a covariance is singular but for rounding: {remedy}") from error


def check_rows(num_rows: int, width: int, *, remedy: str) -> None:
    """Refuse rows that are too few for a covariance with an inverse, which rounding may hide.

    Args:
        num_rows: whose covariance it is, of all ranks.
        width: their dimension.
        remedy: what to do about it.

    Raises:
        torch.linalg.LinAlgError: there are no more rows than dimensions.
    """
    if num_rows <= width:
        raise LinAlgError(f"the covariance of {num_rows} rows in {width} dimensions has no inverse: {remedy}")


def log_det_of_rows(
    z: Float[Tensor, "B D"], scale: float | Float[Tensor, ""], *, total: int, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Return log det(I + scale * z'z), z'z over the rows of all ranks, on the smaller side of the batch.

    Args:
        z: rows of this rank.
        scale: factor of the moments; a scalar tensor may ask for a gradient.
        total: number of rows on all ranks.
        ranks: that share the batch. What they exchange is the smaller of the rows and the D x D matrix.

    Raises:
        torch.linalg.LinAlgError: the scale is so large that rounding errors of the moments outweigh the identity.
    """
    gathers = total < z.shape[1]
    taken, sharing = (ranks.rows(z), ALONE) if gathers else (z, ranks)
    value: Tensor = _LogDetOfRows.apply(taken, scale, gathers, sharing)  # type: ignore[no-untyped-call]
    return value


def log_det_one_plus(scale: float | Float[Tensor, ""], moment: Float[Tensor, "M M"]) -> Float[Tensor, ""]:
    """Return log det(I + scale * moment) of a positive semidefinite matrix.

    Raises:
        torch.linalg.LinAlgError: the scale is so large that rounding errors of the moment outweigh the identity.
    """
    value: Tensor = _LogDetOnePlus.apply(moment, scale)  # type: ignore[no-untyped-call]
    return value


def gaussian_information(
    z1: Float[Tensor, "B D1"],
    z2: Float[Tensor, "B D2"],
    *,
    noise: float | Float[Tensor, ""],
    lost: int = 0,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Return the mutual information of two jointly Gaussian variables with the moments of the rows plus white noise.

    (log det(I + z1'z1 s) + log det(I + z2'z2 s) - log det(I + (z1, z2)'(z1, z2) s)) / 2, s = 1 / ((N - lost) noise).

    Args:
        z1: rows of one variable.
        z2: rows of the other, row i from the same example as row i of `z1`.
        noise: variance of the independent noise of every dimension, greater than 0.
        lost: degrees of freedom taken off the number of rows N: 1 for the unbiased covariance of centred rows.
        ranks: that share the batch.

    Returns:
        Scalar, nats, at least 0.
    """
    moment1, moment2, joint, total = pair_moments(z1, z2, ranks=ranks)
    scale = 1 / ((total - lost) * noise)
    marginals = log_det_one_plus(scale, moment1) + log_det_one_plus(scale, moment2)
    return (marginals - log_det_one_plus(scale, joint)) / 2


class _LogDetOfRows(torch.autograd.Function):
    """log det(I + s z'z) with one product, one factor and one inverse more than nothing.

    The gradient with respect to z is 2 s z (I + s z'z)^-1, and to s the trace of (I + s z'z)^-1 z'z.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, scale: float | Tensor, by_rows: bool, ranks: Ranks) -> Tensor:
        """Twice the sum of the logs of the diagonal of the factor of either side."""
        shifted = z @ z.T if by_rows else ranks.sum(z.T @ z)
        shifted.mul_(scale).diagonal().add_(1)
        factor: Tensor = torch.linalg.cholesky(shifted)
        ctx.scale, ctx.by_rows, ctx.ranks = scale, by_rows, ranks
        ctx.save_for_backward(z, factor)
        return factor.diagonal().log().sum().mul_(2)

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        """Every rank's loss has the rows of this one in it: their gradients are added up, which are numbers here."""
        z, factor = ctx.saved_tensors
        gradient = ctx.ranks.sum(gradients[0])
        inverse: Tensor = torch.cholesky_inverse(factor)
        of_scale = None
        if ctx.needs_input_grad[1]:
            # (I + s M)^-1 M = (I - (I + s M)^-1) / s. A scale is the same on all ranks, and its gradients are averaged.
            of_scale = gradients[0] * (len(inverse) - inverse.trace()) / ctx.scale
        inverse.mul_(2 * ctx.scale * gradient)
        return (inverse @ z if ctx.by_rows else z @ inverse), of_scale, None, None


class _LogDetOnePlus(torch.autograd.Function):
    """log det(I + s M), whose gradient s (I + s M)^-1 comes from the same Cholesky factor."""

    @staticmethod
    def forward(ctx: Any, moment: Tensor, scale: float | Tensor) -> Tensor:
        """Twice the sum of the logs of the diagonal of the factor."""
        shifted = moment * scale
        shifted.diagonal().add_(1)
        factor: Tensor = torch.linalg.cholesky(shifted)
        ctx.scale = scale
        ctx.save_for_backward(factor, moment if ctx.needs_input_grad[1] else None)
        return factor.diagonal().log().sum().mul_(2)

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None]:
        """The inverse, scaled; and its product with the moment where the scale is learnt."""
        factor, moment = ctx.saved_tensors
        inverse: Tensor = torch.cholesky_inverse(factor)
        of_scale = None if moment is None else gradients[0] * (inverse * moment).sum()
        return inverse.mul_(gradients[0] * ctx.scale), of_scale

"""Log-determinants of second moments of rows, through Cholesky factors on the smaller side of the batch.

`torch.logdet` and LU factors are avoided: on several threads they were seen to return wrong values.
"""

# Shape suffixes: B batch of this rank, D dimension, M side of a square matrix.

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from mvib.estimators.gram import pair_moments
from mvib.estimators.ranks import ALONE, Ranks


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
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None]:
        """The inverse, scaled; and its product with the moment where the scale is learnt."""
        factor, moment = ctx.saved_tensors
        inverse: Tensor = torch.cholesky_inverse(factor)
        of_scale = None if moment is None else gradients[0] * (inverse * moment).sum()
        return inverse.mul_(gradients[0] * ctx.scale), of_scale

"""The covariance contrast of TiCo: a surrogate of the entropy H(Z) by how much rows lie along a running covariance."""

# Shape suffixes: B rows of this rank, D dimension.

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import product
from mvib.estimators.gram import second_moment
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks


def covariance_contrast(
    u: Float[Tensor, "B D"],
    *,
    covariance: Float[Tensor, "D D"] | None = None,
    momentum: float = 0.9,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(U) by minus the mean squared product of a row with those of this and of earlier batches (TiCo).

    -mean_i u_i C u_i', with C = momentum `covariance` + (1 - momentum) u'u / N, which takes no gradient. For a batch
    alone it is -(1 - momentum) mean_ij <u_i, u_j>^2, `collision` but for its factor: minus the exponential of minus the
    Renyi entropy of order 2 of the matrix of second moments, whose rows are here weighed against those that the
    momentum remembers, however small the batch.

    Args:
        u: representations, rows of unit norm (`rows.unit`).
        covariance: C of the batch before, the same on all ranks (`mvib.nn.memory.RunningMoment`); None for zero.
        momentum: weight of the past, in [0, 1).
        ranks: that share the batch.

    Returns:
        Scalar without unit, in [-1, 0]; minus the loss of the paper, before its weight rho.

    Source: Zhu et al. 2022, arXiv:2206.10698 (covariance contrast). lightly, loss/tico_loss.py; identical. Other
    public code lets the gradient into C (sayannag/TiCo-pytorch), which doubles that of the batch's own part.
    """
    u = at_least_float32(u)
    with without_autocast(u):
        contrast = running_moment(u.detach(), covariance, momentum=momentum, ranks=ranks).to(u.dtype)
        along_B = (product(u, contrast) * u).sum(dim=1)
    return -mean_over_ranks(along_B.mean(), len(u), ranks)


def running_moment(
    u: Float[Tensor, "B D"], covariance: Float[Tensor, "D D"] | None, *, momentum: float, ranks: Ranks = ALONE
) -> Float[Tensor, "D D"]:
    """Return momentum times a matrix, zero for None, and 1 - momentum times the mean of u_i'u_i over all ranks."""
    lifted = at_least_float32(u)
    with without_autocast(lifted):
        moment = second_moment(lifted, ranks=ranks) / sum(ranks.counts(len(u)))
    mixed = (1 - momentum) * moment
    return mixed if covariance is None else torch.add(mixed, covariance.to(mixed.dtype), alpha=momentum)

"""The log-determinant of a running covariance: a surrogate of the entropy H(Z) that remembers earlier batches."""

# Shape suffixes: B rows of this rank, D dimension.

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.gram import second_moment
from mvib.estimators.log_determinant import log_det_one_plus, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def running_logdet(
    u: Float[Tensor, "B D"],
    *,
    covariance: Float[Tensor, "D D"] | None = None,
    mean: Float[Tensor, " D"] | None = None,
    momentum: float = 0.01,
    eps: float = 1e-8,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(U) by the log-determinant of a covariance that is averaged over batches (CorInfoMax).

    log det(R + eps I) / D with the running mean m' = momentum m + (1 - momentum) mean_i u_i, and R' = momentum R +
    (1 - momentum) mean_i (u_i - m')(u_i - m')'. The gradient passes the part of this batch, and m' in it. It is twice
    the entropy of a Gaussian of covariance R + eps I a dimension, without its constant. The momentum is the weight of
    the past: the papers' 0.01 keeps one percent of it, so that R of a few rows is not quite singular.

    Args:
        u: representations, rows of unit norm in the paper (`rows.unit`).
        covariance: R of the batch before, the same on all ranks (`mvib.nn.memory.RunningCovariance`); None for the
            identity.
        mean: m of the batch before; None for zero.
        momentum: weight of the past, in [0, 1).
        eps: added to every variance, greater than 0.
        ranks: that share the batch.

    Returns:
        Scalar without unit. It is computed in float64.

    Raises:
        torch.linalg.LinAlgError: R + eps I is singular but for rounding.

    Source: Ozsoy et al. 2022, arXiv:2209.07999 (big-bang factor). Official code: serdarozsoy/corinfomax-ssl,
    cifars-tiny/loss.py at bd3f9eb, one covariance for each view; identical. For ImageNet it has one covariance for both
    views. There the batch is that of a rank, here that of all.
    """
    running, _ = running_covariance(u, covariance, mean, momentum=momentum, ranks=ranks)
    dimension = len(running)
    with without_autocast(running), remedied("give a larger `eps`, or more rows"):
        value = log_det_one_plus(1 / eps, running) / dimension + math.log(eps)
    return value.to(at_least_float32(u).dtype)


def running_covariance(
    u: Float[Tensor, "B D"],
    covariance: Float[Tensor, "D D"] | None,
    mean: Float[Tensor, " D"] | None,
    *,
    momentum: float,
    ranks: Ranks = ALONE,
) -> tuple[Float[Tensor, "D D"], Float[Tensor, " D"]]:
    """Return R' and m' of `running_logdet` in float64; None stands for the identity and for zero."""
    u = u.double()
    total = sum(ranks.counts(len(u)))
    before = torch.eye(u.shape[1]).to(u) if covariance is None else covariance.double()
    running_mean = (1 - momentum) * ranks.sum(u.sum(dim=0)) / total
    if mean is not None:
        running_mean = running_mean + momentum * mean.double()
    with without_autocast(u):
        moment = second_moment(u - running_mean, ranks=ranks) / total
    return momentum * before + (1 - momentum) * moment, running_mean

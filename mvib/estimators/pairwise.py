"""Entropy of a mixture of Gaussians around the rows, from their pairwise distances."""

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.kernels import rows_of_this_rank, sum_of_log_sums
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.rows import centered

Bound = Literal["upper", "lower"]


def pairwise(
    z: Float[Tensor, "B D"],
    *,
    sigma: float | Float[Tensor, ""] = 1.0,
    bound: Bound = "upper",
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Bound on the differential entropy in nats of rows with Gaussian noise, by pairwise distances.

    For Z = z_i + sigma N(0, I), with i uniform over the batch, H(Z) lies between the two estimates
    (D/2) log(2 pi e sigma^2) - mean_i log mean_j exp(-||z_i - z_j||^2 / (c sigma^2)), c = 8 for the `lower` bound (from
    Bhattacharyya distances) and c = 2 for the `upper` one (from relative entropies).

    Both are bounds for this mixture of the N Gaussians of the batch, not for the population the rows come from, unless
    N is large. Only the lower bound is safe to maximise, and only the upper one to minimise.

    Args:
        z: rows, the means of the Gaussians; N >= 2.
        sigma: standard deviation of the noise, greater than 0, in the units of the rows. It is the length that tells
            near rows from far ones: rows much further apart than sigma count as distinct messages, and the gradient is
            gone; for rows much nearer than sigma the estimate is linear in their mean squared distance. The default 1
            is that of the standard normal encoder and prior; rows of D dimensions of unit variance, which are
            sqrt(2 D) apart, want a sigma that grows like sqrt(D).
        bound: which of the two.
        ranks: that share the batch.

    Returns:
        Scalar, nats, between (D/2) log(2 pi e sigma^2), which is `constant`, and that + log N.

    Source: Kolchinsky, Tracey 2017, arXiv:1706.02419: the estimator from pairwise distances, with Kullback and
    Leibler's and with Bhattacharyya's. Official code:
    artemyk/ibsgd, kde.py. Same values as it, up to the noise entropy where that leaves it to the caller.
    """
    z = at_least_float32(z)
    rows = rows_of_this_rank(len(z), ranks)
    with without_autocast(z):
        means = centered(ranks.rows(z)) / (_width(bound) * sigma)
        log_sums = ranks.sum(sum_of_log_sums(means, rows, with_own=True))
    return constant(z, sigma=sigma) + math.log(len(means)) - log_sums / len(means)


def constant(
    z: Float[Tensor, "B D"],
    *,
    sigma: float | Float[Tensor, ""] = 1.0,
    bound: Bound = "upper",
    ranks: Ranks = ALONE,
) -> float | Float[Tensor, ""]:
    """Return the entropy of the noise in nats, (D/2) log(2 pi e sigma^2)."""
    log_sigma = torch.log(sigma) if isinstance(sigma, Tensor) else math.log(sigma)
    return z.shape[1] * (math.log(2 * math.pi * math.e) / 2 + log_sigma)


def _width(bound: Bound) -> float:
    """Standard deviation of the Gaussian kernel of a bound, in units of the noise."""
    match bound:
        case "upper":
            return 1.0
        case "lower":
            return 2.0
        case _:
            assert_never(bound)

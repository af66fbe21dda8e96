"""Total coding rate: the nats it takes to code the rows of a batch up to some distortion, of all or by label."""

# Shape suffixes: B rows of this rank, D dimension, K labels.

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.log_determinant import log_det_of_rows, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.rows import centered


def tcr(
    u: Float[Tensor, "B D"],
    *,
    mu: float | Float[Tensor, ""] | None = None,
    eps2: float | Float[Tensor, ""] | None = None,
    gamma: float | Float[Tensor, ""] = 1.0,
    center: bool = False,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(Z) by the total coding rate of the rows.

    With mu: log det(I + (mu / D) u'u), neither halved nor divided by the number of rows N, so it grows with the batch.
    With eps2: log det(I + D / (N eps2) u'u) / 2, the nats a row takes up to squared error eps2. The moments are not
    centred. At least 0, and greatest for rows spread evenly over all directions.

    Args:
        u: representations, rows of unit norm (`rows.unit`).
        mu: scale of the first form, greater than 0; 3 if neither scale is given.
        eps2: squared distortion of the second form, greater than 0. Public code calls it eps.
        gamma: multiplies the scale inside the log-determinant, greater than 0; MCR2's code calls it gam1.
        center: whether the mean of the rows is taken off, after they were scaled; the papers' rates are not centred.
        ranks: that share the batch.

    Returns:
        Scalar: nats of all rows together, doubled (mu), or nats a row (eps2); without the constants of an entropy.

    Raises:
        ValueError: both scales are given.

    Source: mu, with its option to centre: Tan et al. 2024 (M-MAE), arXiv:2309.17281, official code
    yifanzhang-pro/M-MAE, loss_func.py. eps2: Yu et al. 2020 (MCR2), arXiv:2006.08558, and
    Tong et al. 2023 (EMP-SSL), arXiv:2304.03977. Differs from lightly's EMP-SSL, which adds the rate to the loss (and
    so minimises it) and does not normalise rows; and from codes that gather without gradient, whose gradient is divided
    by the number of ranks (M-MAE).
    """
    u = centered(u, ranks=ranks) if center else at_least_float32(u)
    with without_autocast(u):
        return _rate(u, mu, eps2, gamma, total=sum(ranks.counts(len(u))), ranks=ranks)


def conditional_entropy(
    u: Float[Tensor, "B D"],
    labels: Int[Tensor, " B"],
    *,
    mu: float | Float[Tensor, ""] | None = None,
    eps2: float | Float[Tensor, ""] | None = None,
    gamma: float | Float[Tensor, ""] = 1.0,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(Z | Y) by the coding rates of the rows of each label, weighted by their numbers.

    sum_j (n_j / N) tcr(the n_j rows u_j of label j). With eps2 that is sum_j (n_j / 2N) log det(I + D / (n_j eps2)
    u_j'u_j), at most the rate of all rows, and equal to it where all labels have the same moments.

    Args:
        u: representations, rows of unit norm (`rows.unit`).
        labels: of each row a whole number from 0 on.
        mu: scale of the first form, greater than 0; 3 if neither scale is given.
        eps2: squared distortion of the second form, greater than 0.
        gamma: multiplies the scale inside the log-determinants, greater than 0; in MCR2's code it is 1 here.
        ranks: that share the batch. What they exchange is, for each label, the smaller of its rows and a D x D matrix.

    Returns:
        Scalar, in the unit of `tcr`.

    Raises:
        ValueError: both scales are given.

    Source: Yu et al. 2020, arXiv:2006.08558. Official code: ryanchankh/mcr2, loss.py, which adds 1e-8 to
    every n_j.
    """
    u = at_least_float32(u)
    largest = torch.cat([labels, labels.new_zeros(1)]).amax()
    counts_K = ranks.sum(torch.bincount(labels, minlength=int(ranks.maximum(largest)) + 1).to(torch.float64))
    total = counts_K.sum().clamp_min(1)
    with without_autocast(u):
        rates = [
            (counts_K[label] / total).to(u.dtype)
            * _rate(u[labels == label], mu, eps2, gamma, total=int(counts_K[label]), ranks=ranks)
            for label in counts_K.nonzero()[:, 0].tolist()
        ]
        return torch.stack(rates).sum() if rates else u.sum()


def _rate(
    u: Float[Tensor, "B D"],
    mu: float | Float[Tensor, ""] | None,
    eps2: float | Float[Tensor, ""] | None,
    gamma: float | Float[Tensor, ""],
    *,
    total: int,
    ranks: Ranks,
) -> Float[Tensor, ""]:
    if mu is not None and eps2 is not None:
        raise ValueError("`tcr` takes one scale, `mu` or `eps2`, and both are given")
    dimension = u.shape[1]
    with remedied("give a smaller `mu` or a larger `eps2`, or rows in float64"):
        if eps2 is not None:
            return log_det_of_rows(u, gamma * dimension / (total * eps2), total=total, ranks=ranks) / 2
        return log_det_of_rows(u, gamma * (3.0 if mu is None else mu) / dimension, total=total, ranks=ranks)

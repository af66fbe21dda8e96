"""Total coding rate: the nats it takes to code the rows of a batch up to some distortion."""

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.log_determinant import log_det_of_rows
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def tcr(
    u: Float[Tensor, "B D"],
    *,
    mu: float | Float[Tensor, ""] | None = None,
    eps2: float | Float[Tensor, ""] | None = None,
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
        ranks: that share the batch.

    Returns:
        Scalar: nats of all rows together, doubled (mu), or nats a row (eps2); without the constants of an entropy.

    Raises:
        ValueError: both scales are given.

    Source: mu: Tan et al. 2024 (M-MAE), arXiv:2309.17281. eps2: Yu et al. 2020 (MCR2), arXiv:2006.08558, and
    Tong et al. 2023 (EMP-SSL), arXiv:2304.03977. Differs from lightly's EMP-SSL, which adds the rate to the loss (and
    so minimises it) and does not normalise rows; and from codes that gather without gradient, whose gradient is divided
    by the number of ranks (M-MAE).
    """
    if mu is not None and eps2 is not None:
        raise ValueError("`tcr` takes one scale, `mu` or `eps2`, and both are given")
    u = at_least_float32(u)
    dimension = u.shape[1]
    with without_autocast(u):
        total = sum(ranks.counts(len(u)))
        if eps2 is not None:
            return log_det_of_rows(u, dimension / (total * eps2), total=total, ranks=ranks) / 2
        return log_det_of_rows(u, (3.0 if mu is None else mu) / dimension, total=total, ranks=ranks)

"""Entropy from the distances of nearest neighbours (Kozachenko, Leonenko), for measuring."""

# Shape suffixes: N rows, D dimension.

import math
from typing import assert_never

import numpy as np
from jaxtyping import Float
from scipy.special import digamma
from torch import Tensor

from mvib.estimators.neighbours import Norm, check_number, nearest, number, table
from mvib.estimators.ranks import ALONE, Ranks


def kozachenko_leonenko(
    z: Float[Tensor, "B *D"], *, k: int = 3, norm: Norm = "max", ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Consistent estimate of the differential entropy H(Z) in nats from the distances of the k-th nearest neighbours.

    psi(N) - psi(k) + log c_D + D mean_i log e_i, where e_i is the distance of row i to its k-th nearest other row and
    c_D the volume of the unit ball: 2^D for the max-norm, pi^(D/2) / Gamma(1 + D/2) for the Euclidean one. Neither an
    upper nor a lower bound. The bias grows with the dimension, where balls reach out of the support: with 1,000 rows it
    is 0.3 nats in 4 dimensions and 1.4 in 8 for a uniform density, and 1.1 in 16 for a Gaussian one, all upwards.

    Args:
        z: rows of a continuous variable, or one number a row.
        k: number of neighbours; more have less variance and more bias.
        norm: of the distances. The Euclidean estimate is invariant to rotations; both are to shifts, and satisfy
            H(aZ) = H(Z) + D log|a|.
        ranks: that share the batch.

    Returns:
        Scalar, nats, without gradient.

    Raises:
        ValueError: k is not below the number of rows; NaN or infinity; a row that is repeated more than k times.

    Source: Kozachenko, Leonenko 1987; Kraskov, Stoegbauer, Grassberger 2004, arXiv:cond-mat/0305641, eq. 20,
    whose epsilon is 2 e_i. Differs from NPEET: nats, not bits, and no noise is added.
    """
    rows = table(z, ranks)
    num_rows, dimension = rows.shape
    check_number(k, num_rows)
    distances, _ = nearest(rows, k, norm)
    radius = distances[:, -1]
    if not radius.all():
        raise ValueError(
            f"a row repeats more than {k} times, so that its density has no finite estimate: a continuous variable has "
            "no such rows; add a little noise, leave the copies out, or give a larger k"
        )
    match norm:
        case "max":
            log_volume = dimension * math.log(2)
        case "euclidean":
            log_volume = dimension / 2 * math.log(math.pi) - math.lgamma(1 + dimension / 2)
        case _:
            assert_never(norm)
    return number(digamma(num_rows) - digamma(k) + log_volume + dimension * np.log(radius).mean(), z)

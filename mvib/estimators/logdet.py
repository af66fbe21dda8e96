"""The log-determinant entropy: that of a Gaussian with the second moments of the rows and some noise."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.gram import pair_moments
from mvib.estimators.log_determinant import gaussian_information, log_det_of_rows, log_det_one_plus, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.rows import centered

_REMEDY = "give a smaller `beta`, or rows of smaller scale, or in float64"


def logdet(
    z: Float[Tensor, "B D"], *, beta: float | Float[Tensor, ""] = 1.0, center: bool = False, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Upper bound on the differential entropy H(Z) in nats by that of a Gaussian of the same second moments.

    log det(I + beta z'z / N) / 2 + (D / 2) log(2 pi e / beta): the entropy of a Gaussian with the second moments of Z
    plus white noise of variance 1 / beta. The noise adds entropy, the Gaussian has the most among all densities of
    these moments, and uncentred moments exceed centred ones; so it is an upper bound on H(Z), exact for a centred
    Gaussian as beta and N / D go to infinity. (From few rows the moments themselves are underestimated.) The second
    part is `constant`; the papers leave it out, and minus the loss is then at least 0.

    Args:
        z: rows of the representation (`rows.raw`).
        beta: inverse variance of the noise, the resolution below which spread does not count; in inverse squared units
            of Z, greater than 0. In float32 the largest moment may exceed 1 / beta by no more than about 10^6.
        center: whether the mean is taken off first; the bound is then the tighter. False is the authors' formula.
        ranks: that share the batch.

    Returns:
        Scalar, nats.

    Raises:
        torch.linalg.LinAlgError: beta is too large for the precision of the rows.

    Source: Zhouyin, Liu 2021, arXiv:2105.03705; in place of the variance and covariance of VICReg: Shwartz-Ziv et al.
    2023, arXiv:2303.00633.
    """
    z = _prepared(z, center=center, ranks=ranks)
    with without_autocast(z), remedied(_REMEDY):
        total = sum(ranks.counts(len(z)))
        noisy = log_det_of_rows(z, beta / total, total=total, ranks=ranks) / 2
    return noisy + constant(z, beta=beta)


def information(
    z1: Float[Tensor, "B D1"],
    z2: Float[Tensor, "B D2"],
    *,
    beta: float | Float[Tensor, ""] = 1.0,
    center: bool = False,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) in nats by that of a Gaussian of the same second moments plus white noise.

    H(Z1) + H(Z2) - H(Z1, Z2), each by `logdet` with the same beta; at least 0. A Gaussian of the same moments may have
    more or less information than the variables, so it is no bound; for jointly Gaussian centred ones it is exact as
    beta and N / D go to infinity. It is what `ldmi` is with eps = 1 / beta, there centred and in float64.

    Args:
        z1: rows of one variable (`rows.raw`).
        z2: rows of the other, row i from the same example as row i of `z1`.
        beta: inverse variance of the noise, greater than 0.
        center: whether the means are taken off first.
        ranks: that share the batch.

    Returns:
        Scalar, nats.
    """
    z1, z2 = (_prepared(z, center=center, ranks=ranks) for z in (z1, z2))
    with without_autocast(z1), remedied(_REMEDY):
        return gaussian_information(z1, z2, noise=1 / beta, ranks=ranks)


def conditional_entropy(
    z1: Float[Tensor, "B D1"],
    z2: Float[Tensor, "B D2"],
    *,
    beta: float | Float[Tensor, ""] = 1.0,
    center: bool = False,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Upper bound on H(Z1 | Z2) in nats by the conditional entropy of a Gaussian of the same second moments.

    H(Z1, Z2) - H(Z2), both by `logdet`: the entropy of the error of the best linear prediction of Z1 from Z2, both
    with white noise of variance 1 / beta.

    Args:
        z1: rows of the variable (`rows.raw`).
        z2: rows of the condition, row i from the same example as row i of `z1`.
        beta: inverse variance of the noise, greater than 0.
        center: whether the means are taken off first.
        ranks: that share the batch.

    Returns:
        Scalar, nats; the constant is in it.
    """
    z1, z2 = (_prepared(z, center=center, ranks=ranks) for z in (z1, z2))
    with without_autocast(z1), remedied(_REMEDY):
        _, moment2, joint, total = pair_moments(z1, z2, ranks=ranks)
        scale = beta / total
        noisy = (log_det_one_plus(scale, joint) - log_det_one_plus(scale, moment2)) / 2
    return noisy + constant(z1, beta=beta)


def constant(
    z: Float[Tensor, "B D"],
    *given: Float[Tensor, "B D2"],
    beta: float | Float[Tensor, ""] = 1.0,
    center: bool = False,
    ranks: Ranks = ALONE,
) -> float | Float[Tensor, ""]:
    """Return the entropy of the noise alone in nats, (D / 2) log(2 pi e / beta); 0 where a second variable is given."""
    if given:
        return 0.0
    log_beta = torch.log(beta) if isinstance(beta, Tensor) else math.log(beta)
    return z.shape[1] / 2 * (math.log(2 * math.pi * math.e) - log_beta)


def _prepared(z: Float[Tensor, "B D"], *, center: bool, ranks: Ranks) -> Float[Tensor, "B D"]:
    return centered(z, ranks=ranks) if center else at_least_float32(z)

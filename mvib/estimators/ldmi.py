"""Log-determinant mutual information: what a linear prediction says of the other view."""

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.log_determinant import gaussian_information, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def ldmi(
    c1: Float[Tensor, "B D1"],
    c2: Float[Tensor, "B D2"],
    *,
    eps: float | Float[Tensor, ""] = 1e-3,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) in nats by the log-determinants of covariances (LDMI).

    (log det(R1 + eps I) - log det(R1 - R12 (R2 + eps I)^-1 R21 + eps I)) / 2, R the biased covariances; the same in
    both directions. It is the information of a Gaussian of the same covariances and noise of variance eps: no bound for
    other laws, 0 for uncorrelated ones however dependent. With N <= D1 + D2 rows R1 - R12 R2^-1 R21 is singular, and
    the value is set by eps. Computed in float64, as by the authors, since eps may lie below the resolution of float32.

    Args:
        c1: one view, columns centred (`rows.centered`).
        c2: the other, row i from the same example as row i of `c1`.
        eps: variance added to every dimension, greater than 0.
        ranks: that share the batch.

    Returns:
        Scalar, nats, at least 0, in the precision of the rows.

    Raises:
        torch.linalg.LinAlgError: eps is too small for the variances of the rows.

    Source: Ozsoy et al. 2022 (CorInfoMax), arXiv:2209.07999, after Erdogan 2022. The loss of CorInfoMax keeps running
    covariances and replaces the second log-determinant by the squared error of the views; the value its official code
    tracks is 4 / D of this one, the half being left out and both directions added.
    """
    with without_autocast(c1), remedied("give more rows, or a larger `eps`, which is added to every variance"):
        return gaussian_information(c1.double(), c2.double(), noise=eps, ranks=ranks).to(at_least_float32(c1).dtype)

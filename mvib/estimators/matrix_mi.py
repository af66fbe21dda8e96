"""Matrix-based mutual information: the Renyi entropies of two kernels less that of their product."""

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.kernel_sums import entropies_of_order_two
from mvib.estimators.matrix_entropy import matrix_entropy
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.renyi import Kernel, kernel_features, kernel_matrix


def matrix_mi(
    z1: Float[Tensor, "B D1"],
    z2: Float[Tensor, "B D2"],
    *,
    order: float = 2.0,
    kernel: Kernel = "linear",
    sigma: float | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) by the matrix-based mutual information of kernels, in nats.

    H(Z1) + H(Z2) - H(Z1, Z2), each by `renyi`. A quantity of its own, no bound on I(Z1; Z2). At least 0 for order 1;
    for other orders it can be negative, and is left so.

    Args:
        z1: rows of one variable (`rows.raw`).
        z2: rows of the other, row i from the same example as row i of `z1`.
        order: greater than 0.
        kernel: of pairs of rows, each variable with its own.
        sigma: bandwidth of the gaussian kernel; None for sqrt(D) / 4 of each variable.
        ranks: that share the batch.

    Returns:
        Scalar, nats.

    Source: Giraldo, Rao, Principe 2015, arXiv:1211.2459; Yu et al. 2020, arXiv:1808.07912; for self-supervision: Tan et
    al. 2023, arXiv:2305.17326.
    """
    precision = at_least_float32(z1).dtype
    z1, z2 = (at_least_float32(z) if order == 2 else z.double() for z in (z1, z2))
    with without_autocast(z1):
        features = [kernel_features(z, kernel=kernel, sigma=sigma, ranks=ranks) for z in (z1, z2)]
        if order == 2:
            entropy1, entropy2, joint = entropies_of_order_two(features, gaussian=kernel == "gaussian").unbind()
            return entropy1 + entropy2 - joint
        kernel1, kernel2 = (kernel_matrix(feature, kernel=kernel) for feature in features)
        entropy1, entropy2, joint = (
            matrix_entropy(matrix, order=order) for matrix in (kernel1, kernel2, kernel1 * kernel2)
        )
        return (entropy1 + entropy2 - joint).to(precision)

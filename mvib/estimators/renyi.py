"""Matrix-based Renyi entropy: the entropy of the spectrum of a kernel matrix of the rows."""

# Shape suffixes: B batch of this rank, N batch of all ranks, D dimension, M side of a square matrix.

import math
from functools import reduce
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.gram import gram, second_moment, smaller_side
from mvib.estimators.kernel_sums import entropies_of_order_two
from mvib.estimators.matrix_entropy import matrix_entropy
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.rows import unit

Kernel = Literal["linear", "gaussian"]


def renyi(
    *variables: Float[Tensor, "B _"],
    order: float = 2.0,
    kernel: Kernel = "gaussian",
    sigma: float | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(Z), or of the joint H(Z1, Z2, ...), by the matrix-based Renyi entropy of a kernel, in nats.

    log(tr A^order) / (1 - order) with A = K / tr K, and -tr A log A for order 1; K_ij is the cosine of rows i and j
    (linear), or exp(-|z_i - z_j|^2 / (2 sigma^2)) (gaussian), both of unit diagonal. The joint K is the product entry
    by entry of those of the variables, negative entries kept. It is the entropy of the spectrum of the kernel, a
    quantity of its own and not the differential entropy. In [0, log N]; linear: at most log D, or log D1 D2. A row of
    zeros has no direction, and is left out of a linear kernel; where all rows are zero the entropy is 0.

    With a linear kernel the spectrum is taken on the smaller side of the batch. Order 2 needs no eigenvalues; others
    are computed in float64, since a kernel of near rows is one but for the last digits.

    The linear kernel sees directions only. Against a term that draws two views together, as `mse` does, it holds
    nothing: the rows shrink until that term is gone. The gaussian kernel has a length, so it is the default; with
    sqrt(D) / 4 rows of unit variance, sqrt(2 D) apart, are told from each other, and near ones are pushed apart. On
    the digits VICReg with this entropy, D = 512, learns as well as with its own for sigma from 2 to 8, and collapses at
    sqrt(D / 2) = 16, which is usual for measuring.

    Args:
        variables: rows of each variable (`rows.raw`), row i of all from the same example.
        order: greater than 0; 1 is von Neumann's entropy, 2 minus the log of the mean squared kernel.
        kernel: of pairs of rows.
        sigma: bandwidth of the gaussian kernel; None for sqrt(D) / 4 of each variable.
        ranks: that share the batch.

    Returns:
        Scalar, nats (the authors count in bits).

    Source: Giraldo, Rao, Principe 2015, arXiv:1211.2459; linear with order 2 it is minus the log of the
    uniformity of U-MAE (Zhang et al. 2022, arXiv:2210.08344). Differs from U-MAE across ranks: its rows are gathered
    without gradient, which divides the gradient by their number.
    """
    precision = at_least_float32(variables[0]).dtype
    lifted = [at_least_float32(z) if order == 2 else z.double() for z in variables]
    with without_autocast(lifted[0]):
        moment = _linear_moment(lifted, ranks) if kernel == "linear" else None
        if moment is not None:
            return matrix_entropy(moment, order=order).to(precision)
        features = [kernel_features(z, kernel=kernel, sigma=sigma, ranks=ranks) for z in lifted]
        if order == 2:
            return entropies_of_order_two(features, gaussian=kernel == "gaussian")[-1]
        matrices = [kernel_matrix(feature, kernel=kernel) for feature in features]
        return matrix_entropy(reduce(torch.mul, matrices), order=order).to(precision)


def conditional_entropy(
    z1: Float[Tensor, "B D1"],
    z2: Float[Tensor, "B D2"],
    *,
    order: float = 2.0,
    kernel: Kernel = "gaussian",
    sigma: float | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(Z1 | Z2) by matrix-based entropies of kernels: H(Z1, Z2) - H(Z2), each by `renyi`, in nats.

    Args:
        z1: rows of the variable (`rows.raw`).
        z2: rows of the condition, row i from the same example as row i of `z1`.
        order: greater than 0.
        kernel: of pairs of rows, each variable with its own.
        sigma: bandwidth of the gaussian kernel; None for sqrt(D) / 4 of each variable.
        ranks: that share the batch.

    Returns:
        Scalar, nats, at least 0 for orders 1 and 2.
    """
    joint = renyi(z1, z2, order=order, kernel=kernel, sigma=sigma, ranks=ranks)
    return joint - renyi(z2, order=order, kernel=kernel, sigma=sigma, ranks=ranks)


def kernel_features(
    z: Float[Tensor, "B D"], *, kernel: Kernel, sigma: float | None, ranks: Ranks
) -> Float[Tensor, "N D"]:
    """Return the rows of all ranks as their kernel takes them: of unit norm, or in units of the bandwidth."""
    match kernel:
        case "linear":
            return ranks.rows(unit(z))
        case "gaussian":
            gathered = ranks.rows(z)
            # Distances are differences of norms and products, which lose their digits far from the origin.
            near = gathered - gathered.detach().mean(dim=0)
            return near / (math.sqrt(z.shape[1]) / 4 if sigma is None else sigma)
        case _:
            assert_never(kernel)


def kernel_matrix(features: Float[Tensor, "N D"], *, kernel: Kernel) -> Float[Tensor, "N N"]:
    """Return the kernel of all pairs of rows of `kernel_features`, 1 on the diagonal."""
    products = gram(features)
    if kernel == "linear":
        return products
    halves = products.diagonal() / 2
    return (products - halves - halves[:, None]).clamp(max=0).exp()


def _linear_moment(variables: list[Tensor], ranks: Ranks) -> Float[Tensor, "M M"] | None:
    """Return a matrix with the spectrum of the linear kernel but for zeros, where one is cheaper than N x N."""
    widths = [z.shape[1] for z in variables]
    total = sum(ranks.counts(len(variables[0])))
    if len(variables) == 1:
        return smaller_side(unit(variables[0]), ranks=ranks)[0]
    if math.prod(widths) ** 2 > total * sum(widths):
        return None
    # The product of kernels is the kernel of all products of features.
    return second_moment(reduce(_features, map(unit, variables)), ranks=ranks)


def _features(a: Float[Tensor, "B D1"], b: Float[Tensor, "B D2"]) -> Float[Tensor, "B D1*D2"]:
    """Return all products of a column of one with a column of the other."""
    return (a[:, :, None] * b[:, None, :]).flatten(start_dim=1)

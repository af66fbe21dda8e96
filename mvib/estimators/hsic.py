"""The Hilbert-Schmidt independence criterion, and its normalised form (CKA), read as surrogates of I(A; B)."""

# Shape suffixes: B rows of this rank, N rows of all ranks, R rows of a block.

from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import product
from mvib.estimators.kernels import (
    Bandwidth,
    bandwidth,
    gaussian_less_mean,
    log_mean_kernel,
    rows_of_this_rank,
    squared_distances,
    sum_over_rows,
)
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.rows import centered

Kernel = Literal["gaussian", "linear"]
Form = Literal["biased", "unbiased"]

# So many roundings of the sums behind a criterion are taken for nothing.
_ROUNDINGS = 32


def hsic(
    a: Float[Tensor, "B D"],
    b: Float[Tensor, "B E"],
    *,
    kernel: Kernel = "gaussian",
    sigma: Bandwidth = "median",
    form: Form = "biased",
    normalized: bool = False,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(A; B) by the dependence of two kernels (HSIC), or by their alignment (CKA).

    With kernel matrices K of `a` and L of `b`, and H = 1 - 11'/N, `biased` is tr(KHLH) / (N - 1)^2. `unbiased` is
    (tr(KL) + 1'K1 1'L1 / ((N-1)(N-2)) - 2 1'KL1 / (N-2)) / (N(N-3)) with the diagonals of K and L set to zero.
    `normalized` divides by sqrt(HSIC(A, A) HSIC(B, B)).

    Neither an upper nor a lower bound. For a kernel bounded by 1, such as the Gaussian, the population's HSIC is at
    most 2 I(A; B) (Pinsker), so that maximising it raises a loose lower bound; minimising it bounds nothing. It is zero
    iff A and B are independent for the Gaussian kernel, and iff they are uncorrelated for the linear one.

    Args:
        a: rows of one variable.
        b: rows of another, row i from the same example as row i of `a`; the widths may differ.
        kernel: `gaussian`, exp(-||x - x'||^2 / (2 sigma^2)), or `linear`, <x, x'>, which takes no sigma.
        sigma: bandwidth of the Gaussian kernel; `median` is the median distance of the rows of each variable, without
            gradient.
        form: `biased`, at least 2 rows, or `unbiased`, at least 4.
        normalized: whether to divide by the criterion of each variable with itself; at most 1 in absolute value, and
            0 where either is nothing but rounding: rows that all are equal, or equally far from each other.
        ranks: that share the batch.

    Returns:
        Scalar without unit. Multiply a biased one by ((N - 1) / N)^2 for tr(KHLH) / N^2.

    Raises:
        ValueError: fewer rows than the form needs.

    Source: Gretton, Bousquet, Smola, Schoelkopf 2005, eq. 9 (biased); Song et al. 2012 (unbiased); CKA:
    Kornblith et al. 2019, arXiv:1905.00414. Differs from the code of Ma, Lewis, Kleijn 2020, arXiv:1908.01580: that
    divides by N^2, and its 2 sigma^2 is multiplied by the dimension. Differs from the code of Gretton et al. 2008 in
    the median: its 2 sigma^2 is the median squared distance, here half of it. No matrix of N x N is kept: rows go
    through in blocks, and the linear kernel of narrow variables needs their D x E covariance only.
    """
    a, b = at_least_float32(a), at_least_float32(b)
    rows = rows_of_this_rank(len(a), ranks)
    with without_autocast(a):
        all_a, all_b = centered(ranks.rows(a)), centered(ranks.rows(b))
        num_rows = len(all_a)
        least = 2 if form == "biased" else 4
        if num_rows < least:
            raise ValueError(f"{form} HSIC needs at least {least} rows and has {num_rows}: enlarge the batch")
        pairs = ((0, 0), (0, 1), (1, 1)) if normalized else ((0, 1),)
        match kernel:
            case "gaussian":
                sigmas = [bandwidth(sigma, z, ranks) for z in (all_a, all_b)]
                means = [log_mean_kernel(z, width, ranks) for z, width in zip((all_a, all_b), sigmas, strict=True)]

                def statistics(start: int, stop: int) -> Float[Tensor, " S"]:
                    kernels = []
                    for z, width, mean in zip((all_a, all_b), sigmas, means, strict=True):
                        squares = squared_distances(z[start:stop], z, diagonal=start)
                        kernels.append(gaussian_less_mean(squares, width, mean))
                        if form == "unbiased":
                            kernels[-1].diagonal(start).zero_()
                    return torch.cat([_products(kernels[i], kernels[j]) for i, j in pairs])

                sums = ranks.sum(sum_over_rows(statistics, rows, num_columns=num_rows)).view(len(pairs), 4)
                parts = [_parts(each, num_rows, form) for each in sums.unbind()]
            case "linear":
                both = (all_a, all_b)
                parts = [_linear_parts(both[i], both[j], rows, form, ranks) for i, j in pairs]
            case _:
                assert_never(kernel)
    scale = 1 / (num_rows - 1) ** 2 if form == "biased" else 1 / (num_rows * (num_rows - 3))
    if not normalized:
        return (parts[0][0] - parts[0][1]) * scale
    cross = parts[1][0] - parts[1][1]
    norms = [_root_of_difference(added, taken) for added, taken in (parts[0], parts[2])]
    is_nothing = (norms[0] == 0) | (norms[1] == 0)
    return (cross / (norms[0] * norms[1]).masked_fill(is_nothing, 1.0)).masked_fill(is_nothing, 0.0)


def _products(kernel_a: Float[Tensor, "R N"], kernel_b: Float[Tensor, "R N"]) -> Float[Tensor, " 4"]:
    """What a block of rows of two kernel matrices K, L adds to tr(KL), 1'KL1, 1'K1 and 1'L1."""
    sums_a_R, sums_b_R = kernel_a.sum(dim=1), kernel_b.sum(dim=1)
    return torch.stack(((kernel_a * kernel_b).sum(), sums_a_R @ sums_b_R, sums_a_R.sum(), sums_b_R.sum()))


def _root_of_difference(added: Float[Tensor, ""], taken: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """Root of the criterion of a variable with itself; 0 where nothing is left of it but rounding."""
    difference = added - taken
    is_rounding = difference <= _ROUNDINGS * torch.finfo(added.dtype).eps * added
    return difference.masked_fill(is_rounding, 1.0).sqrt().masked_fill(is_rounding, 0.0)


def _parts(sums: Float[Tensor, " 4"], num_rows: int, form: Form) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """What the criterion adds, and what it takes off, from tr(KL), 1'KL1, 1'K1 and 1'L1; up to a factor.

    For `unbiased` the diagonals of K and L are zero. Both forms are blind to a constant added to a kernel off the
    diagonal (unbiased) or everywhere (biased), so that the kernel less its mean serves both.
    """
    n = num_rows
    products, row_products, sum_k, sum_l = sums.unbind()
    match form:
        case "biased":
            return products + sum_k / n * (sum_l / n), 2 / n * row_products
        case "unbiased":
            return products + sum_k / (n - 1) * (sum_l / (n - 2)), 2 / (n - 2) * row_products
        case _:
            assert_never(form)


def _linear_parts(
    c1: Float[Tensor, "N D"], c2: Float[Tensor, "N E"], rows: range, form: Form, ranks: Ranks
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The same of linear kernels, from centred rows: tr(KHLH) is the squared norm of c1'c2."""
    n, mine = len(c1), slice(rows.start, rows.stop)

    def products(start: int, stop: int) -> Float[Tensor, " 1"]:
        return (product(c1[start:stop], c1.T) * product(c2[start:stop], c2.T)).sum()[None]

    if c1.shape[1] * c2.shape[1] <= n * (c1.shape[1] + c2.shape[1]):
        squares = ranks.sum(product(c1[mine].T, c2[mine])).square().sum()
    else:
        squares = ranks.sum(sum_over_rows(products, rows, num_columns=n)).squeeze()
    match form:
        case "biased":
            return squares, torch.zeros_like(squares)
        case "unbiased":
            norms1_N, norms2_N = c1.square().sum(dim=1), c2.square().sum(dim=1)
            sums = norms1_N.sum() / (n - 1) * (norms2_N.sum() / (n - 2))
            # With zero diagonals the rows of the kernel matrices sum to minus the squared norms.
            return squares + sums, n / (n - 2) * (norms1_N @ norms2_N)
        case _:
            assert_never(form)

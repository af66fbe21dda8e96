"""The maximum mean discrepancy of codes and draws of a prior, read as a surrogate of D(A || prior)."""

# Shape suffixes: B rows of this rank, N rows of all ranks, M drawn rows of all ranks.

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.kernels import (
    Bandwidth,
    bandwidth,
    gaussian_less_one,
    rows_of_this_rank,
    squared_distances,
    sum_over_rows,
)
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks

Form = Literal["u", "v"]


def mmd(
    z: Float[Tensor, "B D"],
    drawn: Float[Tensor, "C D"],
    *,
    sigma: Bandwidth | None = None,
    form: Form = "u",
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of the divergence D(A || prior) by the squared distance of two kernel means (MMD).

    mean k(z, z') + mean k(p, p') - 2 mean k(z, p) with k(x, y) = exp(-||x - y||^2 / (2 sigma^2)). Form `v` takes the
    means over all pairs; it is at least zero, and biased upwards. Form `u` leaves out the pairs of a row with itself;
    its expectation is the squared distance of the distributions, and a batch may give a negative number.

    Neither an upper nor a lower bound of a relative entropy. In expectation it is zero iff the codes follow the prior.

    Args:
        z: codes, the rows of the aggregate posterior; at least 2 for form `u`.
        drawn: rows drawn from the prior, afresh for each batch; at least 2 for form `u`. Any number, not only as many
            as codes.
        sigma: bandwidth; None is sqrt(D) / 2 for D dimensions, which suits a prior of unit variance, and `median` the
            median distance of the drawn rows; neither depends on a parameter. Rows of unit variance are sqrt(2 D)
            apart: a bandwidth of 1 sees none of them near, and gives no gradient, from about 30 dimensions on.
        form: `u` or `v` statistic.
        ranks: that share the batch.

    Returns:
        Scalar without unit, between -2 and 2.

    Raises:
        ValueError: fewer rows than the form needs.

    Source: Gretton et al. 2012, eq. 3 (u) and 5 (v); as the divergence of InfoVAE: Zhao, Song, Ermon 2017,
    arXiv:1706.02262. The bandwidth is that of the example of pixyz, which writes sigma2 for 2 sigma^2 (its
    function has 2 by default). Differs from it: pixyz divides the sums by numbers of dimensions instead of rows, which
    scales its value by N^2 / D^2.
    """
    z = at_least_float32(z)
    drawn = drawn.to(z.dtype)
    rows, rows_drawn = rows_of_this_rank(len(z), ranks), rows_of_this_rank(len(drawn), ranks)
    with without_autocast(z):
        codes, draws = ranks.rows(z), ranks.rows(drawn)
        if form == "u" and min(len(codes), len(draws)) < 2:
            raise ValueError("the u form of mmd needs at least 2 rows of each kind: enlarge the batch, or take form: v")
        origin = draws.mean(dim=0)
        codes, draws = codes - origin, draws - origin
        scale = math.sqrt(z.shape[1]) / 2 if sigma is None else bandwidth(sigma, draws, ranks)

        # Constants cancel in the estimate, so that the kernel less one gives it with fewer digits lost.
        def of_codes(start: int, stop: int) -> Float[Tensor, " 2"]:
            some = codes[start:stop]
            own = gaussian_less_one(squared_distances(some, codes, diagonal=start), scale).sum()
            return torch.stack((own, gaussian_less_one(squared_distances(some, draws), scale).sum()))

        def of_draws(start: int, stop: int) -> Float[Tensor, " 1"]:
            some = draws[start:stop]
            return gaussian_less_one(squared_distances(some, draws, diagonal=start), scale).sum()[None]

        own, cross = ranks.sum(sum_over_rows(of_codes, rows, num_columns=len(codes) + len(draws))).unbind()
        own_drawn = ranks.sum(sum_over_rows(of_draws, rows_drawn, num_columns=len(draws))).squeeze()
    n, m = len(codes), len(draws)
    match form:
        case "u":
            return own / (n * (n - 1)) + own_drawn / (m * (m - 1)) - 2 * cross / (n * m)
        case "v":
            return own / n**2 + own_drawn / m**2 - 2 * cross / (n * m)
        case _:
            assert_never(form)

"""Information from the numbers of nearest neighbours (Kraskov, Stoegbauer, Grassberger), for measuring."""

# Shape suffixes: N rows, D dimension, K neighbours.

import warnings
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray
from scipy.special import digamma
from torch import Tensor

from mvib.estimators.neighbours import TiesWarning, check_number, count_within, nearest, number, table
from mvib.estimators.ranks import ALONE, Ranks

Variant = Literal[1, 2, "mixed"]

_JITTER = 1e-10

# Up to this share of its rows a sample of continuous variables may have ties, from what recorded it.
_MOST_TIES = 0.05


def ksg(
    a: Float[Tensor, "B *D"],
    b: Float[Tensor, "B *E"],
    *,
    k: int = 3,
    variant: Variant = 1,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Consistent estimate of I(A; B) in nats from the numbers of neighbours of each row in A, in B and in both.

    Let e_i be the distance of (a_i, b_i) to its k-th nearest other row in the max-norm of both, and psi the digamma
    function.

    Variant 1: psi(k) + psi(N) - mean_i( psi(n_a + 1) + psi(n_b + 1) ), with n_a the number of other rows nearer than
    e_i in A, strictly. Variant 2: psi(k) - 1/k + psi(N) - mean_i( psi(n_a) + psi(n_b) ), with n_a the number of other
    rows at most as far in A as the furthest in A of the k nearest neighbours. Variant `mixed`: mean_i( psi(k_i) + log N
    - psi(m_a) - psi(m_b) ), where m_a counts as variant 1, with the row itself; where e_i is zero, k_i and m_a are the
    numbers of rows equal to row i, else k_i is k. It is the plug-in estimate for discrete variables, up to psi for log.

    Neither an upper nor a lower bound. It underestimates strong dependence: to find I nats takes of the order of exp(I)
    rows. Variant 1 has the smaller variance, variant 2 the smaller bias in many dimensions.

    Args:
        a: rows of one variable, or one number a row. Columns of very different scale should be standardised first: the
            max-norm sees the widest one.
        b: rows of another, row i from the same example as row i of `a`.
        k: number of neighbours; more have less variance and more bias.
        variant: 1 and 2 are for continuous variables, without ties; where some pairs of rows are repeated, normal noise
            of 1e-10 standard deviations, always the same, is added to all. `mixed` is for any, also discrete ones and
            mixtures, and adds no noise; of rounded numbers that repeat it gives the information of the rounded ones.
        ranks: that share the batch.

    Returns:
        Scalar, nats, without gradient. Slightly negative values of independent variables are left as they are.

    Raises:
        ValueError: k is not below the number of rows; NaN or infinity; for variants 1 and 2, more than a twentieth of
            the rows repeat, or noise does not tell them apart.

    Warns:
        TiesWarning: variants 1 and 2 have repeated rows, or a variable that is discrete; variant 2 is then too low.

    Source: Kraskov, Stoegbauer, Grassberger 2004, arXiv:cond-mat/0305641, eq. 8 and 9; Gao, Kannan, Oh, Viswanath
    2017, arXiv:1709.06212, algorithm 1. Official code of `mixed`: wgao9/mixed_KSG, mixed.py at 240e205. As it, and
    unlike the paper, `mixed` has psi(m) and not log(m). Differs from NPEET: nats, not bits; noise only where rows
    repeat. The strict inequality is exact, where both codes subtract 1e-15 from e_i.
    """
    return number(information(table(a, ranks), table(b, ranks), k=k, variant=variant), a)


def information(x: Float64[ndarray, "N D"], y: Float64[ndarray, "N E"], *, k: int, variant: Variant) -> float:
    """Estimate the information of two tables in nats; see `ksg`."""
    num_rows = len(x)
    check_number(k, num_rows)
    distances_NK, places_NK = nearest(np.hstack((x, y)), k, "max")
    if variant != "mixed":
        ties = float((distances_NK[:, 0] == 0).mean())
        if ties:
            x, y = _with_noise(x, y)
            distances_NK, places_NK = nearest(np.hstack((x, y)), k, "max")
        if ties > _MOST_TIES or not distances_NK[:, 0].all():
            raise ValueError(
                f"{ties:.0%} of the rows repeat, and variants 1 and 2 of ksg are for continuous variables: take its "
                "`variant: mixed` if one is discrete, or add noise of the size of the rounding if both are rounded"
            )
        _warn_of_ties(ties, (x, y), places_NK)
    if variant == 2:
        counts = [count_within(z, _furthest(z, places_NK)) - 1 for z in (x, y)]
        return float(digamma(k) - 1 / k + digamma(num_rows) - sum(digamma(n).mean() for n in counts))
    # Nothing lies between a distance and the number before it: strictly nearer than the k-th neighbour.
    below = np.nextafter(distances_NK[:, -1], 0)
    numbers_x, numbers_y = count_within(x, below), count_within(y, below)
    penalty = digamma(numbers_x).mean() + digamma(numbers_y).mean()
    if variant == 1:
        return float(digamma(k) + digamma(num_rows) - penalty)
    repeated = below == 0
    neighbours_N = np.full(num_rows, k)
    neighbours_N[repeated] = count_within(np.hstack((x, y)), below)[repeated]
    return float(digamma(neighbours_N).mean() + np.log(num_rows) - penalty)


def _warn_of_ties(
    ties: float, variables: tuple[Float64[ndarray, "N _"], ...], places_NK: Int64[ndarray, "N K"]
) -> None:
    """Warn where rows repeat, or where the neighbours of many rows have their very value of one of the variables."""
    remedy = "variants 1 and 2 of ksg are for continuous variables, and its `variant: mixed` is for others too"
    if ties:
        warnings.warn(
            f"{ties:.1%} of the rows repeat, and were told apart by noise; {remedy}", TiesWarning, stacklevel=3
        )
    elif any((_furthest(z, places_NK) == 0).mean() > _MOST_TIES for z in variables):
        warnings.warn(f"near rows are equal in one of the variables; {remedy}", TiesWarning, stacklevel=3)


def _furthest(z: Float64[ndarray, "N D"], places: ndarray) -> Float64[ndarray, " N"]:
    """Return the largest max-norm distance of each row to its neighbours, in one of the two variables."""
    furthest: Float64[ndarray, " N"] = np.abs(z[places] - z[:, None]).max(axis=(1, 2))
    return furthest


def _with_noise(*tables: Float64[ndarray, "N _"]) -> list[Float64[ndarray, "N _"]]:
    """Tell repeated rows apart by noise too small to matter otherwise."""
    draws = np.random.default_rng(0)
    return [z + _JITTER * z.std(axis=0) * draws.standard_normal(z.shape) for z in tables]

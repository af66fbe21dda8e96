"""Whether a vector is a non-negative combination of others, in exact numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
import numpy.typing as npt

from mvib.theory.expression import Rational
from mvib.theory.space import Integers

# Up to this many entries our own active sets spare the import of scipy, which takes longer than any of these proofs.
_LARGEST_OF_OUR_OWN = 3_000
# Above this many the simplex method of HiGHS is quicker than active sets.
_LARGEST_FOR_ACTIVE_SETS = 60_000
_TOLERANCE = 1e-9
_LARGEST_DENOMINATOR = 720


class InconclusiveError(Exception):
    """A linear programme was given up: it took too long, or its numbers are too close to call."""


@dataclass(frozen=True, slots=True)
class Combination:
    """The rows that are used with their multipliers."""

    multipliers: tuple[tuple[int, Rational], ...]


@dataclass(frozen=True, slots=True)
class Ray:
    """A direction in which no row decreases while the target does: there is no such combination."""

    direction: npt.NDArray[np.float64]


def combine(rows: Integers, num_free: int, target: Sequence[Rational], seconds: float) -> Combination | Ray:
    """Write a target as a combination of rows with multipliers that are at least zero, but for the last ones.

    Args:
        rows: `(K, M)`.
        num_free: how many of the last rows may have any multiplier.
        target: `(M,)`.
        seconds: after which the programme is given up.

    Raises:
        InconclusiveError: it took too long.
    """
    scale = lcm(*(value.denominator for value in target)) if target else 1
    whole = np.array([int(value * scale) for value in target], dtype=np.int64)
    signed = np.concatenate([rows, -rows[len(rows) - num_free :]]) if num_free else rows
    found = _solve(signed, whole, seconds)
    if isinstance(found, Ray):
        return found
    support = np.flatnonzero(found > _TOLERANCE).tolist()
    exact = _rounded(signed, support, whole, found)
    if exact is None:
        exact = _eliminated(signed, support, whole)
    if exact is None:
        raise InconclusiveError
    total: dict[int, Rational] = {}
    for row, value in zip(support, exact, strict=True):
        place, sign = (row, 1) if row < len(rows) else (row - num_free, -1)
        total[place] = total.get(place, 0) + sign * (value if scale == 1 else Fraction(value) / scale)
    return Combination(tuple((row, value) for row, value in total.items() if value))


def _solve(rows: Integers, target: Integers, seconds: float) -> npt.NDArray[np.float64] | Ray:
    if not len(rows):
        return np.zeros(0) if not target.any() else Ray(-target.astype(np.float64))
    if rows.size > _LARGEST_FOR_ACTIVE_SETS:
        return _solve_programme(rows, target, seconds)
    matrix, right = rows.T.astype(np.float64), target.astype(np.float64)
    found = least_squares(matrix, right) if rows.size <= _LARGEST_OF_OUR_OWN else None
    if found is None:
        from scipy.optimize import nnls  # noqa: PLC0415 -- slow to import, and most proofs need none of it

        try:
            found, _ = nnls(matrix, right)
        except RuntimeError:
            return _solve_programme(rows, target, seconds)
    left = matrix @ found - right
    if float(np.abs(left).max(initial=0)) <= _TOLERANCE * (1 + float(np.abs(right).max(initial=0))):
        return found
    return Ray(left)


def least_squares(matrix: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """The x >= 0 that makes |A x - b| least, by active sets (Lawson and Hanson 1974, algorithm NNLS).

    Args:
        matrix: A, `(M, K)`.
        right: b, `(M,)`.

    Returns:
        x, `(K,)`, or None where rounding makes the sets go round in circles.
    """
    num = matrix.shape[1]
    x = np.zeros(num)
    active: list[int] = []
    slope = matrix.T @ right
    for _ in range(3 * num):
        slope[active] = 0
        entering = int(slope.argmax())
        if slope[entering] <= _TOLERANCE:
            return x
        active.append(entering)
        while True:
            inside = matrix[:, active]
            best = np.linalg.lstsq(inside, right, rcond=None)[0]
            if (best > _TOLERANCE).all():
                break
            if best[-1] <= _TOLERANCE and active[-1] == entering and x[entering] == 0:
                return None
            now = x[active]
            falling = best <= _TOLERANCE
            step = float((now[falling] / (now[falling] - best[falling])).min())
            now = now + step * (best - now)
            x[active] = np.where(now > _TOLERANCE, now, 0)
            active = [k for k, value in zip(active, now, strict=True) if value > _TOLERANCE]
        x[active] = best
        slope = matrix.T @ (right - inside @ best)
    return None


def _solve_programme(rows: Integers, target: Integers, seconds: float) -> npt.NDArray[np.float64] | Ray:
    from scipy.optimize import linprog  # noqa: PLC0415 -- likewise
    from scipy.sparse import csr_array  # noqa: PLC0415 -- likewise

    matrix = csr_array(rows.astype(np.float64))
    # The dual has the small number of unknowns: a polymatroid on which the target is negative, or none.
    found = linprog(
        target.astype(np.float64),
        A_ub=-matrix,
        b_ub=np.zeros(len(rows)),
        bounds=(-1, 1),
        method="highs-ds",
        options={"time_limit": seconds},
    )
    if found.status != 0:
        raise InconclusiveError
    if found.fun < -1e-7:
        return Ray(found.x)
    multipliers = linprog(
        np.ones(len(rows)),
        A_eq=matrix.T,
        b_eq=target.astype(np.float64),
        method="highs-ds",
        options={"time_limit": seconds},
    )
    if multipliers.status != 0:
        raise InconclusiveError
    return multipliers.x  # type: ignore[no-any-return]


def _rounded(
    rows: Integers, support: Sequence[int], target: Integers, found: npt.NDArray[np.float64]
) -> Sequence[Rational] | None:
    """The multipliers with small denominators, if they are exact."""
    values = [Fraction(float(found[row])).limit_denominator(_LARGEST_DENOMINATOR) for row in support]
    scale = lcm(*(value.denominator for value in values)) if values else 1
    if scale > 2**40:
        return None
    whole = np.array([int(value * scale) for value in values], dtype=np.int64)
    if not np.array_equal(whole @ rows[list(support)], target * scale):
        return None
    return [int(value) for value in values] if scale == 1 else values


def _eliminated(rows: Integers, support: Sequence[int], target: Integers) -> list[Fraction] | None:
    """The multipliers by elimination in fractions; None if they are no solution or one is negative."""
    num = len(support)
    table = [[Fraction(int(rows[row, k])) for row in support] + [Fraction(int(target[k]))] for k in range(len(target))]
    pivots: list[int] = []
    for column in range(num):
        pivot = next((k for k in range(len(pivots), len(table)) if table[k][column]), None)
        if pivot is None:
            return None
        top = len(pivots)
        table[top], table[pivot] = table[pivot], table[top]
        lead = table[top][column]
        table[top] = [value / lead for value in table[top]]
        for k, line in enumerate(table):
            if k != top and line[column]:
                factor = line[column]
                table[k] = [a - factor * b for a, b in zip(line, table[top], strict=True)]
        pivots.append(column)
    if any(line[num] for line in table[num:]):
        return None
    values = [table[k][num] for k in range(num)]
    return values if all(value >= 0 for value in values) else None

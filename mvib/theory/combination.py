"""Whether a vector is a non-negative combination of others, in exact numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from time import monotonic

import numpy as np
import numpy.typing as npt

from mvib.theory.exact import adds_up, solve_exactly
from mvib.theory.expression import Rational
from mvib.theory.space import Integers

# Up to this many entries our own active sets are quicker than the simplex method of HiGHS, and spare its import.
_LARGEST_OF_OUR_OWN = 3_000
_INFEASIBLE = 2
Numbers = npt.NDArray[np.float64]

_TOLERANCE = 1e-9
# What is left of a zero after a few sums of numbers about one.
_ROUNDING = 1e-13
_LARGEST_DENOMINATOR = 720


class InconclusiveError(Exception):
    """A linear programme was given up; the argument says why."""


@dataclass(frozen=True, slots=True)
class Combination:
    """The rows that are used with their multipliers."""

    multipliers: tuple[tuple[int, Rational], ...]


@dataclass(frozen=True, slots=True)
class Ray:
    """A direction in which no row decreases while the target does: there is no such combination."""

    direction: Numbers


def combine(rows: Integers, num_free: int, target: Sequence[Rational], seconds: float) -> Combination | Ray:
    """Write a target as a combination of rows with multipliers that are at least zero, but for the last ones.

    Args:
        rows: `(K, M)`.
        num_free: how many of the last rows may have any multiplier.
        target: `(M,)`.
        seconds: after which the programme is given up.

    Raises:
        InconclusiveError: it took too long, or rounding hides the answer.
    """
    end = monotonic() + seconds
    scale = lcm(*(value.denominator for value in target)) if target else 1
    whole = [int(value * scale) for value in target]
    shared = gcd(*whole) or 1
    whole = [value // shared for value in whole]
    largest = max(map(abs, whole), default=0) or 1
    signed = np.concatenate([rows, -rows[len(rows) - num_free :]]) if num_free else rows
    found = _solve(signed, np.array([value / largest for value in whole], dtype=np.float64), end)
    if isinstance(found, Ray):
        return found
    support = np.flatnonzero(found > _ROUNDING).tolist()
    exact = _rounded(signed[support], whole, [float(found[row]) * largest for row in support])
    if exact is None:
        exact = solve_exactly(signed[support], whole, end)
    if exact is None or any(value < 0 for value in exact):
        raise InconclusiveError(_out_of_time(end) or "its numbers are too far apart")
    total: dict[int, Rational] = {}
    for row, value in zip(support, exact, strict=True):
        place, sign = (row, 1) if row < len(rows) else (row - num_free, -1)
        total[place] = total.get(place, 0) + sign * value * Fraction(shared, scale)
    return Combination(tuple((row, _plain(value)) for row, value in total.items() if value))


def _out_of_time(end: float) -> str:
    return "the time was up" if monotonic() > end else ""


def _plain(value: Rational) -> Rational:
    """A whole number as such: sums of them are quicker."""
    return int(value) if value.denominator == 1 else value


def _solve(rows: Integers, target: Numbers, end: float) -> Numbers | Ray:
    if not len(rows):
        return np.zeros(0) if not target.any() else Ray(-target)
    if rows.size > _LARGEST_OF_OUR_OWN:
        return _solve_programme(rows, target, end)
    matrix = rows.T.astype(np.float64)
    found = least_squares(matrix, target)
    if found is None:
        return _solve_programme(rows, target, end)
    left = matrix @ found - target
    return found if float(np.abs(left).max(initial=0)) <= _ROUNDING * 100 else Ray(left)


def least_squares(matrix: Numbers, right: Numbers) -> Numbers | None:
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
        if slope[entering] <= _ROUNDING:
            return x
        active.append(entering)
        while True:
            inside = matrix[:, active]
            best = np.linalg.lstsq(inside, right, rcond=None)[0]
            if (best > _ROUNDING).all():
                break
            if best[-1] <= _ROUNDING and active[-1] == entering and x[entering] == 0:
                return None
            now = x[active]
            falling = best <= _ROUNDING
            step = float((now[falling] / (now[falling] - best[falling])).min())
            now = now + step * (best - now)
            x[active] = np.where(now > _ROUNDING, now, 0)
            active = [k for k, value in zip(active, now, strict=True) if value > _ROUNDING]
        x[active] = best
        slope = matrix.T @ (right - inside @ best)
    return None


def _solve_programme(rows: Integers, target: Numbers, end: float) -> Numbers | Ray:
    from scipy.optimize import linprog  # noqa: PLC0415 -- slow to import, and most proofs need none of it
    from scipy.sparse import csr_array  # noqa: PLC0415 -- likewise

    matrix = csr_array(rows.astype(np.float64))

    def limit() -> dict[str, float]:
        return {"time_limit": max(end - monotonic(), 0.01)}

    multipliers = linprog(np.ones(len(rows)), A_eq=matrix.T, b_eq=target, method="highs", options=limit())
    if multipliers.status == 0:
        return np.asarray(multipliers.x)
    if multipliers.status != _INFEASIBLE:
        raise InconclusiveError(_out_of_time(end) or "its numbers are too far apart")
    # There are none: what proves it is a polymatroid on which the target is negative.
    nothing = np.zeros(len(rows))
    ray = linprog(target, A_ub=-matrix, b_ub=nothing, bounds=(-1, 1), method="highs", options=limit())
    if ray.status != 0 or ray.fun > -_TOLERANCE:
        raise InconclusiveError(_out_of_time(end) or "its numbers are too far apart")
    return Ray(np.asarray(ray.x))


def _rounded(rows: Integers, target: Sequence[int], found: Sequence[float]) -> list[Fraction] | None:
    """The multipliers with small denominators, if they are exact."""
    values = [Fraction(value).limit_denominator(_LARGEST_DENOMINATOR) for value in found]
    return values if adds_up(values, rows, target) else None

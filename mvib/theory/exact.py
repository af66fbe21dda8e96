"""Linear equations in whole numbers, solved exactly: modulo a prime first, then digit by digit (Dixon 1982)."""

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt, lcm
from time import monotonic

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

# Products of two numbers below it, a few thousand of them added up, stay below 2 to the 63.
_PRIME = 2**20 - 3
_MAX_DIGITS = 2048


def solve_exactly(rows: Integers, target: Sequence[int], end: float) -> list[Fraction] | None:
    """The multipliers of rows that add up to a target.

    Args:
        rows: `(K, M)`, linearly independent.
        target: `(M,)`.
        end: the time, as `time.monotonic` tells it, when it is given up.

    Returns:
        K fractions; None where there are none, where the rows depend on one another, or when the time is up.
    """
    columns = _pivots(rows)
    if columns is None:
        return None
    square = rows[:, columns].T
    inverse = _inverse(square)
    if inverse is None:
        return None
    rest: list[int] = [target[k] for k in columns]
    digits = [0] * len(rows)
    power, tried = 1, 1
    for count in range(1, _MAX_DIGITS + 1):
        if monotonic() > end:
            return None
        digit = inverse @ np.array([value % _PRIME for value in rest], dtype=np.int64) % _PRIME
        digits = [old + int(new) * power for old, new in zip(digits, digit, strict=True)]
        power *= _PRIME
        rest = [(value - int(done)) // _PRIME for value, done in zip(rest, square @ digit, strict=True)]
        if count == 2 * tried or not any(rest):
            tried = count
            found = _fractions(digits, power)
            if found is not None and adds_up(found, rows, target):
                return found
    return None


def _pivots(rows: Integers) -> list[int] | None:
    """Columns in which the rows are independent modulo the prime."""
    table = rows % _PRIME
    columns: list[int] = []
    for k in range(len(table)):
        nonzero = np.flatnonzero(table[k])
        if not len(nonzero):
            return None
        column = int(nonzero[0])
        columns.append(column)
        below = table[k + 1 :, column] * pow(int(table[k, column]), -1, _PRIME) % _PRIME
        table[k + 1 :] = (table[k + 1 :] - below[:, None] * table[k]) % _PRIME
    return columns


def _inverse(square: Integers) -> Integers | None:
    """The inverse modulo the prime."""
    size = len(square)
    table = np.concatenate([square % _PRIME, np.eye(size, dtype=np.int64)], axis=1)
    for k in range(size):
        candidates = np.flatnonzero(table[k:, k])
        if not len(candidates):
            return None
        pivot = k + int(candidates[0])
        table[[k, pivot]] = table[[pivot, k]]
        table[k] = table[k] * pow(int(table[k, k]), -1, _PRIME) % _PRIME
        factors = table[:, k].copy()
        factors[k] = 0
        table = (table - factors[:, None] * table[k]) % _PRIME
    return table[:, size:]


def _fractions(digits: Sequence[int], modulus: int) -> list[Fraction] | None:
    """Fractions with small terms that are these numbers modulo a power of the prime."""
    bound = isqrt(modulus // 2)
    common = 1
    found: list[Fraction] = []
    for value in digits:
        # Numbers that solve one system share most of their denominator.
        top, bottom = _smallest(value * common % modulus, modulus, bound)
        if not bottom or abs(bottom * common) > bound:
            return None
        common *= abs(bottom)
        found.append(Fraction(top if bottom > 0 else -top, common))
    return found


def _smallest(value: int, modulus: int, bound: int) -> tuple[int, int]:
    """Two numbers a and b, with a = b * value modulo, both small: half of Euclid's algorithm (Wang 1981)."""
    before, now = (modulus, 0), (value, 1)
    while now[0] > bound:
        quotient = before[0] // now[0]
        before, now = now, (before[0] - quotient * now[0], before[1] - quotient * now[1])
    return now


def adds_up(multipliers: Sequence[Fraction], rows: Integers, target: Sequence[int]) -> bool:
    """Whether multiples of rows are a target, in whole numbers of any size."""
    common = lcm(*(value.denominator for value in multipliers)) if multipliers else 1
    total = np.array([int(value * common) for value in multipliers], dtype=object) @ rows.astype(object)
    return all(int(have) == want * common for have, want in zip(total, target, strict=True))

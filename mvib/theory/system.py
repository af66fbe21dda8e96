"""A claim and all that is known about some variables as rows of whole numbers, and back from multipliers to steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
import numpy.typing as npt

from mvib.theory.combination import InconclusiveError
from mvib.theory.expression import Expression, Rational, Variables
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Measure, Reason, Step
from mvib.theory.space import Independence, Integers, Space

_LARGEST = 2**40


@dataclass(frozen=True, slots=True)
class _Source:
    """What a row of the system is.

    Attributes:
        scale: what it was multiplied by to be whole.
        elemental: its place among the elemental quantities, -1 for another thing.
        assumption: its place among the assumptions, likewise.
        symbol: the symbol, empty for another thing.
    """

    scale: int = 1
    elemental: int = -1
    assumption: int = -1
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """Rows that are at least zero, the last of them zero, and the claim.

    Attributes:
        space: the joint entropies.
        names: the variables that each block of the space stands for.
        rows: `(K, M)`, in the coordinates of the space, then symbols, then one.
        num_free: how many of the last rows are zero.
        target: the claim in the same coordinates.
        sources: what each row is.
        symbols: in the order of their coordinates.
        claim: as it was given.
        assumptions: likewise.
    """

    space: Space
    names: tuple[Variables, ...]
    rows: Integers
    num_free: int
    target: tuple[Rational, ...]
    sources: tuple[_Source, ...]
    symbols: tuple[str, ...]
    claim: Expression
    assumptions: tuple[Assumption, ...]

    def union(self, members: int) -> Variables:
        """The variables of a set of the space."""
        return frozenset[str]().union(*(names for k, names in enumerate(self.names) if members >> k & 1))

    def steps(self, multipliers: Iterable[tuple[int, Rational]]) -> tuple[Step, ...]:
        """The steps of a proof: the rows that are used, and the equalities by which the space was reduced."""
        used = [self._step(self.sources[row], value * self.sources[row].scale) for row, value in multipliers]
        rest = self.claim
        for step in used:
            rest -= step.expression(self.assumptions) * step.coefficient
        remaining = _in_blocks(rest, self.names)
        assert remaining is not None
        return (*used, *self._reducing_steps(remaining))

    def _step(self, source: _Source, coefficient: Rational) -> Step:
        if source.elemental >= 0:
            return self._elemental_step(source.elemental, coefficient)
        if source.assumption >= 0:
            return Step(coefficient, Reason.ASSUMPTION, assumption=source.assumption)
        return Step(coefficient, Reason.SYMBOL if source.symbol else Reason.POSITIVE, symbol=source.symbol)

    def _elemental_step(self, row: int, coefficient: Rational) -> Step:
        table = self.space.elementals
        first, second, given = (int(column[row]) for column in (table.first, table.second, table.given))
        measure = Measure(self.union(first), self.union(second), self.union(given))
        zero, by_assumption = self.space.zeros
        if not zero[row]:
            return Step(coefficient, Reason.SHANNON, measure)
        assumption = int(by_assumption[row])
        reason = Reason.SEPARATION if assumption < 0 else Reason.INDEPENDENCE
        return Step(coefficient, reason, measure, assumption=assumption)

    def _reducing_steps(self, remaining: dict[int, Rational]) -> list[Step]:
        """The equalities that bring what remains to zero: first closures, then splits of the largest sets."""
        closures, splits = self.space.closures, self.space.splits
        table, steps = self.space.elementals, []
        while remaining:
            one = max(remaining, key=lambda s: (closures[s] != s, s.bit_count()))
            coefficient = remaining.pop(one)
            if closures[one] != one or one == closures[0]:
                given = one if closures[one] != one else 0
                closed = closures[one]
                measure = Measure(self.union(closed & ~given), frozenset(), self.union(given))
                sign = -1 if given == one else 1
                steps.append(Step(sign * coefficient, Reason.FUNCTION, measure))
                changes = [(closed, coefficient)] if given == one else []
            else:
                row = splits[one]
                first, second, given = (int(column[row]) for column in (table.first, table.second, table.given))
                steps.append(self._elemental_step(row, -coefficient))
                changes = [(first | given, coefficient), (second | given, coefficient), (given, -coefficient)]
            for part, change in changes:
                if part:
                    value = remaining.pop(part, 0) + change
                    if value:
                        remaining[part] = value
        return steps

    def read_direction(self, direction: npt.NDArray[np.float64]) -> tuple[dict[Variables, float], dict[str, float]]:
        """The joint entropies and the symbols of a vector in the coordinates of the rows, the largest of them one."""
        width = self.space.reduction.shape[1]
        values = self.space.reduction @ direction[:width]
        scale = float(np.abs(values).max(initial=0)) or 1.0
        entropies = {self.union(s): float(values[s]) / scale for s in range(1, self.space.size)}
        return entropies, {name: float(direction[width + k]) / scale for k, name in enumerate(self.symbols)}


def build_system(
    claim: Expression,
    network: Network,
    assumptions: Sequence[Assumption],
    names: Sequence[Variables],
    *,
    functional: bool,
) -> System:
    """The system of a claim about some blocks of variables; assumptions about others are left out.

    Raises:
        KeyError: the network lacks a variable.
        InconclusiveError: too many entropies are left after reduction, or an assumption has numbers too far apart.
    """
    independences, relations = _given(assumptions, names)
    space = Space(
        network=network,
        blocks=tuple(map(network.mask, names)),
        functional=functional,
        independences=independences,
    )
    if not space.is_small:
        raise InconclusiveError(f"it takes {len(names)} variables, and too many of their entropies are different")
    symbols = sorted(set(claim.symbols).union(*(assumptions[k].expression.symbols for k in relations)))
    coordinates = _Coordinates(space, tuple(names), tuple(symbols))
    inequalities, places = space.inequalities
    equalities, zero_places = space.equalities
    units = np.zeros((len(symbols) + 1, coordinates.width + len(symbols) + 1), dtype=np.int64)
    units[:, coordinates.width :] = np.eye(len(symbols) + 1, dtype=np.int64)
    bounds, exact = (
        [(k, *_whole(coordinates.row(assumptions[k].expression))) for k in relations if is_exact(assumptions[k])]
        for is_exact in (lambda a: not a.is_equality, lambda a: a.is_equality)
    )
    rows = [
        _widened(inequalities, len(symbols) + 1),
        units,
        *(row[None] for _, row, _ in bounds),
        _widened(equalities, len(symbols) + 1),
        *(row[None] for _, row, _ in exact),
    ]
    sources = [
        *(_Source(elemental=place) for place in places),
        *(_Source(symbol=symbol) for symbol in [*symbols, ""]),
        *(_Source(scale=scale, assumption=k) for k, _, scale in bounds),
        *(_Source(elemental=place) for place in zero_places),
        *(_Source(scale=scale, assumption=k) for k, _, scale in exact),
    ]
    return System(
        space=space,
        names=tuple(names),
        rows=np.concatenate(rows),
        num_free=len(equalities) + len(exact),
        target=tuple(coordinates.row(claim)),
        sources=tuple(sources),
        symbols=tuple(symbols),
        claim=claim,
        assumptions=tuple(assumptions),
    )


@dataclass(frozen=True, slots=True)
class _Coordinates:
    """The coordinates of a system."""

    space: Space
    names: tuple[Variables, ...]
    symbols: tuple[str, ...]

    @property
    def width(self) -> int:
        return int(self.space.reduction.shape[1])

    def row(self, expression: Expression) -> list[Rational]:
        entropies = _in_blocks(expression, self.names)
        assert entropies is not None, "a set of the expression is no union of blocks"
        values: list[Rational] = [0] * self.width
        for members, coefficient in entropies.items():
            reduced = self.space.reduction[members]
            for k in np.flatnonzero(reduced).tolist():
                values[k] += coefficient * int(reduced[k])
        return [*values, *(expression.symbols.get(s, 0) for s in self.symbols), expression.constant]


def _given(assumptions: Sequence[Assumption], names: Sequence[Variables]) -> tuple[tuple[Independence, ...], list[int]]:
    """The independences about blocks, and the places of the other relations about them."""
    known = frozenset[str]().union(*names)
    independences, relations = [], []
    for k, assumption in enumerate(assumptions):
        if assumption.independence is None:
            if _in_blocks(assumption.expression, names) is not None:
                relations.append(k)
            continue
        first, second, given = assumption.independence
        sides = [_members(side & known, names) for side in (first - given, second - given)]
        condition = _members(given, names)
        if condition is not None and sides[0] and sides[1]:
            independences.append(Independence(sides[0], sides[1], condition, k))
    return tuple(independences), relations


def _members(variables: Variables, names: Sequence[Variables]) -> int | None:
    """The blocks that make up a set of variables; None if it is no union of blocks."""
    found, covered = 0, 0
    for k, block in enumerate(names):
        if block <= variables:
            found |= 1 << k
            covered += len(block)
    return found if covered == len(variables) else None


def _in_blocks(expression: Expression, names: Sequence[Variables]) -> dict[int, Rational] | None:
    """An expression by sets of blocks; None if a set is no union of blocks."""
    entropies: dict[int, Rational] = {}
    for variables, coefficient in expression.entropies.items():
        members = _members(variables, names)
        if members is None:
            return None
        entropies[members] = coefficient
    return entropies


def _widened(rows: Integers, more: int) -> Integers:
    """Rows with coordinates more that are zero."""
    wide = np.zeros((len(rows), rows.shape[1] + more), dtype=np.int64)
    wide[:, : rows.shape[1]] = rows
    return wide


def _whole(row: Sequence[Rational]) -> tuple[Integers, int]:
    """A row as whole numbers, and the factor that made it so."""
    scale = lcm(*(value.denominator for value in row))
    whole = [int(value * scale) for value in row]
    if max(map(abs, whole), default=0) > _LARGEST:
        raise InconclusiveError("its numbers are too far apart")
    return np.array(whole, dtype=np.int64), scale

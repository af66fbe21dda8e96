"""Information quantities as exact linear combinations of joint entropies, of symbols and of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import TypeVar

Variables = frozenset[str]
Rational = Fraction | int
_Key = TypeVar("_Key", Variables, str)


@dataclass(frozen=True, slots=True)
class Expression:
    """A linear combination of joint entropies H(S), of free symbols such as `eps`, and of one.

    Every quantity of Shannon is one: I(A; B | C) = H(A, C) + H(B, C) - H(A, B, C) - H(C). Zero coefficients and the
    entropy of nothing are left out, so that equal quantities are equal expressions.

    Attributes:
        entropies: coefficient of the joint entropy of each set of variables.
        symbols: coefficient of each symbol.
        constant: what is added, in nats.
    """

    entropies: Mapping[Variables, Rational] = field(default_factory=lambda: MappingProxyType({}))
    symbols: Mapping[str, Rational] = field(default_factory=lambda: MappingProxyType({}))
    constant: Rational = 0

    def __add__(self, other: "Expression") -> "Expression":
        return Expression(
            _sum(self.entropies, other.entropies), _sum(self.symbols, other.symbols), self.constant + other.constant
        )

    def __neg__(self) -> "Expression":
        return self * -1

    def __sub__(self, other: "Expression") -> "Expression":
        return self + -other

    def __mul__(self, factor: Rational) -> "Expression":
        if not factor:
            return Expression()
        return Expression(
            {key: value * factor for key, value in self.entropies.items()},
            {key: value * factor for key, value in self.symbols.items()},
            self.constant * factor,
        )

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return bool(self.entropies or self.symbols or self.constant)

    @property
    def variables(self) -> Variables:
        """All variables whose entropies occur."""
        return frozenset[str]().union(*self.entropies)

    @property
    def is_balanced(self) -> bool:
        """Whether the coefficients of the sets that hold a variable add up to zero, for each variable.

        Then a change of units of a continuous variable changes nothing, and an inequality that holds for discrete
        variables holds for differential entropies too (Chan 2003, 'Balanced information inequalities').
        """
        balance: dict[str, Rational] = {}
        for variables, coefficient in self.entropies.items():
            for name in variables:
                balance[name] = balance.get(name, 0) + coefficient
        return not any(balance.values())

    def value(self, entropies: Mapping[Variables, float], symbols: Mapping[str, float] | None = None) -> float:
        """Its number for given joint entropies and symbols, in nats.

        Raises:
            KeyError: a set or a symbol that occurs is not given.
        """
        known = symbols or {}
        return (
            sum(float(coefficient) * entropies[variables] for variables, coefficient in self.entropies.items())
            + sum(float(coefficient) * known[name] for name, coefficient in self.symbols.items())
            + float(self.constant)
        )


def _sum(first: Mapping[_Key, Rational], second: Mapping[_Key, Rational]) -> dict[_Key, Rational]:
    total = dict(first)
    for key, value in second.items():
        total[key] = total.get(key, 0) + value
        if not total[key]:
            del total[key]
    return total


def number(value: Rational) -> Expression:
    """A constant, in nats."""
    return Expression(constant=value)


def free_symbol(name: str) -> Expression:
    """A symbol such as `eps`."""
    return Expression(symbols={name: 1})


def entropy(variables: Iterable[str], given: Iterable[str] = ()) -> Expression:
    """H(A | B)."""
    condition = frozenset(given)
    return _combined((1, condition.union(variables)), (-1, condition))


def information(first: Iterable[str], second: Iterable[str], given: Iterable[str] = ()) -> Expression:
    """I(A; B | C); where A and B share variables, these count with their entropy."""
    condition = frozenset(given)
    left, right = condition.union(first), condition.union(second)
    return _combined((1, left), (1, right), (-1, left | right), (-1, condition))


def total_correlation(groups: Sequence[Iterable[str]], given: Iterable[str] = ()) -> Expression:
    """TC(A; B; ... | C), the sum of the entropies less the joint one."""
    condition = frozenset(given)
    sets = [condition.union(group) for group in groups]
    joint = condition.union(*sets)
    return _combined(*((1, one) for one in sets), (-1, joint), (1 - len(sets), condition))


def _combined(*parts: tuple[int, Variables]) -> Expression:
    total: dict[Variables, Rational] = {}
    for coefficient, variables in parts:
        if variables:
            total[variables] = total.get(variables, 0) + coefficient
    return Expression({key: value for key, value in total.items() if value})

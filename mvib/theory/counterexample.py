"""Distributions on which a claim fails: variables made of a few fair bits along the graph, checked by counting."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log
from random import Random

from mvib.theory.expression import Expression, Variables
from mvib.theory.network import Network
from mvib.theory.prover import Problem, Refutation

_TOLERANCE = 1e-9
_MAX_BITS = 7
_NUM_TRIALS = 1500
_NUM_CANDIDATES = 5
_NUM_MORE = 150


@dataclass(frozen=True, slots=True)
class Component:
    """A function of fair bits with two values.

    Attributes:
        table: its value for each outcome of the bits, one bit each.
        text: as a formula of the bits.
    """

    table: int
    text: str


@dataclass(frozen=True)
class Counterexample:
    """A distribution that obeys the graph and the assumptions, on which a claim fails.

    Attributes:
        num_bits: fair independent bits that everything is made of.
        variables: the components of each variable; none where it is constant.
        symbols: values of the free symbols, in nats.
        value: the left side of the claim less its right side, in nats: below zero.
        hidden: variables that are only there to make others depend on one another.
    """

    num_bits: int
    variables: Mapping[str, tuple[Component, ...]]
    symbols: Mapping[str, float]
    value: float
    hidden: Variables = frozenset()

    def entropy(self, names: Iterable[str]) -> float:
        """Joint entropy of variables, in nats, by counting."""
        return _entropy([c.table for name in names for c in self.variables[name]], self.num_bits)

    def evaluate(self, expression: Expression) -> float:
        """An expression on this distribution, in nats."""
        entropies = {names: self.entropy(names) for names in expression.entropies}
        return expression.value(entropies, self.symbols)

    @property
    def length(self) -> int:
        """Length of its description."""
        return sum(map(len, self.describe()))

    def describe(self) -> tuple[str, ...]:
        """`X[1] = (b1, b2)` for each variable that is not hidden."""
        lines = []
        for name, components in self.variables.items():
            if name in self.hidden:
                continue
            texts = list(dict.fromkeys(component.text for component in components))
            made = "constant" if not texts else texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
            lines.append(f"{name} = {made}")
        return tuple(lines)


def find_counterexample(
    claim: Expression, problem: Problem, refutation: Refutation | None, *, num_trials: int = _NUM_TRIALS
) -> Counterexample | None:
    """Look for a distribution on which an expression is below zero.

    Every variable is made of components of its parents and of a fair bit of its own, unless it is a function; so the
    graph holds by itself. First all are sums modulo 2, then products too. The choice leans towards the entropies of the
    refutation, where there is one.

    Args:
        claim: an expression that is not proved to be at least zero.
        problem: graph and assumptions.
        refutation: entropies on which it is negative.
        num_trials: of each kind.
    """
    named = claim.variables.union(*(a.expression.variables for a in problem.assumptions))
    above = problem.network.ancestors(problem.network.mask(named))
    order = [name for k, name in enumerate(problem.network.names) if above >> k & 1]
    random = Random(0)
    best: Counterexample | None = None
    for products in (False, True):
        left = num_trials
        while left > 0:
            left -= 1
            made, num_bits = _draw(order, problem.network, refutation, random, products=products)
            found = _judge(claim, problem, made, num_bits)
            if found is None:
                continue
            if best is None:
                # A few more tries: what is shortest to write is easiest to understand.
                left = min(left, _NUM_MORE)
            if best is None or found.length < best.length:
                best = found
        if best is not None:
            return best
    return None


def _judge(
    claim: Expression, problem: Problem, made: Mapping[str, tuple[Component, ...]], num_bits: int
) -> Counterexample | None:
    known: dict[Variables, float] = {}

    def value(expression: Expression, symbols: Mapping[str, float]) -> float:
        for names in expression.entropies:
            if names not in known:
                known[names] = _entropy([c.table for name in names for c in made[name]], num_bits)
        return expression.value(known, symbols)

    symbols = dict.fromkeys(claim.symbols, 0.0)
    for assumption in problem.assumptions:
        expression = assumption.expression
        symbols.update({name: symbols.get(name, 0.0) for name in expression.symbols})
        if len(expression.symbols) == 1 and not assumption.is_equality:
            ((name, coefficient),) = expression.symbols.items()
            if coefficient > 0:
                rest = value(Expression(expression.entropies, {}, expression.constant), {})
                symbols[name] = max(symbols[name], -rest / float(coefficient))
    if value(claim, symbols) >= -1e-6:
        return None
    for assumption in problem.assumptions:
        found = value(assumption.expression, symbols)
        if found < -_TOLERANCE or (assumption.is_equality and found > _TOLERANCE):
            return None
    return Counterexample(num_bits, made, symbols, value(claim, symbols), problem.network.hidden)


# ---- making variables ------------------------------------------------------------------------------------------------


class _Bits:
    """Fair bits as tables over all their outcomes."""

    def __init__(self, num_bits: int) -> None:
        self.num_bits, self.used = num_bits, 0

    def fresh(self) -> Component | None:
        """A bit that is independent of all before, while there are any."""
        if self.used == self.num_bits:
            return None
        period = 1 << self.used
        block = ((1 << period) - 1) << period
        table = 0
        for start in range(0, 1 << self.num_bits, 2 * period):
            table |= block << start
        self.used += 1
        return Component(table, f"b{self.used}")


def _draw(
    order: Sequence[str], network: Network, refutation: Refutation | None, random: Random, *, products: bool
) -> tuple[dict[str, tuple[Component, ...]], int]:
    num_random = sum(name not in network.functions for name in order)
    bits = _Bits(min(_MAX_BITS, num_random + 2))
    made: dict[str, tuple[Component, ...]] = {}
    for name in order:
        parents = network.parents[name]
        if name in network.hidden:
            made[name] = tuple(filter(None, (bits.fresh() for _ in range(random.choice((1, 2, 2, 3))))))
            continue
        sources = [component for parent in parents for component in made[parent]]
        if name not in network.functions and random.random() < 0.6:
            own = bits.fresh()
            sources += [own] if own is not None else []
        candidates = list(islice(_candidates(sources, random, products=products), _NUM_CANDIDATES))
        if refutation is None or random.random() < 0.3:
            made[name] = candidates[0]
        else:
            made[name] = min(candidates, key=lambda c: _distance(name, c, made, refutation, bits.num_bits))
    return made, bits.num_bits


def _candidates(sources: Sequence[Component], random: Random, *, products: bool) -> Iterator[tuple[Component, ...]]:
    """Ways to make a variable of components: all of them, some, or a sum or product of two."""
    while True:
        kind = random.random()
        if not sources or kind < 0.1:
            yield ()
        elif kind < 0.35:
            yield tuple(sources)
        elif kind < 0.65:
            yield (random.choice(sources),)
        elif kind < 0.85:
            yield (_joined(sources, random, products=products),)
        else:
            yield (random.choice(sources), _joined(sources, random, products=products))


def _joined(sources: Sequence[Component], random: Random, *, products: bool) -> Component:
    first, second = random.choice(sources), random.choice(sources)
    if first.table == second.table:
        return first
    if products and random.random() < 0.5:
        return Component(first.table & second.table, f"{_bracketed(first)} and {_bracketed(second)}")
    return Component(first.table ^ second.table, f"{_bracketed(first)} xor {_bracketed(second)}")


def _bracketed(component: Component) -> str:
    return f"({component.text})" if " " in component.text else component.text


def _distance(
    name: str,
    components: Sequence[Component],
    made: Mapping[str, tuple[Component, ...]],
    refutation: Refutation,
    num_bits: int,
) -> float:
    """How far the entropies of a candidate with those before are from the refutation's, which has a unit of its own."""
    far = 0.0
    tables = [component.table for component in components]
    for names, wanted in refutation.entropies.items():
        if name in names and len(names) <= 2 and all(other == name or other in made for other in names):
            others = [c.table for other in names if other != name for c in made[other]]
            far += abs(_entropy([*tables, *others], num_bits) / log(2) - 2 * wanted)
    # Rounded: the order in which a set is gone through must decide nothing.
    return round(far, 9)


def _entropy(tables: Sequence[int], num_bits: int) -> float:
    size = 1 << num_bits
    blocks = [(1 << size) - 1]
    for table in tables:
        blocks = [part for block in blocks for part in (block & table, block & ~table) if part]
    counts = [block.bit_count() for block in blocks]
    return sum(count / size * log(size / count) for count in counts)

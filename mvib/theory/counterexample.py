"""Distributions on which a claim fails: variables made of a few fair bits along the graph, checked by counting."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log
from operator import and_, or_, xor
from random import Random
from time import monotonic

from mvib.theory.expression import Expression, Variables
from mvib.theory.network import Network
from mvib.theory.proof import Assumption
from mvib.theory.prover import Problem, Refutation

# Parts of what is added up: what rounding may leave of a zero, and what is too much for it.
_ROUNDING = 1e-12
_CLEARLY = 1e-9
_MAX_BITS = 8
_NUM_TRIALS = 1000
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
    claim: Expression,
    problem: Problem,
    refutation: Refutation | None,
    *,
    num_trials: int = _NUM_TRIALS,
    seconds: float = 10.0,
) -> Counterexample | None:
    """Look for a distribution on which an expression is below zero.

    Every variable is made of components of its parents and of a fair bit of its own, unless it is a function; so the
    graph holds by itself. What is made by one module is made in one way. First all are sums modulo 2, then products
    too. The choice leans towards the entropies of the refutation, where there is one.

    Args:
        claim: an expression that is not proved to be at least zero.
        problem: graph and assumptions.
        refutation: entropies on which it is negative.
        num_trials: of sums, and again of products.
        seconds: how long to look at most; the number of tries ends it long before, so that answers repeat.
    """
    named = claim.variables.union(*(a.expression.variables for a in problem.assumptions))
    above = problem.network.ancestors(problem.network.mask(named))
    order = [name for k, name in enumerate(problem.network.names) if above >> k & 1]
    random = Random(0)
    begin = monotonic()
    best: Counterexample | None = None
    for products in (False, True):
        left = num_trials
        while left > 0 and (best is not None or monotonic() < begin + seconds):
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

    def entropies(expression: Expression) -> float:
        for names in expression.entropies:
            if names not in known:
                known[names] = _entropy([c.table for name in names for c in made[name]], num_bits)
        return Expression(expression.entropies, {}, expression.constant).value(known)

    symbols = _symbols(claim, [(a, entropies(a.expression)) for a in problem.assumptions])
    if symbols is None:
        return None
    for assumption in problem.assumptions:
        expression = assumption.expression
        found, rounding = expression.value(known, symbols), _ROUNDING * _size(expression, known, symbols)
        if found < -rounding or (assumption.is_equality and found > rounding):
            return None
    entropies(claim)
    value = claim.value(known, symbols)
    # Relative to what is added up: what rounding leaves of a zero refutes nothing.
    if value >= -_CLEARLY * _size(claim, known, symbols):
        return None
    return Counterexample(num_bits, made, symbols, value, problem.network.hidden)


def _size(expression: Expression, entropies: Mapping[Variables, float], symbols: Mapping[str, float]) -> float:
    """The sum of the absolute values of what an expression adds up."""
    parts = [float(c) * entropies[names] for names, c in expression.entropies.items()]
    parts += [float(c) * symbols[name] for name, c in expression.symbols.items()]
    return sum(map(abs, parts)) + abs(float(expression.constant))


def _symbols(claim: Expression, assumptions: Sequence[tuple[Assumption, float]]) -> dict[str, float] | None:
    """Values of the free symbols that the assumptions allow and that make the claim smallest; None if there are none.

    Of assumptions with several symbols nothing is used here; they are checked behind it.
    """
    names = set(claim.symbols).union(*(a.expression.symbols for a, _ in assumptions))
    least, most = dict.fromkeys(sorted(names), 0.0), dict.fromkeys(sorted(names), inf)
    for assumption, rest in assumptions:
        if len(assumption.expression.symbols) != 1:
            continue
        ((name, coefficient),) = assumption.expression.symbols.items()
        bound = -rest / float(coefficient)
        if coefficient > 0 or assumption.is_equality:
            least[name] = max(least[name], bound)
        if coefficient < 0 or assumption.is_equality:
            most[name] = min(most[name], bound)
    values = {}
    for name in least:
        if most[name] < least[name] - _CLEARLY:
            return None
        high = most[name] if most[name] < inf else least[name] + 1
        values[name] = high if claim.symbols.get(name, 0) < 0 else least[name]
    return values


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


@dataclass(frozen=True, slots=True)
class _Part:
    """How one component is made: of one of the sources, or of two by an operation.

    The places are among the components of the sources, the bit of its own last; they go round, since what one module
    is applied to may have fewer.
    """

    first: int
    second: int = -1
    operation: str = ""

    def apply(self, sources: Sequence[Component]) -> Component:
        first = sources[self.first % len(sources)]
        second = sources[self.second % len(sources)]
        if not self.operation or first.table == second.table:
            return first
        table = _OPERATIONS[self.operation](first.table, second.table)
        return Component(table, f"{_bracketed(first)} {self.operation} {_bracketed(second)}")


_OPERATIONS: Mapping[str, Callable[[int, int], int]] = {"xor": xor, "and": and_, "or": or_}


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How a variable is made from the components of its parents: all of them, or some parts."""

    takes_all: bool
    has_own_bit: bool
    parts: tuple[_Part, ...] = ()

    def apply(self, sources: Sequence[Component], own: Component | None) -> tuple[Component, ...]:
        given = [*sources, own] if own is not None else list(sources)
        if not given:
            return ()
        return tuple(given) if self.takes_all else tuple(part.apply(given) for part in self.parts)


def _draw(
    order: Sequence[str], network: Network, refutation: Refutation | None, random: Random, *, products: bool
) -> tuple[dict[str, tuple[Component, ...]], int]:
    num_random = sum(name not in network.functions for name in order)
    bits = _Bits(min(_MAX_BITS, num_random + 2))
    made: dict[str, tuple[Component, ...]] = {}
    recipes: dict[str, _Recipe] = {}
    for name in order:
        if name in network.hidden:
            made[name] = tuple(filter(None, (bits.fresh() for _ in range(random.choice((1, 2, 2, 3))))))
            continue
        sources = [component for parent in network.parents[name] for component in made[parent]]
        way = network.weights.get(name, name)
        recipe = recipes.get(way)
        if recipe is None:
            has_own_bit = name not in network.functions and random.random() < 0.6
            choices = [
                _random_recipe(len(sources), random, has_own_bit=has_own_bit, products=products)
                for _ in range(_NUM_CANDIDATES)
            ]
            own = bits.fresh() if has_own_bit else None
            made_of = [choice.apply(sources, own) for choice in choices]
            best = 0
            if refutation is not None and random.random() < 0.7:
                far = [_distance(name, one, made, refutation, bits.num_bits) for one in made_of]
                best = far.index(min(far))
            recipes[way], made[name] = choices[best], made_of[best]
            continue
        made[name] = recipe.apply(sources, bits.fresh() if recipe.has_own_bit else None)
    return made, bits.num_bits


def _random_recipe(num_sources: int, random: Random, *, has_own_bit: bool, products: bool) -> _Recipe:
    """All components, some, or a sum or product of two."""
    size = max(1, num_sources + has_own_bit)

    def single() -> _Part:
        return _Part(random.randrange(size))

    def joined() -> _Part:
        operation = random.choice(("xor", "and", "or")) if products and random.random() < 0.6 else "xor"
        return _Part(random.randrange(size), random.randrange(size), operation)

    kind = random.random()
    if kind < 0.1:
        return _Recipe(False, has_own_bit)
    if kind < 0.35:
        return _Recipe(True, has_own_bit)
    if kind < 0.65:
        return _Recipe(False, has_own_bit, (single(),))
    if kind < 0.85:
        return _Recipe(False, has_own_bit, (joined(),))
    return _Recipe(False, has_own_bit, (single(), joined()))


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

"""The smallest assumption that would make a claim follow: a Markov chain, sufficiency, the multiview assumption."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from time import monotonic

from mvib.theory.counterexample import Counterexample
from mvib.theory.expression import Expression, information
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, Refutation, prove

_SECONDS = 5.0
_MAX_REMEDIES = 3
# A condition of more variables is no assumption that anyone would state.
_MAX_CONDITION = 2
_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would make a claim follow.

    Attributes:
        assumptions: one Markov chain, or two for the multiview assumption.
        meaning: in words, where the chain is sufficiency or the multiview assumption; else empty.
    """

    assumptions: tuple[Assumption, ...]
    meaning: str

    @property
    def text(self) -> str:
        """The statements to write."""
        statements = " and ".join(f"`assume {assumption.text}`" for assumption in self.assumptions)
        return f"{statements} ({self.meaning})" if self.meaning else statements


def find_remedies(
    claims: Sequence[Expression], problem: Problem, refutation: Refutation | None, example: Counterexample | None
) -> tuple[Remedy, ...]:
    """Assumptions among the variables that are named, each of which makes all claims follow.

    Tried are Markov chains A -- B -- C, those with the fewest variables first; X -- Z -- Y of a code Z of X says that
    it is sufficient for Y. Where none is enough, the multiview assumption: Y -- A -- B together with Y -- B -- A.

    Args:
        claims: expressions that are to be at least zero.
        problem: graph and assumptions.
        refutation: entropies on which one of them is negative: an assumption that these obey is no remedy.
        example: a distribution of this kind.
    """
    end = monotonic() + _SECONDS
    named = sorted(
        frozenset[str]().union(*(c.variables for c in claims), *(a.expression.variables for a in problem.assumptions)),
        key=problem.network.position.__getitem__,
    )
    found: list[Remedy] = []
    for candidates in _by_size(named, problem.network):
        for remedy in candidates:
            if len(found) == _MAX_REMEDIES or monotonic() > end:
                return tuple(found)
            if all(_holds(a.expression, refutation, example) for a in remedy.assumptions):
                continue
            larger = Problem(problem.network, (*problem.assumptions, *remedy.assumptions))
            if all(isinstance(prove(claim, larger, seconds=1.0), Proof) for claim in claims):
                found.append(remedy)
        if found:
            break
    return tuple(found)


def _by_size(named: Sequence[str], network: Network) -> Iterator[Iterator[Remedy]]:
    yield _chains(named, 1, network)
    yield _both_ways(named)
    for size in range(2, _MAX_CONDITION + 1):
        yield _chains(named, size, network)


def _chains(named: Sequence[str], size: int, network: Network) -> Iterator[Remedy]:
    for first, second in combinations(named, 2):
        for given in combinations([name for name in named if name not in {first, second}], size):
            yield Remedy((_chain(first, given, second),), _sufficiency(first, given, second, network))


def _sufficiency(first: str, given: Sequence[str], second: str, network: Network) -> str:
    """Whether the middle of a chain is computed from one end of it, and so sufficient for the other."""
    if len(given) != 1:
        return ""
    code = given[0]
    above = network.ancestors(network.mask({code}))
    for source, target in ((first, second), (second, first)):
        is_code = above >> network.position[source] & 1
        if is_code and not above >> network.position[target] & 1:
            return f"{code} is sufficient for {target}"
    return ""


def _both_ways(named: Sequence[str]) -> Iterator[Remedy]:
    for target in named:
        for first, second in combinations([name for name in named if name != target], 2):
            chains = (_chain(target, (first,), second), _chain(target, (second,), first))
            yield Remedy(chains, f"{first} and {second} are redundant for {target}")


def _chain(first: str, given: Sequence[str], second: str) -> Assumption:
    return Assumption(
        information({first}, {second}, given),
        is_equality=True,
        text=f"{first} -- {', '.join(given)} -- {second}",
        independence=(frozenset({first}), frozenset({second}), frozenset(given)),
    )


def _holds(measure: Expression, refutation: Refutation | None, example: Counterexample | None) -> bool:
    """Whether the known failure obeys an assumption, so that the claim fails with it too."""
    if example is not None:
        return example.evaluate(measure) <= _TOLERANCE
    entropies = refutation.entropies if refutation is not None else {}
    if not set(measure.entropies) <= set(entropies):
        return False
    return measure.value(entropies) <= _TOLERANCE

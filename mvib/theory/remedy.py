"""The smallest assumption that would make a claim follow: sufficiency, the multiview assumption, a Markov chain."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from time import monotonic

from mvib.theory.counterexample import Counterexample
from mvib.theory.expression import Expression, information
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, Refutation, prove

_SECONDS = 5.0
_MAX_REMEDIES = 3
# A condition of more variables is no assumption that anyone would state.
_MAX_CONDITION = 2
_TOLERANCE = 1e-7


def find_remedies(
    claims: Sequence[Expression], problem: Problem, refutation: Refutation | None, example: Counterexample | None
) -> tuple[Assumption, ...]:
    """Markov chains A -- B -- C among the variables that are named, each of which makes all claims follow.

    Sufficiency of a code Z for Y, X -- Z -- Y, and the multiview assumption, Y -- X1 -- X2, are among them. Those with
    the fewest variables come first.

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
    found: list[Assumption] = []
    for first, given, second in _chains(named):
        if found and len(given) > len(found[0].independence[2] if found[0].independence else ()):
            break
        measure = information({first}, {second}, given)
        if _holds(measure, refutation, example):
            continue
        chain = Assumption(
            measure,
            is_equality=True,
            text=f"{first} -- {', '.join(given)} -- {second}",
            independence=(frozenset({first}), frozenset({second}), frozenset(given)),
        )
        larger = Problem(problem.network, (*problem.assumptions, chain))
        if all(isinstance(prove(claim, larger, seconds=1.0), Proof) for claim in claims):
            found.append(chain)
        if len(found) == _MAX_REMEDIES or monotonic() > end:
            break
    return tuple(found)


def _chains(named: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for size in range(1, _MAX_CONDITION + 1):
        for first, second in combinations(named, 2):
            for given in combinations([name for name in named if name not in {first, second}], size):
                yield first, given, second


def _holds(measure: Expression, refutation: Refutation | None, example: Counterexample | None) -> bool:
    """Whether the known failure obeys an assumption, so that the claim fails with it too."""
    if example is not None:
        return example.evaluate(measure) <= _TOLERANCE
    entropies = refutation.entropies if refutation is not None else {}
    if not set(measure.entropies) <= set(entropies):
        return False
    return measure.value(entropies) <= _TOLERANCE

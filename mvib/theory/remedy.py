"""The smallest assumption that would make a claim follow: a Markov chain, sufficiency, the multiview assumption."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from time import monotonic

from mvib.theory.counterexample import Counterexample
from mvib.theory.expression import Expression, Variables, information
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, Refutation, is_contradictory, prove

_SECONDS = 5.0
_MAX_REMEDIES = 6
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
    it is sufficient for Y. Where none is enough, the multiview assumption, Y -- A -- B together with Y -- B -- A, alone
    and with a sufficient code.

    Args:
        claims: expressions that are to be at least zero.
        problem: graph and assumptions.
        refutation: entropies on which one of them is negative: an assumption that these obey is no remedy.
        example: a distribution of this kind.
    """
    end = monotonic() + _SECONDS
    every = frozenset[str]().union(
        *(c.variables for c in claims), *(a.expression.variables for a in problem.assumptions)
    )
    # A prediction has no name that a statement could take.
    named = sorted((name for name in every if "(" not in name), key=problem.network.position.__getitem__)
    joint = sorted({s for c in claims for s in c.entropies if 1 < len(s) < len(named)}, key=sorted)
    found: list[Remedy] = []
    for candidates in _by_size(named, joint, problem.network):
        for remedy in candidates:
            if len(found) == _MAX_REMEDIES or monotonic() > end:
                return tuple(found)
            if all(_holds(a.expression, refutation, example) for a in remedy.assumptions):
                continue
            larger = Problem(problem.network, (*problem.assumptions, *remedy.assumptions))
            if is_contradictory(larger, seconds=1.0):
                continue
            needed = _needed(claims, larger, len(problem.assumptions))
            if needed and needed not in [known.assumptions for known in found]:
                found.append(remedy if needed == remedy.assumptions else Remedy(needed, ""))
        if found:
            break
    return tuple(found)


def _needed(claims: Sequence[Expression], problem: Problem, num_known: int) -> tuple[Assumption, ...]:
    """The assumptions beyond those that are known which the proofs of all claims take; none where one has no proof."""
    used: set[int] = set()
    for claim in claims:
        found = prove(claim, problem, seconds=1.0)
        if not isinstance(found, Proof):
            return ()
        used |= {step.assumption for step in found.steps if step.assumption >= num_known}
    return tuple(problem.assumptions[k] for k in sorted(used))


def _by_size(named: Sequence[str], joint: Sequence[Variables], network: Network) -> Iterator[Iterator[Remedy]]:
    singles = [frozenset({name}) for name in named]
    short = list(_chains(singles, named, 1, network))
    yield iter(sorted(short, key=lambda remedy: (not remedy.meaning, _is_against_the_arrows(remedy, network))))
    yield _both_ways(named, network)
    yield _chains([*singles, *joint], named, 1, network)
    for size in range(2, _MAX_CONDITION + 1):
        yield _chains(singles, named, size, network)
    # Sufficiency of a code together with the multiview assumption.
    codes = [remedy for remedy in short if remedy.meaning]
    for views in _both_ways(named, network):
        yield (Remedy((*code.assumptions, *views.assumptions), code.meaning) for code in codes)


def _chains(ends: Sequence[Variables], named: Sequence[str], size: int, network: Network) -> Iterator[Remedy]:
    for first, second in combinations(ends, 2):
        if first & second:
            continue
        for given in combinations([name for name in named if name not in first | second], size):
            yield Remedy((_chain(first, given, second, network),), _sufficiency(first, given, second, network))


def _is_against_the_arrows(remedy: Remedy, network: Network) -> bool:
    """Whether one end is made by a module from the other, and not from the middle: few assume that they part."""
    first, second, given = remedy.assumptions[0].independence or (frozenset(), frozenset(), frozenset())
    middle = network.mask(given)
    for made, other in ((first, second), (second, first)):
        above = network.ancestors(network.mask(name for name in made if name in network.weights))
        if above & network.mask(other) and not above & middle:
            return True
    return False


def _sufficiency(first: Variables, given: Sequence[str], second: Variables, network: Network) -> str:
    """Whether the middle of a chain is computed from one end of it, and so sufficient for the other."""
    if len(given) != 1:
        return ""
    above = network.ancestors(network.mask(given))
    for source, target in ((first, second), (second, first)):
        if above & network.mask(source) and not above & network.mask(target):
            return f"{given[0]} is sufficient for {', '.join(sorted(target))}"
    return ""


def _both_ways(named: Sequence[str], network: Network) -> Iterator[Remedy]:
    for target in named:
        for first, second in combinations([name for name in named if name != target], 2):
            sides = [frozenset({name}) for name in (target, first, second)]
            if _is_separated(sides[0], sides[1], sides[2], network):
                continue
            chains = (_chain(sides[0], (first,), sides[2], network), _chain(sides[0], (second,), sides[1], network))
            yield Remedy(chains, f"{first} and {second} are redundant for {target}, the multiview assumption")


def _is_separated(target: Variables, first: Variables, second: Variables, network: Network) -> bool:
    """Whether the graph makes one of both redundant already, so that one chain would do."""
    sides = [network.mask(side) for side in (target, first, second)]
    return network.separated(sides[0], sides[2], sides[1]) or network.separated(sides[0], sides[1], sides[2])


def _chain(first: Variables, given: Sequence[str], second: Variables, network: Network) -> Assumption:
    ends = [", ".join(sorted(side, key=network.position.__getitem__)) for side in (first, second)]
    return Assumption(
        information(first, second, given),
        is_equality=True,
        text=f"{ends[0]} -- {', '.join(given)} -- {ends[1]}",
        independence=(first, second, frozenset(given)),
    )


def _holds(measure: Expression, refutation: Refutation | None, example: Counterexample | None) -> bool:
    """Whether the known failure obeys an assumption, so that the claim fails with it too."""
    if example is not None:
        return example.evaluate(measure) <= _TOLERANCE
    entropies = refutation.entropies if refutation is not None else {}
    if not set(measure.entropies) <= set(entropies):
        return False
    return measure.value(entropies) <= _TOLERANCE

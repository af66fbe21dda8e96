"""The Shannon prover: whether an inequality follows from a graph, assumptions and Shannon's inequalities.

A claim is a non-negative combination of elemental inequalities, modulo what is zero, or it does not follow (Yeung 1997,
'A framework for linear information inequalities'). Variables that are not needed stay out, those that always occur
together are one, and entropies that the graph makes equal are one coordinate; see `space`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from mvib.theory.combination import InconclusiveError, Ray, combine
from mvib.theory.expression import Expression, Variables, number
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, InvalidProofError, Proof
from mvib.theory.system import build_system

# Elemental inequalities of 9 variables are 4,617, of 12 they are 67,596: more take too long to write down.
MAX_VARIABLES = 12
SECONDS = 20.0
# Of one elemental inequality, to write it down and look whether it is an equality.
_SECONDS_EACH = 2e-6


@dataclass(frozen=True, slots=True)
class Refutation:
    """Entropies that obey every inequality of Shannon and all that is given, and on which the claim is negative.

    They need not be those of a distribution: there are entropies of Shannon's cone that none has.

    Attributes:
        entropies: joint entropy of each set of the variables that were looked at, up to a factor.
        symbols: of the free symbols.
    """

    entropies: Mapping[Variables, float]
    symbols: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Undecided:
    """The prover gave up.

    Attributes:
        why: too many variables, or too long.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is known.

    Attributes:
        network: the graph.
        assumptions: what holds beyond it.
    """

    network: Network
    assumptions: tuple[Assumption, ...] = ()


# Stands in the place of an assumption that is left out, so that the others keep theirs.
_NOTHING = Assumption(Expression(), is_equality=True, text="")


def prove(claim: Expression, problem: Problem, *, seconds: float = SECONDS) -> Proof | Refutation | Undecided:
    """Whether an expression is at least zero.

    A proof that holds for continuous variables too is looked for before one that takes functions for what they are.

    Args:
        claim: the left side less the right.
        problem: graph and assumptions.
        seconds: after which it is given up.

    Returns:
        A verified proof, or why there is none.

    Raises:
        KeyError: a variable that is not of the graph.
    """
    end = monotonic() + seconds
    outcome: Refutation | Undecided = Undecided("there is nothing to try")
    for stage in _stages(claim, problem):
        found = _try(claim, problem, stage, end)
        if isinstance(found, Proof):
            return found
        outcome = found
    if isinstance(outcome, Undecided) and monotonic() > end:
        return Undecided(f"it was given up after {seconds:g} seconds")
    return outcome


def is_contradictory(problem: Problem, *, seconds: float = SECONDS) -> bool:
    """Whether the assumptions exclude each other, so that everything would follow.

    Where none of them has a constant they do not: that all variables are constant obeys them.
    """
    if not any(assumption.expression.constant for assumption in problem.assumptions):
        return False
    return isinstance(prove(number(-1), problem, seconds=seconds), Proof)


def _try(claim: Expression, problem: Problem, stage: "_Stage", end: float) -> Proof | Refutation | Undecided:
    size = len(stage.blocks)
    if size > MAX_VARIABLES:
        return Undecided(f"it takes {size} variables, and the limit is {MAX_VARIABLES}")
    left = end - monotonic()
    if left <= 0:
        return Undecided("the time was up")
    if left < _SECONDS_EACH * size**2 * 2**size:
        return Undecided(f"it takes {size} variables, whose inequalities alone take longer than the time given")
    try:
        found = _attempt(claim, problem, stage, left)
        if isinstance(found, Proof):
            found.verify()
    except (InconclusiveError, InvalidProofError) as error:
        return Undecided(str(error))
    return found


def with_fewer_assumptions(proof: Proof, problem: Problem, *, seconds: float = SECONDS) -> Proof:
    """A proof of the same claim, about the same variables, without the assumptions that it can do without.

    Args:
        proof: of `prove`.
        problem: that it was found for.
        seconds: after which no other is tried.
    """
    end = monotonic() + seconds
    stage = _Stage(proof.blocks, proof.functional)
    kept = {step.assumption for step in proof.steps if step.assumption >= 0}
    for assumption in sorted(kept):
        fewer = [a if k in kept - {assumption} else _NOTHING for k, a in enumerate(problem.assumptions)]
        found = _try(proof.claim, replace(problem, assumptions=tuple(fewer)), stage, end)
        if isinstance(found, Proof):
            proof = replace(found, assumptions=problem.assumptions)
            kept -= {assumption}
    return proof


# ---- which variables -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stage:
    """Variables to look at, those that always occur together as one, and whether functions count."""

    blocks: tuple[Variables, ...]
    functional: bool


def _stages(claim: Expression, problem: Problem) -> Iterator[_Stage]:
    """From few variables to many. What is proved with few holds; what is not may need those left out."""
    named = claim.variables
    network = problem.network
    # Unless the claim is balanced no proof is for continuous variables: functions may count at once.
    ways = [False] if claim.is_balanced else []
    if network.functions or not ways:
        ways.append(bool(network.functions))
    tried: set[_Stage] = set()
    for functional in ways:
        for blocks in _widening(named, claim, problem):
            stage = _Stage(blocks, functional)
            if stage not in tried:
                tried.add(stage)
                yield stage


def _widening(named: Variables, claim: Expression, problem: Problem) -> Iterator[tuple[Variables, ...]]:
    network = problem.network
    about = frozenset[str]().union(*(a.expression.variables for a in problem.assumptions))
    assumed = _connected(named, problem.assumptions)
    yield _merged(named, claim, problem.assumptions)
    if assumed != named:
        yield _merged(assumed, claim, problem.assumptions)
    yield _single(named, network)
    if assumed != named:
        yield _single(assumed, network)
    # Between them lies what both are computed from; a leaf that nothing is said about changes nothing.
    visible = [name for name in network.names if name not in network.hidden]
    above = network.ancestors(network.mask(assumed))
    yield _single(frozenset(name for name in visible if above >> network.position[name] & 1), network)
    if not about <= assumed:
        above = network.ancestors(network.mask(assumed | about))
        yield _single(frozenset(name for name in visible if above >> network.position[name] & 1), network)


def _connected(named: Variables, assumptions: Sequence[Assumption]) -> Variables:
    """The variables with those of all assumptions that share one with them, over and over."""
    reached = named
    while True:
        following = reached.union(*(a.expression.variables for a in assumptions if a.expression.variables & reached))
        if following == reached:
            return reached
        reached = following


def _single(names: Variables, network: Network) -> tuple[Variables, ...]:
    return tuple(frozenset({name}) for name in sorted(names, key=network.position.__getitem__))


def _merged(names: Variables, claim: Expression, assumptions: Sequence[Assumption]) -> tuple[Variables, ...]:
    """The variables in blocks: together those that no set of the claim or of a relevant assumption tells apart."""
    sets = [*claim.entropies]
    for assumption in assumptions:
        if assumption.expression.variables <= names:
            sets += [*assumption.expression.entropies, *(assumption.independence or ())]
    blocks: dict[tuple[bool, ...], set[str]] = {}
    for name in sorted(names):
        blocks.setdefault(tuple(name in one for one in sets), set()).add(name)
    return tuple(frozenset(block) for block in blocks.values())


# ---- one attempt -----------------------------------------------------------------------------------------------------


def _attempt(claim: Expression, problem: Problem, stage: _Stage, seconds: float) -> Proof | Refutation:
    system = build_system(claim, problem.network, problem.assumptions, stage.blocks, functional=stage.functional)
    found = combine(system.rows, system.num_free, system.target, seconds)
    if isinstance(found, Ray):
        return Refutation(*system.read_direction(found.direction))
    steps = system.steps(found.multipliers)
    return Proof(claim, steps, problem.network, problem.assumptions, stage.functional, stage.blocks)

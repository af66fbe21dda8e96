"""Goals of one method as sums of goals of another, proved on the graph of the first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mvib.semantics.method import Member
from mvib.theory.canonical import CanonicalForm, Goal, GoalKind, Shape
from mvib.theory.comparison.patterns import shapes_between, variables_of
from mvib.theory.comparison.subject import Subject
from mvib.theory.copying import can_be_zero
from mvib.theory.expression import Expression
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, prove
from mvib.theory.roles import Pattern

# One equality between a few variables takes milliseconds; what takes longer is not worth a comparison.
SECONDS = 1.0
MOST_PARTS = 2
# Between two variables equal quantities have one pattern already.
_LEAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Equality:
    """Two quantities were proved equal.

    Attributes:
        holds_for_any_variables: whether for continuous variables too.
        used_assumptions: places of the assumptions that the proofs rest on.
    """

    holds_for_any_variables: bool
    used_assumptions: tuple[int, ...]


# What was asked of the prover and what it said; graphs of one form are asked once.
Memory = dict[object, Equality | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A quantity of one method as a sum of quantities of the other, proved on the graph of the first.

    Attributes:
        subject: name of the method on whose graph it is proved.
        goal: the quantity, of that method.
        parts: goals of the other method, and what they are between the variables of the first; each with its sign.
        holds_for_any_variables: whether it holds for continuous variables too.
        used_assumptions: of the method that the proofs rest on.
    """

    subject: str
    goal: Goal
    parts: tuple[tuple[int, Goal, Shape], ...]
    holds_for_any_variables: bool
    used_assumptions: tuple[Assumption, ...]


def rewrite_goals(subject: Subject, goals: Sequence[Goal], other: Subject, memory: Memory) -> tuple[Rewritten, ...]:
    """Goals of a method as sums of goals of the other, on the graph of the first; none where one of them is no sum."""
    found = []
    for goal in goals:
        # For deterministic codes H(Z) is I(X; Z) only where both are quantised: an entropy that is raised stays one.
        is_entropy = goal.kind is GoalKind.SPREAD
        one = (
            None if is_entropy else _rewrite(subject, goal, goal.shape, variables_of(subject, goal), other.form, memory)
        )
        if one is None:
            return ()
        found.append(one)
    return tuple(found)


def is_part(subject: Subject, goal: Goal, others: Sequence[Goal], memory: Memory) -> bool:
    """Whether goals of another method are sums of those of the subject, between the variables of one of its goals."""
    variables = variables_of(subject, goal)
    return all(
        any(
            _rewrite(subject, other, shape, variables, subject.form, memory)
            for shape in shapes_between(other.pattern, variables)
        )
        for other in others
    )


def _rewrite(
    subject: Subject,
    goal: Goal,
    shape: Shape,
    variables: Mapping[str, tuple[Member, ...]],
    form: CanonicalForm,
    memory: Memory,
) -> Rewritten | None:
    """A goal between variables of the subject as a sum of goals of a form, proved on the graph of the subject."""
    expression = shape.expression
    if expression is None:
        return None
    sign = 1 if goal.is_raised else -1
    for parts in _sums(shape, variables, form, form.keys & subject.form.keys):
        total = Expression()
        for factor, _, part in parts:
            summand = part.expression
            assert summand is not None, "only combinations of entropies are asked for"
            total += summand * factor
        found = _prove_equal(expression * sign, total, subject.problem, memory)
        if found is not None:
            return Rewritten(
                subject=subject.name,
                goal=goal,
                parts=tuple((factor * sign, known, part) for factor, known, part in parts),
                holds_for_any_variables=found.holds_for_any_variables,
                used_assumptions=tuple(subject.problem.assumptions[k] for k in found.used_assumptions),
            )
    return None


def _prove_equal(left: Expression, right: Expression, problem: Problem, memory: Memory) -> Equality | None:
    """Whether two expressions are equal, by two proofs; of graphs of one form it is asked once."""
    key = _form_of(left - right, problem)
    if key not in memory:
        is_open = can_be_zero(left - right, problem)
        memory[key] = _prove_both(left - right, problem) if is_open else None
    return memory[key]


def _prove_both(difference: Expression, problem: Problem) -> Equality | None:
    proofs = []
    for claim in (difference, -difference):
        found = prove(claim, problem, seconds=SECONDS)
        if not isinstance(found, Proof):
            return None
        proofs.append(found)
    return Equality(
        holds_for_any_variables=all(proof.holds_for_any_variables for proof in proofs),
        used_assumptions=tuple(sorted({step.assumption for proof in proofs for step in proof.steps} - {-1})),
    )


def _form_of(claim: Expression, problem: Problem) -> object:
    """Claim, assumptions and the graph above their variables, by places in the place of names."""
    network = problem.network
    expressions = [claim, *(assumption.expression for assumption in problem.assumptions)]
    above = network.ancestors(network.mask(frozenset[str]().union(*(e.variables for e in expressions))))
    names = [name for k, name in enumerate(network.names) if above >> k & 1]
    place = {name: k for k, name in enumerate(names)}
    return (
        tuple((tuple(place[parent] for parent in network.parents[name]), name in network.functions) for name in names),
        frozenset(place[name] for name in names if name in network.hidden),
        tuple(
            (
                frozenset((frozenset(place[name] for name in one), value) for one, value in e.entropies.items()),
                frozenset(e.symbols.items()),
                e.constant,
            )
            for e in expressions
        ),
        tuple(assumption.is_equality for assumption in problem.assumptions),
    )


_Part = tuple[int, Goal, Shape]


def _sums(
    goal: Shape,
    variables: Mapping[str, tuple[Member, ...]],
    form: CanonicalForm,
    shared: frozenset[tuple[bool, Pattern]],
) -> Iterator[tuple[_Part, ...]]:
    """One or two goals of a form between some variables, with the signs they may have.

    What both methods raise or lower may have either sign: it changes a multiplier.
    """
    parts: list[_Part] = []
    for known in form.goals:
        natural = 1 if known.is_raised else -1
        for shape in shapes_between(known.pattern, variables):
            signs = (natural, -natural) if known.key in shared else (natural,)
            parts += [(factor, known, shape) for factor in signs]
    for count in range(1, MOST_PARTS + 1):
        for chosen in combinations(parts, count):
            names = frozenset[Member]().union(*(shape.members for _, _, shape in chosen))
            is_new = any(shape != goal for _, _, shape in chosen)
            is_whole = goal.members <= names or (count == 1 and names <= goal.members)
            if is_new and is_whole and len(names | goal.members) > _LEAST:
                yield chosen

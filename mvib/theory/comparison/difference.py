"""Two methods compared: what each has that the other lacks, and whether they optimise the same information."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mvib.theory.canonical import Goal
from mvib.theory.comparison.halves import leave_out_halves
from mvib.theory.comparison.levels import Level, find_levels
from mvib.theory.comparison.rewriting import MOST_PARTS, Memory, Rewritten, is_part, rewrite_goals
from mvib.theory.comparison.subject import Subject


class Sameness(Enum):
    """What two methods have in common; the value says it of A and B."""

    SAME = "the same objective by the same estimators"
    SAME_INFORMATION = "the same information by different estimators"
    EQUAL_BY_PROOF = "the same information, written in other quantities"
    FIRST_ADDS = "A optimises all that B does, and adds to it"
    SECOND_ADDS = "B optimises all that A does, and adds to it"
    DIFFERENT = "different information"
    NOT_COMPARABLE = "not comparable: different data"


class Addition(Enum):
    """What one method adds; the value is the noun."""

    INFORM = "information"
    SPREAD = "entropy"
    PREDICT = "prediction"
    COMPRESS = "compression"
    MATCH = "a prior"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two methods have in common and what not.

    Attributes:
        first: A.
        second: B.
        sameness: the verdict.
        levels: graph, quantities, estimators and assumptions.
        shared: pairs of goals that are one and the same.
        only_first: goals of A alone.
        only_second: goals of B alone.
        rewritings: equalities that were proved.
    """

    first: Subject
    second: Subject
    sameness: Sameness
    levels: tuple[Level, ...]
    shared: tuple[tuple[Goal, Goal], ...]
    only_first: tuple[Goal, ...]
    only_second: tuple[Goal, ...]
    rewritings: tuple[Rewritten, ...]

    @property
    def additions(self) -> tuple[Goal, ...]:
        """What is added, where one of them adds to the other."""
        covered = {goal.key for rewriting in self.rewritings for _, goal, _ in rewriting.parts}
        match self.sameness:
            case Sameness.FIRST_ADDS:
                return tuple(goal for goal in self.only_first if goal.key not in covered)
            case Sameness.SECOND_ADDS:
                return tuple(goal for goal in self.only_second if goal.key not in covered)
            case _:
                return ()


def addition_of(goal: Goal) -> Addition:
    """What kind of thing a goal adds."""
    return Addition[goal.kind.name]


def compare(first: Subject, second: Subject, memory: Memory | None = None) -> Difference:
    """Compare two methods at each level.

    Quantities are the same where they are between the same roles. Multipliers are not compared: those of surrogates
    have no common unit, and those of bounds are hyperparameters. Where quantities differ, the prover is asked whether
    each of A's is a sum of B's on A's graph, and B's of A's on B's; then both are the same up to the multipliers. Where
    one method's quantities are among the other's, or among the halves H(Z1) and H(Z1 | Z2) of an I(Z1; Z2), the other
    adds to it.

    Args:
        first: A.
        second: B.
        memory: what the prover said in earlier comparisons; it is added to.
    """
    memory = {} if memory is None else memory
    by_key = {goal.key: goal for goal in second.form.goals}
    shared = tuple((goal, by_key[goal.key]) for goal in first.form.goals if goal.key in by_key)
    known = {goal.key for goal, _ in shared}
    only_first = tuple(goal for goal in first.form.goals if goal.key not in known)
    only_second = tuple(goal for goal in second.form.goals if goal.key not in known)
    rewritings: tuple[Rewritten, ...] = ()
    if first.data != second.data:
        sameness = Sameness.NOT_COMPARABLE
    else:
        only_first, only_second = leave_out_halves(first, second, only_first, only_second)
        sameness, rewritings = _judge(first, second, shared, only_first, only_second, memory)
    return Difference(
        first=first,
        second=second,
        sameness=sameness,
        levels=tuple(find_levels(first, second)),
        shared=shared,
        only_first=only_first,
        only_second=only_second,
        rewritings=rewritings,
    )


def _judge(
    first: Subject,
    second: Subject,
    shared: Sequence[tuple[Goal, Goal]],
    only_first: Sequence[Goal],
    only_second: Sequence[Goal],
    memory: Memory,
) -> tuple[Sameness, tuple[Rewritten, ...]]:
    if not only_first and not only_second:
        same = all(
            set(a.estimators) == set(b.estimators) and bool(a.without_gradient) == bool(b.without_gradient)
            for a, b in shared
        )
        return (Sameness.SAME if same else Sameness.SAME_INFORMATION), ()
    for subject, own, other, others, adds in (
        (first, only_first, second, only_second, Sameness.SECOND_ADDS),
        (second, only_second, first, only_first, Sameness.FIRST_ADDS),
    ):
        if not 0 < len(own) <= MOST_PARTS or not 0 < len(others) <= MOST_PARTS:
            continue
        rewritings = rewrite_goals(subject, own, other, memory)
        covered = {goal.key for rewriting in rewritings for _, goal, _ in rewriting.parts}
        inside = [goal for goal in others if goal.key in covered]
        if not rewritings or not is_part(subject, own[0], inside, memory):
            continue
        return (Sameness.EQUAL_BY_PROOF if len(inside) == len(others) else adds), rewritings
    if not only_second:
        return Sameness.FIRST_ADDS, ()
    if not only_first:
        return Sameness.SECOND_ADDS, ()
    return Sameness.DIFFERENT, ()

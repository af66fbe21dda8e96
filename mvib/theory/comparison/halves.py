"""The information between codes as what it is made of, where the other method has a half of it."""

from collections.abc import Iterator, Sequence

from mvib.theory.canonical import Goal, GoalKind, Shape
from mvib.theory.comparison.subject import Subject
from mvib.theory.roles import Casting


def leave_out_halves(
    first: Subject, second: Subject, only_first: tuple[Goal, ...], only_second: tuple[Goal, ...]
) -> tuple[tuple[Goal, ...], tuple[Goal, ...]]:
    """What is left of both where halves of the information of one are goals of the other."""
    halves_first = {half.key: half for half in _split(first, only_first)}
    halves_second = {half.key: half for half in _split(second, only_second)}
    shared = [half for key, half in halves_first.items() if key in halves_second]
    # A prediction is what is left of an information without its entropy; an entropy alone may be raised for much else.
    if all(half.kind is not GoalKind.PREDICT for half in shared):
        return only_first, only_second
    left = tuple(half for key, half in halves_first.items() if key not in halves_second)
    right = tuple(half for key, half in halves_second.items() if key not in halves_first)
    # Halves say it better only where they make one a part of the other.
    return (left, right) if not left or not right else (only_first, only_second)


def _split(subject: Subject, goals: Sequence[Goal]) -> Iterator[Goal]:
    """Goals with the information between codes as what it is made of: H(Z1) up and H(Z1 | Z2) down."""
    roles = subject.roles
    for goal in goals:
        is_between_codes = (
            goal.kind is GoalKind.INFORM
            and goal.shape.functional == "I"
            and not goal.shape.given
            and all(role.startswith("Z") for role in goal.pattern.roles)
        )
        if not is_between_codes:
            yield goal
            continue
        target, source = goal.shape.groups
        for kind, shape in (
            (GoalKind.SPREAD, Shape(functional="H", groups=(target,))),
            (GoalKind.PREDICT, Shape(functional="H", groups=(target,), given=source)),
        ):
            casting = roles.cast_groups(shape.functional, shape.groups, shape.given)
            yield _as(goal, kind, shape, casting)


def _as(goal: Goal, kind: GoalKind, shape: Shape, casting: Casting) -> Goal:
    return Goal(
        kind=kind,
        shape=shape,
        pattern=casting.pattern,
        casting=casting.variables,
        terms=goal.terms,
        estimators=goal.estimators,
        weight=goal.weight,
        path=goal.path,
        without_gradient=goal.without_gradient,
        num_instances=goal.num_instances,
    )

"""What a goal of one method would be between the variables of another."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations

from mvib.semantics.method import Member
from mvib.theory.canonical import Goal, Shape
from mvib.theory.comparison.subject import Subject
from mvib.theory.roles import Pattern


def shapes_between(pattern: Pattern, variables: Mapping[str, tuple[Member, ...]]) -> Iterator[Shape]:
    """A pattern between given variables, in each order of the inputs that they allow."""
    if pattern.functional == "D":
        return
    digits = sorted({letter for role in variables for letter in role if letter.isdigit()})
    needed = sorted({letter for role in pattern.roles for letter in role if letter.isdigit()})
    for order in permutations(digits, len(needed)):
        table = str.maketrans(dict(zip(needed, order, strict=True)))
        names = {role: role.translate(table) for role in pattern.roles}
        if not set(names.values()) <= set(variables):
            continue
        yield Shape(
            functional=pattern.functional,
            groups=tuple(_all(variables, (names[role] for role in group)) for group in pattern.groups),
            given=_all(variables, (names[role] for role in pattern.given)),
        )


def _all(variables: Mapping[str, tuple[Member, ...]], roles: Iterable[str]) -> tuple[Member, ...]:
    return tuple(dict.fromkeys(member for role in roles for member in variables[role]))


def variables_of(subject: Subject, goal: Goal) -> Mapping[str, tuple[Member, ...]]:
    """The variables of a goal by their roles, the inputs of its codes, and the label."""
    shape = goal.shape
    variables = dict(subject.roles.cast_groups(shape.functional, shape.groups, shape.given).variables)
    for role, members in list(variables.items()):
        inputs = frozenset[Member]().union(*(subject.roles.inputs(member) for member in members))
        if role.startswith("Z") and role[1:].isdigit():
            variables.setdefault(f"X{role[1:]}", tuple(sorted(inputs)))
    labels = [v.member for v in subject.graph.variables.values() if v.type == "label"]
    if labels:
        variables.setdefault("Y", (labels[0],))
    return variables

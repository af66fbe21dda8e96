"""Resolution of information quantities: their arguments, their variables, the names of their path."""

from collections import Counter
from collections.abc import Sequence

from mvib.semantics import errors
from mvib.semantics.families import MAX_MEMBERS, Assignment, evaluate_index
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import ChannelKind, Member, Quantity, QuantityVariable
from mvib.semantics.scope import Scope, Unresolved, as_call
from mvib.semantics.text import one_line
from mvib.syntax import ast

_ARITY = {"H": (1, 1), "I": (2, 2), "TC": (2, MAX_MEMBERS), "D": (1, 1)}
_WRITTEN = {
    "H": "`H(A)` or `H(A | B)`",
    "I": "`I(A; B)` or `I(A; B | C)`",
    "TC": "`TC(A; B; C)`",
    "D": "`D(A || normal)`",
}


def references_of(quantity: ast.Quantity) -> list[ast.Reference]:
    """The variables of a quantity as written, conditions last."""
    return [v.reference for group in (*quantity.groups, quantity.condition) for v in group]


def check_form(scope: Scope, quantity: ast.Quantity) -> None:
    """A functional has the arguments it takes."""
    low, high = _ARITY[quantity.functional]
    count = len(quantity.groups)
    if not low <= count <= high:
        takes = f"{'at least ' if high > low else ''}{low} {'argument' if low == 1 else 'arguments'}"
        raise scope.fail(
            errors.bad_quantity(
                quantity.span,
                f"`{quantity.functional}` takes {takes}, and {count} {'is' if count == 1 else 'are'} given",
                label=f"expected {_WRITTEN[quantity.functional]}",
                why="`;` separates arguments, `,` joins variables to one argument, `|` comes before a condition",
                remedy=_fixed_arity(quantity),
            )
        )
    inside = _groups_text(quantity)
    if quantity.functional == "D" and quantity.prior is None:
        title, label = "`D` is a divergence from a prior", "no prior"
        raise scope.fail(
            errors.bad_quantity(quantity.span, title, label=label, remedy=f"write `D({inside} || normal)`")
        )
    if quantity.functional != "D" and quantity.prior is not None:
        title, label = f"`{quantity.functional}` has no prior", "`||` comes before a prior"
        remedy = f"write `D({inside} || {quantity.prior.span.text})` for a divergence, or `|` for a condition"
        raise scope.fail(errors.bad_quantity(quantity.span, title, label=label, remedy=remedy))
    if quantity.functional in {"TC", "D"} and quantity.condition:
        title, label = f"`{quantity.functional}` takes no condition", "`|` comes before a condition"
        prior = f" || {quantity.prior.span.text}" if quantity.prior is not None else ""
        remedy = f"write `{quantity.functional}({inside}{prior})`"
        raise scope.fail(errors.bad_quantity(quantity.span, title, label=label, remedy=remedy))


def _groups_text(quantity: ast.Quantity) -> str:
    return "; ".join(", ".join(one_line(v.span) for v in group) for group in quantity.groups)


def _fixed_arity(quantity: ast.Quantity) -> str:
    """What was probably meant."""
    name = quantity.functional
    groups = [", ".join(one_line(v.span) for v in group) for group in quantity.groups]
    condition = ", ".join(one_line(v.span) for v in quantity.condition)
    behind = f" | {condition}" if condition else ""
    flat = [one_line(v.span) for group in quantity.groups for v in group]
    match name, len(groups):
        case "I" | "TC", 1 if len(flat) > 1:
            return f"write `{name}({flat[0]}; {', '.join(flat[1:])}{behind})`"
        case "I" | "TC", 1:
            return f"name the second variable behind `;`, or write `H({groups[0]}{behind})` for the entropy"
        case "I", 3 if not condition:
            return f"write `I({groups[0]}; {groups[1]} | {groups[2]})`, or `TC({'; '.join(groups)})`"
        case "H", 2 if not condition:
            joint, conditional = f"H({', '.join(groups)})", f"H({groups[0]} | {groups[1]})"
            return f"write `{joint}` for the joint entropy, or `{conditional}` for the conditional one"
        case _:
            return f"write it as {_WRITTEN[name]}"


def resolve_quantity(part: GraphPart, quantity: ast.Quantity, assignment: Assignment) -> Quantity | None:
    """The quantity between members; None when index arithmetic leaves a family."""
    groups: list[tuple[QuantityVariable, ...]] = []
    for group in (*quantity.groups, quantity.condition):
        found: list[QuantityVariable] = []
        for variable in group:
            members = part.variables.members(variable.reference, assignment)
            if members is None:
                return None
            found.extend(QuantityVariable(member=member, stopped=variable.stopped) for member in members)
        groups.append(tuple(found))
    *arguments, condition = groups
    prior = as_call(quantity.prior)
    return Quantity(
        functional=quantity.functional,
        groups=tuple(arguments),
        condition=condition,
        prior=part.scope.prior(prior) if prior is not None else None,
        path=tuple(_path_step(part, step, assignment) for step in quantity.path),
        span=quantity.span,
    )


def repeated_member(quantity: Quantity) -> Member | None:
    """A variable that occurs twice. Along a path that is no mistake: the two are different realisations."""
    if quantity.path:
        return None
    twice = {member for member, count in Counter(quantity.members).items() if count > 1}
    return next((member for member in quantity.members if member in twice), None)


def _path_step(part: GraphPart, step: ast.Reference, assignment: Assignment) -> str:
    """The name of a channel: an encoder, a decoder, or a view channel by the name it is called with."""
    scope = part.scope
    values = [evaluate_index(scope, index, assignment) for index in step.indices]
    name = f"{step.name.text}[{','.join(map(str, values))}]" if values else step.name.text
    views = {module.family for module in part.modules.values() if module.kind is ChannelKind.VIEW}
    if name in part.modules or name in views:
        return name
    if step.name.text in part.broken_modules:
        raise Unresolved
    raise scope.fail(errors.unknown_step(step.span, name, sorted({*part.modules, *views})))


def members_text(members: Sequence[Member]) -> str:
    """`X[1], X[2]`."""
    return ", ".join(map(str, members))

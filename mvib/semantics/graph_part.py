"""What resolution has found of the graph so far, and what the statements that make it share."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mvib.semantics import errors
from mvib.semantics.families import Assignment, Variables, declared_binder, evaluate_index, free_indices
from mvib.semantics.method import Channel, Member, Module
from mvib.semantics.scope import Scope
from mvib.syntax import ast


@dataclass(slots=True, kw_only=True)
class GraphPart:
    """What has been resolved so far.

    Attributes:
        scope: names, numbers and mistakes.
        variables: the families.
        modules: sets of weights and view channels by name.
        channels: arrows of views and encoders.
        decoders: arrows of decoders.
        broken_modules: names of encoders and decoders with a mistake that was reported; their uses are not.
    """

    scope: Scope
    variables: Variables
    modules: dict[str, Module] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)
    decoders: list[Channel] = field(default_factory=list)
    broken_modules: set[str] = field(default_factory=set)

    def members(self, references: Sequence[ast.Reference], assignment: Assignment) -> tuple[Member, ...] | None:
        """The variables under an assignment; None when index arithmetic moves one outside its family."""
        members = [self.variables.members(reference, assignment) for reference in references]
        found = [group for group in members if group is not None]
        return tuple(member for group in found for member in group) if len(found) == len(members) else None

    def is_broken(self, references: Sequence[ast.Reference]) -> bool:
        """Whether a mistake in what makes one of the variables has been reported."""
        return any(self.variables.is_broken(reference) for reference in references)


def module_binders(scope: Scope, name: ast.Reference) -> dict[str, list[int]]:
    """The indices that the name of a module declares, `q[k: 1..5]`, with their values."""
    binders: dict[str, list[int]] = {}
    for index in name.indices:
        if not isinstance(index, ast.Binder):
            free = free_indices(scope, index)
            fixed = f"{name.name.text}[{free[0].text if free else 'k'}: 1..2]"
            if not free:
                raise scope.fail(errors.fixed_module_index(index.span, index.span.text, name.name.text, fixed))
            where, remedy = "in the name of the module", f"give it a range: `{fixed}`"
            raise scope.fail(errors.unbound_index(index.span, index.span.text, where, remedy=remedy))
        binders[index.name.text] = declared_binder(scope, index)
    return binders


def names_used(value: object) -> frozenset[str]:
    """Names that stand alone in a call and its arguments: parameters, and indices of a family."""
    match value:
        case ast.Reference(name=name, indices=()):
            return frozenset({name.text})
        case ast.Call(arguments=arguments):
            parts: Sequence[object] = [argument.value for argument in arguments]
        case ast.Binary(left=left, right=right):
            parts = [left, right]
        case ast.Negative(operand=operand):
            parts = [operand]
        case ast.Range(low=low, high=high):
            parts = [low, high]
        case ast.Transition(start=start, end=end):
            parts = [start, end]
        case ast.Tuple(items=items):
            parts = items
        case _:
            parts = []
    return frozenset().union(*map(names_used, parts))


def module_name(scope: Scope, name: ast.Reference, assignment: Assignment) -> str:
    """The name of a module, or of the member of a module family under an assignment: `q[2]`."""
    if not name.indices:
        return name.name.text
    values = [
        assignment[index.name.text] if isinstance(index, ast.Binder) else evaluate_index(scope, index, assignment)
        for index in name.indices
    ]
    return f"{name.name.text}[{','.join(map(str, values))}]"

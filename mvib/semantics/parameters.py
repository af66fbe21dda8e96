"""Resolution of parameters: each may use others, in whatever order the file has them."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from mvib.semantics import errors
from mvib.semantics.method import Parameter
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.values import Constant
from mvib.syntax import ast

# Parameters in a value once those that it uses are put in. No method comes near; without a limit a short file, in which
# each parameter uses the one before it twice, would take longer than anybody lives.
MAX_SIZE = 250


def resolve_parameters(scope: Scope, statements: Sequence[ast.Statement]) -> Mapping[str, Parameter]:
    """Every parameter, those that others use before those that use them."""
    written: dict[str, ast.Param] = {}
    for statement in statements:
        if not isinstance(statement, ast.Param):
            continue
        first = written.setdefault(statement.name.text, statement)
        if first is not statement:
            name = statement.name
            scope.report(errors.defined_twice(name.span, "parameter", name.text, first.name.span))
    ordered, circular = _ordered(scope, written)
    # The mistake is reported; uses of the parameter are not reported as well.
    resolved = {key: Parameter(name=key, value=Constant(1), span=written[key].name.span) for key in circular}
    scope.parameters = resolved
    sizes = dict.fromkeys(circular, 1)
    for key in ordered:
        if key in circular:
            continue
        param = written[key]
        sizes[key] = sum(sizes.get(name, 1) for name in _names(param.value)) + 1
        try:
            if sizes[key] > MAX_SIZE:
                raise scope.fail(errors.large_parameter(param.value.span, key, MAX_SIZE))
            value = scope.scalar(param.value, f"the parameter `{key}`")
        except Unresolved:
            value, sizes[key] = Constant(1), 1
        resolved[key] = Parameter(name=key, value=value, span=param.name.span)
    return {key: resolved[key] for key in written}


def _ordered(scope: Scope, written: Mapping[str, ast.Param]) -> tuple[list[str], set[str]]:
    """Names so that each follows those it uses, and those that need themselves: their circles are reported."""
    circular: set[str] = set()
    uses = {name: [used for used in _names(param.value) if used in written] for name, param in written.items()}
    while True:
        try:
            return list(TopologicalSorter(uses).static_order()), circular
        except CycleError as error:
            circle = list(reversed(error.args[1][1:]))
            first = min(range(len(circle)), key=lambda i: written[circle[i]].span.start)
            circle = circle[first:] + circle[:first]
            spans = [written[name].name.span for name in circle]
            scope.report(errors.cyclic_parameters(spans[0], circle, spans[1:]))
            uses |= {name: [] for name in circle}
            circular.update(circle)


def _names(value: object) -> Iterator[str]:
    """Every name that stands alone in an expression."""
    match value:
        case ast.Reference(name=name, indices=()):
            yield name.text
        case ast.Binary(left=left, right=right):
            yield from _names(left)
            yield from _names(right)
        case ast.Negative(operand=operand):
            yield from _names(operand)
        case ast.Transition(start=start, end=end):
            yield from _names(start)
            yield from _names(end)
        case ast.Call(arguments=arguments):
            for argument in arguments:
                yield from _names(argument.value)
        case ast.Tuple(items=items):
            for item in items:
                yield from _names(item)

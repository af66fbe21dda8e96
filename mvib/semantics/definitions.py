"""Resolution of what makes the graph: data, views, encoders and decoders, in whatever order the file has them."""

from collections.abc import Sequence

from mvib.semantics import errors
from mvib.semantics.decoders import resolve_decoder
from mvib.semantics.encoders import check_copies, resolve_encoder
from mvib.semantics.families import Variables
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import VariableKind
from mvib.semantics.order import Definition, ordered_definitions, targets_of
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.views import name_views, resolve_data, resolve_opponents, resolve_view
from mvib.syntax import ast

_KINDS: dict[type[Definition], VariableKind] = {
    ast.Data: VariableKind.DATA,
    ast.View: VariableKind.VIEW,
    ast.Encoder: VariableKind.REPRESENTATION,
}


def resolve_graph(scope: Scope, statements: Sequence[ast.Statement]) -> GraphPart:
    """Resolve every data, view, encoder and decoder statement; their order in the file does not matter."""
    part = GraphPart(scope=scope, variables=Variables(scope, {}))
    repeated = _check_module_names(scope, [s for s in statements if isinstance(s, ast.Encoder | ast.Decoder)])
    definitions = [s for s in statements if isinstance(s, Definition)]
    views = [s for s in definitions if isinstance(s, ast.View)]
    names = name_views(scope, views)
    ordered, circular = ordered_definitions(scope, definitions)
    part.broken_modules.update(statement.name.name.text for statement in repeated)
    left_out = [*repeated, *circular]
    for definition in ordered:
        try:
            if any(definition is other for other in left_out):
                raise Unresolved
            match definition:
                case ast.Data():
                    resolve_data(part, definition)
                case ast.View():
                    number = next(i for i, view in enumerate(views) if view is definition)
                    targets = range(len(definition.targets))
                    resolve_view(part, definition, [names[number, position] for position in targets])
                case ast.Encoder():
                    resolve_encoder(part, definition)
        except Unresolved:
            _declare_broken(part, definition)
    for statement in statements:
        if isinstance(statement, ast.Decoder) and not any(statement is other for other in left_out):
            try:
                resolve_decoder(part, statement)
            except Unresolved:
                part.broken_modules.add(statement.name.name.text)
    resolve_opponents(part)
    check_copies(part, [s for s in statements if isinstance(s, ast.Encoder)])
    return part


def _check_module_names(
    scope: Scope, statements: Sequence[ast.Encoder | ast.Decoder]
) -> list[ast.Encoder | ast.Decoder]:
    """Report names of modules that are used twice; the later statements, which are left out."""
    seen: dict[str, ast.Encoder | ast.Decoder] = {}
    repeated: list[ast.Encoder | ast.Decoder] = []
    for statement in statements:
        name = statement.name.name
        first = seen.setdefault(name.text, statement)
        if first is statement:
            continue
        repeated.append(statement)
        arrows = ", ".join(arrow.span.text for arrow in (*first.arrows, *statement.arrows))
        remedy = "rename one of them, or delete it"
        if first.arrows != statement.arrows and type(first) is type(statement):
            kind = "encoder" if isinstance(statement, ast.Encoder) else "decoder"
            module = f" = {first.module.span.text}" if first.module is not None else ""
            shared = f"{kind} {first.name.span.text}: {arrows}{module}"
            remedy = f"write `{shared}` to share one set of weights, else rename one of them"
        scope.report(errors.defined_twice(name.span, "module", name.text, first.name.span, remedy=remedy))
    return repeated


def _declare_broken(part: GraphPart, definition: Definition) -> None:
    """Take what a statement with a mistake would have made to exist: its uses are not reported as well."""
    for target in targets_of(definition):
        part.variables.declare_broken(target, _KINDS[type(definition)])
    if isinstance(definition, ast.Encoder):
        part.broken_modules.add(definition.name.name.text)

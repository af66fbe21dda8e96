"""Resolution of data and view statements."""

from collections.abc import Iterable, Mapping, Sequence

from mvib.catalogue import DATA_TYPES
from mvib.catalogue.signature import ChannelEntry
from mvib.semantics import errors
from mvib.semantics.families import Variables, assignments, declared_member, declared_members, names_in
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import Axis, Channel, ChannelKind, Family, Member, Module, VariableKind
from mvib.semantics.order import sources_of
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.values import BoundCall
from mvib.syntax import ast


def resolve_data(part: GraphPart, statement: ast.Data) -> None:
    """Declare the variables of a data statement; one with a mistake does not keep the others from being declared."""
    for declaration in statement.declarations:
        try:
            part.variables.declare(_data_family(part.scope, declaration))
        except Unresolved:
            part.variables.declare_broken(declaration.target, VariableKind.DATA)


def _data_family(scope: Scope, declaration: ast.DataDeclaration) -> Family:
    axes, domains = declared_members(scope, declaration.target, {})
    members = (
        declared_member(scope, declaration.target, assignment)
        for assignment in assignments(scope, declaration.target.span, domains)
    )
    # Of an unknown type nothing more is said: it stays empty.
    type_ = declaration.type.text if declaration.type.text in DATA_TYPES else ""
    if not type_:
        scope.report(errors.unknown_type(declaration.type.span, declaration.type.text, DATA_TYPES))
    return Family(
        name=declaration.target.name.text,
        kind=VariableKind.DATA,
        type=type_,
        partial=declaration.partial,
        axes=axes,
        members=tuple(sorted(set(members))),
        span=declaration.target.span,
    )


def name_views(scope: Scope, statements: Sequence[ast.View]) -> Mapping[tuple[int, int], str]:
    """Names of the channels of all views, by statement and target.

    The only view of its channel is called like the channel, `augment`; of several each gets the name of what it makes
    behind it, `augment_X`. No name is that of an encoder or decoder.
    """
    names: dict[tuple[int, int], str] = {}
    for number, statement in enumerate(statements):
        function = statement.channel.function.text
        alone = sum(len(s.targets) for s in statements if s.channel.function.text == function) == 1
        for position, target in enumerate(statement.targets):
            fixed = [index.span.text for index in target.indices if not isinstance(index, ast.Binder)]
            numbers = "".join(text for text in fixed if text.isdecimal())
            name = function if alone else f"{function}_{target.name.text}{numbers}"
            while name in scope.module_names or name in names.values():
                name += "'"
            names[number, position] = name
    return names


def resolve_view(part: GraphPart, statement: ast.View, names: Sequence[str]) -> None:
    """Declare the variables of a view statement, and the channels that draw them.

    Args:
        part: what has been resolved.
        statement: the view.
        names: of the channels, one a target.
    """
    scope = part.scope
    source, call = _view_channel(part, statement)
    inherited = {name: sorted(values) for name, values in part.variables.domains([source]).items()}
    for name, target in zip(names, statement.targets, strict=True):
        axes, domains = declared_members(scope, target, inherited)
        arrows: dict[Member, tuple[Member, ...]] = {}
        for assignment in assignments(scope, target.span, domains):
            taken = part.members([source], assignment)
            if taken is None:
                continue
            member = declared_member(scope, target, assignment)
            if member in arrows:
                index = _lost_index(scope, target, domains)
                fixed = f"{target.name.text}[{index}]"
                raise scope.fail(errors.several_sources(target.span, str(member), index, fixed, ""))
            arrows[member] = taken
        if not arrows:
            remedy = "change the arithmetic, or the range of the family"
            raise scope.fail(
                errors.no_members(statement.channel.span, f"this makes `{target.name.text}`", remedy=remedy)
            )
        if part.variables.is_broken(source):
            part.variables.declare_broken(target, VariableKind.VIEW)
            continue
        _declare_view(part.variables, target, arrows, axes, part.variables.family(source).type)
        if call is None:
            continue
        span = statement.channel.span
        part.modules[name] = Module(
            name=name, family=call.name, kind=ChannelKind.VIEW, stochastic=True, call=call, span=span
        )
        part.channels.extend(
            Channel(module=name, kind=ChannelKind.VIEW, stochastic=True, sources=taken, target=member, span=span)
            for member, taken in arrows.items()
        )


def _declare_view(
    variables: Variables, target: ast.Reference, members: Iterable[Member], axes: tuple[Axis, ...], type_: str
) -> None:
    variables.declare(
        Family(
            name=target.name.text,
            kind=VariableKind.VIEW,
            type=type_,
            axes=axes,
            members=tuple(sorted(members)),
            span=target.span,
        )
    )


def _lost_index(scope: Scope, target: ast.Reference, domains: Mapping[str, Sequence[int]]) -> str:
    """An index of the source that what is made does not have."""
    kept = {name.text for index in target.indices for name in names_in(scope, index)}
    return next((name for name, values in domains.items() if name not in kept and len(values) > 1), "i")


def _view_channel(part: GraphPart, statement: ast.View) -> tuple[ast.Reference, BoundCall | None]:
    """The source of a view, and its channel with its arguments; None when that has a mistake that was reported."""
    scope, channel = part.scope, statement.channel
    name = channel.function.text
    entry = scope.catalogue.channels.get(name)
    if entry is None:
        known = scope.catalogue.channels
        scope.report(errors.unknown_entry(channel.function.span, "channel", "channels", name, known))
    references = sources_of(statement)
    if not references:
        data = next((f.name for f in part.variables.families.values() if f.kind is VariableKind.DATA), "X")
        expected = "the variable it transforms as its first argument"
        place = channel.arguments[0].span if channel.arguments else channel.span
        raise scope.fail(errors.wrong_argument(place, name, "", expected, remedy=f"write for example `{name}({data})`"))
    source = references[0]
    part.variables.family(source)
    if entry is None:
        return source, None
    rest = tuple(argument for argument in channel.arguments if argument.value is not source)
    call = _bound_or_none(scope, ast.Call(span=channel.span, function=channel.function, arguments=rest), entry)
    _check_source(part, entry, source)
    return source, call


def _bound_or_none(scope: Scope, call: ast.Call, entry: ChannelEntry) -> BoundCall | None:
    try:
        return scope.bind(call, entry)
    except Unresolved:
        return None


def _check_source(part: GraphPart, entry: ChannelEntry, reference: ast.Reference) -> None:
    family = part.variables.family(reference)
    if part.variables.is_broken(reference):
        return
    if family.kind not in {VariableKind.DATA, VariableKind.VIEW}:
        raise part.scope.fail(errors.view_of_representation(reference.span, family.name, family.span))
    if family.type and family.type not in entry.takes_types:
        others = [n for n, other in part.scope.catalogue.channels.items() if family.type in other.takes_types]
        raise part.scope.fail(
            errors.view_of_wrong_type(
                reference.span, entry.name, entry.takes_types, family.name, family.type, others, family.span
            )
        )

"""Resolution of data and view statements."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from mvib.catalogue import DATA_TYPES
from mvib.catalogue.signature import ChannelEntry
from mvib.diagnostics import Diagnostic
from mvib.semantics import errors
from mvib.semantics.families import (
    Assignment,
    Variables,
    assignments,
    bound_values,
    declared_member,
    declared_members,
    names_in,
)
from mvib.semantics.graph_part import GraphPart, names_used
from mvib.semantics.method import Axis, Channel, ChannelKind, Family, Member, Module, VariableKind
from mvib.semantics.order import sources_of
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.values import BoundCall, VariableName
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
    source, entry = _view_source(part, statement)
    if statement.joint:
        _resolve_joint(part, statement, names[0], source, entry)
        return
    inherited = {name: sorted(values) for name, values in part.variables.domains([source]).items()}
    calls = _Calls(part, statement, source, entry)
    for name, target in zip(names, statement.targets, strict=True):
        axes, domains = declared_members(part.scope, target, inherited)
        arrows: dict[Member, tuple[Member, ...]] = {}
        indices: dict[Member, Assignment] = {}
        for assignment in assignments(part.scope, target.span, domains):
            taken = part.members([source], assignment)
            if taken is None:
                continue
            member = declared_member(part.scope, target, assignment)
            if member in arrows:
                raise part.scope.fail(_several_sources(part.scope, target, member, domains))
            arrows[member], indices[member] = taken, assignment
        _declare_drawn(part, statement, target, axes, arrows, source, entry)
        for member, taken in arrows.items():
            _add_channel(part, calls, name, indices[member], member, taken)


def _resolve_joint(
    part: GraphPart, statement: ast.View, name: str, source: ast.Reference, entry: ChannelEntry | None
) -> None:
    """`view (V[i: 1..2], T[i]) ~ split(P)`: one draw for each value of the indices that all of them have.

    An index that only one of them has counts variables of one draw: `view (V, T[b: 1..4]) ~ blocks(P)`.
    """
    scope = part.scope
    if entry is not None and entry.outputs is None:
        raise scope.fail(errors.not_joint(statement.channel.span, entry.name, [t.span.text for t in statement.targets]))
    inherited = {key: sorted(values) for key, values in part.variables.domains([source]).items()}
    known = {**inherited, **_declared_so_far(scope, statement, inherited)}
    named = [{n.text for index in target.indices for n in names_in(scope, index)} for target in statement.targets]
    shared = set.intersection(*named)
    calls = _Calls(part, statement, source, entry)
    draws = {key: values for key, values in known.items() if key in shared}
    made: list[dict[Member, tuple[Member, ...]]] = [{} for _ in statement.targets]
    channels: list[tuple[Assignment, Member, tuple[Member, ...], str, int]] = []
    for draw in assignments(scope, statement.span, draws):
        taken = part.members([source], draw)
        if taken is None:
            continue
        label = f"{name}[{','.join(str(value) for value in draw.values())}]" if draw else name
        output = 0
        for target, arrows, names in zip(statement.targets, made, named, strict=True):
            own = {key: known[key] for key in known if key in names - shared}
            for assignment in assignments(scope, target.span, own):
                member = declared_member(scope, target, {**draw, **assignment})
                arrows[member] = taken
                channels.append((draw, member, taken, label, output))
                output += 1
        if entry is not None and entry.outputs not in {0, output}:
            raise scope.fail(errors.wrong_number_drawn(statement.channel.span, entry.name, entry.outputs or 0, output))
    for target, arrows in zip(statement.targets, made, strict=True):
        own_names = {n.text for index in target.indices for n in names_in(scope, index)}
        axes, _ = declared_members(scope, target, {key: known[key] for key in known if key in own_names})
        _declare_drawn(part, statement, target, axes, arrows, source, entry)
    for indices, member, taken, label, output in channels:
        _add_channel(part, calls, name, indices, member, taken, drawn=label, output=output)


def _declared_so_far(scope: Scope, statement: ast.View, inherited: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Values of the indices that any of the variables declares: `V[i: 1..2], T[i]`."""
    found: dict[str, list[int]] = {}
    for target in statement.targets:
        for index in target.indices:
            if isinstance(index, ast.Binder):
                found[index.name.text] = bound_values(scope, index, inherited)
    return found


class _Calls:
    """The channel of a view with its arguments, for each value of the indices that they use."""

    def __init__(self, part: GraphPart, statement: ast.View, source: ast.Reference, entry: ChannelEntry | None) -> None:
        self._part, self._entry = part, entry
        channel = statement.channel
        rest = tuple(argument for argument in channel.arguments if argument.value is not source)
        self._call = ast.Call(span=channel.span, function=channel.function, arguments=rest)
        self._used = names_used(self._call) - set(part.scope.parameters)
        self._found: dict[str, BoundCall | None] = {}

    def suffix(self, indices: Assignment) -> str:
        """What the name of the channel gets behind it where its arguments differ from member to member."""
        used = [str(value) for name, value in indices.items() if name in self._used]
        return f"[{','.join(used)}]" if used else ""

    def __getitem__(self, indices: Assignment) -> BoundCall | None:
        """None when there is a mistake that was reported."""
        key = self.suffix(indices)
        if key not in self._found:
            self._found[key] = None
            if self._entry is not None:
                with self._part.scope.at(indices), suppress(Unresolved):
                    self._found[key] = self._part.scope.bind(self._call, self._entry)
        return self._found[key]


def _add_channel(
    part: GraphPart,
    calls: _Calls,
    name: str,
    indices: Assignment,
    member: Member,
    taken: tuple[Member, ...],
    *,
    drawn: str = "",
    output: int = 0,
) -> None:
    call = calls[indices]
    if call is None:
        return
    full = name + calls.suffix(indices)
    part.modules[full] = Module(
        name=full, family=call.name, kind=ChannelKind.VIEW, stochastic=True, call=call, span=call.span
    )
    part.channels.append(
        Channel(
            module=full,
            kind=ChannelKind.VIEW,
            stochastic=True,
            sources=taken,
            target=member,
            draw=drawn,
            output=output,
            span=call.span,
        )
    )


def _declare_drawn(
    part: GraphPart,
    statement: ast.View,
    target: ast.Reference,
    axes: tuple[Axis, ...],
    arrows: Mapping[Member, tuple[Member, ...]],
    source: ast.Reference,
    entry: ChannelEntry | None,
) -> None:
    if not arrows:
        remedy = "change the arithmetic, or the range of the family"
        raise part.scope.fail(
            errors.no_members(statement.channel.span, f"this makes `{target.name.text}`", remedy=remedy)
        )
    if part.variables.is_broken(source):
        part.variables.declare_broken(target, VariableKind.VIEW)
        return
    type_ = (entry.gives_type if entry is not None else "") or part.variables.family(source).type
    _declare_view(part.variables, target, arrows, axes, type_)


def _several_sources(
    scope: Scope, target: ast.Reference, member: Member, domains: Mapping[str, Sequence[int]]
) -> Diagnostic:
    index = _lost_index(scope, target, domains)
    return errors.several_sources(target.span, str(member), index, f"{target.name.text}[{index}]", "")


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


def _view_source(part: GraphPart, statement: ast.View) -> tuple[ast.Reference, ChannelEntry | None]:
    """The source of a view, and its channel; None when that is not known, which was reported."""
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
    if entry is not None:
        _check_source(part, entry, source)
    return source, entry


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


def resolve_opponents(part: GraphPart) -> None:
    """Find what the views are drawn against, once everything that is computed from them is known."""
    makers = {channel.target: channel for channel in part.channels}
    for name, module in part.modules.items():
        if module.kind is not ChannelKind.VIEW or module.call is None:
            continue
        entry = module.call.entry
        assert isinstance(entry, ChannelEntry)
        if not entry.against:
            continue
        given = module.call[entry.against]
        assert isinstance(given, VariableName)
        with suppress(Unresolved):
            member = part.variables.member(given.reference, {})
            sources = {source for channel in part.channels if channel.module == name for source in channel.sources}
            assert member is not None
            if not sources <= _computed_from(makers, member):
                text, source = given.text, str(min(sources))
                raise part.scope.fail(errors.not_computed_from(given.reference.span, text, source, entry.name))
            part.modules[name] = replace(module, against=member)


def _computed_from(makers: Mapping[Member, Channel], member: Member) -> set[Member]:
    """What a variable is a function of: what encoders without noise compute it from."""
    maker = makers.get(member)
    if maker is None or maker.kind is not ChannelKind.ENCODER or maker.stochastic:
        return {member}
    return {member}.union(*(_computed_from(makers, source) for source in maker.sources))

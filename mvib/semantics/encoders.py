"""Resolution of encoder statements, and of the copies among them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mvib.catalogue.signature import ModuleEntry, Role
from mvib.diagnostics import Diagnostic
from mvib.semantics import errors
from mvib.semantics.families import assignments, declared_member, declared_members, family_key, indices_of, names_in
from mvib.semantics.graph_part import GraphPart, module_binders, module_name, names_used
from mvib.semantics.method import Axis, Channel, ChannelKind, Family, Gradient, Member, Module, VariableKind
from mvib.semantics.scope import Scope, Unresolved, as_call
from mvib.semantics.values import BoundCall, EncoderName
from mvib.syntax import ast

_GRADIENTS = {
    Role.MOMENTUM: Gradient.MOMENTUM,
    Role.STOP_GRADIENT: Gradient.STOPPED,
    Role.FROZEN: Gradient.FROZEN,
}

# What an arrow makes: for each variable the member of the module, and what it takes.
_Made = dict[Member, tuple[str, tuple[Member, ...]]]


def resolve_encoder(part: GraphPart, statement: ast.Encoder) -> None:
    """Declare what an encoder statement makes, its weights and its arrows.

    A mistake in the module does not keep the variables from being declared, nor one in an arrow those of the others.
    """
    module = _bare_module(statement)
    binders = module_binders(part.scope, statement.name)
    try:
        _check_arrows(part.scope, statement)
        modules = _encoder_modules(part, statement, binders)
        module = next(iter(modules.values()))
    except Unresolved:
        modules = {}
        part.broken_modules.add(module.family)
    kind = VariableKind.TARGET if module.gradient is Gradient.MOMENTUM else VariableKind.REPRESENTATION
    for arrow in statement.arrows:
        try:
            axes, made = _resolve_arrow(part, statement, arrow, binders)
            if part.is_broken(arrow.sources):
                raise Unresolved
        except Unresolved:
            part.broken_modules.add(module.family)
            part.variables.declare_broken(arrow.target, kind)
        else:
            _add_arrow(part, module, modules, kind, arrow, axes, made)


def _encoder_modules(
    part: GraphPart, statement: ast.Encoder, binders: Mapping[str, Sequence[int]]
) -> dict[str, Module]:
    """The weights by name: those of a family differ where the call uses its index, `encoder at[t: 1..4]: ...`."""
    if not names_used(statement.module) & set(binders):
        return {"": _encoder_module(part, statement)}
    found = {}
    for assignment in assignments(part.scope, statement.name.span, binders):
        with part.scope.at(assignment):
            found[module_name(part.scope, statement.name, assignment)] = _encoder_module(part, statement)
    return found


def _add_arrow(
    part: GraphPart,
    module: Module,
    modules: Mapping[str, Module],
    kind: VariableKind,
    arrow: ast.Arrow,
    axes: tuple[Axis, ...],
    made: _Made,
) -> None:
    part.variables.declare(
        Family(name=arrow.target.name.text, kind=kind, axes=axes, members=tuple(sorted(made)), span=arrow.target.span)
    )
    for target, (name, sources) in made.items():
        part.modules.setdefault(name, replace(modules.get(name, module), name=name))
        part.channels.append(
            Channel(
                module=name,
                kind=ChannelKind.ENCODER,
                stochastic=module.stochastic,
                sources=sources,
                target=target,
                span=arrow.span,
            )
        )


def _resolve_arrow(
    part: GraphPart, statement: ast.Encoder, arrow: ast.Arrow, binders: Mapping[str, Sequence[int]]
) -> tuple[tuple[Axis, ...], _Made]:
    scope = part.scope
    _check_target_is_new(part, arrow, statement)
    inherited = {name: sorted(values) for name, values in part.variables.domains(arrow.sources).items()}
    axes, domains = declared_members(scope, arrow.target, {**inherited, **binders})
    _check_indices(part, arrow, domains)
    made: _Made = {}
    for assignment in assignments(scope, arrow.span, domains):
        sources = part.members(arrow.sources, assignment)
        if sources is None:
            continue
        target = declared_member(scope, arrow.target, assignment)
        if target in made:
            raise scope.fail(_several_sources(part, arrow, target, domains))
        made[target] = (module_name(scope, statement.name, assignment), sources)
    if not made:
        remedy = "change the arithmetic, or the range of the family"
        raise scope.fail(errors.no_members(arrow.span, f"this makes `{arrow.target.name.text}`", remedy=remedy))
    return axes, made


def _check_indices(part: GraphPart, arrow: ast.Arrow, domains: Mapping[str, Sequence[int]]) -> None:
    """Every index of a source ranges over something."""
    for source in arrow.sources:
        for index in indices_of(part.scope, source):
            if index.text not in domains:
                target = arrow.target.name.text
                where = f"inside the arithmetic of `{source.span.text}`"
                remedy = f"give it a range in what is made: `{target}[{index.text}: 1..2]`"
                raise part.scope.fail(errors.unbound_index(index.span, index.text, where, remedy=remedy))


def _several_sources(
    part: GraphPart, arrow: ast.Arrow, target: Member, domains: Mapping[str, Sequence[int]]
) -> Diagnostic:
    kept = {name.text for index in arrow.target.indices for name in names_in(part.scope, index)}
    lost = next((name for name, values in domains.items() if name not in kept and len(values) > 1), "i")
    inside = [*(index.span.text for index in arrow.target.indices), lost]
    fixed = f"{arrow.target.name.text}[{', '.join(inside)}]"
    joined = ""
    if len(arrow.sources) == 1:
        members = part.variables.family(arrow.sources[0]).members
        if len(arrow.sources[0].indices) == 1 and len(members) <= 4:
            sign = "~>" if arrow.stochastic else "->"
            joined = f"({', '.join(map(str, members))}) {sign} {arrow.target.span.text}"
    return errors.several_sources(arrow.target.span, str(target), lost, fixed, joined)


def _check_arrows(scope: Scope, statement: ast.Encoder) -> None:
    first = statement.arrows[0]
    for arrow in statement.arrows[1:]:
        if arrow.stochastic != first.stochastic:
            drawn, wanted = ("~>", "->") if arrow.stochastic else ("->", "~>")
            fixed = arrow.span.text.replace(drawn, wanted)
            raise scope.fail(errors.mixed_arrows(arrow.span, first.span, statement.name.name.text, drawn, fixed))


def _bare_module(statement: ast.Encoder) -> Module:
    """The weights of an encoder without its call; the name is that of its family."""
    name = statement.name.name.text
    return Module(
        name=name,
        family=name,
        kind=ChannelKind.ENCODER,
        stochastic=statement.arrows[0].stochastic,
        call=None,
        span=statement.name.span,
    )


def _encoder_module(part: GraphPart, statement: ast.Encoder) -> Module:
    scope, bare = part.scope, _bare_module(statement)
    if statement.module is None:
        return bare
    written = as_call(statement.module)
    if written is None:
        expected = "a distribution such as `gaussian(mlp(512), dim: 64)`" if bare.stochastic else "a module: `mlp(512)`"
        raise scope.fail(
            errors.wrong_argument(statement.module.span, bare.name, "", expected, remedy=f"write {expected}")
        )
    entry = scope.catalogue.modules.get(written.function.text)
    if entry is not None and entry.role in _GRADIENTS:
        call = scope.bind(written, entry)
        return replace(bare, call=call, gradient=_GRADIENTS[entry.role], origin=_origin(call, entry))
    if bare.stochastic:
        return replace(bare, call=scope.distribution(written, role="encoder"))
    found = scope.module(written)
    assert isinstance(found, BoundCall)
    return replace(bare, call=found)


def _origin(call: BoundCall, entry: ModuleEntry) -> str:
    first = call[entry.arguments[0].name]
    return first.name if isinstance(first, EncoderName) else ""


def _check_target_is_new(part: GraphPart, arrow: ast.Arrow, statement: ast.Encoder) -> None:
    existing = part.variables.families.get(family_key(arrow.target))
    if existing is None or existing.kind not in {VariableKind.DATA, VariableKind.VIEW}:
        return
    sources = ", ".join(source.span.text for source in arrow.sources)
    taken = f"({sources})" if len(arrow.sources) > 1 else sources
    name, target = statement.name.span.text, arrow.target
    fitting = [
        n for n, entry in part.scope.catalogue.distributions.items()
        if entry.decodes and (existing.type or "vector") in entry.about_types
    ]  # fmt: skip
    density = f"{fitting[0]}(mlp(256))" if fitting else "..."
    raise part.scope.fail(
        errors.encoder_into_existing(
            target.span,
            target.name.text,
            existing.kind.value,
            existing.span,
            decoder=f"decoder {name}: {taken} ~> {target.span.text} = {density}",
            new=target.span.text.replace(target.name.text, f"{target.name.text}'", 1),
        )
    )


def check_copies(part: GraphPart, statements: Sequence[ast.Encoder]) -> None:
    """A copy copies an encoder that has weights of its own, and is drawn with the same kind of arrow."""
    families = {module.family: module for module in part.modules.values()}
    written = {statement.name.name.text: statement for statement in reversed(statements)}
    for copy in [module for module in families.values() if module.origin]:
        origin = families.get(copy.origin)
        if origin is None or copy.call is None or origin.family in part.broken_modules:
            continue
        if origin is copy:
            part.scope.report(errors.copy_of_itself(copy.call.span, copy.call.name, copy.family))
        elif origin.kind is ChannelKind.DECODER or origin.gradient in {Gradient.MOMENTUM, Gradient.STOPPED}:
            what = "a decoder" if origin.kind is ChannelKind.DECODER else "itself a copy"
            trained = [
                m.family for m in families.values()
                if m.kind is ChannelKind.ENCODER and m.gradient is Gradient.TRAINED and m.stochastic is copy.stochastic
            ]  # fmt: skip
            part.scope.report(
                errors.copy_of_copy(copy.call.span, copy.call.name, origin.family, what, origin.span, trained[:3])
            )
        elif origin.stochastic != copy.stochastic:
            wanted, drawn = ("~>", "->") if origin.stochastic else ("->", "~>")
            for arrow in written[copy.family].arrows:
                fixed = arrow.span.text.replace(drawn, wanted)
                part.scope.report(
                    errors.copy_with_other_arrow(arrow.span, copy.family, origin.family, wanted, fixed, origin.span)
                )
                break

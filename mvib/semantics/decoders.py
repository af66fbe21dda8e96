"""Resolution of decoder statements."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from mvib.catalogue.signature import REQUIRED, DistributionEntry
from mvib.semantics import errors
from mvib.semantics.families import assignments, has_unknown_type, indices_of
from mvib.semantics.graph_part import GraphPart, module_binders, module_name
from mvib.semantics.method import Channel, ChannelKind, Member, Module
from mvib.semantics.scope import Unresolved, as_call
from mvib.semantics.values import BoundCall
from mvib.syntax import ast


def resolve_decoder(part: GraphPart, statement: ast.Decoder) -> None:
    """Add the weights and the arrows of a decoder statement; a mistake in its distribution leaves the arrows."""
    family = statement.name.name.text
    call = None
    with suppress(Unresolved):
        call = _distribution(part, statement)
    binders = module_binders(part.scope, statement.name)
    for arrow in statement.arrows:
        try:
            made = _resolve_arrow(part, statement, arrow, call, binders)
        except Unresolved:
            part.broken_modules.add(family)
            continue
        if part.is_broken([*arrow.sources, arrow.target]):
            part.broken_modules.add(family)
        for channel in made:
            part.modules.setdefault(
                channel.module,
                Module(
                    name=channel.module,
                    family=family,
                    kind=ChannelKind.DECODER,
                    stochastic=True,
                    call=call,
                    span=statement.name.span,
                ),
            )
            part.decoders.append(channel)


def _distribution(part: GraphPart, statement: ast.Decoder) -> BoundCall | None:
    if statement.module is None:
        return None
    call = as_call(statement.module)
    if call is not None:
        return part.scope.distribution(call, role="decoder")
    expected = "a distribution such as `gaussian(mlp(512))`"
    raise part.scope.fail(
        errors.wrong_argument(statement.module.span, statement.name.name.text, "", expected, remedy=f"write {expected}")
    )


def _resolve_arrow(
    part: GraphPart,
    statement: ast.Decoder,
    arrow: ast.Arrow,
    call: BoundCall | None,
    binders: Mapping[str, Sequence[int]],
) -> list[Channel]:
    scope = part.scope
    if not arrow.stochastic:
        raise scope.fail(errors.decoder_arrow(arrow.span, arrow.span.text.replace("->", "~>")))
    references = [*arrow.sources, arrow.target]
    ranging = {name: sorted(values) for name, values in part.variables.domains(references).items()}
    domains = {**ranging, **binders}
    _check_indices(part, references, domains)
    made: list[Channel] = []
    itself: Member | None = None
    for assignment in assignments(scope, arrow.span, domains):
        sources = part.members(arrow.sources, assignment)
        target = part.variables.member(arrow.target, assignment)
        if sources is None or target is None:
            continue
        if target in sources:
            # With two indices, `Z[i] ~> Z[j]`, the pairs i = j are left out; written out it is a mistake.
            itself = target
            continue
        name = module_name(scope, statement.name, assignment)
        made.append(
            Channel(
                module=name, kind=ChannelKind.DECODER, stochastic=True, sources=sources, target=target, span=arrow.span
            )
        )
    if not made and itself is not None:
        raise scope.fail(errors.predicts_itself(arrow.target.span, str(itself)))
    if not made:
        remedy = "change the arithmetic, or the range of the family"
        raise scope.fail(errors.no_members(arrow.span, "this decoder predicts something", remedy=remedy))
    _check_density(part, arrow, call)
    return made


def _check_indices(part: GraphPart, references: Sequence[ast.Reference], domains: Mapping[str, Sequence[int]]) -> None:
    for reference in references:
        for index in indices_of(part.scope, reference):
            if index.text not in domains:
                where = f"inside the arithmetic of `{reference.span.text}`"
                remedy = f"give the decoder a range for it: `decoder q[{index.text}: 1..5]: ...`"
                raise part.scope.fail(errors.unbound_index(index.span, index.text, where, remedy=remedy))


def _check_density(part: GraphPart, arrow: ast.Arrow, call: BoundCall | None) -> None:
    """The distribution can be about what is predicted."""
    family = part.variables.family(arrow.target)
    is_unknown = part.variables.is_broken(arrow.target) or has_unknown_type(family)
    if call is None or is_unknown:
        return
    distributions = part.scope.catalogue.distributions
    types = distributions[call.name].about_types
    # A representation has no declared type: it is any real values, so every density but that of labels may be about it.
    fits = family.type in types if family.type else types != ("label",)
    if not types or fits:
        return
    fitting = [
        name
        for name, entry in distributions.items()
        if entry.decodes and (family.type or "vector") in entry.about_types and not _needs_more(entry)
    ]
    what = f"of type `{family.type}`" if family.type else "a representation"
    network = call["net"]
    inside = network.text() if isinstance(network, BoundCall) else ""
    fixed = [f"{name}({inside})" for name in fitting]
    raise part.scope.fail(
        errors.wrong_density(call.span, call.name, types, arrow.target.span.text, what, fixed, family.span)
    )


def _needs_more(entry: DistributionEntry) -> bool:
    """Whether it cannot be written with a network alone."""
    return any(argument.default is REQUIRED for argument in entry.arguments)

"""From a tree to a typed method; every mistake of the file is reported in one run."""

from collections.abc import Sequence
from dataclasses import dataclass

from mvib.catalogue import Catalogue
from mvib.diagnostics import Diagnostic, has_errors
from mvib.semantics import errors
from mvib.semantics.definitions import resolve_graph
from mvib.semantics.facts import resolve_facts
from mvib.semantics.families import indices_of
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import (
    ChannelKind,
    Citation,
    Family,
    Member,
    Method,
    VariableKind,
)
from mvib.semantics.parameters import resolve_parameters
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.settings import resolve_settings
from mvib.semantics.terms import resolve_terms
from mvib.syntax import ast

# What a label is usually called, for a suggestion.
_LABEL_NAMES = frozenset({"y", "label", "labels", "class", "target"})
_OBSERVED = frozenset({VariableKind.DATA, VariableKind.VIEW})


@dataclass(frozen=True, slots=True)
class Resolved:
    """A typed method, None when anything is wrong, and what was found."""

    method: Method | None
    diagnostics: tuple[Diagnostic, ...]


def resolve_method(spec: ast.Spec, catalogue: Catalogue) -> Resolved:
    """Resolve a spec without `extends` and `drop` (see `inherit`).

    Args:
        spec: the tree.
        catalogue: what it may call.
    """
    statements = spec.statements
    encoders_and_decoders = [s for s in statements if isinstance(s, ast.Encoder | ast.Decoder)]
    scope = Scope(catalogue=catalogue, module_names=frozenset(s.name.name.text for s in encoders_and_decoders))
    head = next((s for s in statements if isinstance(s, ast.Method)), None)
    scope.parameters = resolve_parameters(scope, statements)
    part = resolve_graph(scope, statements)
    terms = resolve_terms(part, statements)
    assumptions, claims = resolve_facts(part, statements)
    represent = _resolve_represent(part, statements, head)
    settings = resolve_settings(scope, statements)
    _report_undefined(part, statements)
    diagnostics = tuple(sorted(scope.diagnostics, key=lambda d: (not d.is_error, d.span.source.name, d.span.start)))
    if has_errors(diagnostics) or head is None:
        return Resolved(None, diagnostics)
    method = Method(
        name=head.name.text,
        about=" ".join(s.text.value for s in statements if isinstance(s, ast.About)),
        citations=tuple(
            Citation(text=s.text.value, arxiv=s.arxiv, doi=s.doi) for s in statements if isinstance(s, ast.Cite)
        ),
        parameters=scope.parameters,
        variables=part.variables.families,
        modules=part.modules,
        channels=(*part.channels, *part.decoders),
        terms=terms,
        assumptions=assumptions,
        claims=claims,
        represent=represent,
        settings=settings,
        spec=spec,
        source=spec.source,
    )
    return Resolved(method, diagnostics)


def _report_undefined(part: GraphPart, statements: Sequence[ast.Statement]) -> None:
    """One diagnostic for each name that is used and does not exist, with all places."""
    scope = part.scope
    variables = {family.name for family in part.variables.families.values()}
    targets = {
        id(arrow.target) for s in statements if isinstance(s, ast.Decoder) for arrow in s.arrows
    }  # fmt: skip
    for name, references in scope.variable_uses.items():
        ordered = sorted(references, key=lambda reference: reference.span.start)
        create = _declaration(part, name, ordered[0], is_predicted=id(ordered[0]) in targets)
        places = list(dict.fromkeys(reference.name.span for reference in ordered))
        scope.report(errors.undefined_variable(places, name, variables, create=create))
    for name, uses in scope.parameter_uses.items():
        places = sorted(dict.fromkeys(uses), key=lambda place: place.start)
        is_variable = name in variables
        scope.report(errors.undefined_parameter(places, name, scope.parameters, is_variable=is_variable))


def _declaration(part: GraphPart, name: str, reference: ast.Reference, *, is_predicted: bool) -> str:
    """A statement that would declare a variable, in backticks, or statements on lines of their own."""
    families = part.variables.families.values()
    observed = next((f.name for f in families if f.kind is VariableKind.DATA and f.type == "image" and not f.axes), "")
    if is_predicted and observed:
        return f"`encoder f: {observed} -> {name} = mlp(256)`"
    if reference.indices and observed:
        return f"`view {name}[i: 1..2] ~ augment({observed})`"
    if reference.indices:
        return f"\n  data {name}: image\n  view {name}[i: 1..2] ~ augment({name})"
    return f"`data {name}: {'label' if name.casefold() in _LABEL_NAMES else 'image'}`"


def _resolve_represent(
    part: GraphPart, statements: Sequence[ast.Statement], head: ast.Method | None
) -> tuple[Member, ...]:
    statement = next((s for s in statements if isinstance(s, ast.Represent)), None)
    if statement is None:
        return _default_representation(part, statements, head)
    members: list[Member] = []
    for reference in statement.variables:
        try:
            members.extend(_represented(part, reference))
        except Unresolved:
            continue
    return tuple(members)


def _default_representation(
    part: GraphPart, statements: Sequence[ast.Statement], head: ast.Method | None
) -> tuple[Member, ...]:
    """What the first encoder makes: the first in the file of those that take data or views."""
    encoders = [s for s in statements if isinstance(s, ast.Encoder)]
    if not encoders and head is not None and not part.scope.diagnostics:
        part.scope.report(errors.nothing_represented(head.name.span))
    made = [channel for channel in part.channels if channel.kind is ChannelKind.ENCODER]
    observed = {m for f in part.variables.families.values() if f.kind in _OBSERVED for m in f.members}
    position = {statement.name.name.text: i for i, statement in enumerate(encoders)}
    made.sort(key=lambda c: (not observed.issuperset(c.sources), position[part.modules[c.module].family]))
    return (made[0].target,) if made else ()


def _represented(part: GraphPart, reference: ast.Reference) -> tuple[Member, ...]:
    """The members that a `represent` names; a family's name stands for its first member, when all share one path."""
    families = part.variables.families
    name = reference.name.text
    if not reference.indices and name not in families and f"{name}[]" in families:
        family = families[f"{name}[]"]
        makers = [c for c in part.channels if c.target in family.members]
        if len({c.module for c in makers if c.kind is ChannelKind.ENCODER}) > 1:
            example = str(family.members[0])
            raise part.scope.fail(errors.missing_index(reference.span, name, example, "", family.span))
        _check_is_encoded(part, reference, family)
        return (family.members[0],)
    family = part.variables.family(reference)
    _check_is_encoded(part, reference, family)
    free = {name: min(values) for name, values in part.variables.domains([reference]).items() if values}
    for index in indices_of(part.scope, reference):
        if index.text not in free:
            remedy = f"write a member: `represent {family.members[0]}`"
            raise part.scope.fail(errors.unbound_index(index.span, index.text, "inside arithmetic", remedy=remedy))
    members = part.variables.members(reference, free)
    if members is None:
        raise part.scope.fail(errors.says_nothing(reference.span))
    return members


def _check_is_encoded(part: GraphPart, reference: ast.Reference, family: Family) -> None:
    if family.kind in _OBSERVED:
        encoded = [f.name for f in part.variables.families.values() if f.kind is VariableKind.REPRESENTATION]
        raise part.scope.fail(errors.not_a_representation(reference.span, family.name, family.kind.value, encoded[:3]))

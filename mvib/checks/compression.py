"""uncompressed-without-assumption: compression that rests on the multiview assumption, which is not stated."""

from collections.abc import Iterator, Mapping

from mvib.diagnostics import Diagnostic, Label, Severity
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import (
    ChannelKind,
    Direction,
    Fact,
    LinearRelation,
    MarkovChain,
    Member,
    Method,
    Predicate,
    Quantity,
    Term,
    VariableKind,
)

_ASSUMPTION = "I(Y; X1 | X2) <= eps and I(Y; X2 | X1) <= eps"


def check_compression(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Warn about terms that throw away what one view alone has, where nothing says that the task does not need it.

    A term that minimises I(X; Z) or I(X1; Z1 | X2) needs the multiview assumption in a method that has no labels, and
    that keeps of a view only what another view has. One that reconstructs the view itself from the code trades rate for
    distortion, and rests on no such assumption; one that keeps nothing has a worse mistake (`collapsed-optimum`).

    Source: Federici et al. 2020, section 3; Tsai et al. 2021, assumption 1; review, section 4.2.
    """
    if _has_labels(method, graph):
        return
    for term in method.terms:
        for instance in term.instances:
            found = _compressed(graph, instance.quantity) if term.direction is Direction.MINIMIZE else None
            if found is None:
                continue
            source, code = found
            above = {member for member in _members(graph) if graph.is_ancestor(member, code)}
            kept = list(_partners(method, graph, code))
            if not kept or any(not above.isdisjoint(partner) for partner in kept):
                continue
            if any(_is_multiview(graph, fact, above, code) for fact in method.assumptions):
                continue
            # The other instances of the term have the same mistake.
            yield _without_assumption(method, graph, term, source, code)
            break


def _compressed(graph: InformationGraph, quantity: Quantity) -> tuple[Member, Member] | None:
    """The source and the code of an information between a representation and what it is computed from."""
    if quantity.functional != "I":
        return None
    groups = [[variable.member for variable in group] for group in quantity.groups]
    for sources, codes in (groups, groups[::-1]):
        for code in codes:
            if all(graph.is_ancestor(source, code) for source in sources):
                return sources[0], code
    return None


# ---- what a method keeps ---------------------------------------------------------------------------------------------


def _keeps(term: Term) -> bool:
    """Whether a term asks for variables to tell of each other: I up, or H of one given another down."""
    functional = term.instances[0].quantity.functional
    conditioned = bool(term.instances[0].quantity.condition)
    return (term.direction is Direction.MAXIMIZE and functional == "I") or (
        term.direction is Direction.MINIMIZE and functional == "H" and conditioned
    )


def _has_labels(method: Method, graph: InformationGraph) -> bool:
    """Whether a term is about a label, or about what is computed from one.

    Data of another type from which nothing is computed are a label too: they are there to be predicted.
    """
    used = {
        source for channel in method.channels if channel.kind is not ChannelKind.DECODER for source in channel.sources
    }
    labels = [
        variable.member
        for variable in graph.variables.values()
        if variable.is_observed and (variable.type == "label" or variable.member not in used)
    ]
    members = {member for term in method.terms for instance in term.instances for member in instance.quantity.members}
    return any(label == member or graph.is_ancestor(label, member) for label in labels for member in members)


def _partners(method: Method, graph: InformationGraph, code: Member) -> Iterator[set[Member]]:
    """The joint variables that a term wants the code, or what is computed from it or it stands for, to tell of."""
    for term in filter(_keeps, method.terms):
        for instance in term.instances:
            quantity = instance.quantity
            conditions = [quantity.condition] if quantity.functional == "H" else []
            sides = [{variable.member for variable in group} for group in (*quantity.groups, *conditions)]
            # The path of H(A | B) by a decoder may start above the code: what the decoder takes is what must tell.
            if instance.decoder is not None and conditions:
                sides[-1] |= set(instance.decoder.sources)
            for index, side in enumerate(sides):
                if any(member == code or graph.is_ancestor(code, member) for member in side):
                    yield from (other for position, other in enumerate(sides) if position != index)


# ---- what is assumed -------------------------------------------------------------------------------------------------


def _is_multiview(graph: InformationGraph, fact: Fact, above: set[Member], code: Member) -> bool:
    """Whether an assumption bounds what only the views behind a code know of something else, or makes it sufficient."""
    match fact:
        case Predicate(name="multiview", members=members):
            return not above.isdisjoint(members)
        case Predicate(name="sufficient", members=members):
            return members[0] == code
        case MarkovChain(links=links):
            ends = [set(links[0]), set(links[-1])]
            mine = [not end.isdisjoint(above) for end in ends]
            middle = {member for link in links[1:-1] for member in link}
            # A chain that the graph has anyway assumes nothing.
            return any(mine) and not all(mine) and not _follows(graph, ends, middle)
        case LinearRelation():
            bounded = [term for term in fact.terms if term.quantity is not None]
            if len(bounded) != 1 or bounded[0].quantity is None or not _is_upper(fact, bounded[0].coefficient > 0):
                return False
            quantity = bounded[0].quantity
            asked = {variable.member for group in quantity.groups for variable in group}
            return quantity.functional == "I" and bool(quantity.condition) and not above.isdisjoint(asked)
    return False


def _follows(graph: InformationGraph, ends: list[set[Member]], middle: set[Member]) -> bool:
    first, last, given = ({str(member) for member in members} for members in (*ends, middle))
    return first.isdisjoint(last) and (first | last).isdisjoint(given) and graph.d_separated(first, last, given)


def _is_upper(fact: LinearRelation, positive: bool) -> bool:
    return fact.operator == "=" or (fact.operator == "<=") == positive


# ---- the message -----------------------------------------------------------------------------------------------------


def _without_assumption(
    method: Method, graph: InformationGraph, term: Term, source: Member, code: Member
) -> Diagnostic:
    views = _views(method, graph, source, code)
    task = next((v for v in graph.variables.values() if v.is_observed and v.type == "label"), None)
    declared = "" if task is not None else ", with the task declared by `data ..., Y: label partial`"
    name = task.name if task is not None else "Y"
    remedy = (
        f"state it: `assume multiview({views[0]}, {views[1]}, {name})`{declared}; or keep the view in its code: "
        f"reconstruct `{views[0]}`"
        if views is not None
        else f"reconstruct `{source}` from `{code}` by a decoder, or add a view that the task needs no more than"
    )
    return Diagnostic(
        slug="uncompressed-without-assumption",
        severity=Severity.WARNING,
        title=f"this term removes from `{code}` what only `{views[0] if views else source}` has, and no assumption "
        "says that no task needs it",
        span=term.instances[0].quantity.span,
        label="compressed without labels",
        secondary=tuple(Label(channel.span, "the code") for channel in (graph.maker(code),) if channel is not None),
        why=f"it rests on the multiview assumption, {_ASSUMPTION}: what one view knows of the task alone is at most "
        "eps (review, section 4.2)",
        remedy=remedy,
    )


def _views(method: Method, graph: InformationGraph, source: Member, code: Member) -> tuple[Member, Member] | None:
    """The view that a code is made of, and another that is not: of its family where that has more than one."""
    observed = {VariableKind.DATA, VariableKind.VIEW}
    mine = next(
        (m for m in (source, *reversed(_members(graph))) if _kind(graph, m) in observed and graph.is_ancestor(m, code)),
        None,
    )
    if mine is None:
        return None
    siblings = [member for member in method.family_of(mine).members if member != mine]
    others = [
        member
        for member in (*siblings, *_members(graph))
        if _kind(graph, member) in observed
        and member != mine
        and not graph.is_ancestor(member, mine)
        and not graph.is_ancestor(mine, member)
        and graph.variables[str(member)].type != "label"
    ]
    return (mine, others[0]) if others else None


def _members(graph: InformationGraph) -> list[Member]:
    return [variable.member for variable in graph.variables.values()]


def _kind(graph: InformationGraph, member: Member) -> VariableKind:
    return graph.variables[str(member)].kind

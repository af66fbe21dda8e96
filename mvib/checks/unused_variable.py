"""unused-variable: a variable that is declared and that nothing needs."""

from collections.abc import Iterator, Mapping

from mvib.diagnostics import Diagnostic, Severity
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Fact, LinearRelation, MarkovChain, Member, Method, Predicate, Term


def check_unused_variable(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Warn about variables that no term, fact or representation needs, directly or to compute another."""
    if not method.terms and not method.claims:
        return
    wanted = set(method.represent)
    for term in method.terms:
        wanted |= _members_of_term(term)
    for fact in (*method.assumptions, *method.claims):
        wanted |= _members_of_fact(fact)
    needed = _with_ancestors(method, graph, wanted)
    for family in method.variables.values():
        if needed.isdisjoint(family.members):
            yield Diagnostic(
                slug="unused-variable",
                severity=Severity.WARNING,
                title=f"the variable `{family.name}` is never used",
                span=family.span,
                label="nothing needs it",
                remedy="delete it, or use it in a term, an assumption or a claim",
            )


def _members_of_term(term: Term) -> set[Member]:
    members: set[Member] = {term.subset[1]} if term.subset is not None else set()
    for instance in term.instances:
        members.update(instance.quantity.members)
        members.update(member for _, member in instance.variables)
        if instance.weight is not None:
            members.add(instance.weight)
        if instance.decoder is not None:
            members.update((*instance.decoder.sources, instance.decoder.target))
        if instance.reference is not None and instance.reference.at is not None:
            members.add(instance.reference.at)
    return members


def _members_of_fact(fact: Fact) -> set[Member]:
    match fact:
        case LinearRelation():
            return {m for t in fact.terms if t.quantity is not None for m in t.quantity.members}
        case MarkovChain():
            return {member for link in fact.links for member in link}
        case Predicate():
            return set(fact.members)


def _with_ancestors(method: Method, graph: InformationGraph, wanted: set[Member]) -> set[Member]:
    """The variables wanted and everything they are computed from; a copy needs what its origin makes."""
    needed: set[Member] = set()
    frontier = list(wanted)
    while frontier:
        member = frontier.pop()
        maker = graph.maker(member)
        if member not in needed and maker is not None:
            frontier.extend(maker.sources)
            origin = method.modules[maker.module].origin
            frontier.extend(c.target for c in graph.channels if origin and method.modules[c.module].family == origin)
        needed.add(member)
    return needed

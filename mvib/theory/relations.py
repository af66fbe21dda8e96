"""Claims and assumptions of a method as expressions."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from mvib.graph import InformationGraph
from mvib.semantics.method import ChannelKind, LinearRelation, MarkovChain, Member, Method, Predicate, Quantity
from mvib.semantics.values import value_at
from mvib.theory.expression import (
    Expression,
    Variables,
    entropy,
    free_symbol,
    information,
    number,
    total_correlation,
)
from mvib.theory.proof import Assumption
from mvib.theory.variables import Model


@dataclass(frozen=True, slots=True)
class NotAnEntropyError(Exception):
    """A quantity that is no combination of joint entropies: a divergence from a prior.

    Attributes:
        quantity: as it is written.
    """

    quantity: str


def quantity_expression(quantity: Quantity, model: Model) -> Expression:
    """A quantity as joint entropies.

    Raises:
        NotAnEntropyError: it is a divergence from a prior.
    """
    groups = [frozenset(model.name(quantity, v) for v in group) for group in quantity.groups]
    given = frozenset(model.name(quantity, v) for v in quantity.condition)
    match quantity.functional:
        case "H":
            return entropy(groups[0], given)
        case "I":
            return information(groups[0], groups[1], given)
        case "TC":
            return total_correlation(groups, given)
        case _:
            raise NotAnEntropyError(str(quantity))


def relation_expression(relation: LinearRelation, model: Model) -> Expression:
    """The left side of a relation less its right side.

    Raises:
        NotAnEntropyError: it speaks of a divergence from a prior.
    """
    total = Expression()
    for term in relation.terms:
        if term.quantity is not None:
            one = quantity_expression(term.quantity, model)
        else:
            one = free_symbol(term.symbol) if term.symbol else number(1)
        total += one * term.coefficient
    return total


def inequalities_of(relation: LinearRelation, model: Model) -> tuple[Expression, ...]:
    """What must be at least zero for a relation to hold: one expression, or two for an equality.

    Raises:
        NotAnEntropyError: it speaks of a divergence from a prior.
    """
    difference = relation_expression(relation, model)
    match relation.operator:
        case ">=":
            return (difference,)
        case "<=":
            return (-difference,)
        case _:
            return (difference, -difference)


@dataclass(frozen=True, slots=True)
class Given:
    """What a method assumes.

    Attributes:
        assumptions: those that say something about entropies.
        others: those that do not, such as `gaussian(Z)`, with the variables that they are about.
    """

    assumptions: tuple[Assumption, ...]
    others: tuple[tuple[str, Variables], ...]


def assumptions_of(method: Method, model: Model) -> Given:
    """The assumptions of a method, as far as they are about entropies."""
    found: list[Assumption] = []
    others: list[tuple[str, Variables]] = []
    for fact in method.assumptions:
        match fact:
            case LinearRelation():
                new = _of_relation(fact, model)
                members = [m for t in fact.terms if t.quantity is not None for m in t.quantity.members]
            case MarkovChain():
                new, members = _of_chain(fact), []
            case Predicate():
                new, members = _of_predicate(fact, method, model.graph), list(fact.members)
        found += new
        if not new:
            others.append((fact.text, frozenset(map(str, members))))
    return Given(tuple(found), tuple(others))


def independence(first: Iterable[str], second: Iterable[str], given: Iterable[str], text: str) -> Assumption:
    """I(A; B | C) = 0 as an assumption."""
    sets = (frozenset(first), frozenset(second), frozenset(given))
    return Assumption(information(*sets), is_equality=True, text=text, independence=sets)


def _of_relation(relation: LinearRelation, model: Model) -> list[Assumption]:
    try:
        difference = relation_expression(relation, model)
    except NotAnEntropyError:
        return []
    if relation.operator == "<=":
        difference = -difference
    single = _single_information(relation, model)
    if single is not None and relation.operator in {"=", "<="}:
        return [independence(*single, relation.text)]
    return [Assumption(difference, is_equality=relation.operator == "=", text=relation.text)]


def _single_information(relation: LinearRelation, model: Model) -> tuple[Variables, Variables, Variables] | None:
    """A, B and C of `I(A; B | C) = 0` and of `I(A; B | C) <= 0`."""
    if len(relation.terms) != 1 and any(t.quantity is None and t.coefficient for t in relation.terms):
        return None
    quantities = [t for t in relation.terms if t.quantity is not None]
    if len(quantities) != 1 or quantities[0].coefficient <= 0:
        return None
    quantity = quantities[0].quantity
    if quantity is None or quantity.functional != "I":
        return None
    first, second = (frozenset(model.name(quantity, v) for v in group) for group in quantity.groups)
    given = frozenset(model.name(quantity, v) for v in quantity.condition)
    return (first, second, given) if not first & second else None


def _of_chain(chain: MarkovChain) -> list[Assumption]:
    """Each link separates what stands before it from what stands behind it."""
    links = [frozenset(map(str, link)) for link in chain.links]
    found = []
    for k in range(1, len(links) - 1):
        before, behind = frozenset[str]().union(*links[:k]), frozenset[str]().union(*links[k + 1 :])
        found.append(independence(before - links[k], behind - links[k] - before, links[k], chain.text))
    return found


def _of_predicate(predicate: Predicate, method: Method, graph: InformationGraph) -> list[Assumption]:
    members = [str(member) for member in predicate.members]
    match predicate.name:
        case "sufficient":
            code, targets = predicate.members[0], members[1:]
            sources = _made_from(code, graph) - {str(code), *targets}
            return [independence(sources, targets, {str(code)}, predicate.text)] if sources else []
        case "multiview":
            *views, target = members
            eps = _tolerance(method)
            return [
                Assumption(
                    eps - information({target}, set(views) - {view}, {view}),
                    is_equality=False,
                    text=f"{predicate.text}: I({target}; {', '.join(v for v in views if v != view)} | {view}) <= eps",
                )
                for view in reversed(views)
            ]
        case _:
            return []


def _tolerance(method: Method) -> Expression:
    """The `eps` of the multiview assumption: the parameter of that name, where there is one, as in any relation."""
    parameter = method.parameters.get("eps")
    if parameter is None:
        return free_symbol("eps")
    return number(Fraction(str(value_at(parameter.value, 1.0))))


def _made_from(code: Member, graph: InformationGraph) -> set[str]:
    """What a code is computed from by encoders, back to views and data; of a view, what it is drawn from."""
    own = graph.maker(code)
    if own is not None and own.kind is ChannelKind.VIEW:
        return {str(source) for source in own.sources}
    found: set[str] = set()
    front = [code]
    while front:
        maker = graph.maker(front.pop())
        if maker is not None and maker.kind is ChannelKind.ENCODER:
            new = [source for source in maker.sources if str(source) not in found]
            found |= {str(source) for source in new}
            front += new
    return found

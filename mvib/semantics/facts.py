"""Resolution of assumptions and claims: relations, Markov chains and predicates, for every value of free indices."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from math import isfinite
from typing import TypeVar

from mvib.catalogue import PREDICATES
from mvib.semantics import errors
from mvib.semantics.aggregation import aggregate
from mvib.semantics.families import Assignment, assignments, indices_of
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import Fact, LinearRelation, LinearTerm, MarkovChain, Member, Predicate, Quantity
from mvib.semantics.quantities import check_form, references_of, repeated_member, resolve_quantity
from mvib.semantics.scope import Unresolved
from mvib.semantics.text import one_line
from mvib.source import Span
from mvib.syntax import ast

# Facts that a spec may state and claim, each member of a family for itself, and quantities in one relation.
MAX_FACTS = 1024
MAX_TERMS = 512
# A coefficient beyond these, or its inverse, is a mistake or an attack; the prover computes with exact fractions.
_LARGEST_COEFFICIENT = 10**12
_LARGEST_DENOMINATOR = 10**24

_LEAST_VARIABLES = {"gaussian": 1, "sufficient": 2, "multiview": 3}


_Stated = TypeVar("_Stated", bound=Fact)


class _LeftOut(Exception):
    """An assignment of the indices under which nothing is said: i = j, or arithmetic that leaves a family."""


def resolve_facts(
    part: GraphPart, statements: Sequence[ast.Statement]
) -> tuple[tuple[Fact, ...], tuple[LinearRelation, ...]]:
    """Assumptions and claims, one for each assignment of their free indices."""
    assumptions: list[Fact] = []
    claims: list[LinearRelation] = []
    for statement in statements:
        try:
            if isinstance(statement, ast.Assume):
                assumptions.extend(_limited(part, statement, _resolve_fact(part, statement.fact), len(assumptions)))
            elif isinstance(statement, ast.Claim):
                claims.extend(_limited(part, statement, _resolve_relation(part, statement.relation), len(claims)))
        except Unresolved:
            continue
    return tuple(assumptions), tuple(claims)


def _limited(part: GraphPart, statement: ast.Assume | ast.Claim, facts: Iterator[_Stated], known: int) -> list[_Stated]:
    """The facts of a statement, when with those known they are not too many."""
    found = list(islice(facts, MAX_FACTS - known + 1))
    if len(found) > MAX_FACTS - known:
        remedy = "make the ranges smaller, or write the members out that matter"
        label = f"with this it is more than {MAX_FACTS:,}, each member of a family counted"
        title = f"there is too much to {'assume' if isinstance(statement, ast.Assume) else 'prove'}"
        raise part.scope.fail(errors.too_large(statement.span, title, label=label, remedy=remedy))
    return found


def _resolve_fact(part: GraphPart, fact: ast.Fact) -> Iterator[Fact]:
    match fact:
        case ast.Relation():
            yield from _resolve_relation(part, fact)
        case ast.Chain():
            yield from _resolve_chain(part, fact)
        case ast.Call():
            yield from _resolve_predicate(part, fact)


# ---- chains and predicates -------------------------------------------------------------------------------------------


def _resolve_chain(part: GraphPart, chain: ast.Chain) -> Iterator[MarkovChain]:
    references = [reference for link in chain.links for reference in link]
    for members in _member_lists(part, chain.span, references):
        remaining = iter(members)
        links = tuple(tuple(next(remaining) for _ in link) for link in chain.links)
        yield MarkovChain(links=links, text=one_line(chain.span), span=chain.span)


def _resolve_predicate(part: GraphPart, call: ast.Call) -> Iterator[Predicate]:
    scope = part.scope
    name = call.function.text
    if name not in PREDICATES:
        raise scope.fail(errors.unknown_entry(call.function.span, "assumption", "named assumptions", name, PREDICATES))
    least = _LEAST_VARIABLES[name]
    references = []
    for argument in call.arguments:
        if argument.name is not None or not isinstance(argument.value, ast.Reference):
            remedy = f"write it as `{name}({', '.join('ABC'[:least])})`"
            raise scope.fail(errors.wrong_argument(argument.span, name, "", "variables", remedy=remedy))
        references.append(_of_family(part, argument.value, together=name == "gaussian"))
    if len(references) < least:
        given = [reference.span.text for reference in references]
        raise scope.fail(errors.missing_variables(call.span, name, given, least, PREDICATES[name]))
    for members in _member_lists(part, call.span, references):
        yield Predicate(name=name, members=members, text=one_line(call.span), span=call.span)


def _of_family(part: GraphPart, reference: ast.Reference, *, together: bool) -> ast.Reference:
    """A family's name alone: all of its members `together` as one variable, or each of them."""
    name, families = reference.name.text, part.variables.families
    if reference.indices or name in families or f"{name}[]" not in families:
        return reference
    span = reference.span

    def number(value: int) -> ast.Number:
        return ast.Number(span=span, value=value, text=str(value))

    indices: list[ast.Value] = []
    for axis in families[f"{name}[]"].axes:
        if together:
            indices.append(ast.Range(span=span, low=number(axis.low), high=number(axis.high)))
        else:
            indices.append(ast.Reference(span=span, name=ast.Name(span=span, text=axis.name)))
    return replace(reference, indices=tuple(indices))


def _member_lists(part: GraphPart, span: Span, references: Sequence[ast.Reference]) -> list[tuple[Member, ...]]:
    """The variables under each assignment of the free indices, without those that name one variable twice."""
    scope = part.scope
    domains = part.variables.domains(references)
    for reference in references:
        for index in indices_of(scope, reference):
            if index.text not in domains:
                where = f"inside the arithmetic of `{reference.span.text}`"
                remedy = f"name a variable with `{index.text}` alone as well, or write the members out"
                raise scope.fail(errors.unbound_index(index.span, index.text, where, remedy=remedy))
    ranging = {name: sorted(values) for name, values in domains.items()}
    candidates = [part.members(references, assignment) for assignment in assignments(scope, span, ranging)]
    found = [members for members in candidates if members is not None]
    kept = [members for members in found if len(set(members)) == len(members)]
    if not found:
        raise scope.fail(errors.says_nothing(span))
    if not kept:
        twice = next(member for member in found[0] if found[0].count(member) > 1)
        raise scope.fail(errors.variable_twice(span, str(twice)))
    return kept


# ---- relations -------------------------------------------------------------------------------------------------------


def _resolve_relation(part: GraphPart, relation: ast.Relation) -> Iterator[LinearRelation]:
    scope = part.scope
    if relation.operator not in {"<=", ">=", "="}:
        operator = {"<": "<=", ">": ">="}.get(relation.operator, "=")
        fixed = f"{one_line(relation.left.span)} {operator} {one_line(relation.right.span)}"
        raise scope.fail(errors.bad_relation(relation.span, relation.operator, fixed))
    quantities = [q for side in (relation.left, relation.right) for q in _free_quantities(side)]
    for quantity in quantities:
        check_form(scope, quantity)
    references = [reference for quantity in quantities for reference in references_of(quantity)]
    domains = part.variables.domains(references)
    for reference in references:
        for index in indices_of(scope, reference):
            if index.text not in domains:
                where = f"inside the arithmetic of `{reference.span.text}`"
                remedy = f"put its values together, as in `sum({index.text} in 1..2) ...`"
                raise scope.fail(errors.unbound_index(index.span, index.text, where, remedy=remedy))
    ranging = {name: sorted(values) for name, values in domains.items()}
    found = False
    for assignment in assignments(scope, relation.span, ranging):
        try:
            left = _linear(part, relation.left, assignment)
            right = _linear(part, relation.right, assignment)
        except _LeftOut:
            continue
        found = True
        terms = (*left, *_scaled(right, Fraction(-1)))
        _check_size(part, relation, terms)
        yield LinearRelation(terms=terms, operator=relation.operator, text=one_line(relation.span), span=relation.span)
    if not found:
        raise scope.fail(errors.says_nothing(relation.span))


def _check_size(part: GraphPart, relation: ast.Relation, terms: Sequence[LinearTerm]) -> None:
    scope = part.scope
    if len(terms) > MAX_TERMS:
        label = f"{len(terms):,} with all members, and {MAX_TERMS} are allowed"
        remedy = "make the ranges smaller"
        raise scope.fail(
            errors.too_large(relation.span, "too many quantities in one relation", label=label, remedy=remedy)
        )
    for term in terms:
        size = abs(term.coefficient)
        if size and not (
            1 <= size * _LARGEST_COEFFICIENT <= _LARGEST_COEFFICIENT**2 and size.denominator <= _LARGEST_DENOMINATOR
        ):
            label = "a coefficient is above 1e12, below 1e-12, or a fraction of very long numbers"
            remedy = "divide both sides by one number, or round"
            title = "the numbers of this relation are too far apart"
            raise scope.fail(errors.too_large(relation.span, title, label=label, remedy=remedy))


def _free_quantities(expression: ast.Expression) -> Iterator[ast.Quantity]:
    """Quantities outside any aggregation."""
    match expression:
        case ast.Aggregated(aggregation=None, quantity=quantity):
            yield quantity
        case ast.Binary(left=left, right=right):
            yield from _free_quantities(left)
            yield from _free_quantities(right)
        case ast.Negative(operand=operand):
            yield from _free_quantities(operand)


def _linear(part: GraphPart, expression: ast.Expression, assignment: Assignment) -> list[LinearTerm]:
    """An expression as a sum of coefficients times quantities, symbols or one."""
    match expression:
        case ast.Number():
            return [LinearTerm(coefficient=_exact(part, expression))]
        case ast.Reference(indices=()):
            return [_symbol(part, expression)]
        case ast.Negative(operand=operand):
            return _scaled(_linear(part, operand, assignment), Fraction(-1))
        case ast.Binary():
            return _linear_operation(part, expression, assignment)
        case ast.Aggregated(aggregation=None, quantity=quantity):
            return [LinearTerm(coefficient=Fraction(1), quantity=_quantity(part, quantity, assignment))]
        case ast.Aggregated(aggregation=ast.Aggregation() as aggregation, quantity=quantity):
            return _aggregated(part, aggregation, quantity, assignment)
        case _:
            raise part.scope.fail(errors.nonlinear(expression.span))


def _exact(part: GraphPart, expression: ast.Expression) -> Fraction:
    """A number or a parameter as the fraction that its decimal digits say."""
    number = part.scope.number(expression, "a coefficient")
    return Fraction(str(number)) if isfinite(number) else Fraction(0)


def _symbol(part: GraphPart, reference: ast.Reference) -> LinearTerm:
    name = reference.name.text
    if name in part.scope.parameters:
        return LinearTerm(coefficient=_exact(part, reference))
    if name in part.variables.families or f"{name}[]" in part.variables.families:
        example = name if name in part.variables.families else f"{name}[1]"
        raise part.scope.fail(errors.variable_as_symbol(reference.span, name, example))
    return LinearTerm(coefficient=Fraction(1), symbol=name)


def _linear_operation(part: GraphPart, expression: ast.Binary, assignment: Assignment) -> list[LinearTerm]:
    first = _linear(part, expression.left, assignment)
    second = _linear(part, expression.right, assignment)
    if expression.operator in {"+", "-"}:
        return [*first, *_scaled(second, Fraction(1 if expression.operator == "+" else -1))]
    left, right = _number(first), _number(second)
    if expression.operator == "*" and left is not None:
        return _scaled(second, left)
    if expression.operator == "*" and right is not None:
        return _scaled(first, right)
    if expression.operator == "/" and right == 0:
        raise part.scope.fail(errors.not_finite(expression.span))
    if expression.operator == "/" and right is not None:
        return _scaled(first, 1 / right)
    raise part.scope.fail(errors.nonlinear(expression.span))


def _quantity(part: GraphPart, quantity: ast.Quantity, assignment: Assignment) -> Quantity:
    resolved = resolve_quantity(part, quantity, assignment)
    if resolved is None:
        raise _LeftOut
    twice = repeated_member(resolved)
    if twice is not None and any(indices_of(part.scope, reference) for reference in references_of(quantity)):
        raise _LeftOut
    if twice is not None:
        raise part.scope.fail(errors.same_variable_twice(quantity.span, str(twice), several=False))
    return resolved


def _aggregated(
    part: GraphPart, aggregation: ast.Aggregation, quantity: ast.Quantity, outer: Assignment
) -> list[LinearTerm]:
    check_form(part.scope, quantity)
    domains = part.variables.domains(references_of(quantity))
    found: list[Quantity] = []
    for assignment in aggregate(part, aggregation, quantity, domains, bound=outer):
        resolved = resolve_quantity(part, quantity, {**outer, **assignment})
        if resolved is None:
            continue
        twice = repeated_member(resolved)
        if twice is not None:
            several = len(assignment) > 1
            raise part.scope.fail(errors.same_variable_twice(quantity.span, str(twice), several=several))
        found.append(resolved)
    if not found:
        raise part.scope.fail(errors.always_outside(aggregation.span, one_line(quantity.span)))
    share = Fraction(1, len(found)) if aggregation.function == "mean" else Fraction(1)
    return [LinearTerm(coefficient=share, quantity=resolved) for resolved in found]


def _scaled(terms: Sequence[LinearTerm], factor: Fraction) -> list[LinearTerm]:
    return [LinearTerm(coefficient=t.coefficient * factor, quantity=t.quantity, symbol=t.symbol) for t in terms]


def _number(terms: Sequence[LinearTerm]) -> Fraction | None:
    if all(term.quantity is None and not term.symbol for term in terms):
        return sum((term.coefficient for term in terms), Fraction(0))
    return None

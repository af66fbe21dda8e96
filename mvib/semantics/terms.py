"""Resolution of the objective: weights, aggregations, quantities and estimators put together to terms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from mvib.catalogue.signature import Interface
from mvib.semantics import errors
from mvib.semantics.aggregation import aggregate
from mvib.semantics.decoder_choice import find_decoder_channel
from mvib.semantics.estimator_choice import (
    EstimatorChoice,
    check_estimator,
    find_estimator,
    find_rate_reference,
    find_variables,
    index_domains,
    path_domains,
)
from mvib.semantics.families import Assignment
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.method import Direction, Member, Quantity, Term, TermInstance
from mvib.semantics.quantities import check_form, references_of, repeated_member, resolve_quantity
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.text import one_line, term_labels
from mvib.semantics.values import Constant, Scalar
from mvib.source import Span
from mvib.syntax import ast

_T = TypeVar("_T")


def resolve_terms(part: GraphPart, statements: Sequence[ast.Statement]) -> tuple[Term, ...]:
    """Resolve every term statement."""
    found = [statement for statement in statements if isinstance(statement, ast.Term)]
    terms: list[Term] = []
    first: dict[str, Span] = {}
    for statement, label in zip(found, term_labels(found), strict=True):
        if statement.label is not None and label in first:
            part.scope.report(errors.defined_twice(statement.label.span, "term", label, first[label]))
        if statement.label is not None:
            first.setdefault(label, statement.label.span)
        try:
            terms.append(_resolve_term(part, statement, label))
        except Unresolved:
            continue
    return tuple(terms)


@dataclass(slots=True)
class _Attempts:
    """Parts of a statement that are resolved one by one, so that a mistake in one does not hide those of the others."""

    failed: bool = False

    def __call__(self, resolve: Callable[[], _T]) -> _T | None:
        """What `resolve` gives, None when it has a mistake that was reported."""
        try:
            return resolve()
        except Unresolved:
            self.failed = True
            return None


def _resolve_term(part: GraphPart, statement: ast.Term, label: str) -> Term:
    attempt = _Attempts()
    weight = attempt(lambda: _weight(part.scope, statement))
    choice = attempt(lambda: find_estimator(part, statement))
    subset = attempt(lambda: _subset(part, statement))
    instances = attempt(lambda: _instances(part, statement, choice))
    if attempt.failed or weight is None or choice is None or instances is None:
        raise Unresolved
    if subset is not None:
        _check_subset(part, statement, subset, instances)
    is_mean = statement.aggregation is not None and statement.aggregation.function == "mean"
    share = Fraction(1, len(instances)) if is_mean else Fraction(1)
    return Term(
        label=label,
        direction=Direction(statement.direction),
        weight=weight,
        aggregate=one_line(statement.aggregation.span) if statement.aggregation is not None else "",
        text=one_line(statement.quantity.span),
        instances=tuple(replace(instance, share=share) for instance in instances),
        estimator=choice.entry,
        call=choice.call,
        subset=subset,
        of_all=subset is not None and bool(_shares(statement)),
        span=statement.span,
    )


def _instances(part: GraphPart, statement: ast.Term, choice: EstimatorChoice | None) -> list[TermInstance]:
    """The term for each assignment of its indices; shares are filled in by the caller.

    Without a choice, because that has a mistake, only the mistakes of the quantity are found.
    """
    scope, written = part.scope, statement.quantity
    check_form(scope, written)
    domains = {**path_domains(part, written), **part.variables.domains(references_of(written))}
    if choice is not None:
        domains = {**index_domains(part, choice), **domains}
        if statement.share is not None:
            domains = {**part.variables.domains([statement.share]), **domains}
    else:
        # Indices of the estimator, which is not known, are not a second mistake.
        mentioned = set(one_line(statement.estimator.span).replace("[", " ").replace("]", " ").split())
        clauses = statement.aggregation.clauses if statement.aggregation is not None else ()
        domains |= {c.index.text: {1, 2} for c in clauses if c.index.text in mentioned and c.index.text not in domains}
    instances: list[TermInstance] = []
    for assignment in aggregate(part, statement.aggregation, written, domains):
        quantity = resolve_quantity(part, written, assignment)
        if quantity is None:
            continue
        twice = repeated_member(quantity)
        if twice is not None:
            several = len(assignment) > 1
            raise scope.fail(errors.same_variable_twice(written.span, str(twice), several=several))
        instance = _instance(part, statement, choice, quantity, assignment)
        if instance is not None:
            instances.append(instance)
    if not instances:
        place = statement.aggregation.span if statement.aggregation else written.span
        raise scope.fail(errors.always_outside(place, one_line(written.span)))
    return instances


def _instance(
    part: GraphPart, statement: ast.Term, choice: EstimatorChoice | None, quantity: Quantity, assignment: Assignment
) -> TermInstance | None:
    indices = tuple(assignment.items())
    if choice is None:
        return TermInstance(indices=indices, quantity=quantity, share=Fraction(1))
    check_estimator(part, choice, statement, quantity)
    decoder = find_decoder_channel(part, choice, statement, quantity, assignment)
    reference = None
    if choice.entry is not None and choice.entry.interface is Interface.RATE:
        reference = find_rate_reference(part, choice, assignment)
        if reference is None:
            return None
    variables = find_variables(part, choice, assignment)
    if variables is None:
        return None
    return TermInstance(
        indices=indices,
        quantity=quantity,
        share=Fraction(1),
        decoder=decoder,
        reference=reference,
        variables=variables,
        weight=_share(part, statement, choice, assignment),
    )


def _share(part: GraphPart, statement: ast.Term, choice: EstimatorChoice, assignment: Assignment) -> Member | None:
    """`weighted by P[k]`: the variable that weighs the examples."""
    if statement.share is None:
        return None
    entry = choice.entry
    if entry is not None and entry.interface is not Interface.RATE:
        raise part.scope.fail(errors.not_weighted(statement.share.span, entry.name))
    return part.variables.member(statement.share, assignment)


def _weight(scope: Scope, statement: ast.Term) -> Scalar:
    if statement.weight is None:
        return Constant(1)
    weight = scope.scalar(statement.weight, "a weight")
    values = scope.extremes(weight)
    if min(values) < 0:
        text = one_line(statement.weight.span)
        always = max(values) <= 0
        raise scope.fail(errors.bad_weight(statement.weight.span, text, statement.direction, always=always))
    return weight


# ---- subsets -------------------------------------------------------------------------------------------------------


def _subset(part: GraphPart, statement: ast.Term) -> tuple[str, Member] | None:
    """`on labelled`, `on unlabelled(Y)`, `on labelled(of: all)`."""
    if statement.subset is None:
        return None
    scope, node = part.scope, statement.subset
    name = node.name if isinstance(node, ast.Reference) else node.function
    if name.text not in {"labelled", "unlabelled"}:
        raise scope.fail(errors.unknown_subset(name.span, name.text))
    partial = [member for family in part.variables.families.values() if family.partial for member in family.members]
    shares = _shares(statement)
    _check_shares(scope, name.text, shares)
    arguments = [a for a in node.arguments if a not in shares] if isinstance(node, ast.Call) else []
    if len(arguments) > 1:
        raise scope.fail(errors.too_many_arguments(arguments[1].span, name.text, 1, ()))
    if not partial:
        raise scope.fail(errors.subset_without_partial(node.span))
    names = [str(member) for member in partial]
    if not arguments:
        if len(partial) > 1:
            raise scope.fail(errors.ambiguous_subset(node.span, name.text, names))
        return name.text, partial[0]
    value = arguments[0].value
    if not isinstance(value, ast.Reference) or arguments[0].name is not None:
        remedy = f"write `on {name.text}({names[0]})`"
        raise scope.fail(errors.wrong_argument(value.span, name.text, "", "a partial variable", remedy=remedy))
    member = part.variables.member(value, {})
    if member is None or member not in partial:
        raise scope.fail(errors.subset_of_complete(value.span, name.text, value.span.text, names))
    return name.text, member


def _shares(statement: ast.Term) -> list[ast.Argument]:
    """The arguments `of: all` of `on labelled(of: all)`."""
    arguments = statement.subset.arguments if isinstance(statement.subset, ast.Call) else ()
    return [argument for argument in arguments if argument.name is not None and argument.name.text == "of"]


def _check_shares(scope: Scope, subset: str, shares: Sequence[ast.Argument]) -> None:
    for share in shares:
        if share.value.span.text != "all":
            remedy = f"write `on {subset}(of: all)`, or leave `of` out"
            raise scope.fail(errors.wrong_argument(share.value.span, subset, "of", "`all`", remedy=remedy))
    if len(shares) > 1:
        raise scope.fail(errors.argument_given_twice(shares[1].span, subset, "of"))


def _check_subset(
    part: GraphPart, statement: ast.Term, subset: tuple[str, Member], instances: Sequence[TermInstance]
) -> None:
    """A term about a partial variable needs examples that have it."""
    kind, member = subset
    assert statement.subset is not None
    if kind == "unlabelled" and all(member in instance.quantity.members for instance in instances):
        fixed = "on " + one_line(statement.subset.span).replace("unlabelled", "labelled")
        raise part.scope.fail(errors.empty_subset(statement.subset.span, str(member), fixed))

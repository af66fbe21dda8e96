"""wrong-bound-direction: a term that pushes a bound where it does not push the quantity."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from mvib.catalogue.estimators import ESTIMATORS
from mvib.catalogue.signature import Bound, EstimatorEntry, Form, Interface, Kind
from mvib.diagnostics import Diagnostic, Label, Severity, quoted_list
from mvib.graph import InformationGraph, Reading
from mvib.graph.rates import find_code, written_member
from mvib.semantics.method import Direction, Member, Method, Predicate, Quantity, Term
from mvib.source import Span

# To push a quantity down through something above it pushes the quantity; so does pushing up what lies below.
_WRONG = {Direction.MAXIMIZE: Bound.UPPER, Direction.MINIMIZE: Bound.LOWER}
_RIGHT = {Direction.MAXIMIZE: Bound.LOWER, Direction.MINIMIZE: Bound.UPPER}


def check_bound_direction(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Refuse to minimise through a lower bound and to maximise through an upper bound.

    Where an assumption makes the bound exact, there is no wrong direction: a note names the assumption. A surrogate has
    no direction. Weights are never negative (`bad-weight`), so the direction of a term is the word it starts with.

    Source: Poole et al. 2019, section 2; review, section 5.
    """
    for term in method.terms:
        if _aim(term) is not _WRONG[term.direction]:
            continue
        discharges = [_discharge(method, term, reading) for reading in readings[term.label]]
        if all(discharges):
            yield _discharged(term, [predicate for predicate in discharges if predicate is not None])
        else:
            yield _wrong(graph, term, readings[term.label][discharges.index(None)])


def _aim(term: Term) -> Bound:
    """The direction of a bound; of an upper bound that an argument makes a surrogate, the one that it is fitted to be.

    A conditional density that is fitted to the examples makes `club` an upper bound as well as it fits.
    """
    entry = term.estimator
    is_fitted = entry is not None and entry.interface is Interface.CONDITIONAL and term.bound is Bound.SURROGATE
    return Bound.UPPER if is_fitted else term.bound


def _discharge(method: Method, term: Term, reading: Reading) -> Predicate | None:
    """The assumption that makes the bound exact: one about all variables of the quantity together."""
    wanted = set(_variables(reading))
    if term.estimator is None or not wanted:
        return None
    return next(
        (
            fact
            for fact in method.assumptions
            if isinstance(fact, Predicate) and fact.name in term.estimator.exact_under and wanted <= set(fact.members)
        ),
        None,
    )


def _variables(reading: Reading) -> tuple[Member, ...]:
    """The variables of a quantity; none where one is the prediction of a decoder, about which nothing is assumed."""
    operands = [operand for group in (*reading.operands, reading.condition) for operand in group]
    return () if any(operand.channels for operand in operands) else tuple(operand.member for operand in operands)


def _place(term: Term) -> Span:
    return term.call.span if term.call is not None else term.instances[0].quantity.span


def _discharged(term: Term, predicates: Sequence[Predicate]) -> Diagnostic:
    assert term.estimator is not None
    first = predicates[0]
    return Diagnostic(
        slug="wrong-bound-direction",
        severity=Severity.NOTE,
        title=f"the term {term.direction.value}s {_with_article(term.bound)}, which `assume {first.text}` makes exact",
        span=_place(term),
        label=f"{_with_article(term.bound)} on {term.text}",
        secondary=(Label(first.span, "what the direction of this term rests on"),),
        why=f"it is exact when {term.estimator.exact_when}",
        remedy="nothing, if the assumption is meant: where it fails, the term may raise the bound and not the quantity"
        if term.direction is Direction.MAXIMIZE
        else "nothing, if the assumption is meant: where it fails, the term may lower the bound and not the quantity",
    )


def _wrong(graph: InformationGraph, term: Term, reading: Reading) -> Diagnostic:
    up = term.direction is Direction.MAXIMIZE
    name = term.estimator_name
    what = _with_article(_aim(term)) + (" where its network fits" if term.bound is Bound.SURROGATE else "")
    return Diagnostic(
        slug="wrong-bound-direction",
        title=f"`{name}` is {what} on `{reading.instance.quantity}`, and the term "
        f"{'maximizes' if up else 'minimizes'} it",
        span=_place(term),
        label=f"{what} on {term.text}",
        why="raising what lies above the quantity need not raise the quantity: the gap can grow instead"
        if up
        else "lowering what lies below the quantity need not lower the quantity: the estimator only gets worse",
        remedy=_remedy(graph, term, reading),
    )


def _remedy(graph: InformationGraph, term: Term, reading: Reading) -> str:
    quantity = reading.instance.quantity
    right = _RIGHT[term.direction]
    others = _others(graph, quantity, quantity.form, {right, Bound.EXACT})
    advice = (
        [f"take {_with_article(right)} or an exact estimate: {quoted_list(others, conjunction='or')}"] if others else []
    )
    if not others and quantity.form is Form.CONDITIONAL_ENTROPY:
        advice.append(_by_information(graph, term, quantity))
    exact = term.estimator.exact_under if term.estimator is not None else ()
    if exact and _variables(reading):
        written = dict.fromkeys(written_member(reading.instance, member) for member in _variables(reading))
        advice.append(f"state what makes it exact: `assume {exact[0]}({', '.join(written)})`")
    surrogates = _others(graph, quantity, quantity.form, {Bound.SURROGATE})
    if not advice and surrogates:
        advice.append(f"take a surrogate, which has no direction: {quoted_list(surrogates, conjunction='or')}")
    if not advice:
        advice.append(f"push another quantity: no estimator here is {_with_article(right)} of this one")
    return "; or ".join(advice)


def _by_information(graph: InformationGraph, term: Term, quantity: Quantity) -> str:
    """H(A | B) = H(A) - I(A; B): what has no bound on its other side may have an information that has one."""
    first, given = (", ".join(map(str, group)) for group in (quantity.groups[0], quantity.condition))
    opposite = Direction.MINIMIZE if term.direction is Direction.MAXIMIZE else Direction.MAXIMIZE
    information = Quantity(functional="I", groups=(quantity.groups[0], quantity.condition), span=quantity.span)
    for bounds, what in (({_RIGHT[opposite], Bound.EXACT}, ""), ({Bound.SURROGATE}, "a surrogate, ")):
        others = _others(graph, information, Form.INFORMATION, bounds)
        if others:
            by = f"{what}{quoted_list(others, conjunction='or')}"
            return f"as `{quantity}` is H({first}) less `{information}`, {opposite.value} that by {by}"
    return f"push another quantity: `{quantity}` is H({first}) less the information with `{given}`"


def _others(graph: InformationGraph, quantity: Quantity, form: Form, bounds: Collection[Bound]) -> list[str]:
    """Estimators that could stand in for that of a quantity, with one of the bounds, as a spec writes them."""
    return [
        name
        for entry in ESTIMATORS
        if form in entry.forms and entry.differentiable and _applies(graph, entry, quantity)
        for name in _spellings(entry, form, bounds)
    ]


def _applies(graph: InformationGraph, entry: EstimatorEntry, quantity: Quantity) -> bool:
    """Whether an estimator can take the variables: labels, and codes that have a density."""
    has_label = any(graph.variables[str(member)].type == "label" for member in quantity.members)
    if has_label and not entry.takes_labels and quantity.form not in entry.labelled:
        return False
    if entry.interface is Interface.DECODER:
        return False
    needs_code = entry.interface in {Interface.RATE, Interface.CONDITIONAL}
    return not needs_code or (quantity.functional == "I" and find_code(graph, quantity) is not None)


def _spellings(entry: EstimatorEntry, form: Form, bounds: Collection[Bound]) -> Iterator[str]:
    if entry.bound_of(form, {}) in bounds:
        yield entry.name
    remembered = {argument.name for argument in entry.arguments if argument.kind is Kind.MEMORY}
    for argument, word, other in entry.bound_when:
        # Negatives that make a bound a surrogate are no remedy for its direction.
        if other in bounds and word != "*" and argument not in remembered:
            yield f"{entry.name}({argument}: {word})"


def _with_article(bound: Bound) -> str:
    return f"{'an' if bound is Bound.UPPER else 'a'} {bound.value}"

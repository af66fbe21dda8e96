"""saturated-estimate: a term whose estimate cannot grow as far as it is asked to."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil, exp, log

from mvib.diagnostics import Diagnostic, Label, Severity
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Direction, LinearRelation, Method, Quantity, Term
from mvib.semantics.saturation import count_candidates

# Fewer candidates than the ten classes of the smallest data sets people use: no such estimate can tell those apart.
_FEWEST = 10
# More rows than this tells nobody apart in practice.
_MOST = 1 << 20


def check_saturation(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Warn about terms that are maximised and cannot exceed the log of a number of rows that is too small.

    It is too small where an assumption or claim says that the quantity is larger, and where it is below ten.

    Source: McAllester and Stratos 2020; Poole et al. 2019, section 2.3.
    """
    batch = method.settings["batch"]
    assert isinstance(batch, int)
    for term in method.terms:
        number = count_candidates(term, batch)
        if number is None or term.direction is not Direction.MAXIMIZE:
            continue
        needs = [found for instance in term.instances for found in _needs(method, instance.quantity)]
        need, fact = max(needs, key=lambda found: found[0], default=(0.0, None))
        if fact is not None and need > log(number):
            yield _saturated(method, term, number, need, fact)
        elif number < _FEWEST:
            yield _saturated(method, term, number, log(_FEWEST), None)


def _needs(method: Method, quantity: Quantity) -> Iterator[tuple[float, LinearRelation]]:
    """Least values in nats that assumptions and claims give the quantity, each with the fact that does."""
    for fact in (*method.assumptions, *method.claims):
        if not isinstance(fact, LinearRelation) or any(term.symbol for term in fact.terms):
            continue
        quantities = [(term.coefficient, term.quantity) for term in fact.terms if term.quantity is not None]
        if len(quantities) != 1 or _meaning(quantities[0][1]) != _meaning(quantity):
            continue
        factor = quantities[0][0]
        constant = sum((term.coefficient for term in fact.terms if term.quantity is None), Fraction())
        # factor * quantity + constant, compared with zero, is a bound from below in one direction only.
        if fact.operator == "=" or (fact.operator == ">=") == (factor > 0):
            yield float(-constant / factor), fact


def _meaning(quantity: Quantity) -> tuple[object, ...]:
    """What two ways of writing one quantity have in common, whatever the order and the stopped gradients."""
    groups = frozenset(frozenset(variable.member for variable in group) for group in quantity.groups)
    return quantity.functional, groups, frozenset(v.member for v in quantity.condition), quantity.path


def _saturated(method: Method, term: Term, number: int, need: float, fact: LinearRelation | None) -> Diagnostic:
    assert term.call is not None
    quantity = term.instances[0].quantity
    cap = f"log {number} = {log(number):.2f} nats"
    return Diagnostic(
        slug="saturated-estimate",
        severity=Severity.WARNING,
        title=f"the estimate of `{quantity}` cannot exceed {cap}" + (", less than is stated" if fact else ""),
        span=term.call.span,
        label=f"tells one row from {number - 1} others"
        + (f", with `batch: {method.settings['batch']}`" if _grows(term) else ""),
        secondary=(Label(fact.span, f"at least {need:.2f} nats"),) if fact is not None else (),
        why="what the quantity has beyond the log of the number of rows that a true one is told from is not seen by "
        "the estimate, and has no gradient",
        remedy=_remedy(term, need),
    )


def _grows(term: Term) -> bool:
    """Whether larger batches raise the limit."""
    return count_candidates(term, 1) != count_candidates(term, 0)


def _remedy(term: Term, need: float) -> str:
    others = "use an estimator without this limit, such as `nwj` or `dv` with a critic"
    if need > log(_MOST):
        return others
    fewest = _FEWEST if need == log(_FEWEST) else ceil(exp(need))
    none, one = count_candidates(term, 0), count_candidates(term, 1)
    if none is None or one is None or none == one:
        return f"write `negatives: queue({fewest - 1})` or longer, or {others}"
    return f"write `batch: {ceil((fewest - none) / (one - none))}` or more in `train`, or {others}"

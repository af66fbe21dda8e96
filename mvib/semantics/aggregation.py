"""Which values of its indices a term or a fact is put together over."""

import operator
from collections.abc import Callable, Mapping, Sequence

from mvib.semantics import errors
from mvib.semantics.families import Assignment, assignments, evaluate_index, free_indices, indices_of, resolve_range
from mvib.semantics.graph_part import GraphPart
from mvib.semantics.quantities import references_of
from mvib.semantics.scope import Scope
from mvib.semantics.text import one_line
from mvib.syntax import ast

_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def aggregate(
    part: GraphPart,
    aggregation: ast.Aggregation | None,
    quantity: ast.Quantity,
    domains: Mapping[str, set[int]],
    *,
    bound: Assignment | None = None,
) -> list[Assignment]:
    """Assignments of the free indices of a quantity that its aggregation keeps.

    Args:
        part: what has been resolved.
        aggregation: `mean(i != j)`, or None.
        quantity: the quantity.
        domains: values of the indices that range over families.
        bound: indices that have a value already.
    """
    scope = part.scope
    fixed = bound or {}
    written = [name.text for reference in references_of(quantity) for name in indices_of(scope, reference)]
    in_use = [name for name in dict.fromkeys([*written, *domains]) if name not in fixed]
    if aggregation is None:
        if in_use:
            texts = _with_aggregation(scope, quantity, in_use, domains)
            raise scope.fail(errors.missing_aggregation(quantity.span, in_use, texts))
        return [{}]
    named = list(dict.fromkeys(name for clause in aggregation.clauses for name in _clause_names(scope, clause)))
    named = [name for name in named if name not in fixed]
    missing = [name for name in in_use if name not in named]
    if missing:
        text = _extended(scope, aggregation, quantity, missing, domains)
        raise scope.fail(errors.missing_aggregation(aggregation.span, missing, [text]))
    ranges = {name: _index_range(part, aggregation, name, domains, quantity, in_use) for name in named}
    kept: list[Assignment] = [
        assignment
        for assignment in assignments(scope, aggregation.span, ranges)
        if all(_holds(scope, clause, {**fixed, **assignment}) for clause in aggregation.clauses)
    ]
    if not kept:
        raise scope.fail(errors.nothing_left(aggregation.span, remedy="widen the range, or change the condition"))
    return kept


def _ranging(name: str, domains: Mapping[str, set[int]]) -> str:
    """An index as a clause: one that occurs only inside arithmetic needs a range."""
    return name if name in domains else f"{name} in 1..2"


def _share_family(scope: Scope, quantity: ast.Quantity, first: str, second: str) -> bool:
    """Whether two indices number the same family, so that equal values give the same variable."""
    names: dict[str, set[str]] = {first: set(), second: set()}
    for reference in references_of(quantity):
        for name in indices_of(scope, reference):
            names.get(name.text, set()).add(reference.name.text)
    return bool(names[first] & names[second])


def _with_aggregation(
    scope: Scope, quantity: ast.Quantity, names: Sequence[str], domains: Mapping[str, set[int]]
) -> list[str]:
    text = one_line(quantity.span)
    if len(names) == 2 and _share_family(scope, quantity, *names) and set(names) <= set(domains):
        return [f"mean({names[0]} != {names[1]}) {text}", f"mean({names[0]} < {names[1]}) {text}"]
    inside = ", ".join(_ranging(name, domains) for name in names)
    return [f"mean({inside}) {text}", f"sum({inside}) {text}"]


def _extended(
    scope: Scope,
    aggregation: ast.Aggregation,
    quantity: ast.Quantity,
    missing: Sequence[str],
    domains: Mapping[str, set[int]],
) -> str:
    clauses = [one_line(clause.span) for clause in aggregation.clauses]
    first = aggregation.clauses[0].index.text
    for name in missing:
        same = name in domains and _share_family(scope, quantity, first, name)
        clauses.append(f"{name} != {first}" if same else _ranging(name, domains))
    return f"{aggregation.function}({', '.join(clauses)})"


def _index_range(
    part: GraphPart,
    aggregation: ast.Aggregation,
    name: str,
    domains: Mapping[str, set[int]],
    quantity: ast.Quantity,
    in_use: Sequence[str],
) -> list[int]:
    scope = part.scope
    clauses = [clause for clause in aggregation.clauses if name in _clause_names(scope, clause)]
    ranged = next((c for c in clauses if c.index.text == name and isinstance(c.operand, ast.Range)), None)
    if name not in in_use:
        text = one_line(quantity.span)
        raise scope.fail(errors.index_not_in_quantity(clauses[0].span, name, text, in_use))
    if ranged is not None:
        assert isinstance(ranged.operand, ast.Range)
        low, high = resolve_range(scope, ranged.operand)
        values = list(range(low, high + 1))
        known = domains.get(name, set(values))
        beyond = [value for value in values if value not in known]
        if beyond and known and not part.is_broken(references_of(quantity)):
            raise scope.fail(errors.range_beyond_family(ranged.span, name, beyond[0], min(known), max(known)))
        return values
    if name in domains:
        return sorted(domains[name])
    where = f"inside arithmetic in `{one_line(quantity.span)}`"
    remedy = f"write `{name} in 1..2` in its place"
    raise scope.fail(errors.unbound_index(clauses[0].index.span, name, where, remedy=remedy))


def _clause_names(scope: Scope, clause: ast.Clause) -> list[str]:
    names = [clause.index.text]
    if clause.operand is not None and clause.operator != "in":
        names.extend(name.text for name in free_indices(scope, clause.operand))
    return names


def _holds(scope: Scope, clause: ast.Clause, assignment: Assignment) -> bool:
    if clause.operator in {"", "in"} or clause.operand is None:
        return True
    left, right = assignment[clause.index.text], evaluate_index(scope, clause.operand, assignment)
    return _COMPARISONS[clause.operator](left, right)

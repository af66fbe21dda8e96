"""Mistakes in assumptions and claims."""

from collections.abc import Sequence

from mvib.diagnostics import Diagnostic
from mvib.semantics.errors.wording import counted
from mvib.source import Span


def nonlinear(span: Span) -> Diagnostic:
    """A relation that multiplies quantities."""
    return Diagnostic(
        slug="not-linear",
        title="a relation is linear: quantities and symbols times numbers",
        span=span,
        label="not a number times a quantity",
        why="Shannon's inequalities, by which claims are proved, are linear",
        remedy="give each quantity a number as its factor, as in `2 * I(X; Z)`",
    )


def bad_relation(span: Span, operator: str, fixed: str) -> Diagnostic:
    """A strict relation, or an inequation."""
    return Diagnostic(
        slug="bad-relation",
        title=f"a relation is `<=`, `>=` or `=`, not `{operator}`",
        span=span,
        label=f"written with `{operator}`",
        why="Shannon's inequalities know no strict ones",
        remedy=f"write `{fixed}`",
    )


def variable_as_symbol(span: Span, name: str, example: str) -> Diagnostic:
    """A variable of the graph where a quantity is needed."""
    return Diagnostic(
        slug="bad-relation",
        title=f"`{name}` is a variable, and a relation is between quantities",
        span=span,
        label="not a quantity",
        remedy=f"write `H({example})` for its entropy, or choose another name for a free symbol",
    )


def says_nothing(span: Span) -> Diagnostic:
    """A fact that is left out for every value of its indices."""
    return Diagnostic(
        slug="bad-relation",
        title="no values of the indices are left, so nothing is said",
        span=span,
        label="outside the families for every value",
        remedy="widen the ranges, or write the members out",
    )


def missing_variables(span: Span, name: str, given: Sequence[str], least: int, about: str) -> Diagnostic:
    """A named assumption about fewer variables than it needs."""
    example = ", ".join([*given, *"YWV"][:least])
    return Diagnostic(
        slug="missing-argument",
        title=f"`{name}` is about {'at least ' if least == 1 else ''}{counted(least, 'variable', 'variables')}, "
        f"and {len(given)} {'is' if len(given) == 1 else 'are'} given",
        span=span,
        label="a variable is missing",
        why=about,
        remedy=f"write for example `{name}({example})`",
    )


def variable_twice(span: Span, name: str) -> Diagnostic:
    """A chain or a predicate that names a variable twice."""
    return Diagnostic(
        slug="bad-relation",
        title=f"`{name}` stands twice in this assumption",
        span=span,
        label="names one variable twice",
        remedy="name different variables",
    )

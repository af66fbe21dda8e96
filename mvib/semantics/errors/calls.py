"""Mistakes with numbers, schedules and the arguments of calls."""

from collections.abc import Sequence

from mvib.diagnostics import Diagnostic, quoted_list
from mvib.semantics.errors.wording import short, suggest
from mvib.source import Span


def unknown_argument(span: Span, name: str, function: str, known: Sequence[str]) -> Diagnostic:
    """A named argument that the function does not have."""
    if known:
        remedy = suggest(name, known, f"arguments of `{function}`")
    else:
        remedy = f"`{function}` takes no arguments: write `{function}()`"
    return Diagnostic(
        slug="unknown-argument",
        title=f"`{function}` has no argument `{name}`",
        span=span,
        label="not an argument of it",
        remedy=remedy,
    )


def too_many_arguments(span: Span, function: str, most: int, names: Sequence[str]) -> Diagnostic:
    """More positional arguments than the function takes."""
    listed = f", or write its name in front: {quoted_list([f'{n}:' for n in names], conjunction='or')}" if names else ""
    return Diagnostic(
        slug="too-many-arguments",
        title=f"`{function}` takes {most or 'no'} {'argument' if most == 1 else 'arguments'} without a name",
        span=span,
        label="one too many" if most else "without a name",
        remedy=f"delete it{listed}",
    )


def missing_argument(span: Span, function: str, name: str, about: str, example: str) -> Diagnostic:
    """A required argument that is not given."""
    return Diagnostic(
        slug="missing-argument",
        title=f"`{function}` needs `{name}`{f': {about}' if about else ''}",
        span=span,
        label=f"`{name}` is not given",
        remedy=f"write for example `{example}`",
    )


def argument_given_twice(span: Span, function: str, name: str) -> Diagnostic:
    """The same argument twice."""
    return Diagnostic(
        slug="argument-given-twice",
        title=f"`{name}` of `{function}` is given twice",
        span=span,
        label="given again",
        remedy="delete one of the two",
    )


def wrong_argument(span: Span, function: str, name: str, expected: str, *, why: str = "", remedy: str) -> Diagnostic:
    """An argument of a wrong kind or outside its range."""
    return Diagnostic(
        slug="wrong-argument",
        title=f"`{name}` of `{function}` takes {expected}" if name else f"`{function}` takes {expected}",
        span=span,
        label=f"`{short(span.text)}` is not" if span.text else "this is not",
        why=why,
        remedy=remedy,
    )


def not_finite(span: Span) -> Diagnostic:
    """Arithmetic that gives no finite number."""
    return Diagnostic(
        slug="not-finite",
        title="this does not give a finite number",
        span=span,
        label="infinite or undefined",
        remedy="write a number that is not too large, and divide by nothing that is zero during training",
    )


def large_parameter(span: Span, name: str, most: int) -> Diagnostic:
    """A parameter that uses parameters that use parameters."""
    return Diagnostic(
        slug="too-large",
        title=f"the value of `{name}` is too large once its parameters are put in",
        span=span,
        label=f"more than {most} parameters, counted again for each use",
        why="a spec is read from anybody, so the size of what it computes is limited",
        remedy="write the number that comes out",
    )


def too_large(span: Span, what: str, *, label: str, remedy: str) -> Diagnostic:
    """More of something than a spec may have.

    Args:
        span: the first that is too much.
        what: what there is too much of, as a sentence.
        label: the limit.
        remedy: what to write in its place.
    """
    return Diagnostic(
        slug="too-large",
        title=what,
        span=span,
        label=label,
        why="a spec is read from anybody, so the size of what it computes is limited",
        remedy=remedy,
    )


def not_a_number(span: Span, what: str) -> Diagnostic:
    """A value that is no number where one is needed."""
    return Diagnostic(
        slug="not-a-number",
        title=f"{what} is a number",
        span=span,
        label="not a number",
        remedy="write a number, a parameter, or a schedule such as `cosine(0 -> 1)`",
    )


def bad_schedule(span: Span, title: str, *, label: str, remedy: str) -> Diagnostic:
    """A schedule that makes no sense."""
    return Diagnostic(slug="bad-schedule", title=title, span=span, label=label, remedy=remedy)


def schedule_not_allowed(span: Span, what: str) -> Diagnostic:
    """A schedule for a number that is fixed before training.

    Args:
        span: the number.
        what: what it is, as the start of a sentence.
    """
    return Diagnostic(
        slug="schedule-not-allowed",
        title=f"{what} is fixed before training and cannot follow a schedule",
        span=span,
        label="changes over training",
        remedy="write a number",
    )

"""Mistakes with names: unknown, defined twice, defined in a circle."""

from collections.abc import Iterable, Sequence

from mvib.diagnostics import Diagnostic, Label, nearest, quoted_list
from mvib.semantics.errors.wording import suggest
from mvib.source import Span

_MAX_PLACES = 3


def _others(places: Sequence[Span]) -> tuple[Label, ...]:
    return tuple(Label(place, "used here too") for place in places[1 : _MAX_PLACES + 1])


def undefined_variable(places: Sequence[Span], name: str, known: Iterable[str], *, create: str) -> Diagnostic:
    """A name that no data, view or encoder statement declares, with every place that uses it.

    Args:
        places: where it is used, in the order of the file.
        name: the name.
        known: the variables there are.
        create: a statement that would declare it, in backticks, or several on lines of their own.
    """
    return Diagnostic(
        slug="undefined-variable",
        title=f"there is no variable `{name}`",
        span=places[0],
        label="not declared by any `data`, `view` or `encoder`",
        secondary=_others(places),
        remedy=suggest(name, known, "variables", otherwise=f"declare it, for example {create}"),
    )


def undefined_parameter(places: Sequence[Span], name: str, known: Iterable[str], *, is_variable: bool) -> Diagnostic:
    """A name where a number is needed, that is no parameter, with every place that uses it."""
    return Diagnostic(
        slug="undefined-parameter",
        title=f"there is no parameter `{name}`",
        span=places[0],
        label="a variable, where a number is needed" if is_variable else "not declared by any `param`",
        secondary=_others(places),
        remedy=suggest(name, known, "parameters", otherwise=f"declare it: `param {name} = 1`"),
    )


def unknown_type(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    """A data type that does not exist."""
    return Diagnostic(
        slug="unknown-type",
        title=f"there is no type of data called `{name}`",
        span=span,
        label="not a type",
        remedy=suggest(name, known, "types"),
    )


# Where a name is so near that it was meant, a longer list only hides it.
_MANY = 20


def unknown_entry(span: Span, kind: str, plural: str, name: str, known: Iterable[str], *, hint: str = "") -> Diagnostic:
    """An estimator, module, distribution, channel ... that is not in the catalogue, or an encoder not in the spec."""
    names = sorted(known)
    meant = nearest(name, names)
    listed = f"the {plural} are {quoted_list(names, most=40)}" if len(names) > 1 else ""
    if meant is not None and len(names) > _MANY:
        listed = f"`mvib list {plural}` shows all"
    if not listed and meant is None:
        listed = f"there is only `{names[0]}`" if names else f"there are no {plural} yet"
    return Diagnostic(
        slug=f"unknown-{kind.replace(' ', '-')}",
        title=f"unknown {kind} `{name}`",
        span=span,
        label=f"no {kind} of this name",
        remedy=hint or (f"did you mean `{meant}`? {listed}".rstrip() if meant else listed),
    )


def defined_twice(span: Span, kind: str, name: str, first: Span, *, remedy: str = "") -> Diagnostic:
    """A name declared a second time."""
    return Diagnostic(
        slug="defined-twice",
        title=f"the {kind} `{name}` is defined twice",
        span=span,
        label="defined again here",
        secondary=(Label(first, "first defined here"),),
        remedy=remedy or "rename one of them, or delete it",
    )


def wrong_distribution(span: Span, name: str, whose: str, why: str, usable: Iterable[str]) -> Diagnostic:
    """A distribution that cannot be that of an encoder or of a decoder."""
    return Diagnostic(
        slug="wrong-distribution",
        title=f"`{name}` cannot be the distribution of {whose}",
        span=span,
        label=f"not for {whose}",
        why=why,
        remedy="write " + quoted_list([f"{option}(...)" for option in usable], conjunction="or"),
    )


def index_is_parameter(span: Span, name: str, parameter: Span, free: str) -> Diagnostic:
    """A range for a name that is a parameter, so that every use of the index would be that number."""
    return Diagnostic(
        slug="defined-twice",
        title=f"the index `{name}` has the name of a parameter",
        span=span,
        label="an index here",
        secondary=(Label(parameter, "a parameter here"),),
        remedy=f"use another letter for the index, for example `{free}`",
    )


def cyclic_definition(span: Span, names: Sequence[str], others: Sequence[Span]) -> Diagnostic:
    """Variables that are each computed from another."""
    circle = " -> ".join(f"`{name}`" for name in (*names, names[0]))
    itself = len(names) == 1
    return Diagnostic(
        slug="cyclic-definition",
        title=f"`{names[0]}` is made from itself" if itself else f"the definitions go round in a circle: {circle}",
        span=span,
        label="also what it is made from" if itself else "made from the last of them",
        secondary=tuple(Label(place, "made from this" if i == 0 else "and so on") for i, place in enumerate(others)),
        why="the graph is a Bayesian network: every variable is made from variables made before it",
        remedy="choose a new name for what the encoder makes"
        if itself
        else "to predict a variable that exists already, write `decoder ... ~> ...` in place of one of the encoders",
    )


def cyclic_parameters(span: Span, names: Sequence[str], others: Sequence[Span]) -> Diagnostic:
    """Parameters that are each computed from another."""
    circle = " -> ".join(f"`{name}`" for name in (*names, names[0]))
    return Diagnostic(
        slug="cyclic-definition",
        title=f"the parameters go round in a circle: {circle}"
        if others
        else f"the parameter `{names[0]}` is computed from itself",
        span=span,
        label="its value needs itself",
        secondary=tuple(Label(place, "by way of this") for place in others),
        remedy=f"give one of them a number: `param {names[0]} = 1`",
    )

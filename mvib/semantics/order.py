"""The order in which definitions are resolved: each behind those it needs; circles are found here."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from mvib.diagnostics import Diagnostic
from mvib.semantics import errors
from mvib.semantics.families import family_key
from mvib.semantics.scope import Scope
from mvib.syntax import ast

Definition = ast.Data | ast.View | ast.Encoder

# Encoders of encoders. Much of what follows goes through them one inside the other.
MAX_CHAIN = 100

# What declares a variable first, when several kinds of statements name it.
_RANKS: tuple[type[Definition], ...] = (ast.Data, ast.View, ast.Encoder)


def targets_of(definition: Definition) -> list[ast.Reference]:
    """The variables that a statement makes."""
    match definition:
        case ast.Data():
            return [declaration.target for declaration in definition.declarations]
        case ast.View():
            return list(definition.targets)
        case ast.Encoder():
            return [arrow.target for arrow in definition.arrows]


def sources_of(definition: Definition) -> list[ast.Reference]:
    """The variables that a statement makes something from."""
    match definition:
        case ast.Data():
            return []
        case ast.View():
            # The first argument; what follows are numbers and parameters.
            values = [argument.value for argument in definition.channel.arguments if argument.name is None]
            return [value for value in values[:1] if isinstance(value, ast.Reference)]
        case ast.Encoder():
            return [source for arrow in definition.arrows for source in arrow.sources]


def ordered_definitions(scope: Scope, definitions: Sequence[Definition]) -> tuple[list[Definition], list[Definition]]:
    """The definitions so that each follows those it needs, and those of them that need themselves.

    Every circle is reported, and what is made through more than `MAX_CHAIN` others, which is taken for circular too.
    What is ready at the same time is put in the order of its text, so that the order of the file changes nothing.
    """
    needs = _needs(definitions)
    circular: list[Definition] = []
    while True:
        sorter = TopologicalSorter(needs)
        try:
            sorter.prepare()
            break
        except CycleError as error:
            # Each is made from the one in front of it, in the order in which a reader follows arrows.
            circle = error.args[1][1:]
            first = circle.index(min(circle))
            found = [definitions[i] for i in circle[first:] + circle[:first]]
            _report_circle(scope, found)
            circular.extend(found)
            needs |= {i: set() for i in circle}

    def place(position: int) -> tuple[int, str, int]:
        definition = definitions[position]
        return _RANKS.index(type(definition)), definition.span.text, position

    ordered: list[Definition] = []
    depths: dict[int, int] = {}
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place)
        for i in ready:
            depths[i] = 1 + max((depths[j] for j in needs[i]), default=0)
            if depths[i] <= MAX_CHAIN:
                ordered.append(definitions[i])
            elif definitions[i] not in circular:
                circular.append(definitions[i])
                if depths[i] == MAX_CHAIN + 1:
                    scope.report(_too_long(definitions[i]))
        sorter.done(*ready)
    return ordered, circular


def _too_long(definition: Definition) -> Diagnostic:
    return errors.too_large(
        definition.span,
        "this is made of variables that are made of variables, and so on, too often",
        label=f"behind {MAX_CHAIN} others",
        remedy="put several layers into one encoder",
    )


def _needs(definitions: Sequence[Definition]) -> dict[int, set[int]]:
    """For each definition the positions of those that make what it needs."""
    # Data are not made, nor are views by encoders: that an encoder points to one is another mistake than a circle.
    rank: dict[str, int] = {}
    for definition in definitions:
        for target in targets_of(definition):
            rank[family_key(target)] = min(rank.get(family_key(target), len(_RANKS)), _RANKS.index(type(definition)))
    makers: dict[str, list[tuple[int, ast.Reference]]] = {}
    for position, definition in enumerate(definitions):
        for target in targets_of(definition):
            if rank[family_key(target)] == _RANKS.index(type(definition)):
                makers.setdefault(family_key(target), []).append((position, target))
    needs: dict[int, set[int]] = {}
    for position, definition in enumerate(definitions):
        needed = needs.setdefault(position, set())
        for source in sources_of(definition):
            of_family = makers.get(family_key(source), [])
            fitting = {i for i, target in of_family if _may_be_same(source, target)}
            # Where no statement makes this member, all of its family come first, for a message that lists them.
            needed |= fitting or {i for i, _ in of_family if i != position}
    return needs


def _may_be_same(source: ast.Reference, target: ast.Reference) -> bool:
    """Whether two references of one family can name the same member: not when both write out different numbers."""
    pairs = zip(source.indices, target.indices, strict=False)
    return not any(isinstance(a, ast.Number) and isinstance(b, ast.Number) and a.value != b.value for a, b in pairs)


def _report_circle(scope: Scope, circle: Sequence[Definition]) -> None:
    made = []
    for position, definition in enumerate(circle):
        needed_by = sources_of(circle[(position + 1) % len(circle)])
        keys = {family_key(source) for source in needed_by}
        made.append(next(target for target in targets_of(definition) if family_key(target) in keys))
    scope.report(
        errors.cyclic_definition(made[0].span, [place.name.text for place in made], [place.span for place in made[1:]])
    )

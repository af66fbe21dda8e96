"""Text that may be broken at marked places: a small pretty-printer after Wadler 2003, 'A prettier printer'.

A group is printed on one line if it fits; otherwise all of its own breaks become line breaks, and the groups inside it
are tried in turn. Knows nothing of specs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from mvib.source import display_width


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the line may end; `flat` is printed when it does not."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class Nest:
    """A part whose broken lines are indented by `indent` more."""

    doc: "Doc"
    indent: int = 4


@dataclass(frozen=True, slots=True)
class Group:
    """A part that is broken at all of its own breaks or at none."""

    doc: "Doc"


Doc = str | Break | Nest | Group | tuple["Doc", ...]


def join(separator: Doc, parts: Iterable[Doc]) -> Doc:
    """The parts with the separator between two."""
    result: list[Doc] = []
    for part in parts:
        if result:
            result.append(separator)
        result.append(part)
    return tuple(result)


def flat(doc: Doc) -> str:
    """The text on one line, however long."""
    return render(doc, width=None)


def render(doc: Doc, *, width: int | None) -> str:
    """The text with line breaks where a group is wider than `width` terminal cells; None breaks nothing."""
    out: list[str] = []
    column = 0
    stack: list[tuple[int, bool, Doc]] = [(0, width is not None, doc)]
    while stack:
        indent, broken, part = stack.pop()
        match part:
            case str():
                out.append(part)
                column += display_width(part)
            case Break() if broken:
                out.append("\n" + " " * indent)
                column = indent
            case Break():
                out.append(part.flat)
                column += display_width(part.flat)
            case Nest():
                stack.append((indent + part.indent, broken, part.doc))
            case Group():
                fits = width is None or not broken or _fits(width - column, part.doc, stack)
                stack.append((indent, not fits, part.doc))
            case tuple():
                stack.extend((indent, broken, item) for item in reversed(part))
            case _:
                assert_never(part)
    return "".join(out)


def _fits(room: int, doc: Doc, rest: list[tuple[int, bool, Doc]]) -> bool:
    """Whether `doc` on one line, and what follows it up to the next possible break, takes at most `room` cells."""
    pending: list[tuple[bool, Doc]] = [(False, doc)]
    following = len(rest)
    while room >= 0:
        if not pending:
            if following == 0:
                return True
            following -= 1
            _, broken, later = rest[following]
            pending.append((broken, later))
        broken, part = pending.pop()
        match part:
            case str():
                room -= display_width(part)
            case Break() if broken:
                return True
            case Break():
                room -= display_width(part.flat)
            case Nest() | Group():
                pending.append((broken, part.doc))
            case tuple():
                pending.extend((broken, item) for item in reversed(part))
            case _:
                assert_never(part)
    return False

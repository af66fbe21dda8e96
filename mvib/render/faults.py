"""What spoils a drawing, in numbers: so that of several ways to lay out a diagram the clean one can be taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from mvib.render.geometry import Box, Curve, Oval, Point, crosses

_SAMPLES = 25
# Letters and numbers do not fill their boxes.
_AIR = 1.0

# What is unreadable or misleads counts as a whole fault; what one would rather not see counts as a part of one.
_WHOLE = 1.0
_CROSSING = 0.05
_DETOUR = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An arrow or an arc: the names of the circles at its ends, and its curve."""

    ends: frozenset[str]
    curve: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A label or a number: its box, and the position of its line among the lines."""

    box: Box
    line: int


def count_faults(ovals: Mapping[str, Oval], lines: Sequence[Line], marks: Sequence[Mark]) -> float:
    """How many labels, numbers and circles something lies on; crossings and detours count a little.

    Args:
        ovals: the circles by name.
        lines: arrows and arcs.
        marks: their labels and numbers.
    """
    points = [line.curve.samples(_SAMPLES) for line in lines]
    boxes = [mark.box.grown(-_AIR) for mark in marks]
    faults = 0.0
    for a, b in combinations(boxes, 2):
        faults += _WHOLE * a.overlaps(b)
    for box, mark in zip(boxes, marks, strict=True):
        faults += _WHOLE * sum(_touches(oval, box) for oval in ovals.values())
        faults += _WHOLE * sum(_passes(line, box) for position, line in enumerate(points) if position != mark.line)
    for line, course in zip(lines, points, strict=True):
        strangers = [oval for name, oval in ovals.items() if name not in line.ends]
        faults += _WHOLE * sum(any(oval.covers(point, 0.0) for point in course) for oval in strangers)
        chord = course[0].distance(course[-1]) or 1.0
        faults += _DETOUR * max(0.0, sum(a.distance(b) for a, b in pairwise(course)) / chord - 1.5)
    return faults + _CROSSING * sum(_cross(a[::4], b[::4]) for a, b in combinations(points, 2))


def _touches(oval: Oval, box: Box) -> bool:
    nearest = Point(
        min(max(oval.centre.x, box.left), box.right),
        min(max(oval.centre.y, box.bottom), box.top),
    )
    return oval.covers(nearest, 0.0)


def _passes(line: Sequence[Point], box: Box) -> bool:
    return any(
        box.contains(Point(a.x + (b.x - a.x) * k / 4, a.y + (b.y - a.y) * k / 4))
        for a, b in pairwise(line)
        for k in range(4)
    )


def _cross(first: Sequence[Point], second: Sequence[Point]) -> bool:
    return any(crosses(a, b, c, d) for a, b in pairwise(first) for c, d in pairwise(second))

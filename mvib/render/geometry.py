"""Points, boxes and cubic curves of a drawing, in points with the y axis upward."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot
from typing import NamedTuple


class Point(NamedTuple):
    """A place."""

    x: float
    y: float

    def shifted(self, dx: float, dy: float) -> "Point":
        """The place moved."""
        return Point(self.x + dx, self.y + dy)

    def distance(self, other: "Point") -> float:
        """Distance between two places."""
        return hypot(self.x - other.x, self.y - other.y)


class Box(NamedTuple):
    """An upright rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, centre: Point, width: float, height: float) -> "Box":
        """The box of a size around a place."""
        return cls(centre.x - width / 2, centre.y - height / 2, centre.x + width / 2, centre.y + height / 2)

    def grown(self, margin: float) -> "Box":
        """The box with a margin on all sides."""
        return Box(self.left - margin, self.bottom - margin, self.right + margin, self.top + margin)

    def contains(self, point: Point) -> bool:
        """Whether a place lies inside."""
        return self.left < point.x < self.right and self.bottom < point.y < self.top

    def overlaps(self, other: "Box") -> bool:
        """Whether two boxes have a common inside."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def is_inside(self, other: "Box") -> bool:
        """Whether the box lies within another."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )

    @property
    def width(self) -> float:
        """Extent from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent from bottom to top."""
        return self.top - self.bottom


def hull(boxes: Iterable[Box]) -> Box:
    """The smallest box around several, of which there is at least one."""
    every = tuple(boxes)
    return Box(
        min(box.left for box in every),
        min(box.bottom for box in every),
        max(box.right for box in every),
        max(box.top for box in every),
    )


@dataclass(frozen=True, slots=True)
class Oval:
    """A circle, or what it becomes around a long name."""

    centre: Point
    rx: float
    ry: float

    @property
    def box(self) -> Box:
        """The box around it."""
        return Box.around(self.centre, 2 * self.rx, 2 * self.ry)

    def covers(self, point: Point, margin: float) -> bool:
        """Whether a place is inside, or closer to it than a margin."""
        dx = (point.x - self.centre.x) / (self.rx + margin)
        dy = (point.y - self.centre.y) / (self.ry + margin)
        return dx * dx + dy * dy < 1

    def border(self, toward: Point) -> Point:
        """Where the line from the centre toward a place leaves it."""
        dx, dy = toward.x - self.centre.x, toward.y - self.centre.y
        scale = hypot(dx / self.rx, dy / self.ry)
        return self.centre.shifted(dx / scale, dy / scale) if scale else self.centre.shifted(self.rx, 0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A cubic Bézier curve."""

    start: Point
    first: Point
    second: Point
    end: Point

    def at(self, t: float) -> Point:
        """The place at a parameter between 0 and 1."""
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        return Point(
            a * self.start.x + b * self.first.x + c * self.second.x + d * self.end.x,
            a * self.start.y + b * self.first.y + c * self.second.y + d * self.end.y,
        )

    def normal(self, t: float) -> Point:
        """Unit vector to the left of the curve's direction."""
        before, after = self.at(max(0.0, t - 0.02)), self.at(min(1.0, t + 0.02))
        length = before.distance(after) or 1.0
        return Point(-(after.y - before.y) / length, (after.x - before.x) / length)

    def samples(self, count: int) -> tuple[Point, ...]:
        """Places along the curve at equal steps of the parameter, both ends included."""
        return tuple(self.at(i / (count - 1)) for i in range(count))

    def shortened(self, length: float) -> "Curve":
        """The curve with its end moved back along its last direction, to make room for an arrow head."""
        reach = self.second.distance(self.end) or 1.0
        dx, dy = (self.end.x - self.second.x) / reach * length, (self.end.y - self.second.y) / reach * length
        return Curve(self.start, self.first, self.second.shifted(-dx, -dy), self.end.shifted(-dx, -dy))


def curve_between(first: Oval, second: Oval, bulge: float) -> Curve:
    """A curve from border to border, its middle a distance to the left of the straight line."""
    a, b = first.centre, second.centre
    length = a.distance(b) or 1.0
    # The control point of a quadratic curve is twice as far from the chord as the middle of the curve.
    control = Point(
        (a.x + b.x) / 2 - (b.y - a.y) / length * 2 * bulge, (a.y + b.y) / 2 + (b.x - a.x) / length * 2 * bulge
    )
    start, end = (first.border(control), second.border(control)) if bulge else (first.border(b), second.border(a))
    if not bulge:
        control = Point((start.x + end.x) / 2, (start.y + end.y) / 2)
    return Curve(start, _toward(start, control), _toward(end, control), end)


def _toward(point: Point, control: Point) -> Point:
    return Point(point.x + (control.x - point.x) * 2 / 3, point.y + (control.y - point.y) * 2 / 3)


def crosses(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the stretches ab and cd cross."""
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)

"""Where the lines of a diagram run and where their labels stand: each the cheapest of a few candidates."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import cos, inf, radians, sin

from mvib.render.geometry import Box, Curve, Oval, Point, crosses, curve_between
from mvib.render.palette import BADGE_RADIUS

BULGES = (0.0, 10.0, 16.0, 24.0, 34.0, 46.0, 60.0, 78.0, 100.0, 126.0, 160.0)
# On a sheet with hundreds of lines nothing is pretty, and it is to be drawn in seconds.
FEW_BULGES = (0.0, 24.0, 60.0, 126.0)
_SAMPLES = 25
_MARGIN = 7.0
_LEAST_GAP_BETWEEN_LINES = 5.0
_LEAST_GAP_BETWEEN_SIBLINGS = 15.0
_ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.28, 0.72)
_ANGLES = (90, -90, 0, 45, -45, 135, -135)
_STEM = 14.0
# Lines that meet at a circle come close there, which is no fault.
_NEAR_END = 20.0
# Slope down to which a line counts as level.
_LEVEL = 0.15

# What each fault of a candidate costs, in points of bulge that one would accept to avoid it.
_HITS_CIRCLE = 400.0
_HITS_LABEL = 120.0
_CROSSES_LINE = 30.0
_ALONG_LINE = 25.0
_BULGE = 0.6
_WRONG_SIDE = 8.0
_CUT_BY_FRAME = 40.0


class Router:
    """What is taken on the sheet so far. It knows ovals, curves and boxes, and nothing of variables and terms."""

    def __init__(self, ovals: Mapping[str, Oval], boxes: Iterable[Box], bulges: Sequence[float]) -> None:
        self._ovals = dict(ovals)
        self._bulges = tuple(bulges)
        self._boxes = list(boxes)
        self._lines: list[tuple[Point, ...]] = []
        self._between: list[tuple[frozenset[str], Point]] = []

    def route(self, first: str, second: str) -> Curve:
        """The curve between two ovals that gets least in the way, which is then taken."""
        a, b = self._ovals[first], self._ovals[second]
        curve, least = curve_between(a, b, 0.0), inf
        for bulge in (size * side for size in self._bulges for side in ((1, -1) if size else (1,))):
            candidate = curve_between(a, b, bulge)
            cost = self._cost(candidate, bulge, (first, second), least)
            if cost < least:
                curve, least = candidate, cost
        self._lines.append(curve.samples(_SAMPLES))
        self._between.append((frozenset({first, second}), curve.at(0.5)))
        return curve

    def route_to_badge(self, name: str) -> tuple[Curve, Point]:
        """A short line from an oval to a free place beside it, and that place; both are then taken."""
        oval = self._ovals[name]
        candidates = []
        for angle in _ANGLES:
            dx, dy = cos(radians(angle)), sin(radians(angle))
            rim = oval.border(oval.centre.shifted(dx, dy))
            centre = rim.shifted(dx * (_STEM + BADGE_RADIUS), dy * (_STEM + BADGE_RADIUS))
            candidates.append(
                (curve_between(Oval(oval.centre, oval.rx, oval.ry), Oval(centre, 0.01, 0.01), 0.0), centre)
            )
        curve, centre = min(
            candidates, key=lambda c: self._box_cost(_badge_box(c[1]), ()) + self._cost(c[0], 0.0, (name,))
        )
        self._lines.append(curve.samples(_SAMPLES))
        self._boxes.append(_badge_box(centre))
        return curve, centre

    def place_badges(self, curve: Curve, count: int) -> tuple[Point, ...]:
        """Places on a curve for numbers, which are then taken."""
        own = curve.samples(_SAMPLES)
        places = []
        for _ in range(count):
            place = min((curve.at(t) for t in _ALONG), key=lambda p: self._box_cost(_badge_box(p), own))
            self._boxes.append(_badge_box(place))
            places.append(place)
        return tuple(places)

    def place_label(self, curve: Curve, width: float, height: float, frames: Sequence[Box]) -> Point:
        """The middle of a label beside a curve, on its outer side where there is room; it is then taken.

        Args:
            curve: the curve.
            width: of the label.
            height: of the label.
            frames: boxes whose border is not to run through the label.
        """
        candidates = []
        dx, dy = curve.end.x - curve.start.x, curve.end.y - curve.start.y
        outer = -1 if _LEVEL * abs(dx) < -dy < abs(dx) else 1
        for position, t in enumerate(_ALONG):
            normal = curve.normal(t)
            is_level = abs(normal.y) >= abs(normal.x)
            upward = normal if (normal.y if is_level else normal.x) > 0 else Point(-normal.x, -normal.y)
            # How far the box reaches in the direction of the normal: beyond it the line cannot cut the box.
            reach = abs(normal.x) * width / 2 + abs(normal.y) * height / 2
            for side in (outer, -outer):
                for extra in (1.0, 5.0, 10.0):
                    centre = curve.at(t).shifted(upward.x * side * (reach + extra), upward.y * side * (reach + extra))
                    box = Box.around(centre, width, height)
                    cost = 3 * position + (4 if side != outer else 0) + extra + self._box_cost(box, ())
                    cost += sum(_CUT_BY_FRAME for frame in frames if box.overlaps(frame) and not box.is_inside(frame))
                    candidates.append((cost, centre, box))
        _, centre, box = min(candidates, key=lambda candidate: candidate[0])
        self._boxes.append(box)
        return centre

    def _cost(self, curve: Curve, bulge: float, ends: Sequence[str], least: float = inf) -> float:
        """What a candidate costs, or some of it once that is more than the least so far."""
        cost = abs(bulge) * _BULGE
        if cost >= least:
            return cost
        points = curve.samples(_SAMPLES)
        middle, straight = curve.at(0.5), Point((curve.start.x + curve.end.x) / 2, (curve.start.y + curve.end.y) / 2)
        if bulge and (middle.x < straight.x - 1 or middle.y > straight.y + 1):
            cost += _WRONG_SIDE
        for name, oval in self._ovals.items():
            if name not in ends:
                cost += _HITS_CIRCLE * any(oval.covers(point, _MARGIN) for point in points)
        cost += _HITS_LABEL * sum(any(box.grown(2).contains(point) for point in points) for box in self._boxes)
        siblings = [place for pair, place in self._between if pair == frozenset(ends)]
        cost += _HITS_CIRCLE * sum(middle.distance(place) < _LEAST_GAP_BETWEEN_SIBLINGS for place in siblings)
        own = [self._ovals[name] for name in ends]
        for line in self._lines:
            if cost >= least:
                break
            cost += _line_cost(points, line, own)
        return cost

    def _box_cost(self, box: Box, own: Sequence[Point]) -> float:
        grown = box.grown(1.5)
        cost = sum(_HITS_CIRCLE for oval in self._ovals.values() if grown.overlaps(oval.box))
        cost += sum(_HITS_CIRCLE for other in self._boxes if grown.overlaps(other))
        cost += sum(_HITS_LABEL for line in self._lines if line != own and _cuts(line, grown))
        return cost


def _cuts(line: Sequence[Point], box: Box) -> bool:
    """Whether a line passes a box, looked at closely enough for the size of a label."""
    if not _box_of(line).overlaps(box):
        return False
    for a, b in pairwise(line):
        if any(box.contains(Point(a.x + (b.x - a.x) * k / 4, a.y + (b.y - a.y) * k / 4)) for k in range(4)):
            return True
    return False


def _line_cost(points: Sequence[Point], line: Sequence[Point], ends: Sequence[Oval]) -> float:
    """What a candidate costs beside a line: crossings, and stretches where both run side by side."""
    if not _box_of(points).grown(_LEAST_GAP_BETWEEN_LINES).overlaps(_box_of(line)):
        return 0.0
    limit = _LEAST_GAP_BETWEEN_LINES**2
    close = sum(
        any((x - a) * (x - a) + (y - b) * (y - b) < limit for a, b in line)
        for x, y in points
        if not any(oval.covers(Point(x, y), _NEAR_END) for oval in ends)
    )
    coarse, other = points[::4], line[::4]
    crossings = sum(crosses(a, b, c, d) for a, b in pairwise(coarse) for c, d in pairwise(other))
    return _CROSSES_LINE * crossings + (_ALONG_LINE * (close - 3) if close > 3 else 0.0)


def _box_of(points: Sequence[Point]) -> Box:
    xs, ys = [point.x for point in points], [point.y for point in points]
    return Box(min(xs), min(ys), max(xs) + 1e-6, max(ys) + 1e-6)


def _badge_box(centre: Point) -> Box:
    return Box.around(centre, 2 * BADGE_RADIUS, 2 * BADGE_RADIUS)

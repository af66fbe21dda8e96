"""A diagram with every circle, line, label and plate in its place: what the printers print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mvib.render.faults import Line, Mark, count_faults
from mvib.render.geometry import Box, Curve, Oval, Point, hull
from mvib.render.markup import Formula, formula_width
from mvib.render.palette import BADGE_RADIUS, EDGE_SIZE, PLATE_SIZE
from mvib.render.picture import Arc, Arrow, Circle, Picture, Plate, Stroke
from mvib.render.placement import Placement, Spacing, place_circles
from mvib.render.plates import plate_label, plate_pieces
from mvib.render.routing import BULGES, FEW_BULGES, Router

_PLATE_MARGIN = 12.0
_PLATE_FOOT = 17.0
_DOTS = 26.0
_CROWD = 80
# The more lines, the longer a trial of another spacing takes, and the less comes of it.
_LINES_FOR_A_TRIAL = 12
_ROUNDS = 4
_FINE = 100
_ROOM_BEHIND_PLATE = 22.0
# Tried in this order. Wider lanes serve lines from lane to lane, wider columns serve labels at the lines between them.
SPACINGS = (Spacing(), Spacing(lane=1.3), Spacing(column=1.5), Spacing(lane=1.3, column=1.5), Spacing(lane=1.6))
# Faults that are crossings and detours alone are no reason for a larger sheet.
_CLEAN = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedArrow:
    """An arrow, its curve, the middle of its label (None without one), and the places of its numbers."""

    arrow: Arrow
    curve: Curve
    label: Point | None
    badges: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedArc:
    """An arc, its curve and the place of its number."""

    arc: Arc
    curve: Curve
    badge: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPlate:
    """A plate, or a piece of it: the circles in it, its box, its label and the middle of the label."""

    plate: Plate
    members: frozenset[str]
    box: Box
    text: Formula
    label: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A diagram in its places, in points with the y axis upward."""

    picture: Picture
    circles: tuple[tuple[Circle, Oval], ...]
    arrows: tuple[PlacedArrow, ...]
    arcs: tuple[PlacedArc, ...]
    plates: tuple[PlacedPlate, ...]
    dots: tuple[Point, ...]
    box: Box


def draw(picture: Picture) -> Drawing:
    """Place everything, with more room between lanes and columns where a drawing comes out with faults."""
    best = _draw(picture, SPACINGS[0])
    fewest = _faults(best)
    lines = len(picture.arrows) + len(picture.arcs)
    for spacing in SPACINGS[1 : 1 + max(0, (_CROWD - lines) // _LINES_FOR_A_TRIAL)]:
        if fewest < _CLEAN:
            break
        other = _draw(picture, spacing)
        faults = _faults(other)
        # A larger sheet must be worth it.
        if faults < fewest - _CLEAN / 2:
            best, fewest = other, faults
    return best


def _draw(picture: Picture, spacing: Spacing) -> Drawing:
    """Place everything.

    What bulges out of a plate needs room before the next column: the sheet is laid out, the bulges are measured, and it
    is laid out again with that room, until nothing is missing.
    """
    room: dict[int, float] = {}
    drawing = _lay_out(picture, room, spacing)
    columns = place_circles(picture).columns
    for _ in range(_ROUNDS):
        missing = _missing_room(drawing, columns)
        if not missing:
            break
        room = {column: room.get(column, 0.0) + missing.get(column, 0.0) for column in {*room, *missing}}
        drawing = _lay_out(picture, room, spacing)
    return drawing


def _faults(drawing: Drawing) -> float:
    lines: list[Line] = []
    marks: list[Mark] = []
    for placed in drawing.arrows:
        boxes = [_badge_box(badge) for badge in placed.badges]
        if placed.label is not None:
            boxes.append(Box.around(placed.label, *_label_size(placed.arrow)))
        marks += [Mark(box=box, line=len(lines)) for box in boxes]
        lines.append(Line(ends=frozenset({placed.arrow.source, placed.arrow.target}), curve=placed.curve))
    for mark in drawing.arcs:
        marks.append(Mark(box=_badge_box(mark.badge), line=len(lines)))
        lines.append(Line(ends=frozenset({mark.arc.first, mark.arc.second}), curve=mark.curve))
    return count_faults({circle.name: oval for circle, oval in drawing.circles}, lines, marks)


def _badge_box(place: Point) -> Box:
    return Box.around(place, 2 * BADGE_RADIUS, 2 * BADGE_RADIUS)


def _lay_out(picture: Picture, room: Mapping[int, float], spacing: Spacing) -> Drawing:
    placement = place_circles(picture, room=room, spacing=spacing)
    dots = [Box.around(place, 10, _DOTS) for _, place in placement.dots]
    is_crowded = len(picture.arrows) + len(picture.arcs) > _CROWD
    router = Router(placement.ovals, dots, FEW_BULGES if is_crowded else BULGES)
    frames = _plates(picture, placement, (), ())
    arrows = [*_route_arrows(router, picture.encodings, frames), *_route_arrows(router, picture.decodings, frames)]
    arcs = _route_arcs(router, picture.arcs, placement)
    plates = _plates(picture, placement, arrows, arcs)
    boxes = [oval.box for oval in placement.ovals.values()]
    boxes += [plate.box for plate in plates] + [box for _, box in _extents(arrows, arcs)]
    return Drawing(
        picture=picture,
        circles=tuple((circle, placement.ovals[circle.name]) for circle in picture.circles),
        arrows=tuple(arrows),
        arcs=tuple(arcs),
        plates=plates,
        dots=tuple(place for _, place in placement.dots),
        box=hull(boxes) if boxes else Box(0, 0, 0, 0),
    )


def _route_arrows(router: Router, arrows: Sequence[Arrow], plates: Sequence[PlacedPlate]) -> list[PlacedArrow]:
    curves = [router.route(arrow.source, arrow.target) for arrow in arrows]
    badges = [router.place_badges(curve, len(arrow.terms)) for arrow, curve in zip(arrows, curves, strict=True)]
    frames = [plate.box for plate in plates]
    labels = [
        router.place_label(curve, *_label_size(arrow), frames) if arrow.label else None
        for arrow, curve in zip(arrows, curves, strict=True)
    ]
    return [
        PlacedArrow(arrow=arrow, curve=curve, label=label, badges=places)
        for arrow, curve, label, places in zip(arrows, curves, labels, badges, strict=True)
    ]


def _label_size(arrow: Arrow) -> tuple[float, float]:
    return formula_width(arrow.label, EDGE_SIZE) + 2, EDGE_SIZE * 1.05


def _route_arcs(router: Router, arcs: Sequence[Arc], placement: Placement) -> list[PlacedArc]:
    """The shortest arcs first: the longer ones go around them."""

    def length(arc: Arc) -> float:
        return placement.ovals[arc.first].centre.distance(placement.ovals[arc.second].centre) if arc.second else 0.0

    placed: dict[Arc, PlacedArc] = {}
    for arc in sorted(arcs, key=length):
        if arc.second:
            curve = router.route(arc.first, arc.second)
            (badge,) = router.place_badges(curve, 1)
        else:
            curve, badge = router.route_to_badge(arc.first)
        placed[arc] = PlacedArc(arc=arc, curve=curve, badge=badge)
    return [placed[arc] for arc in arcs]


def _extents(arrows: Sequence[PlacedArrow], arcs: Sequence[PlacedArc]) -> list[tuple[frozenset[str], Box]]:
    """The boxes of lines, labels and numbers, with the circles they belong to."""
    extents = []
    for placed in arrows:
        ends = frozenset({placed.arrow.source, placed.arrow.target})
        extents.append((ends, _curve_box(placed.curve)))
        extents += [(ends, _badge_box(badge)) for badge in placed.badges]
        if placed.label is not None:
            extents.append((ends, Box.around(placed.label, *_label_size(placed.arrow))))
    for mark in arcs:
        ends = frozenset({mark.arc.first, mark.arc.second} - {""})
        extents.append((ends, _curve_box(mark.curve)))
        extents.append((ends, _badge_box(mark.badge)))
    return extents


def _curve_box(curve: Curve) -> Box:
    points = curve.samples(13)
    return Box(min(p.x for p in points), min(p.y for p in points), max(p.x for p in points), max(p.y for p in points))


def _plates(
    picture: Picture, placement: Placement, arrows: Sequence[PlacedArrow], arcs: Sequence[PlacedArc]
) -> tuple[PlacedPlate, ...]:
    extents = _extents(arrows, arcs)
    curves = [curve.samples(_FINE) for curve in (*(a.curve for a in arrows), *(a.curve for a in arcs))]
    plates = []
    for plate in picture.plates:
        members = [circle for circle in picture.circles if circle.plate == plate.key]
        if not members:
            continue
        for piece in plate_pieces(members, placement.ovals, placement.columns, _PLATE_MARGIN):
            names = frozenset(circle.name for circle in piece)
            inner = hull(
                [
                    *(placement.ovals[circle.name].box for circle in piece),
                    *(box for ends, box in extents if ends <= names),
                ]
            ).grown(_PLATE_MARGIN)
            text = plate_label(plate, piece)
            width = formula_width(text, PLATE_SIZE)
            box = Box(min(inner.left, inner.right - width - 16), inner.bottom - _PLATE_FOOT + 6, inner.right, inner.top)
            label = _plate_label_place(box, width, curves)
            plates.append(PlacedPlate(plate=plate, members=names, box=box, text=text, label=label))
    return tuple(plates)


def _plate_label_place(box: Box, width: float, curves: Sequence[Sequence[Point]]) -> Point:
    """The middle of a plate's label: at its lower right, or farther to the left where no line passes."""
    right, left = box.right - width / 2 - 9, box.left + width / 2 + 9
    places = [Point(right - k / 4 * (right - left), box.bottom + 10) for k in range(5)]

    def passes(place: Point) -> int:
        label = Box.around(place, width + 2, PLATE_SIZE)
        return sum(any(label.contains(point) for point in curve) for curve in curves)

    return min(places, key=passes)


def _missing_room(drawing: Drawing, columns: Mapping[str, int]) -> dict[int, float]:
    """How far each plate reaches beyond its last column, where another column follows."""
    room: dict[int, float] = {}
    for placed in drawing.plates:
        last = max(columns[name] for name in placed.members)
        edge = max(oval.box.right for circle, oval in drawing.circles if circle.name in placed.members)
        following = [oval.box.left for circle, oval in drawing.circles if columns[circle.name] == last + 1]
        if following:
            needed = placed.box.right + _ROOM_BEHIND_PLATE - min(following)
            if needed > 1 and placed.box.right > edge:
                room[last] = max(room.get(last, 0.0), needed)
    return room


def is_thin(stroke: Stroke) -> bool:
    """Whether an arrow is drawn with a thin line."""
    return stroke is Stroke.VIEW

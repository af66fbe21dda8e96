"""Where the variables of a diagram stand: columns by their distance from the data, lanes by what they come from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mvib.render.geometry import Box, Oval, Point
from mvib.render.markup import formula_width
from mvib.render.palette import EDGE_SIZE, NODE_RADIUS, NODE_SIZE
from mvib.render.picture import Circle, Fill, Picture

_LANE = 64.0
# Between lanes that an arrow of a decoder joins within one column: it has a label and a number.
_WIDE_LANE = 78.0
# Extra room where members of a family are left out.
_GAP = 34.0
# Extra room between members of different plates, for the borders and the label.
_PLATE_GAP = 24.0
# The same where a number may stand above or below the circle.
_ROOM_FOR_A_BORDER = 32.0
_LEAST_DISTANCE = 52.0
# Height of an ellipsis.
_DOTS = 26.0
_COLUMN_GAP = 56.0
_ROOM_BESIDE_LABEL = 36.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """How much wider than usual lanes and the gaps between columns are."""

    lane: float = 1.0
    column: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Circles with their places.

    Attributes:
        ovals: by the name of the variable.
        columns: number of the column by the name of the variable.
        dots: where an ellipsis stands for the members that are left out, with the plate it belongs to.
    """

    ovals: Mapping[str, Oval]
    columns: Mapping[str, int]
    dots: tuple[tuple[str, Point], ...]


def place_circles(
    picture: Picture, *, room: Mapping[int, float] | None = None, spacing: Spacing | None = None
) -> Placement:
    """Give every circle a place.

    Args:
        picture: the diagram.
        room: extra room behind a column, for what bulges out of it.
        spacing: of lanes and columns.
    """
    wider = spacing or Spacing()
    columns = _columns(picture)
    lanes = _lanes(picture, columns, wider.lane)
    lefts = _column_centres(picture, columns, room or {}, wider.column)
    ovals = {
        c.name: Oval(Point(lefts[columns[c.name]], lanes[c.name]), _half_width(c), NODE_RADIUS) for c in picture.circles
    }
    return Placement(ovals=ovals, columns=columns, dots=_dots(picture, ovals, columns))


def _half_width(circle: Circle) -> float:
    return max(NODE_RADIUS, formula_width(circle.label, NODE_SIZE) / 2 + 9)


# ---- columns ---------------------------------------------------------------------------------------------------


def _columns(picture: Picture) -> dict[str, int]:
    columns = {circle.name: 0 for circle in picture.circles}
    ancestors = _ancestors(picture)
    plate_of = {circle.name: circle.plate for circle in picture.circles}
    # Each round moves something to the right, and no chain is longer than the number of circles.
    for _ in range(len(picture.circles)):
        before = dict(columns)
        for circle in picture.circles:
            behind = [columns[parent] for parent in circle.parents]
            # What is made from a plate but does not belong to it stands behind it, never inside.
            behind += [
                columns[name]
                for name, plate in plate_of.items()
                if plate
                and plate != circle.plate
                and any(plate_of[a] == plate for a in ancestors[circle.name])
                and circle.name not in ancestors[name]
            ]
            columns[circle.name] = max([columns[circle.name], *(column + 1 for column in behind)])
        if columns == before:
            break
    for name, sources in _predicted(picture).items():
        plates = {plate_of[source] for source in sources} - {"", plate_of[name]}
        before_it = [other for other in columns if other in sources or plate_of[other] in plates]
        columns[name] = max(columns[other] for other in before_it) + 1
    return columns


def _ancestors(picture: Picture) -> dict[str, frozenset[str]]:
    ancestors: dict[str, frozenset[str]] = {circle.name: frozenset(circle.parents) for circle in picture.circles}
    for _ in picture.circles:
        ancestors = {name: above.union(*(ancestors[a] for a in above)) for name, above in ancestors.items()}
    return ancestors


def _predicted(picture: Picture) -> dict[str, list[str]]:
    """Data that nothing is made from, such as a label: they stand behind what predicts them or is related to them."""
    makers = {parent for circle in picture.circles for parent in circle.parents}
    ends = [
        circle.name
        for circle in picture.circles
        if circle.fill is Fill.DATA and circle.name not in makers and not _is_decoded(picture, circle.name)
    ]
    predicted: dict[str, list[str]] = {}
    for name in ends:
        sources = [arrow.source for arrow in picture.decodings if arrow.target == name]
        if not sources:
            related = [
                {arc.first, arc.second} for arc in picture.arcs if arc.second and name in {arc.first, arc.second}
            ]
            sources = [other for pair in related for other in sorted(pair - {name}) if other not in ends]
        if sources and name not in sources:
            predicted[name] = sources
    return predicted


def _is_decoded(picture: Picture, name: str) -> bool:
    """Whether a decoder takes a variable: then it stands before what it predicts."""
    return any(arrow.source == name for arrow in picture.decodings) and not any(
        arrow.target == name for arrow in picture.decodings
    )


def _column_centres(
    picture: Picture, columns: Mapping[str, int], room: Mapping[int, float], wider: float
) -> list[float]:
    count = max(columns.values(), default=0) + 1
    widths = [
        max((2 * _half_width(c) for c in picture.circles if columns[c.name] == k), default=0.0) for k in range(count)
    ]
    gaps = [_COLUMN_GAP * wider + room.get(k, 0.0) for k in range(count)]
    for arrow in picture.arrows:
        a, b = columns[arrow.source], columns[arrow.target]
        if abs(a - b) == 1:
            needed = formula_width(arrow.label, EDGE_SIZE) + _ROOM_BESIDE_LABEL
            gaps[min(a, b)] = max(gaps[min(a, b)], needed + room.get(min(a, b), 0.0))
    centres = [widths[0] / 2]
    for k in range(1, count):
        centres.append(centres[-1] + widths[k - 1] / 2 + gaps[k - 1] + widths[k] / 2)
    return centres


# ---- lanes -----------------------------------------------------------------------------------------------------


def _lanes(picture: Picture, columns: Mapping[str, int], wider: float) -> dict[str, float]:
    """Heights: each circle in the middle of what is made from it; the first lane on top."""
    predicted = _predicted(picture)
    only_child = {c.name: c.parents[0] for c in picture.circles if len(set(c.parents)) == 1}
    children: dict[str, list[Circle]] = {circle.name: [] for circle in picture.circles}
    for circle in picture.circles:
        if circle.name in only_child:
            children[only_child[circle.name]].append(circle)
    busy = {name for arrow in picture.arrows for name in (arrow.source, arrow.target)}
    roots = [c for c in picture.circles if not c.parents and c.name in busy and c.name not in predicted]
    lane = _lane_height(picture, columns) * wider
    heights: dict[str, float] = {}
    _place_row(roots, children, heights, 0.0, lane)
    joint = [circle for circle in picture.circles if len(set(circle.parents)) > 1]
    while ready := [circle for circle in joint if circle.name not in heights and heights.keys() >= set(circle.parents)]:
        below: dict[str, float] = {}
        _place_row(ready[:1], children, below, 0.0, lane)
        middle = _mean([heights[parent] for parent in _on_one_lane(picture, ready[0])])
        _place_beside(picture, columns, heights, below, middle - below[ready[0].name])
    for name, sources in predicted.items():
        _place_beside(picture, columns, heights, {name: 0.0}, _mean([heights[source] for source in sources]))
    for circle in picture.circles:
        if circle.name not in heights:
            column = [heights[name] for name in heights if columns[name] == columns[circle.name]]
            heights[circle.name] = min(column) - _LANE * wider if column else 0.0
    return _spread(heights, columns)


def _on_one_lane(picture: Picture, circle: Circle) -> Sequence[str]:
    """Those of the variables that a circle is made from beside which it is to stand: with its own index, or all."""
    own = [name for name in circle.parents if _family_place(picture.circle(name)) == _family_place(circle)]
    return own if own and circle.plate else circle.parents


def _family_place(circle: Circle) -> tuple[str, tuple[int, ...]]:
    return circle.plate, circle.index


def _place_beside(
    picture: Picture,
    columns: Mapping[str, int],
    heights: dict[str, float],
    below: Mapping[str, float],
    wanted: float,
) -> None:
    """Add circles to those that have a height, shifted as a whole as little as it takes to find free places."""
    plates = {circle.name: circle.plate for circle in picture.circles}
    pairs = [
        (y, heights[other], _least_distance(plates[name], plates[other]))
        for name, y in below.items()
        for other in heights
        if columns[other] == columns[name]
    ]
    gaps = list(_gap_places(picture, columns, heights))
    pairs += [(y, gap, _LEAST_DISTANCE) for name, y in below.items() for column, gap in gaps if column == columns[name]]
    candidates = [wanted, *(other + side * least - y for y, other, least in pairs for side in (-1, 1))]
    # Away from the middle of the sheet there is more room.
    is_upper = bool(heights) and wanted > _mean([max(heights.values()), min(heights.values())])
    shift = min(
        (c for c in candidates if all(abs(y + c - other) > least - 1e-6 for y, other, least in pairs)),
        key=lambda c: (abs(c - wanted), (c < wanted) == is_upper),
    )
    heights.update({name: y + shift for name, y in below.items()})


def _least_distance(first: str, second: str) -> float:
    """How far from each other circles of two plates stand in a column, so that no border passes them."""
    if first == second:
        return _LEAST_DISTANCE
    return _LANE + _ROOM_FOR_A_BORDER * (bool(first) + bool(second))


def _gap_places(
    picture: Picture, columns: Mapping[str, int], heights: Mapping[str, float]
) -> Iterator[tuple[int, float]]:
    """The columns and heights at which an ellipsis will stand."""
    placed = [circle for circle in picture.circles if circle.name in heights]
    for circle in placed:
        if circle.gap_before:
            block = [c for c in placed if c.plate == circle.plate and columns[c.name] == columns[circle.name]]
            earlier = max((c.index for c in block if c.index < circle.index), default=None)
            above = [heights[c.name] for c in block if c.index == earlier]
            if above:
                yield columns[circle.name], (min(above) + heights[circle.name]) / 2


def _lane_height(picture: Picture, columns: Mapping[str, int]) -> float:
    is_joined = any(columns[arrow.source] == columns[arrow.target] for arrow in picture.decodings)
    return _WIDE_LANE if is_joined else _LANE


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _place_row(
    circles: Sequence[Circle],
    children: Mapping[str, Sequence[Circle]],
    heights: dict[str, float],
    top: float,
    lane: float,
) -> float:
    """Give heights to circles one below the other, each with all that is made from it alone; returns the next free."""
    cursor = top
    for before, circle in zip((None, *circles), circles, strict=False):
        is_other_plate = before is not None and before.plate and circle.plate and before.plate != circle.plate
        cursor -= _GAP if circle.gap_before else _PLATE_GAP if is_other_plate else 0.0
        below = children[circle.name]
        if below:
            cursor = _place_row(below, children, heights, cursor, lane)
            heights[circle.name] = (heights[below[0].name] + heights[below[-1].name]) / 2
        else:
            heights[circle.name] = cursor
            cursor -= lane
    return cursor


def _spread(heights: Mapping[str, float], columns: Mapping[str, int]) -> dict[str, float]:
    """The heights with the circles of one column far enough from each other."""
    result = dict(heights)
    for column in sorted(set(columns.values())):
        names = sorted((name for name in heights if columns[name] == column), key=lambda name: -heights[name])
        for upper, lower in pairwise(names):
            result[lower] = min(result[lower], result[upper] - _LEAST_DISTANCE)
    return result


def _dots(picture: Picture, ovals: Mapping[str, Oval], columns: Mapping[str, int]) -> tuple[tuple[str, Point], ...]:
    """One ellipsis for each place where members are left out, in each column of the plate."""
    dots: dict[tuple[str, int, tuple[int, ...]], tuple[str, Point]] = {}
    for circle in picture.circles:
        if not circle.gap_before:
            continue
        column = columns[circle.name]
        block = [c for c in picture.circles if c.plate == circle.plate and columns[c.name] == column]
        earlier = [c.index for c in block if c.index < circle.index]
        above = [ovals[c.name].centre.y for c in block if earlier and c.index == max(earlier)]
        below = [ovals[c.name].centre.y for c in block if c.index == circle.index]
        if above:
            place = Point(ovals[circle.name].centre.x, (min(above) + max(below)) / 2)
            dots.setdefault((circle.plate, column, circle.index), (circle.plate, place))
    # With two indices another member may stand in the middle: then the ellipsis would cover it.
    return tuple(
        dot for dot in dots.values() if not any(o.box.overlaps(Box.around(dot[1], 10, _DOTS)) for o in ovals.values())
    )

"""The boxes of families: each around members alone, in several pieces where something else stands between them."""

from collections.abc import Mapping, Sequence
from functools import cache

from mvib.render.geometry import Oval, hull
from mvib.render.markup import Formula, joined, number, sign, symbol
from mvib.render.picture import Circle, Plate


def plate_label(plate: Plate, members: Sequence[Circle]) -> Formula:
    """The indices of the members that stand in a box: `i = 1..2`, or `i = 1` when it is one."""
    ranges = []
    for name, numbers in zip(plate.axes, zip(*(circle.index for circle in members), strict=True), strict=True):
        low, high = min(numbers), max(numbers)
        span = (*number(str(low)), *sign(".."), *number(str(high))) if low < high else number(str(low))
        ranges.append((*symbol(name), *sign("="), *span))
    return joined(ranges, ",")


def plate_pieces(
    members: Sequence[Circle], ovals: Mapping[str, Oval], columns: Mapping[str, int], margin: float
) -> list[tuple[Circle, ...]]:
    """The members of a plate in as few groups as it takes for no box to hold a stranger.

    Args:
        members: circles of the plate.
        ovals: all circles.
        columns: number of the column by the name of a circle.
        margin: of a box around its members.
    """
    names = {circle.name for circle in members}
    strangers = [oval.box for name, oval in ovals.items() if name not in names]

    @cache
    def divided(group: tuple[Circle, ...]) -> tuple[tuple[Circle, ...], ...]:
        box = hull(ovals[circle.name].box for circle in group).grown(margin)
        if len(group) < 2 or not any(box.overlaps(other) for other in strangers):
            return (group,)
        cuts = _cuts(group, {c.name: columns[c.name] for c in group})
        cuts += _cuts(group, {c.name: -ovals[c.name].centre.y for c in group})
        return min(((*divided(first), *divided(second)) for first, second in cuts), key=len)

    return list(divided(tuple(members)))


def _cuts(group: Sequence[Circle], places: Mapping[str, float]) -> list[tuple[tuple[Circle, ...], tuple[Circle, ...]]]:
    """A group in two along one direction, in each possible way."""
    return [
        (
            tuple(circle for circle in group if places[circle.name] <= limit),
            tuple(circle for circle in group if places[circle.name] > limit),
        )
        for limit in sorted({places[circle.name] for circle in group})[:-1]
    ]

"""Charts as SVG text: curves, spectra over time, and the information plane with time as colour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mvib.report.markup import escaped

# Okabe and Ito 2008: told apart by readers who do not see all colours. Yellow is too faint on paper.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#7b3294")
_DASHES = ("", "5 3", "2 2", "7 2 2 2")
# Nine colours of viridis, dark to bright; the brightest is left out.
_TIME = ("#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b")
_WIDTH, _HEIGHT = 330, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 26, 38
# Places of a mark from the point that it marks, the best first.
_BESIDE = ((13, -4), (-13, -4), (13, 13), (-13, 13), (0, -10), (0, 20), (25, 4), (-25, 4), (20, -16), (-20, -16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points joined by a line.

    Attributes:
        label: what it is.
        points: x and y; those that are not finite are left out.
        colour: of the line.
        dash: 0 for a solid line, others for dashes.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: str
    dash: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The way of a run through a plane.

    Attributes:
        label: its mark, written at its end.
        colour: of the mark, and of the ring around the end.
        points: x, y and time in [0, 1].
    """

    label: str
    colour: str
    points: Sequence[tuple[float, float, float]]


def colour_of(place: int) -> str:
    """The colour of a run."""
    return COLOURS[place % len(COLOURS)]


def time_colour(time: float) -> str:
    """The colour of a time in [0, 1]."""
    return _TIME[round(min(1.0, max(0.0, time)) * (len(_TIME) - 1))]


def curves(title: str, lines: Sequence[Curve], *, x_label: str, y_label: str = "", log: bool = False) -> str:
    """A chart of curves; empty text where there is no point to draw.

    Args:
        title: above it.
        lines: what is drawn.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        log: whether y is shown by its logarithm; what is not above 0 is then left out.
    """
    kept = [(line, [(x, y) for x, y in line.points if _is_shown(x, y, log=log)]) for line in lines]
    points = [point for _, line_points in kept for point in line_points]
    if not points:
        return ""
    axes = _Axes([x for x, _ in points], [y for _, y in points], log=log)
    body = ""
    for line, line_points in kept:
        places = [axes.place(x, y) for x, y in line_points]
        dash = _DASHES[line.dash % len(_DASHES)]
        style = f' stroke-dasharray="{dash}"' if dash else ""
        tip = f"<title>{escaped(line.label)}</title>"
        if len(places) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            body += f'<polyline fill="none" stroke="{line.colour}" stroke-width="1.8"{style} points="{path}">{tip}'
            body += "</polyline>"
        if 0 < len(places) <= 12:
            body += "".join(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{line.colour}">{tip}</circle>' for x, y in places
            )
    return _figure(title, axes.draw(x_label, y_label) + body)


def plane(title: str, trails: Sequence[Trail], *, x_label: str, y_label: str) -> str:
    """The ways of runs through a plane, with time as colour; empty text where there is none."""
    kept = [(t, [p for p in t.points if _is_shown(p[0], p[1], log=False) and math.isfinite(p[2])]) for t in trails]
    points = [point for _, trail_points in kept for point in trail_points]
    if not points:
        return ""
    axes = _Axes([x for x, _, _ in points], [y for _, y, _ in points], log=False)
    body, marks = "", list[tuple[float, float]]()
    for trail, trail_points in kept:
        places = [(*axes.place(x, y), time) for x, y, time in trail_points]
        for (x1, y1, _), (x2, y2, time) in pairwise(places):
            body += f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{time_colour(time)}" '
            body += 'stroke-width="1.5"></line>'
        for place, (x, y, time) in enumerate(places):
            is_end = place == len(places) - 1
            radius, ring, width = (5.5, trail.colour, 2) if is_end else (3.2, "#fff", 0.8)
            found = trail_points[place]
            tip = f"<title>{escaped(trail.label)} at {time:.0%}: {found[0]:.3g}, {found[1]:.3g}</title>"
            body += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{time_colour(time)}" '
            body += f'stroke="{ring}" stroke-width="{width}">{tip}</circle>'
        if places:
            marks.append(_free_place(places[-1][:2], marks))
            x, y = marks[-1]
            body += f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" class="mark" fill="{trail.colour}">'
            body += f"{escaped(trail.label)}</text>"
    return _figure(title, axes.draw(x_label, y_label) + body)


def _free_place(end: tuple[float, float], taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where a mark goes: beside the end of its way, where no other mark is, if there is such a place."""
    around = [(end[0] + dx, end[1] + dy) for dx, dy in _BESIDE]
    inside = [(x, y) for x, y in around if _LEFT < x < _WIDTH - 6 and _TOP < y < _HEIGHT - _BOTTOM]
    free = (p for p in inside if all(abs(p[0] - t[0]) > 11 or abs(p[1] - t[1]) > 13 for t in taken))
    return next(free, around[0])


def time_key() -> str:
    """What the colours of time mean."""
    step = 22
    cells = "".join(f'<rect x="{40 + i * step}" y="3" width="{step}" height="10" fill="{c}"></rect>'
                    for i, c in enumerate(_TIME))  # fmt: skip
    end = 40 + step * len(_TIME)
    return (
        f'<svg class="key" viewBox="0 0 {end + 40} 16" width="{end + 40}" height="16" role="img" '
        f'aria-label="colours of time"><text x="36" y="12" text-anchor="end">start</text>{cells}'
        f'<text x="{end + 4}" y="12">end</text></svg>'
    )


def ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Round numbers between two others: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in (1, 2, 5) if power * factor >= rough), power * 10)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


class _Axes:
    """From values to places in the drawing."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float], *, log: bool) -> None:
        self._log = log
        self._is_whole = all(float(x).is_integer() for x in xs)
        self._x = _widened(min(xs), max(xs), room=0.0)
        shown = [math.log10(y) for y in ys] if log else ys
        self._y = _widened(min(shown), max(shown), room=0.06)

    def place(self, x: float, y: float) -> tuple[float, float]:
        y = math.log10(y) if self._log else y
        (x0, x1), (y0, y1) = self._x, self._y
        return (
            _LEFT + 6 + (x - x0) / (x1 - x0) * (_WIDTH - _LEFT - _RIGHT - 12),
            _HEIGHT - _BOTTOM - (y - y0) / (y1 - y0) * (_HEIGHT - _TOP - _BOTTOM),
        )

    def draw(self, x_label: str, y_label: str) -> str:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        found = ""
        if self._log:
            # No float is a power of ten beyond these.
            lowest, highest = max(math.ceil(self._y[0]), -307), min(math.floor(self._y[1]), 308)
            marks = [10.0**k for k in range(lowest, highest + 1, max(1, (highest - lowest) // 4))]
        else:
            marks = ticks(*self._y)
        for value in marks:
            _, y = self.place(self._x[0], value)
            found += f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"></line>'
            found += f'<text x="{_LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{_tick(value)}</text>'
        # Epochs and places have no halves.
        for value in (mark for mark in ticks(*self._x) if not self._is_whole or abs(mark - round(mark)) < 1e-6):
            x, _ = self.place(value, 1.0)
            found += f'<line class="axis" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}"></line>'
            found += f'<text x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{_tick(value)}</text>'
        found += f'<line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"></line>'
        middle = (_LEFT + right) / 2
        found += f'<text x="{middle:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{escaped(x_label)}</text>'
        if y_label:
            y = (_TOP + bottom) / 2
            found += f'<text transform="translate(11 {y:.0f}) rotate(-90)" text-anchor="middle">{escaped(y_label)}'
            found += "</text>"
        return found


def _figure(title: str, body: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escaped(title)}">'
        f'<text x="{_LEFT}" y="15" class="title">{escaped(title)}</text>{body}</svg>'
    )


def _is_shown(x: float, y: float, *, log: bool) -> bool:
    # What is beyond drawing is left out, with room for the differences that scales are made of.
    return abs(x) < 1e300 and abs(y) < 1e300 and (y > 1e-300 or not log)


def _widened(low: float, high: float, *, room: float) -> tuple[float, float]:
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-30):
        half = max(abs(low) * 0.1, 0.5)
        return low - half, high + half
    return low - room * (high - low), high + room * (high - low)


def _tick(value: float) -> str:
    if value == 0 or abs(value) < 1e-300:
        return "0"
    return f"{value:.6g}" if 1e-3 <= abs(value) < 1e5 else f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")

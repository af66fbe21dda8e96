"""The legend under a diagram, line by line: caption, terms of the objective, weights, and what the signs mean."""

from collections.abc import Iterator
from dataclasses import dataclass

from mvib.render.geometry import Box, Point
from mvib.render.markup import (
    Formula,
    formula_width,
    html_cells,
    html_table,
    html_text,
    html_word,
    operator,
    sign,
    symbol,
    text_width,
)
from mvib.render.palette import BADGE_RADIUS, BLACK, GREY
from mvib.render.picture import Fill, ModuleRow, Picture, Stroke, TermRow

_TITLE_SIZE = 14.0
_TERM_SIZE = 12.0
_SMALL = 10.5
LEAST_WIDTH = 400.0
_GAP_ABOVE = 16.0
_TITLE_LINE = 23.0
_TERM_LINE = 20.0
_MODULE_LINE = 16.5
_SMALL_LINE = 14.5
_BLOCK_GAP = 5.0
_TITLE_GAP = 14.0
_COLUMN_GAP = 20.0
_KEY_SEPARATOR = "   ·   "


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendText:
    """A piece of the legend: the HTML of its label, and its middle."""

    html: str
    centre: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendBadge:
    """The number of a term in the legend, as it stands in the diagram."""

    number: int
    colour: str
    centre: Point


def legend_items(picture: Picture, box: Box) -> tuple[LegendText | LegendBadge, ...]:
    """The legend under a drawing.

    Args:
        picture: the diagram.
        box: what the drawing takes; the legend is centred under it, its text broken to its width.
    """
    width = max(box.width, LEAST_WIDTH)
    middle, y = (box.left + box.right) / 2, box.bottom - _GAP_ABOVE
    items: list[LegendText | LegendBadge] = []

    def add_lines(lines: list[str], height: float) -> None:
        nonlocal y
        for line in lines:
            items.append(LegendText(html=line, centre=Point(middle, y - height / 2)))
            y -= height
        y -= _BLOCK_GAP if lines else 0.0

    add_lines(_caption(picture, width), _TITLE_LINE)
    add_lines([_small(line) for text in picture.about for line in _wrapped(text.split(" "), " ", width)], _SMALL_LINE)
    items.extend(_terms(picture.terms, Point(middle, y)))
    y -= len(picture.terms) * _TERM_LINE + _BLOCK_GAP
    add_lines([_module_line(line) for line in _module_lines(picture.modules, width)], _MODULE_LINE)
    add_lines([_small(line) for line in _wrapped(_key(picture), _KEY_SEPARATOR, width)], _SMALL_LINE)
    return tuple(items)


# ---- caption ---------------------------------------------------------------------------------------------------


def _caption(picture: Picture, width: float) -> list[str]:
    title = html_word(f"<B>{html_text(picture.title)}</B>", size=_TITLE_SIZE, colour=BLACK)
    gap = f'<TD WIDTH="{_TITLE_GAP:g}"></TD>'
    lines = objective_lines(picture, width)
    cells = [html_cells(line, size=_TITLE_SIZE, colour=BLACK) for line in lines]
    return [html_table(f"{title}{gap}{cells[0]}"), *map(html_table, cells[1:])]


def objective_lines(picture: Picture, width: float) -> list[Formula]:
    """What is minimised, broken in front of the signs of terms so that title and formula keep to a width."""
    head = text_width(picture.title, _TITLE_SIZE) * 1.1 + _TITLE_GAP
    lines: list[Formula] = [(*operator("minimise"), *sign(" "), *symbol("L"), *sign("="))]
    for position, part in enumerate(picture.objective):
        piece = _leading(part) if position == 0 else part
        used = formula_width(lines[-1], _TITLE_SIZE) + (head if len(lines) == 1 else 0)
        if position and used + formula_width(piece, _TITLE_SIZE) > width:
            lines.append(piece)
        else:
            lines[-1] = (*lines[-1], *piece)
    return lines


def _leading(part: Formula) -> Formula:
    first, *rest = part
    return tuple(rest) if first.text == "+" else (*sign("leading -"), *rest)


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="{_SMALL:g}" COLOR="{GREY}">{html_text(text)}</FONT>'


def _wrapped(words: list[str], separator: str, width: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}{separator}{word}" if lines else word
        if lines and text_width(longer, _SMALL) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


# ---- terms, weights, key ---------------------------------------------------------------------------------------


def _terms(terms: tuple[TermRow, ...], top: Point) -> Iterator[LegendText | LegendBadge]:
    """Three columns, number, term and promise, that stand centred as a block."""
    promises = [row.promise for row in terms]
    formula_room = max((formula_width(row.formula, _TERM_SIZE) for row in terms), default=0.0)
    promise_room = max((text_width(text, _TERM_SIZE) for text in promises), default=0.0)
    badge_room = 2 * BADGE_RADIUS + 8
    left = top.x - (badge_room + formula_room + _COLUMN_GAP + promise_room) / 2
    for position, (row, promise) in enumerate(zip(terms, promises, strict=True)):
        y = top.y - (position + 0.5) * _TERM_LINE
        yield LegendBadge(number=row.number, colour=row.colour, centre=Point(left + BADGE_RADIUS, y))
        formula_left = left + badge_room
        yield LegendText(
            html=html_table(html_cells(row.formula, size=_TERM_SIZE, colour=BLACK)),
            centre=Point(formula_left + formula_width(row.formula, _TERM_SIZE) / 2, y),
        )
        promise_left = formula_left + formula_room + _COLUMN_GAP
        yield LegendText(
            html=html_table(html_word(html_text(promise), size=_TERM_SIZE, colour=BLACK)),
            centre=Point(promise_left + text_width(promise, _TERM_SIZE) / 2, y),
        )


def _module_line(rows: list[ModuleRow]) -> str:
    modules = [
        html_cells(row.label, size=_SMALL, colour=row.colour)
        + html_word(html_text(f" = {row.text}"), size=_SMALL, colour=GREY)
        for row in rows
    ]
    return html_table('<TD WIDTH="14"></TD>'.join(modules))


def _module_lines(modules: tuple[ModuleRow, ...], width: float) -> list[list[ModuleRow]]:
    lines: list[list[ModuleRow]] = []
    used = 0.0
    for row in modules:
        needed = formula_width(row.label, _SMALL) + text_width(f" = {row.text}", _SMALL) + 14
        if lines and used + needed <= width:
            lines[-1].append(row)
            used += needed
        else:
            lines.append([row])
            used = needed
    return lines


def _key(picture: Picture) -> list[str]:
    """What shades and lines mean, as far as they occur."""
    fills = {circle.fill for circle in picture.circles}
    strokes = {arrow.stroke for arrow in picture.arrows}
    key = (
        (Fill.DATA in fills, "shaded: data" if Fill.VIEW in fills else "shaded: observed"),
        (Fill.VIEW in fills, "lightly shaded: views"),
        (Fill.TARGET in fills, "tinted: target"),
        (any(c.is_partial for c in picture.circles), "dashed ring: known for some examples"),
        (any(c.is_represented for c in picture.circles), "bold ring: the representation"),
        (Stroke.DECODER in strokes, "dashed arrow: decoder"),
        (Stroke.MOMENTUM in strokes, "dotted arrow: momentum copy, no gradient"),
        (any(a.is_stopped for a in picture.arrows), "//: no gradient"),
    )
    return [text for occurs, text in key if occurs]

"""The diagram as DOT, every place included: `dot -Tsvg` draws it as it is, without a layout of its own."""

from mvib.render import palette
from mvib.render.compose import Drawable, compose
from mvib.render.drawing import Drawing, PlacedArc, PlacedArrow, PlacedPlate, draw, is_thin
from mvib.render.geometry import Curve, Oval, Point
from mvib.render.legend import LegendText, legend_items
from mvib.render.markup import Formula, html_row
from mvib.render.palette import BADGE_RADIUS, BADGE_SIZE, EDGE_SIZE, NODE_SIZE, PLATE_SIZE
from mvib.render.picture import Circle, Fill, Stroke

FONT = "Times"
_HEAD = 7.0
_FILLS = {
    Fill.DATA: palette.DATA_FILL,
    Fill.VIEW: palette.VIEW_FILL,
    Fill.REPRESENTATION: palette.REPRESENTATION_FILL,
    Fill.TARGET: palette.TARGET_FILL,
}
_STYLES = {Stroke.VIEW: "solid", Stroke.ENCODER: "solid", Stroke.DECODER: "dashed", Stroke.MOMENTUM: "dotted"}


def render_dot(analysis: Drawable) -> str:
    """The diagram of a sound spec as DOT text; the same spec gives the same text."""
    return dot_text(draw(compose(analysis)))


def dot_text(drawing: Drawing) -> str:
    """A drawing as DOT text."""
    lines = [
        f"digraph {_quote(drawing.picture.title)} {{",
        f'  graph [layout=nop2, outputorder=edgesfirst, fontname={FONT}, fontsize={PLATE_SIZE:g}, pad="0.06"];',
        "  node [shape=ellipse, fixedsize=true, style=filled, fillcolor=white];",
        f"  node [fontname={FONT}, fontsize={NODE_SIZE:g}];",
        f"  edge [fontname={FONT}, fontsize={EDGE_SIZE:g}, arrowsize=0.7];",
    ]
    for number, plate in enumerate(drawing.plates):
        lines.extend(_cluster(drawing, plate, number))
    lines.extend(f"  {_circle(circle, oval)}" for circle, oval in drawing.circles if not circle.plate)
    lines.extend(f"  {_arrow(placed)}" for placed in drawing.arrows)
    lines.extend(f"  {_arc(placed)}" for placed in drawing.arcs)
    lines.extend(f"  {line}" for line in _badges(drawing))
    lines.extend(f"  {_dots(place, number)}" for number, place in enumerate(drawing.dots))
    lines.extend(f"  {line}" for line in _legend(drawing))
    lines.append("}")
    return "\n".join(lines) + "\n"


def _cluster(drawing: Drawing, placed: PlacedPlate, number: int) -> list[str]:
    box = ",".join(map(_number, placed.box))
    label = _html(placed.text, PLATE_SIZE)
    return [
        f'  subgraph "cluster_{number}" {{',
        f'    graph [style=rounded, color="{palette.PLATE_LINE}", bb="{box}"];',
        f'    graph [label={label}, lp="{_point(placed.label)}"];',
        *(f"    {_circle(circle, oval)}" for circle, oval in drawing.circles if circle.name in placed.members),
        "  }",
    ]


def _circle(circle: Circle, oval: Oval) -> str:
    attributes = [
        f"label={_html(circle.label, NODE_SIZE)}",
        f'pos="{_point(oval.centre)}"',
        f"width={_number(oval.rx / 36)}",
        f"height={_number(oval.ry / 36)}",
        f'fillcolor="{_FILLS[circle.fill]}"',
    ]
    if circle.is_partial:
        attributes.append('style="filled,dashed"')
    if circle.is_represented:
        attributes.append("penwidth=2.2")
    return f"{_quote(circle.name)} [{', '.join(attributes)}];"


def _arrow(placed: PlacedArrow) -> str:
    arrow = placed.arrow
    body = placed.curve.shortened(_HEAD)
    attributes = [
        f'pos="e,{_point(placed.curve.end)} {_curve(body)}"',
        f"style={_STYLES[arrow.stroke]}",
        f'color="{arrow.colour}"',
        f"penwidth={0.8 if is_thin(arrow.stroke) else 1.3:g}",
    ]
    if placed.label is not None:
        attributes.append(f'label={_html(arrow.label, EDGE_SIZE, arrow.colour)}, lp="{_point(placed.label)}"')
    return f"{_quote(arrow.source)} -> {_quote(arrow.target)} [{', '.join(attributes)}];"


def _arc(placed: PlacedArc) -> str:
    ends = f"{_quote(placed.arc.first)} -> {_quote(placed.arc.second or _stub(placed))}"
    return f'{ends} [dir=none, pos="{_curve(placed.curve)}", color="{placed.arc.colour}", penwidth=1.6];'


def _stub(placed: PlacedArc) -> str:
    return f"term {placed.arc.term} of {placed.arc.first}"


def _badges(drawing: Drawing) -> list[str]:
    badges: list[tuple[str, int, str, Point]] = []
    for arrow in drawing.arrows:
        ends = f"{arrow.arrow.source} -> {arrow.arrow.target}"
        badges.extend(
            (f"term {term} of {ends}", term, palette.nth(palette.TERMS, term - 1), place)
            for term, place in zip(arrow.arrow.terms, arrow.badges, strict=True)
        )
    for arc in drawing.arcs:
        name = f"term {arc.arc.term} of {arc.arc.first} -- {arc.arc.second}" if arc.arc.second else _stub(arc)
        badges.append((name, arc.arc.term, arc.arc.colour, arc.badge))
    return [_badge(*badge) for badge in badges]


def _badge(name: str, number: int, colour: str, place: Point) -> str:
    size = _number(BADGE_RADIUS / 36)
    return (
        f'{_quote(name)} [label="{number}", pos="{_point(place)}", width={size}, height={size}, '
        f'fontsize={BADGE_SIZE:g}, color="{colour}", fontcolor="{colour}", penwidth=1.2];'
    )


def _dots(place: Point, number: int) -> str:
    label = f'<FONT POINT-SIZE="10"><B>{"<BR/>".join(["&#183;"] * 3)}</B></FONT>'
    return f'"dots {number}" [shape=plain, fixedsize=false, style="", pos="{_point(place)}", label=<{label}>];'


def _legend(drawing: Drawing) -> list[str]:
    return [
        f'"legend {number}" [shape=plain, fixedsize=false, style="", pos="{_point(item.centre)}", label=<{item.html}>];'
        if isinstance(item, LegendText)
        else _badge(f"legend {number}", item.number, item.colour, item.centre)
        for number, item in enumerate(legend_items(drawing.picture, drawing.box))
    ]


def _html(formula: Formula, size: float, colour: str = palette.BLACK) -> str:
    return f"<{html_row(formula, size=size, colour=colour)}>"


def _curve(curve: Curve) -> str:
    return " ".join(map(_point, (curve.start, curve.first, curve.second, curve.end)))


def _point(point: Point) -> str:
    return f"{_number(point.x)},{_number(point.y)}"


def _number(value: float) -> str:
    # Two digits are far below what one sees, and far above the rounding of different machines. No minus zero.
    text = f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

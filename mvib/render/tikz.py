"""The diagram as a standalone LaTeX document with TikZ, in the places of the drawing."""

from mvib.render import palette
from mvib.render.compose import Drawable, compose
from mvib.render.drawing import Drawing, PlacedArc, PlacedArrow, PlacedPlate, draw
from mvib.render.geometry import Curve, Oval, Point
from mvib.render.markup import Formula, escape_latex, latex, sign, symbol
from mvib.render.picture import Circle, Fill, Picture, Stroke

_STYLES = {Stroke.VIEW: "view", Stroke.ENCODER: "encoder", Stroke.DECODER: "decoder", Stroke.MOMENTUM: "momentum"}
_FILLS = {
    Fill.DATA: palette.DATA_FILL,
    Fill.VIEW: palette.VIEW_FILL,
    Fill.REPRESENTATION: palette.REPRESENTATION_FILL,
    Fill.TARGET: palette.TARGET_FILL,
}
# Letters that Latin Modern lacks need lualatex or xelatex and a font that has them.
_HEAD = r"""\documentclass[border=4pt]{standalone}
\usepackage{iftex}
\ifPDFTeX
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\fi
\usepackage{amsmath,amssymb,tikz}
\usetikzlibrary{arrows.meta,shapes.geometric}"""
_TIKZ_STYLES = r"""  x=1bp, y=1bp,
  variable/.style={draw, ellipse, inner sep=0pt},
  represented/.style={line width=1.6pt},
  partial/.style={dashed},
  view/.style={-{Latex[length=5pt]}, line width=0.5pt},
  encoder/.style={-{Latex[length=6pt]}, line width=0.9pt},
  decoder/.style={-{Latex[length=6pt]}, line width=0.9pt, dashed},
  momentum/.style={-{Latex[length=6pt]}, line width=0.9pt, dotted},
  arc/.style={line width=1.1pt},
  badge/.style={draw, circle, fill=white, inner sep=0pt, minimum size=12bp, font=\tiny},
  plate/.style={draw=gray, rounded corners=6pt},"""


def render_tikz(analysis: Drawable) -> str:
    """The diagram of a sound spec as a LaTeX document of class `standalone`; the same spec gives the same text."""
    return tikz_text(draw(compose(analysis)))


def tikz_text(drawing: Drawing) -> str:
    """A drawing as a LaTeX document; the lines between `tikzpicture` may be pasted into a paper."""
    lines = [
        _HEAD,
        *(rf"\definecolor{{{_colour(c)}}}{{HTML}}{{{c[1:]}}}" for c in _colours(drawing)),
        r"\begin{document}",
        r"\begin{tikzpicture}[",
        _TIKZ_STYLES,
        "]",
        *(f"  {_plate(plate)}" for plate in drawing.plates),
        *(f"  {_circle(circle, oval, number)}" for number, (circle, oval) in enumerate(drawing.circles)),
        *(f"  {_arrow(placed)}" for placed in drawing.arrows),
        *(f"  {_arc(placed)}" for placed in drawing.arcs),
        *(f"  {badge}" for badge in _badges(drawing)),
        *(rf"  \node at {_point(place)} {{$\vdots$}};" for place in drawing.dots),
        f"  {_legend(drawing)}",
        r"\end{tikzpicture}",
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _colours(drawing: Drawing) -> list[str]:
    picture = drawing.picture
    used = [*_FILLS.values(), *(a.colour for a in picture.arrows), *(a.colour for a in picture.arcs)]
    used += [*(row.colour for row in picture.terms), *(row.colour for row in picture.modules)]
    return list(dict.fromkeys(used))


def _colour(colour: str) -> str:
    return f"mvib{colour[1:]}"


def _plate(placed: PlacedPlate) -> str:
    box = placed.box
    corners = f"{_point(Point(box.left, box.bottom))} rectangle {_point(Point(box.right, box.top))}"
    label = rf"\node[font=\footnotesize] at {_point(placed.label)} {{{_math(placed.plate.label)}}};"
    return rf"\draw[plate] {corners}; {label}"


def _circle(circle: Circle, oval: Oval, number: int) -> str:
    options = [
        "variable",
        f"fill={_colour(_FILLS[circle.fill])}",
        f"minimum width={_number(2 * oval.rx)}bp",
        f"minimum height={_number(2 * oval.ry)}bp",
    ]
    options += ["partial"] * circle.is_partial + ["represented"] * circle.is_represented
    return rf"\node[{', '.join(options)}] (v{number}) at {_point(oval.centre)} {{{_math(circle.label)}}};"


def _arrow(placed: PlacedArrow) -> str:
    colour = _colour(placed.arrow.colour)
    line = rf"\draw[{_STYLES[placed.arrow.stroke]}, {colour}] {_curve(placed.curve)};"
    if placed.label is None:
        return line
    label = _math(placed.arrow.label)
    return rf"{line} \node[{colour}, inner sep=0pt, font=\small] at {_point(placed.label)} {{{label}}};"


def _arc(placed: PlacedArc) -> str:
    return rf"\draw[arc, {_colour(placed.arc.colour)}] {_curve(placed.curve)};"


def _badges(drawing: Drawing) -> list[str]:
    badges = [
        (term, palette.nth(palette.TERMS, term - 1), place)
        for arrow in drawing.arrows
        for term, place in zip(arrow.arrow.terms, arrow.badges, strict=True)
    ]
    badges += [(arc.arc.term, arc.arc.colour, arc.badge) for arc in drawing.arcs]
    return [rf"\node[badge, {_colour(colour)}] at {_point(place)} {{{term}}};" for term, colour, place in badges]


def _legend(drawing: Drawing) -> str:
    picture = drawing.picture
    top = Point((drawing.box.left + drawing.box.right) / 2, drawing.box.bottom - 12)
    rows = [
        rf"\textcolor{{{_colour(row.colour)}}}{{({row.number})}} & {_math(row.formula)} & "
        rf"{escape_latex(f'{row.estimator}, {row.bound}')}"
        for row in picture.terms
    ]
    rows += [
        rf"\textcolor{{{_colour(row.colour)}}}{{{_math(row.label)}}} & "
        rf"\multicolumn{{2}}{{l}}{{\texttt{{{escape_latex(row.text)}}}}}"
        for row in picture.modules
    ]
    body = r" \\ ".join([_caption(picture), *rows])
    return (
        rf"\node[anchor=north, font=\footnotesize, align=center] at {_point(top)} "
        rf"{{\begin{{tabular}}{{@{{}}l@{{\ }}l@{{\quad}}l@{{}}}}{body}\end{{tabular}}}};"
    )


def _caption(picture: Picture) -> str:
    objective: Formula = ()
    for position, part in enumerate(picture.objective):
        first, *rest = part
        leading = tuple(rest) if first.text == "+" else (*sign("leading -"), *rest)
        objective = (*objective, *(leading if position == 0 else part))
    loss = latex((*symbol("L"), *sign("="))).replace("L", r"\mathcal{L}", 1)
    return (
        rf"\multicolumn{{3}}{{@{{}}l@{{}}}}{{\textbf{{{escape_latex(picture.title)}}}:\ "
        rf"minimise ${loss}{latex(objective)}$}}"
    )


def _math(formula: Formula) -> str:
    return f"${latex(formula)}$"


def _curve(curve: Curve) -> str:
    return f"{_point(curve.start)} .. controls {_point(curve.first)} and {_point(curve.second)} .. {_point(curve.end)}"


def _point(point: Point) -> str:
    return f"({_number(point.x)}, {_number(point.y)})"


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

"""The diagram as a standalone LaTeX document with TikZ, in the places of the drawing."""

from mvib.render import palette
from mvib.render.compose import Drawable, compose
from mvib.render.drawing import Drawing, PlacedArc, PlacedArrow, PlacedPlate, draw
from mvib.render.geometry import Curve, Oval, Point
from mvib.render.legend import LEAST_WIDTH, objective_lines
from mvib.render.markup import Formula, escape_latex, latex
from mvib.render.picture import Circle, Fill, Stroke

# TikZ has keys such as `variable` of its own, and so may the paper that a diagram is pasted into.
_STYLES = {
    Stroke.VIEW: "mvib view",
    Stroke.ENCODER: "mvib encoder",
    Stroke.DECODER: "mvib decoder",
    Stroke.MOMENTUM: "mvib momentum",
}
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
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\fi
\usepackage{amsmath,tikz}
\usetikzlibrary{arrows.meta,shapes.geometric}"""
_TIKZ_STYLES = r"""  x=1bp, y=1bp,
  mvib variable/.style={draw, ellipse, inner sep=0pt, font=\large},
  mvib represented/.style={line width=1.6pt},
  mvib partial/.style={dashed},
  mvib view/.style={-{Latex[length=5pt]}, line width=0.5pt},
  mvib encoder/.style={-{Latex[length=6pt]}, line width=0.9pt},
  mvib decoder/.style={-{Latex[length=6pt]}, line width=0.9pt, dashed},
  mvib momentum/.style={-{Latex[length=6pt]}, line width=0.9pt, dotted},
  mvib arc/.style={line width=1.1pt},
  mvib badge/.style={draw, circle, fill=white, inner sep=0pt, minimum size=12bp, font=\tiny},
  mvib plate/.style={draw=gray, rounded corners=6pt},"""


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
    label = rf"\node[font=\footnotesize] at {_point(placed.label)} {{{_math(placed.text)}}};"
    return rf"\draw[mvib plate] {corners}; {label}"


def _circle(circle: Circle, oval: Oval, number: int) -> str:
    options = [
        "mvib variable",
        f"fill={_colour(_FILLS[circle.fill])}",
        f"minimum width={_number(2 * oval.rx)}bp",
        f"minimum height={_number(2 * oval.ry)}bp",
    ]
    options += ["mvib partial"] * circle.is_partial + ["mvib represented"] * circle.is_represented
    return rf"\node[{', '.join(options)}] (v{number}) at {_point(oval.centre)} {{{_math(circle.label)}}};"


def _arrow(placed: PlacedArrow) -> str:
    colour = _colour(placed.arrow.colour)
    line = rf"\draw[{_STYLES[placed.arrow.stroke]}, {colour}] {_curve(placed.curve)};"
    if placed.label is None:
        return line
    label = _math(placed.arrow.label)
    return rf"{line} \node[{colour}, inner sep=0pt, font=\small] at {_point(placed.label)} {{{label}}};"


def _arc(placed: PlacedArc) -> str:
    return rf"\draw[mvib arc, {_colour(placed.arc.colour)}] {_curve(placed.curve)};"


def _badges(drawing: Drawing) -> list[str]:
    """The numbers of terms. A colour fills too, so that the style, which fills with white, comes after it."""
    badges = [
        (term, palette.nth(palette.TERMS, term - 1), place)
        for arrow in drawing.arrows
        for term, place in zip(arrow.arrow.terms, arrow.badges, strict=True)
    ]
    badges += [(arc.arc.term, arc.arc.colour, arc.badge) for arc in drawing.arcs]
    return [rf"\node[{_colour(colour)}, mvib badge] at {_point(place)} {{{term}}};" for term, colour, place in badges]


def _legend(drawing: Drawing) -> str:
    picture = drawing.picture
    top = Point((drawing.box.left + drawing.box.right) / 2, drawing.box.bottom - 12)
    rows = [
        rf"\textcolor{{{_colour(row.colour)}}}{{({row.number})}} & {_math(row.formula)} & "
        rf"{escape_latex(row.promise)}"
        for row in picture.terms
    ]
    rows += [
        rf"\textcolor{{{_colour(row.colour)}}}{{{_math(row.label)}}} & "
        rf"\multicolumn{{2}}{{l}}{{\texttt{{{escape_latex(row.text)}}}}}"
        for row in picture.modules
    ]
    body = r" \\ ".join([*_caption(drawing), *rows])
    return (
        rf"\node[anchor=north, font=\footnotesize, align=center] at {_point(top)} "
        rf"{{\begin{{tabular}}{{@{{}}l@{{\ }}l@{{\quad}}l@{{}}}}{body}\end{{tabular}}}};"
    )


def _caption(drawing: Drawing) -> list[str]:
    """Title and objective, in as many lines as the drawing is narrow for."""
    picture = drawing.picture
    first, *others = objective_lines(picture, max(drawing.box.width, LEAST_WIDTH))
    head = rf"\textbf{{{escape_latex(picture.title)}}}:\ ${_objective(first)}$"
    return [
        rf"\multicolumn{{3}}{{@{{}}l@{{}}}}{{{line}}}" for line in (head, *(rf"\quad ${latex(o)}$" for o in others))
    ]


def _objective(formula: Formula) -> str:
    return latex(formula).replace(r"\operatorname{minimise}\ L", r"\text{minimise}\ \mathcal{L}", 1)


def _math(formula: Formula) -> str:
    return f"${latex(formula)}$"


def _curve(curve: Curve) -> str:
    return f"{_point(curve.start)} .. controls {_point(curve.first)} and {_point(curve.second)} .. {_point(curve.end)}"


def _point(point: Point) -> str:
    return f"({_number(point.x)}, {_number(point.y)})"


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

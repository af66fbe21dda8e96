"""The diagram as Mermaid, for pages that draw it themselves."""

from collections.abc import Mapping

from mvib.render import palette
from mvib.render.compose import Drawable, compose
from mvib.render.markup import Formula, plain_text
from mvib.render.picture import Arc, Arrow, Circle, Fill, Picture, Stroke
from mvib.render.plates import plate_label

_FILLS = {
    Fill.DATA: palette.DATA_FILL,
    Fill.VIEW: palette.VIEW_FILL,
    Fill.REPRESENTATION: palette.REPRESENTATION_FILL,
    Fill.TARGET: palette.TARGET_FILL,
}
_ARROWS = {Stroke.VIEW: "-->", Stroke.ENCODER: "-->", Stroke.DECODER: "-.->", Stroke.MOMENTUM: "-.->"}
_WIDTHS = {Stroke.VIEW: "1px", Stroke.ENCODER: "2px", Stroke.DECODER: "2px", Stroke.MOMENTUM: "1px"}
_DASHES = {Stroke.DECODER: ",stroke-dasharray:6 4", Stroke.MOMENTUM: ",stroke-dasharray:2 4"}
# Mermaid's own entities: they work in every place where it takes quoted text.
_ESCAPES = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def render_mermaid(analysis: Drawable) -> str:
    """The diagram of a sound spec as Mermaid text; the same spec gives the same text."""
    return mermaid_text(compose(analysis))


def mermaid_text(picture: Picture) -> str:
    """A picture as Mermaid text."""
    names = {circle.name: f"v{number}" for number, circle in enumerate(picture.circles)}
    lines = ["flowchart LR"]
    for number, plate in enumerate(picture.plates):
        members = [circle for circle in picture.circles if circle.plate == plate.key]
        lines.append(f'  subgraph plate{number} ["{_formula(plate_label(plate, members))}"]')
        lines += [f"    {_circle(circle, names)}" for circle in members]
        lines.append("  end")
    lines += [f"  {_circle(circle, names)}" for circle in picture.circles if not circle.plate]
    lines += [f"  {_arrow(arrow, names)}" for arrow in picture.arrows]
    lines += [f"  {_arc(arc, names, number)}" for number, arc in enumerate(picture.arcs)]
    lines.append(f'  legend["{_legend(picture)}"]')
    lines += [f"  linkStyle {number} {style}" for number, style in enumerate(_link_styles(picture))]
    lines += [f"  classDef {fill.value} fill:{colour},stroke:#000,color:#000" for fill, colour in _FILLS.items()]
    lines += [
        "  classDef represented stroke-width:3px",
        "  classDef legend fill:#fff,stroke:none,color:#000,text-align:left",
        "  classDef mark fill:#fff,stroke:#000,color:#000",
        "  class legend legend",
        *(f"  class {names[circle.name]} represented" for circle in picture.circles if circle.is_represented),
    ]
    return "\n".join(lines) + "\n"


def _circle(circle: Circle, names: Mapping[str, str]) -> str:
    return f'{names[circle.name]}(("{_formula(circle.label)}")):::{circle.fill.value}'


def _arrow(arrow: Arrow, names: Mapping[str, str]) -> str:
    numbers = "".join(f" ({term})" for term in arrow.terms)
    label = f'|"{_formula(arrow.label)}{numbers}"|' if arrow.label else ""
    return f"{names[arrow.source]} {_ARROWS[arrow.stroke]}{label} {names[arrow.target]}"


def _arc(arc: Arc, names: Mapping[str, str], number: int) -> str:
    if arc.second:
        return f'{names[arc.first]} ---|"({arc.term})"| {names[arc.second]}'
    return f'{names[arc.first]} --- mark{number}(["({arc.term})"]):::mark'


def _link_styles(picture: Picture) -> list[str]:
    styles = [f"stroke:{a.colour},stroke-width:{_WIDTHS[a.stroke]}{_DASHES.get(a.stroke, '')}" for a in picture.arrows]
    return styles + [f"stroke:{arc.colour},stroke-width:2px" for arc in picture.arcs]


def _legend(picture: Picture) -> str:
    lines = [
        f"{_escape(picture.title)}",
        *(f"({t.number}) {_formula(t.formula)}: {_escape(t.promise)}" for t in picture.terms),
        *(f"{_formula(module.label)} = {_escape(module.text)}" for module in picture.modules),
    ]
    return "<br/>".join(lines)


def _formula(formula: Formula) -> str:
    return _escape(plain_text(formula))


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)

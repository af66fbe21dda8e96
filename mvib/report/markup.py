"""HTML from text: everything that comes from a file goes through `escaped`."""

import base64
import html
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from typing import Any

from mvib.reading import number_from

_DRAWN = frozenset({"svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "line", "text", "tspan"})
_KEPT = frozenset(
    (
        *("viewBox", "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "d", "points", "cx", "cy"),
        *("rx", "ry", "r", "x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "text-anchor", "font-family", "font-size"),
        *("font-style", "font-weight", "fill-opacity", "stroke-opacity", "opacity", "baseline-shift"),
        *("textLength", "lengthAdjust"),
    )
)

_TAG = re.compile(r"<[^>]*>")
# Numbers from here on are shown with an exponent.
_LONGEST = 10**15


def escaped(text: object) -> str:
    """Text as HTML shows it, in an element or in a quoted attribute; control characters are left out."""
    return html.escape("".join(c for c in str(text) if c.isprintable() or c in "\n\t"))


def number(value: float | None, digits: int = 3) -> str:
    """A number with a few digits, a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if 10**digits <= abs(value) < _LONGEST else f"{value:.{digits}g}"


def whole(value: float | None) -> str:
    """A count with all its digits, as far as anybody reads them; a dash for none."""
    return number(value) if value is None or abs(value) >= _LONGEST else f"{value:,.0f}"


def known_number(value: Any) -> float | None:
    """A number of a file that anybody may have written; none for whatever else stands in its place."""
    try:
        return number_from(value)
    except ValueError:
        return None


def picture(content: bytes, *, alt: str) -> str:
    """A PNG as an image that holds its own bytes."""
    return f'<img alt="{escaped(alt)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already. Where it is too narrow for columns, each cell says of which it is."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    # What is left of a head without its own tags is escaped already.
    names = [_TAG.sub("", cell).strip() for cell in head]
    starts = [f'<td data-of="{name}">' if name else "<td>" for name in names]
    body = "".join(
        f"<tr>{''.join(f'{start}{cell}</td>' for start, cell in zip(starts, row, strict=True))}</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def inline_svg(text: str, *, label: str) -> str:
    """A drawing without what could do anything: known shapes with known attributes, and text.

    Args:
        text: an SVG file that mvib wrote.
        label: what it shows, for those who cannot see it.
    """
    root = ElementTree.fromstring(text)
    return _element(root, f' role="img" aria-label="{escaped(label)}"')


def _element(element: ElementTree.Element, extra: str = "") -> str:
    tag = element.tag.rpartition("}")[2]
    if tag not in _DRAWN:
        return ""
    attributes = "".join(
        f' {name}="{escaped(value)}"' for name, value in element.attrib.items() if name in _KEPT and "(" not in value
    )
    # The only value with brackets that a drawing needs.
    if "(" in element.get("transform", ""):
        attributes += f' transform="{escaped(element.get("transform"))}"'
    inner = escaped(element.text or "") if tag in {"text", "tspan"} else ""
    for child in element:
        inner += _element(child)
        inner += escaped(child.tail or "") if tag in {"text", "tspan"} else ""
    return f"<{tag}{extra}{attributes}>{inner}</{tag}>"

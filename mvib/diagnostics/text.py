"""Diagnostics for people: source line, caret, reason and remedy."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from mvib.diagnostics.diagnostic import Diagnostic, Label, Severity
from mvib.source import Span, display_width, printable

_COLOURS = {Severity.ERROR: "\033[1;31m", Severity.WARNING: "\033[1;33m", Severity.NOTE: "\033[1;36m"}
_BLUE, _BOLD, _RESET = "\033[1;34m", "\033[1m", "\033[0m"
_WIDTH = 110
_LONGEST_LINE = 150


def render_text(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """Every diagnostic with its source line and a caret under the place, a blank line between two."""
    return "\n".join(_render_one(diagnostic, colour=colour) for diagnostic in diagnostics)


def render_concise(diagnostics: Iterable[Diagnostic]) -> str:
    """One line a diagnostic: `file:line:column: severity[slug]: title`."""
    return "".join(
        f"{printable(str(d.span))}: {d.severity.value}[{d.slug}]: {printable(d.title)}\n" for d in diagnostics
    )


def _render_one(diagnostic: Diagnostic, *, colour: bool) -> str:
    def paint(text: str, code: str) -> str:
        return f"{code}{text}{_RESET}" if colour else text

    code = _COLOURS[diagnostic.severity]
    places = [Label(diagnostic.span, diagnostic.label), *diagnostic.secondary]
    margin = max(len(str(place.span.line)) for place in places)
    head = f"{diagnostic.severity.value}[{diagnostic.slug}]"
    bar = paint("|", _BLUE)
    lines = [paint(head, code) + paint(f": {printable(diagnostic.title)}", _BOLD)]
    previous: Span | None = None
    for index, place in enumerate(places):
        if previous is None or place.span.source is not previous.source:
            lines.append(" " * margin + paint("--> ", _BLUE) + printable(str(place.span)))
            lines.append(" " * (margin + 1) + bar)
            previous = None
        elif place.span.line not in {previous.line, previous.line + 1}:
            lines.append(" " * margin + paint("...", _BLUE))
        shown, before, marked = _marked_line(place.span, "^" if index == 0 else "-")
        if previous is None or place.span.line != previous.line or len(_line(place.span)) > _LONGEST_LINE:
            lines.append(f"{place.span.line:>{margin}} {bar} {shown}")
        text = f" {printable(place.text)}" if place.text else ""
        lines.append(f"{'':>{margin}} {bar} {before}{paint(marked + text, code if index == 0 else _BLUE)}")
        previous = place.span
    for word, text in (("why", diagnostic.why), ("help", diagnostic.remedy)):
        lines.extend(_note(word, text, margin=margin, bar=paint("=", _BLUE)))
    return "\n".join(lines) + "\n"


def _line(span: Span) -> str:
    return span.source.line_text(span.line)


def _marked_line(span: Span, mark: str) -> tuple[str, str, str]:
    """The first line of the span, the blanks in front of the marks, and the marks; a long line is cut around them."""
    text = _line(span)
    first = span.column - 1
    last = span.end_column - 1 if span.end_line == span.line else len(text)
    left = max(0, first - _LONGEST_LINE // 2) if len(text) > _LONGEST_LINE else 0
    right = min(len(text), left + _LONGEST_LINE)
    head, tail = "..." if left else "", "..." if right < len(text) else ""
    shown = head + printable(text[left:right]) + tail
    before = head + printable(text[left:first])
    marked = printable(text[first : min(last, right)])
    return shown, " " * display_width(before), mark * max(1, display_width(marked))


def _note(head: str, text: str, *, margin: int, bar: str) -> Sequence[str]:
    if not text:
        return ()
    indent = " " * (margin + 3 + len(head) + 2)
    rows: list[str] = []
    for paragraph in text.split("\n"):
        # A line that starts with a blank is text to paste: it is never broken.
        verbatim = paragraph.startswith(" ")
        wrapped = [] if verbatim else wrap(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
        rows.extend(wrapped or [paragraph])
    first, *rest = [printable(row) for row in rows]
    return (f"{'':>{margin}} {bar} {head}: {first}", *(indent + row for row in rest))

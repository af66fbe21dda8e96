"""Formulas as sequences of styled pieces, and their print as plain text, LaTeX and the HTML of a DOT label."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from html import escape as escape_html
from itertools import groupby
from math import ceil

from mvib.render.metrics import line_width, reckoned_width
from mvib.source import printable

SUBSCRIPT_SCALE = 0.7


class Style(Enum):
    """What a piece is; each printer sets it in its own way."""

    SYMBOL = "the name of a variable, a module or a parameter, in italics"
    WORD = "upright text"
    OPERATOR = "an upright operator such as `max`"
    NUMBER = "a number"
    SIGN = "punctuation or a relation, one of the keys of SIGNS"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text in one style, on the line or lowered to a subscript."""

    text: str
    style: Style
    is_lowered: bool = False


Formula = tuple[Piece, ...]

# How each sign is written in plain text, in a drawing, and in LaTeX. The layout program reckons a third more for a
# minus than it is wide, which makes up for the blank behind it.
SIGNS = {
    "(": ("(", "(", "("),
    ")": (")", ")", ")"),
    ",": (", ", ", ", ", "),
    ";": ("; ", "; ", "; "),
    "|": (" | ", " | ", r" \mid "),
    "||": (" || ", " ‖ ", r" \,\|\, "),
    "=": (" = ", " = ", " = "),
    "+": (" + ", " + ", " + "),
    "-": (" - ", " −", " - "),
    "negative": ("-", "−", "-"),
    "leading -": ("- ", "−", "- "),
    "*": (" * ", " · ", r" \cdot "),
    "factor": (" * ", " ", r" \, "),
    "/": (" / ", " / ", " / "),
    "<=": (" <= ", " ≤ ", r" \le "),
    ">=": (" >= ", " ≥ ", r" \ge "),
    "<": (" < ", " < ", " < "),
    ">": (" > ", " > ", " > "),
    "!=": (" != ", " ≠ ", r" \neq "),
    "--": (" -- ", " – ", r" \text{--} "),
    "..": ("..", "..", r" \ldots "),
    "->": (" -> ", " → ", r" \to "),
    ":": (": ", ": ", ": "),
    "in": (" in ", " in ", r" \in "),
    " ": (" ", " ", r"\ "),
}

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "eps": "ε",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ",
    "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_GREEK_COMMANDS = {letter: f"\\{name}" for name, letter in _GREEK.items() if name != "eps"} | {"ε": r"\varepsilon"}
_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", '"': "''",
}  # fmt: skip
_SUBSCRIPT_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def symbol(text: str) -> Formula:
    """A name in italics."""
    return (Piece(text, Style.SYMBOL),)


def word(text: str) -> Formula:
    """Upright text."""
    return (Piece(text, Style.WORD),)


def operator(text: str) -> Formula:
    """An upright operator."""
    return (Piece(text, Style.OPERATOR),)


def number(text: str) -> Formula:
    """A number as `f"{value:g}"` writes it."""
    return (Piece(text, Style.NUMBER),)


def sign(key: str) -> Formula:
    """A sign, one of the keys of `SIGNS`."""
    assert key in SIGNS, key
    return (Piece(key, Style.SIGN),)


def lowered(formula: Formula) -> Formula:
    """The formula as a subscript of what stands before it."""
    return tuple(replace(piece, is_lowered=True) for piece in formula)


def joined(formulas: Iterable[Formula], separator: str) -> Formula:
    """Formulas with a sign between them."""
    result: list[Piece] = []
    for position, formula in enumerate(formulas):
        result.extend((*sign(separator), *formula) if position else formula)
    return tuple(result)


# ---- plain text ------------------------------------------------------------------------------------------------


def plain_text(formula: Formula) -> str:
    """The formula for a terminal: `I(Z₁; Z₂)`, `mean_{i != j} I(X_i; Z_i | X_j)`; names as written."""
    parts = []
    for is_lowered, pieces in _levels(formula):
        text = "".join(SIGNS[p.text][0] if p.style is Style.SIGN else p.text for p in pieces)
        parts.append(_plain_subscript(text) if is_lowered else text)
    return printable("".join(parts))


def _plain_subscript(text: str) -> str:
    if text.isascii() and text.isdigit():
        return text.translate(_SUBSCRIPT_DIGITS)
    return f"_{text}" if text.replace("-", "").isalnum() else f"_{{{text}}}"


def _levels(formula: Formula) -> Iterator[tuple[bool, list[Piece]]]:
    for is_lowered, pieces in groupby(formula, key=lambda piece: piece.is_lowered):
        yield is_lowered, list(pieces)


# ---- LaTeX -----------------------------------------------------------------------------------------------------


def latex(formula: Formula) -> str:
    """The formula for LaTeX's mathematics mode."""
    parts = []
    for is_lowered, pieces in _levels(formula):
        text = "".join(map(_latex_piece, pieces))
        parts.append(f"_{{{text}}}" if is_lowered else text)
    return "".join(parts)


def escape_latex(text: str) -> str:
    """Text in which LaTeX finds no command."""
    return "".join(_LATEX_ESCAPES.get(character, character) for character in printable(text))


def _latex_piece(piece: Piece) -> str:
    match piece.style:
        case Style.SIGN:
            return SIGNS[piece.text][2]
        case Style.NUMBER:
            mantissa, _, exponent = piece.text.partition("e")
            if not exponent:
                return piece.text
            power = f"10^{{{int(exponent)}}}"
            return power if mantissa == "1" else rf"{mantissa} \cdot {power}"
        case Style.OPERATOR:
            return {"sum": r"\sum", "max": r"\max", "min": r"\min"}.get(
                piece.text, rf"\operatorname{{{escape_latex(piece.text)}}}"
            ) + (r"\nolimits" if piece.text == "sum" else "")
        case Style.WORD if piece.text in {"+", "-", ","}:
            return piece.text
        case Style.WORD:
            return rf"\text{{{escape_latex(piece.text)}}}"
        case Style.SYMBOL:
            return _latex_symbol(piece.text)


def _latex_symbol(text: str) -> str:
    name = text.rstrip("'")
    primes = text[len(name) :]
    letter = _GREEK.get(name, name)
    if letter in _GREEK_COMMANDS:
        return f"{{{_GREEK_COMMANDS[letter]}}}{primes}"
    if len(name) == 1 and name.isascii():
        return name + primes
    if name.isascii():
        return rf"\mathit{{{escape_latex(name)}}}{primes}"
    # Letters that a mathematics font lacks are set in the font of the text.
    return rf"\textit{{{''.join(_latex_letter(c) for c in name)}}}{primes}"


def _latex_letter(character: str) -> str:
    command = _GREEK_COMMANDS.get(character)
    return rf"\ensuremath{{{command}}}" if command else escape_latex(character)


# ---- drawings --------------------------------------------------------------------------------------------------


def drawn_text(piece: Piece) -> str:
    """What a drawing shows of a piece: Greek letters for parameters spelt out, real signs."""
    match piece.style:
        case Style.SIGN:
            text = SIGNS[piece.text][1]
            return text.replace(" ", "") if piece.is_lowered and not text.strip().isalpha() else text
        case Style.SYMBOL:
            name = piece.text.rstrip("'")
            return printable(_GREEK.get(name, name) + piece.text[len(name) :])
        case Style.NUMBER:
            return piece.text.replace("-", "−")
        case Style.OPERATOR if piece.text == "sum":
            return "∑"
        case _:
            return printable(piece.text)


def html_row(formula: Formula, *, size: float, colour: str) -> str:
    """A formula as the HTML of a DOT label."""
    return html_table(html_cells(formula, size=size, colour=colour))


def html_table(cells: str) -> str:
    """Cells side by side. It must be a label by itself: inside a wider table its cells would drift apart."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cells}</TR></TABLE>'


def html_cells(formula: Formula, *, size: float, colour: str) -> str:
    """The cells of a formula, with subscripts that are low in every output format.

    The layout program's own `<SUB>` does nothing in some formats and asks for what some browsers lack in others. Here
    each run of text is a cell. Those on the line end in a thin empty line that lifts them, and the subscripts stand at
    the bottom of the row in a smaller font.

    Args:
        formula: what to print.
        size: of the font on the line, in points.
        colour: of the text.
    """
    cells = []
    for is_lowered, pieces in _runs(formula):
        text = "".join(map(_html_piece, pieces))
        room = _least_room(pieces, size * (SUBSCRIPT_SCALE if is_lowered else 1))
        if is_lowered:
            font = f'<FONT POINT-SIZE="{size * SUBSCRIPT_SCALE:g}" COLOR="{colour}">'
            cells.append(f'<TD VALIGN="BOTTOM"{room}>{font}{text}</FONT></TD>')
        else:
            cells.append(html_word(text, size=size, colour=colour, room=room))
    return "".join(cells)


def html_word(html: str, *, size: float, colour: str, room: str = "") -> str:
    """A cell of text that stands on the line of a formula beside it; `room` are further attributes of the cell."""
    font = f'<FONT POINT-SIZE="{size:g}" COLOR="{colour}">'
    return f'<TD{room}>{font}{html}</FONT><BR/><FONT POINT-SIZE="{size * 0.2:g}"> </FONT></TD>'


def _runs(formula: Formula) -> Iterator[tuple[bool, list[Piece]]]:
    """Stretches that make one cell; a minus ends one, so that the room reckoned for it lies behind it."""
    for is_lowered, pieces in _levels(formula):
        run: list[Piece] = []
        for piece in pieces:
            run.append(piece)
            if "−" in drawn_text(piece):
                yield is_lowered, run
                run = []
        if run:
            yield is_lowered, run


def _least_room(pieces: list[Piece], size: float) -> str:
    """The attribute that keeps a cell as wide as its letters where the layout program reckons too little for them."""
    lines = [(drawn_text(piece), piece.style is Style.SYMBOL) for piece in pieces]
    reckoned = sum(reckoned_width(text, size, italic=italic) for text, italic in lines)
    width = sum(line_width(text, size, italic=italic) for text, italic in lines)
    return f' WIDTH="{ceil(width)}" ALIGN="LEFT"' if width > reckoned + 0.5 else ""


def html_text(text: str) -> str:
    """Somebody's text inside a DOT label."""
    return escape_html(printable(text), quote=True)


def _html_piece(piece: Piece) -> str:
    text = escape_html(drawn_text(piece), quote=True)
    return f"<I>{text}</I>" if piece.style is Style.SYMBOL else text


def text_width(text: str, size: float) -> float:
    """Width in points of a line of upright text."""
    return line_width(text, size, italic=False)


def formula_width(formula: Formula, size: float) -> float:
    """Width in points of a formula as `html_cells` draws it."""
    return sum(
        line_width(drawn_text(p), size * (SUBSCRIPT_SCALE if p.is_lowered else 1), italic=p.style is Style.SYMBOL)
        for p in formula
    )

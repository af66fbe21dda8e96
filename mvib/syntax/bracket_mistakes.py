"""Syntax errors in brackets and what stands inside them, whatever the statement: arguments, indices, ranges."""

import re

from mvib.diagnostics import Diagnostic, Label
from mvib.syntax.failure import Failure, Judge
from mvib.syntax.vocabulary import AGGREGATES, CLOSERS, FUNCTIONALS

_RANGE_WHY = "`i: 1..2` names the index and its range; both ends are included"


# ---- brackets -----------------------------------------------------------------------------------------------------


def _unclosed_bracket(failure: Failure) -> Diagnostic | None:
    """An open bracket at the end of its statement, or in front of a sign that never stands in such brackets."""
    brackets = failure.open_brackets()
    if not brackets or (not failure.at_end and failure.found not in _NEVER_INSIDE[brackets[-1][1]]):
        return None
    if not failure.at_end and not failure.accepted & {"RPAR", "RSQB"}:
        return None
    _, text, offset = brackets[-1]
    closers = "".join(CLOSERS[bracket] for _, bracket, _ in reversed(brackets)) if failure.at_end else CLOSERS[text]
    before = (
        f"`{failure.found}`" if failure.found else "the next statement" if failure.next_word else "the end of the file"
    )
    hanging = "" if not failure.at_end or failure.previous_operand else " ..."
    new = hanging + (" }" if closers == "}" else closers)
    return failure.error(
        f"this `{text}` is never closed",
        span=failure.place(offset, offset + 1),
        label=f"no `{CLOSERS[text]}` before {before}",
        remedy=failure.appended(new),
    )


_NEVER_INSIDE = {
    "[": frozenset({"->", "~>", "~", "=", "by", "<=", ">="}),
    "(": frozenset({"~>", "~", "by", "on", "<=", ">="}),
    "{": frozenset[str](),
}


def _wrong_closer(failure: Failure) -> Diagnostic | None:
    brackets = failure.open_brackets()
    if failure.found not in CLOSERS.values():
        return None
    if not brackets:
        return failure.error(
            f"nothing is open that `{failure.found}` could close",
            label="no opening bracket",
            remedy=failure.pasted(""),
        )
    _, text, offset = brackets[-1]
    if failure.found == CLOSERS[text]:
        return None
    return failure.error(
        f"`{failure.found}` does not close `{text}`",
        label=f"expected `{CLOSERS[text]}`",
        secondary=(Label(failure.place(offset, offset + 1), "opened here"),),
        remedy=failure.pasted(CLOSERS[text]),
    )


# ---- arguments, indices and ranges --------------------------------------------------------------------------------


def _named_argument(failure: Failure) -> Diagnostic | None:
    if failure.found != "=" or not failure.inside("(") or "COLON" not in failure.accepted:
        return None
    rest = failure.source.text[failure.start : failure.line_end]
    closing = rest.find(")")
    closing = len(rest) if closing < 0 else closing
    arguments = re.sub(r"\s*=\s*", ": ", rest[:closing])
    return failure.error(
        "a named argument is written with `:`",
        label="expected `:`",
        remedy=failure.pasted(arguments, start=failure.last_end, end=failure.start + closing),
    )


def _missing_comma(failure: Failure) -> Diagnostic | None:
    if not failure.inside("(") or not failure.found_operand or not failure.previous_operand:
        return None
    index = failure.open_brackets()[-1][0]
    head = failure.tokens[index - 1][0] if index else ""
    if head in FUNCTIONALS | {"]"} and "SEMICOLON" in failure.accepted:
        return _missing_separator(failure, head)
    if failure.found == "to" and "DETERMINISTIC" in failure.accepted:
        return failure.error("a schedule goes from `a -> b`", label="expected `->`", remedy=failure.pasted("->"))
    if head in AGGREGATES or "COMMA" not in failure.accepted:
        return None
    return failure.error(
        "a `,` is missing between two arguments", label="expected `,` in front of this", remedy=failure.appended(",")
    )


def _missing_separator(failure: Failure, functional: str) -> Diagnostic:
    sign, what = (" |", "the condition") if functional == "H" else (";", "the second variable")
    return failure.error(
        f"a `{sign.strip()}` is missing in front of {what}",
        label=f"expected `{sign.strip()}` in front of this",
        why="`I(A, B; C | D)`: `,` joins variables to one, `;` stands between two, `|` in front of the condition",
        remedy=failure.appended(sign),
    )


def _quantity_sign(failure: Failure) -> Diagnostic | None:
    """`I(A : B)`, `H(A / B)`, `D(A, normal)` with a wrong sign between the variables."""
    if not failure.inside("(") or "VBAR" not in failure.accepted or failure.found not in {"/", ":", "\\"}:
        return None
    sign = ";" if failure.found == ":" else "|"
    return failure.error(
        f"`{failure.found}` does not separate the variables of a quantity",
        label=f"expected `{sign}`",
        why="`I(A; B | C)` has `;` between its variables and `|` before its condition",
        remedy=failure.pasted(sign + " ", start=failure.last_end, end=_after_blanks(failure))
        if sign == ";"
        else failure.pasted(sign),
    )


def _after_blanks(failure: Failure) -> int:
    rest = failure.source.text[failure.end : failure.line_end]
    return failure.end + len(rest) - len(rest.lstrip())


def _bad_range(failure: Failure) -> Diagnostic | None:
    if failure.found == "." and failure.previous in {"..", "."}:
        return failure.error("a range has two dots", label="one dot too many", remedy=failure.pasted(""))
    if not failure.inside("["):
        return None
    words = failure.words
    opened = failure.open_brackets()[-1][0] + 1
    inside = words[opened:]
    is_number = failure.found[:1].isdigit()
    if "COLON" in failure.accepted and (failure.found in {"=", "in"} or is_number):
        end = failure.start if is_number else _after_blanks(failure)
        remedy = failure.pasted(": ", start=failure.last_end, end=end)
        return failure.error("an index is declared as `i: 1..2`", label="expected `:`", why=_RANGE_WHY, remedy=remedy)
    if failure.found == ":" and "COLON" not in failure.accepted and len(inside) == 1:
        start = failure.tokens[opened][1]
        return failure.error(
            "a family is declared with the name of its index",
            label="this index has no name",
            why=_RANGE_WHY,
            remedy=failure.pasted(f"i: {inside[0]}..", start=start, end=failure.end),
        )
    is_arrow = failure.found == "->" and ":" in inside
    if (is_arrow or failure.found in {":", ".", ","}) and "_DOTS" in failure.accepted:
        return failure.error("a range is written `1..2`", label="expected `..`", remedy=failure.pasted(".."))
    if failure.found == "]" and "_DOTS" in failure.accepted and "-" in inside:
        minus = opened + inside.index("-")
        return failure.error(
            "a range is written `1..2`",
            span=failure.place(failure.tokens[minus][1], failure.tokens[minus][2]),
            label="expected `..`",
            remedy=failure.pasted("..", start=failure.tokens[minus][1], end=failure.tokens[minus][2]),
        )
    return None


def _round_index(failure: Failure) -> Diagnostic | None:
    if failure.found != "(" or "LSQB" not in failure.accepted or "LPAR" in failure.accepted:
        return None
    closing = failure.source.text.find(")", failure.end, failure.line_end)
    inside = failure.source.text[failure.end : closing]
    if closing < 0 or not failure.previous_operand:
        return None
    return failure.error(
        "an index stands in square brackets",
        label="expected `[`",
        remedy=failure.pasted(f"[{inside}]", start=failure.last_end, end=closing + 1),
    )


# ---- signs that are none ----------------------------------------------------------------------------------------


def _foreign_sign(failure: Failure) -> Diagnostic | None:
    if len(failure.found) != 1 or failure.found not in "$&@!?\\`^%<>.":
        return None
    if failure.found == "." and failure.keyword == "method":
        return None
    if failure.found in "<>." and failure.accepted & {"_DOTS", "RELATION_OP", "DETERMINISTIC", "EQUAL", "NUMBER"}:
        return None
    sentence = f"`{failure.found}` is not a sign of the language" if failure.found != "." else "a name has no dots"
    return failure.error(sentence, label="not understood", remedy=failure.pasted("_" if failure.found == "." else ""))


BRACKET_JUDGES: tuple[Judge, ...] = (
    _bad_range,
    _unclosed_bracket,
    _wrong_closer,
    _named_argument,
    _quantity_sign,
    _missing_comma,
    _round_index,
    _foreign_sign,
)

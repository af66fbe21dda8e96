"""Syntax errors in texts, signs, comments and numbers, whatever the statement."""

import re
import unicodedata

from mvib.diagnostics import Diagnostic
from mvib.syntax.failure import Failure, Judge
from mvib.syntax.vocabulary import LOOKALIKES, STATEMENT_STARTS

# ---- texts, signs and comments ------------------------------------------------------------------------------------


def _unclosed_text(failure: Failure) -> Diagnostic | None:
    if failure.found != '"':
        return None
    end = failure.start + len(failure.source.text[failure.start : failure.line_end].rstrip())
    return failure.error(
        "this text is not closed on its line",
        span=failure.place(failure.start, end),
        label='no `"` follows on this line',
        remedy=failure.pasted('"', start=end) + '\na `"` inside a text is written `\\"`',
    )


def _lookalike(failure: Failure) -> Diagnostic | None:
    plain = LOOKALIKES.get(failure.found)
    if plain is None:
        return None
    rest = failure.source.text[failure.start : failure.line_end]
    translated = "".join(LOOKALIKES.get(character, character) for character in rest)
    return failure.error(
        f"`{failure.found}` is written `{plain}`",
        label="not a sign of the language",
        remedy=failure.pasted(translated, start=failure.start, end=failure.line_end),
    )


def _invisible(failure: Failure) -> Diagnostic | None:
    if not failure.found or unicodedata.category(failure.found[0]) not in {"Cc", "Cf", "Co", "Cs", "Cn"}:
        return None
    return failure.error(
        f"an invisible character, U+{ord(failure.found[0]):04X}, stands here",
        label="this character",
        remedy="delete it",
    )


def _single_quotes(failure: Failure) -> Diagnostic | None:
    if failure.found != "'":
        return None
    rest = failure.source.text[failure.start : failure.line_end]
    return failure.error(
        "texts are written in double quotes",
        label="a single quote",
        remedy=failure.pasted(re.sub(r"'([^']*)'", r'"\1"', rest), start=failure.start, end=failure.line_end),
    )


def _foreign_comment(failure: Failure) -> Diagnostic | None:
    text, start = failure.source.text, failure.start
    if failure.touches_previous and failure.previous == "/" and failure.found in {"/", "*"}:
        start -= 1
    whole = text[start : start + 2]
    complete = failure.accepted >= STATEMENT_STARTS
    if whole not in {"//", "/*"} and not (complete and (failure.found == "%" or whole == "--")):
        return None
    end = start + (1 if failure.found == "%" else 2)
    return failure.error(
        "a comment starts with `#`",
        span=failure.place(start, end),
        label="not the sign of a comment",
        remedy=failure.pasted("#", start=start, end=end),
    )


def _semicolon(failure: Failure) -> Diagnostic | None:
    if failure.found != ";" or (failure.open_brackets() and not failure.inside("{")):
        return None
    if failure.inside("{"):
        rest = failure.source.text[failure.start : failure.line_end].replace(";", " ")
        return failure.error(
            "settings are separated by blanks",
            label="no sign is needed here",
            remedy=failure.pasted(rest, start=failure.start, end=failure.line_end),
        )
    return failure.error(
        "a statement does not end with `;`", label="nothing ends a statement", remedy=failure.pasted("")
    )


# ---- numbers and arithmetic ---------------------------------------------------------------------------------------


def _bad_number(failure: Failure) -> Diagnostic | None:
    previous = failure.previous
    if failure.found[:1].isdigit() and "NUMBER" not in failure.accepted and "NAME" in failure.accepted:
        return _digit_first(failure)
    if not failure.touches_previous or not previous[:1].isdigit():
        return None
    span = failure.place(failure.tokens[-1][1], failure.end)
    if failure.found.startswith(".") and failure.found != "..":
        return failure.error(
            "this number has two decimal points",
            span=span,
            label="not a number",
            remedy="write it like `0.5`, `1e-3` or `4_096`",
        )
    if not failure.found_name:
        return None
    thousands = {"k": "_000", "K": "_000", "M": "_000_000"}.get(failure.found)
    if thousands and previous.isdigit():
        remedy = failure.pasted(previous + thousands, start=span.start, end=span.end)
    elif failure.found in {"e", "E"}:
        remedy = failure.pasted(f"{previous}e-3", start=span.start, end=span.end)
    elif "STAR" in failure.accepted and previous != "0":
        remedy = failure.pasted(f"{previous} * {failure.found}", start=span.start, end=span.end)
    else:
        remedy = "write numbers like `40`, `0.5`, `1e-3` or `4_096`, and start names with a letter"
    return failure.error(
        f"`{span.text}` is neither a number nor a name", span=span, label="a digit starts a number", remedy=remedy
    )


def _digit_first(failure: Failure) -> Diagnostic | None:
    """`data 2X: image`, where only a name can stand."""
    word = re.compile(r"\w+").match(failure.source.text, failure.start)
    if word is None or word.end() == failure.end or failure.inside("{"):
        return None
    letters = word.group().lstrip("0123456789_")
    digits = word.group()[: len(word.group()) - len(letters)].rstrip("_")
    return failure.error(
        f"`{word.group()}` is not a name",
        span=failure.place(*word.span()),
        label="a name starts with a letter",
        remedy=failure.pasted(letters + digits, start=failure.start, end=word.end()),
    )


def _power(failure: Failure) -> Diagnostic | None:
    stars = failure.found == "*" and failure.previous == "*" and failure.touches_previous
    if failure.found != "^" and not stars:
        return None
    return failure.error(
        "there is no sign for a power",
        span=failure.place(failure.start - (1 if stars else 0), failure.end),
        label="not an operator; `+`, `-`, `*` and `/` are",
        remedy="write the value, such as `1e-3`, or a product, such as `a * a`",
    )


def _leading_plus(failure: Failure) -> Diagnostic | None:
    if failure.found != "+" or "MINUS" not in failure.accepted or failure.previous_operand:
        return None
    return failure.error("a number has no sign `+`", label="nothing is needed here", remedy=failure.pasted(""))


SIGN_JUDGES: tuple[Judge, ...] = (
    _unclosed_text,
    _lookalike,
    _invisible,
    _single_quotes,
    _foreign_comment,
    _semicolon,
    _bad_number,
    _power,
    _leading_plus,
)

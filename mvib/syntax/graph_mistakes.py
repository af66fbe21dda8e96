"""Syntax errors in the statements that make the graph: data, views, encoders, decoders."""

import re

from mvib.diagnostics import Diagnostic
from mvib.syntax.failure import Failure
from mvib.syntax.vocabulary import STATEMENT_STARTS


def judge_data(failure: Failure) -> Diagnostic | None:
    """The sentence for a common mistake in a `data` statement."""
    if "COLON" in failure.accepted:
        if failure.at_end:
            return failure.error(
                f"`{failure.previous}` has no type",
                label="expected `:` and a type behind this",
                why="the types are `image`, `vector`, `sequence`, `tokens` and `label`",
                remedy=failure.appended(": image"),
            )
        if failure.found in {"=", "~", "in"}:
            remedy = failure.pasted(":", start=failure.last_end, end=failure.end)
        elif failure.found_name:
            remedy = failure.appended(":")
        else:
            return None
        return failure.error("a data variable gets its type with `:`", label="expected `:`", remedy=remedy)
    if failure.accepted >= STATEMENT_STARTS and failure.found_name and failure.following.startswith((":", "[")):
        return failure.error(
            "a `,` is missing between two variables",
            label="expected `,` in front of this",
            remedy=failure.appended(","),
        )
    return None


def judge_view(failure: Failure) -> Diagnostic | None:
    """The sentence for a common mistake in a `view` statement."""
    if "TILDE" in failure.accepted:
        if failure.at_end:
            return failure.error(
                "this view has no channel",
                label="expected `~` and a channel behind this",
                remedy=failure.appended(" ~ augment(X)"),
            )
        if failure.found in {"=", ":", "->", "~>", "<", "-", "<="}:
            return failure.error(
                "a view is drawn from its channel with `~`",
                label="expected `~`",
                remedy=failure.pasted(" ~" if failure.touches_previous else "~"),
            )
    if "LPAR" in failure.accepted and "~" in failure.words and failure.at_end:
        return failure.error(
            f"`{failure.previous}` does not say what it is drawn from",
            label="expected the source in brackets",
            remedy=failure.appended("(X)"),
        )
    return None


def judge_channel(failure: Failure) -> Diagnostic | None:
    """The sentence for a common mistake in an `encoder` or `decoder` statement."""
    if failure.accepted & {"DETERMINISTIC", "STOCHASTIC"}:
        return _arrow(failure)
    if failure.previous in {"->", "~>"} and failure.found in {"=", ","}:
        return failure.error(
            f"the variable it makes is missing behind `{failure.previous}`",
            span=failure.last_span,
            label="expected a name behind this",
            remedy=failure.appended(" Z"),
        )
    if len(failure.tokens) == 1 and failure.found == "(":
        name = "q" if failure.keyword == "decoder" else "f"
        return failure.error(
            f"this {failure.keyword} has no name",
            label="expected a name and `:` in front of this",
            remedy=failure.pasted(f"{name}: (", start=failure.start, end=failure.end),
        )
    if "COLON" in failure.accepted:
        return _head(failure)
    if failure.found == ":" and "EQUAL" in failure.accepted:
        remedy = failure.pasted(" =" if failure.touches_previous else "=")
        return failure.error("the module follows `=`", label="expected `=`", remedy=remedy)
    if failure.accepted >= STATEMENT_STARTS and "=" in failure.words:
        return _behind_module(failure)
    return None


def _head(failure: Failure) -> Diagnostic | None:
    """The name of an encoder or decoder is not followed by `:`."""
    name, arrow = ("q", "~>") if failure.keyword == "decoder" else ("f", "->")
    if failure.found in {"->", "~>"} and len(failure.tokens) > 1:
        return failure.error(
            f"this {failure.keyword} has no name",
            span=failure.place(failure.tokens[1][1], failure.last_end),
            label="expected a name and `:` in front of this",
            remedy=failure.pasted(f"{name}: ", start=failure.tokens[1][1]),
        )
    if failure.found == "=" or failure.at_end:
        return failure.error(
            f"this {failure.keyword} does not say from what it makes what",
            span=failure.last_span,
            label="expected `:` and an arrow behind this",
            remedy=failure.appended(f": X {arrow} Z"),
        )
    if failure.found_name or failure.found == "(":
        return failure.error(
            f"the name behind `{failure.keyword}` is followed by `:`",
            label="expected `:` in front of this",
            remedy=failure.appended(":"),
        )
    return None


def _arrow(failure: Failure) -> Diagnostic | None:
    text = failure.source.text
    arrow = "~>" if failure.keyword == "decoder" else "->"
    sentence = "a channel is drawn with `->` (deterministic) or `~>` (stochastic)"
    if failure.found in {"=", "-", "~", ">", "<", "--"}:
        end = failure.end + (1 if text[failure.end : failure.end + 1] == ">" else 0)
        meant = "~>" if failure.found == "~" else arrow
        return failure.error(
            sentence,
            span=failure.place(failure.start, end),
            label=f"expected `{meant}`",
            remedy=failure.pasted(meant, start=failure.start, end=end),
        )
    if failure.found == "|":
        given = re.compile(r"\s*([^\W\d][\w']*(?:\[[^\]\n]*\])?)").match(text, failure.end, failure.line_end)
        start = _arrow_start(failure)
        if given is None or start is None:
            return None
        return failure.error(
            "what is given stands in front of the arrow",
            label="expected an arrow",
            why=f"q(A | B) is written `q: B {arrow} A`",
            remedy=failure.pasted(
                f"{given.group(1)} {arrow} {text[start : failure.last_end]}", start=start, end=given.end()
            ),
        )
    if failure.found == ",":
        return _bare_inputs(failure)
    if failure.found_name:
        return failure.error(
            sentence, label=f"expected `{arrow}` in front of this", remedy=failure.appended(f" {arrow}")
        )
    return None


def _arrow_start(failure: Failure) -> int | None:
    """Offset of the first token of the arrow that is broken."""
    first = max((index for index, word in enumerate(failure.words) if word in {":", ","}), default=-1) + 1
    return failure.tokens[first][1] if 0 < first < len(failure.tokens) else None


def _bare_inputs(failure: Failure) -> Diagnostic | None:
    text = failure.source.text
    arrow = re.compile(r"[^=\n]*?(?=\s*[-~]>)").match(text, failure.start, failure.line_end)
    start = _arrow_start(failure)
    if arrow is None or start is None:
        return None
    return failure.error(
        "several inputs stand in brackets",
        label="expected an arrow, or brackets around the inputs",
        remedy=failure.pasted(f"({text[start : arrow.end()]})", start=start, end=arrow.end()),
    )


def _behind_module(failure: Failure) -> Diagnostic | None:
    text = failure.source.text
    if failure.found == "," and ("->" in failure.following or "~>" in failure.following):
        other = "r" if failure.keyword == "decoder" else "g"
        return failure.error(
            "one name is one set of weights: its module comes behind all its arrows",
            label="the statement is complete here",
            remedy=failure.pasted(f"\n{failure.keyword} {other}:", start=failure.start, end=failure.end),
        )
    if "LPAR" in failure.accepted and failure.found_operand:
        rest = text[failure.start : failure.line_end].partition("#")[0].rstrip()
        return failure.error(
            f"the arguments of `{failure.previous}` stand in brackets",
            label="expected `(` in front of this",
            remedy=failure.pasted(f"({rest})", start=failure.last_end, end=failure.start + len(rest)),
        )
    return None

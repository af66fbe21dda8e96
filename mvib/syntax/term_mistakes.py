"""Syntax errors in the terms of the objective."""

import re

from mvib.diagnostics import Diagnostic
from mvib.syntax.failure import Failure
from mvib.syntax.vocabulary import AGGREGATES, FUNCTIONALS, QUANTITY_NAMES

_DIRECTIONS = frozenset({"maximize", "minimize"})
_AGGREGATES_READ = "write `mean(i)`, `sum(i != j)`, `mean(i < j)` or `mean(i in 1..2, j != i)`"


def judge_term(failure: Failure) -> Diagnostic | None:
    """The sentence for a common mistake in a term."""
    judges = (_label, _aggregation, _missing_star, _signed, _function_as_quantity, _bare_functional, _estimator)
    for judge in judges:
        diagnostic = judge(failure)
        if diagnostic is not None:
            return diagnostic
    return None


def _label(failure: Failure) -> Diagnostic | None:
    words = failure.words
    if words == ("term",) and failure.found == ":":
        return failure.error(
            "this term has no label",
            label="expected a label in front of this",
            remedy=failure.pasted("", start=failure.tokens[0][1], end=failure.end)
            + "\nor give it one: `term LABEL: ...`",
        )
    if words == ("term",) and failure.found.startswith('"'):
        word = re.sub(r"\W+", "_", failure.found.strip('"')).strip("_")
        return failure.error("a label is a name, not a text", label="expected a name", remedy=failure.pasted(word))
    if words[0] == "term" and "COLON" in failure.accepted and len(words) == 2 and not failure.at_end:
        return failure.error(
            "the label of a term is followed by `:`",
            label="expected `:` in front of this",
            remedy=failure.appended(":"),
        )
    if "MAXIMIZE" in failure.accepted and "MINIMIZE" in failure.accepted and "DATA" not in failure.accepted:
        if failure.at_end or failure.found in {"maximise", "minimise"}:
            return None
        return failure.error(
            "a term says whether it is maximized or minimized",
            label="expected `maximize` or `minimize` in front of this",
            remedy=failure.pasted("maximize ", start=failure.start),
        )
    if failure.found == ":" and len(words) == 2 and words[0] in _DIRECTIONS:
        return failure.error(
            "the label of a term stands behind `term`",
            label="not behind the direction",
            remedy=failure.pasted(f"term {words[1]}: {words[0]}", start=failure.tokens[0][1], end=failure.end),
        )
    return None


def _aggregation(failure: Failure) -> Diagnostic | None:
    brackets = failure.open_brackets()
    if brackets and failure.words[brackets[-1][0] - 1] in AGGREGATES and failure.found_name:
        return failure.error(
            "an aggregation lists its indices", label="not the condition of an index", remedy=_AGGREGATES_READ
        )
    if failure.previous not in AGGREGATES or failure.found == "(" or brackets:
        return None
    text = failure.source.text
    closing = text.find("]", failure.end, failure.line_end)
    if failure.found == "[" and closing >= 0:
        inside = text[failure.end : closing]
        remedy = failure.pasted(f"({inside})", start=failure.last_end, end=closing + 1)
    elif failure.found_name:
        remedy = failure.pasted(f"({failure.found})", start=failure.last_end, end=failure.end)
    else:
        remedy = _AGGREGATES_READ
    return failure.error(
        f"the indices of `{failure.previous}` stand in round brackets", label="expected `(`", remedy=remedy
    )


def _missing_star(failure: Failure) -> Diagnostic | None:
    if "STAR" not in failure.accepted or failure.found not in FUNCTIONALS | AGGREGATES:
        return None
    return failure.error(
        "a `*` is missing between the weight and the quantity",
        label="expected `*` in front of this",
        remedy=failure.appended(" *"),
    )


def _signed(failure: Failure) -> Diagnostic | None:
    """`maximize -I(A; B) by q`, `minimize beta * (I(A; B) + H(C)) by q`, read as calls inside a weight."""
    words = failure.words
    begin = max((index for index, word in enumerate(words) if word in _DIRECTIONS), default=-1)
    calls = [
        index
        for index in range(begin + 2, len(words) - 1)
        if words[index] in FUNCTIONALS and words[index + 1] == "(" and words[index - 1] in {"-", "("}
    ]
    if not calls or begin < 0 or failure.accepted & {"BY", "SEMICOLON"}:
        return None
    _, start, end = failure.tokens[calls[0]]
    if words[calls[0] - 1] == "-":
        other = "minimize" if words[begin] == "maximize" else "maximize"
        first = failure.tokens[begin][1]
        alone = calls[0] == begin + 2
        return failure.error(
            f"to {words[begin]} minus a quantity is to {other} it",
            span=failure.place(start, end),
            label="a quantity has no sign",
            remedy=failure.pasted(f"{other} ", start=first, end=start) if alone else f"write `{other}`",
        )
    return failure.error(
        "a term has one quantity, without brackets around it",
        span=failure.place(start, end),
        label="a quantity cannot stand inside brackets",
        remedy="write a term for each quantity, as in\n  minimize 0.5 * H(Z[1] | Z[2]) by mse()",
    )


def _function_as_quantity(failure: Failure) -> Diagnostic | None:
    """`maximize mse(Z[1], Z[2])`, `maximize infonce(...) by ...`, `maximize MI(A; B) by ...`."""
    words = failure.words
    begin = max((index for index, word in enumerate(words) if word in _DIRECTIONS), default=-1) + 1
    head = words[begin : begin + 2]
    if len(head) < 2 or head[1] != "(" or not head[0][:1].isalpha() or head[0] in FUNCTIONALS | AGGREGATES:
        return None
    name, start, end = failure.tokens[begin]
    meant = QUANTITY_NAMES.get(name)
    if failure.open_brackets() and failure.found not in {"|", "||", ";", "["}:
        return None
    if meant is not None:
        remedy = failure.pasted(meant, start=start, end=end)
    else:
        direction = words[begin - 1]
        quantity = "I(Z[1]; Z[2])" if direction == "maximize" else "H(Z[1] | Z[2])"
        remedy = f"name the quantity, and the function behind `by`, as in\n  {direction} {quantity} by {name}()"
    return failure.error(
        f"`{name}(...)` is not an information quantity",
        span=failure.place(start, end),
        label="expected `I`, `H`, `TC` or `D`",
        why="a term names the quantity that is pushed up or down; the function that estimates it follows `by`",
        remedy=remedy,
    )


def _bare_functional(failure: Failure) -> Diagnostic | None:
    if failure.previous not in FUNCTIONALS or failure.open_brackets() or failure.found == "*" or "by" in failure.words:
        return None
    variables = {"I": "(A; B)", "TC": "(A; B; C)", "D": "(A || normal)"}.get(failure.previous, "(A)")
    return failure.error(
        f"`{failure.previous}` does not say of which variables",
        span=failure.last_span,
        label="expected brackets behind this",
        remedy=failure.appended(variables),
    )


def _estimator(failure: Failure) -> Diagnostic | None:
    if "BY" not in failure.accepted:
        if not failure.at_end or "QUANTITY" not in failure.accepted:
            return None
        return failure.error(
            "this term has no quantity",
            label="expected a quantity behind this",
            remedy=failure.appended(" I(Z[1]; Z[2]) by infonce(temperature: 0.5)"),
        )
    if failure.at_end:
        return failure.error(
            "this term does not say by which estimator it is computed",
            span=failure.place(_quantity_start(failure), failure.last_end),
            label="expected `by` and an estimator behind this",
            why="a quantity of information is not a number until an estimator makes it one",
            remedy=failure.appended(f" by {usual_estimator(failure)}") + "\n`mvib list estimators` shows all",
        )
    if failure.found in {"with", "using", "via", "through", "=", ":", "~"}:
        new = "by" if failure.found not in {":"} else " by"
        return failure.error("the estimator of a term follows `by`", label="expected `by`", remedy=failure.pasted(new))
    if failure.found_name:
        return failure.error(
            "the estimator of a term follows `by`",
            label="expected `by` in front of this",
            remedy=failure.appended(" by"),
        )
    if failure.found in {"+", "-"}:
        return failure.error(
            "a term has one quantity",
            label="the second quantity is another term",
            remedy="end this term with `by` and its estimator, and write the other one as a term of its own",
        )
    if failure.found in {"*", "/"}:
        return failure.error(
            "the weight of a term stands in front of its quantity",
            label="nothing can be multiplied here",
            remedy="for example\n  minimize 0.5 * H(Z[1] | Z[2]) by mse()",
        )
    return None


def _quantity_start(failure: Failure) -> int:
    return next((start for text, start, _ in reversed(failure.tokens) if text in FUNCTIONALS), failure.tokens[0][1])


def usual_estimator(failure: Failure) -> str:
    """An estimator that fits the quantity of the term."""
    begin = max((index for index, word in enumerate(failure.words) if word in FUNCTIONALS), default=0)
    functional, rest = failure.words[begin], failure.words[begin:]
    if functional == "H":
        return "mse()" if "|" in rest else "variance_covariance()"
    return "infonce(temperature: 0.5)" if functional == "I" and "|" not in rest else "ESTIMATOR"

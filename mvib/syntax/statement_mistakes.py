"""Syntax errors that belong to one kind of statement: which judgements to ask, and those of the short statements."""

import re
from collections.abc import Mapping

from mvib.diagnostics import Diagnostic
from mvib.syntax.failure import Failure, Judge
from mvib.syntax.graph_mistakes import judge_channel, judge_data, judge_view
from mvib.syntax.term_mistakes import judge_term, usual_estimator
from mvib.syntax.vocabulary import FUNCTIONALS, STATEMENT_STARTS, STATEMENTS

_MISSING = {
    "=": "a value or a module",
    ":": "what follows the `:`",
    "~": "the channel",
    "->": "the variable it makes",
    "~>": "the variable it makes",
    "extends": "the spec it starts from",
    "by": "the estimator",
    "on": "the subset",
    "..": "the end of the range",
    ",": "what follows the `,`",
    "--": "the next link of the chain",
}
_USUAL_NAMES = {"data": " X", "param": " beta", "view": " X[i: 1..2]", "encoder": " f", "decoder": " q"}
_OPERATORS = frozenset({"+", "-", "*", "/", "<=", ">=", "<", ">", "!="})


def judge_statement(failure: Failure) -> Diagnostic | None:
    """The sentence for a common mistake in the statement that is broken."""
    for early in (_ends_early, _no_name):
        diagnostic = early(failure)
        if diagnostic is not None:
            return diagnostic
    judge = _JUDGES.get(failure.keyword)
    return judge(failure) if judge is not None else None


def _ends_early(failure: Failure) -> Diagnostic | None:
    """The statement stops behind a sign or word that wants something."""
    if not failure.at_end or not failure.keyword:
        return None
    if len(failure.tokens) == 1:
        return failure.error(
            f"nothing follows `{failure.keyword}`",
            label="this statement is empty",
            remedy=f"for example\n  {STATEMENTS[failure.keyword]}",
        )
    what = _MISSING.get(failure.previous) or ("the right-hand side" if failure.previous in _OPERATORS else "")
    if not what:
        return None
    example = {"on": " labelled", "extends": ' "simclr"', "by": f" {usual_estimator(failure)}"}.get(failure.previous)
    return failure.error(
        f"{what} is missing behind `{failure.previous}`",
        label="nothing follows",
        remedy=failure.appended(example) if example else f"for example\n  {STATEMENTS[failure.keyword]}",
    )


def _no_name(failure: Failure) -> Diagnostic | None:
    """The sign that follows the name of what is declared comes first."""
    usual = {"data": " X", "param": " beta", "view": " X[i: 1..2]", "encoder": " f", "decoder": " q"}.get(
        failure.keyword
    )
    if usual is None or len(failure.tokens) != 1 or failure.found not in {":", "=", "~", "->", "~>"}:
        return None
    return failure.error(
        f"this `{failure.keyword}` has no name",
        label="expected a name in front of this",
        remedy=failure.appended(usual),
    )


# ---- header and parameters ----------------------------------------------------------------------------------------


def _method(failure: Failure) -> Diagnostic | None:
    text = failure.source.text
    if "extends" in failure.words and failure.found in {".", "/"}:
        start = failure.tokens[-1][1] if failure.touches_previous else failure.start
        path = re.compile(r"[^\s#]+").match(text, start)
        assert path is not None
        return failure.error(
            "the path of a file stands in double quotes",
            span=failure.place(*path.span()),
            label="expected a text",
            remedy=failure.pasted(f'"{path.group()}"', start=start, end=path.end()),
        )
    if failure.previous == "method" and failure.found.startswith('"'):
        word = re.sub(r"\W+", "_", failure.found.strip('"')).strip("_")
        if not word or word[0].isdigit():
            return None
        return failure.error("a method has a name, not a text", label="expected a name", remedy=failure.pasted(word))
    if len(failure.tokens) == 2 and (
        failure.found in {"-", "."} or (failure.found_name and failure.found[0].isupper())
    ):
        rest = re.compile(r"[\w .-]+").match(text, failure.start, failure.line_end)
        assert rest is not None
        words = re.sub(r"\W+", "_", f"{failure.previous} {rest.group()}").strip("_")
        return failure.error(
            "the name of a method is one word",
            label="not part of a name",
            remedy=failure.pasted(words, start=failure.tokens[-1][1], end=rest.end()),
        )
    if failure.found in {"(", ":", "<"} and "EXTENDS" in failure.accepted:
        return failure.error(
            "a method starts from another spec with `extends`",
            label="expected `extends`",
            remedy='for example\n  method NAME extends "simclr"',
        )
    return None


def _documentation(failure: Failure) -> Diagnostic | None:
    if "STRING" in failure.accepted and failure.found_name:
        line = failure.source.text[failure.start : failure.line_end].rstrip()
        return failure.error(
            f"the text of `{failure.keyword}` stands in double quotes",
            label="expected a text in double quotes",
            remedy=failure.pasted(f'"{line}"', start=failure.start, end=failure.line_end),
        )
    if failure.found.casefold() in {"arxiv", "doi"}:
        blanks = re.compile(r"\s*:?\s*").match(failure.source.text, failure.end, failure.line_end)
        assert blanks is not None
        return failure.error(
            f"`{failure.found.casefold()}:` is followed by its identifier without a blank",
            span=failure.place(failure.start, blanks.end()),
            label="no blank here",
            remedy=failure.pasted(f"{failure.found.casefold()}:", start=failure.start, end=blanks.end()),
        )
    if failure.found[:1].isdigit() and "ARXIV" in failure.accepted:
        kind = "doi" if failure.found.startswith("10.") and "/" in failure.following[:8] else "arxiv"
        return failure.error(
            "an identifier says of what it is",
            label="expected `arxiv:` or `doi:`",
            remedy=failure.pasted(f"{kind}:", start=failure.start),
        )
    return None


def _param(failure: Failure) -> Diagnostic | None:
    if "EQUAL" not in failure.accepted or failure.at_end:
        return None
    replaced = failure.found in {":", "~", "<", "->", "=="}
    if not replaced and not failure.found_operand and failure.found not in {"-", "("}:
        return None
    return failure.error(
        "a parameter gets its value with `=`",
        label="expected `=`" if replaced else "expected `=` in front of this",
        remedy=failure.pasted(" =", start=failure.last_end, end=failure.end) if replaced else failure.appended(" ="),
    )


# ---- facts and training -------------------------------------------------------------------------------------------


def _fact(failure: Failure) -> Diagnostic | None:
    text = failure.source.text
    if failure.previous in {"=", "<", ">"} and failure.found in {"=", "<", ">"} and failure.touches_previous:
        written = failure.previous + failure.found
        plain = {"=<": "<=", "=>": ">="}.get(written, "=")
        start = failure.tokens[-1][1]
        return failure.error(
            f"`{written}` is written `{plain}`",
            span=failure.place(start, failure.end),
            label=f"expected `{plain}`",
            remedy=failure.pasted(plain, start=start, end=failure.end),
        )
    if failure.found in {"->", "~>", "=>"} and failure.keyword == "assume":
        rest = re.sub(r"->|~>", "--", text[failure.start : failure.line_end])
        return failure.error(
            "a Markov chain is written with `--`",
            label="expected `--`",
            remedy=failure.pasted(rest, start=failure.start, end=failure.line_end),
        )
    if failure.found in {"<=", ">=", "=", "<", ">", "==", "!="} and failure.accepted >= STATEMENT_STARTS:
        return _second_sign(failure)
    if failure.found in FUNCTIONALS and "STAR" in failure.accepted:
        return failure.error(
            "a `*` is missing between the number and the quantity",
            label="expected `*` in front of this",
            remedy=failure.appended(" *"),
        )
    if failure.found == "(" and failure.accepted & {"QUANTITY"}:
        return failure.error(
            "a relation is a sum of quantities, without brackets around parts of it",
            label="no bracket can stand here",
            remedy="multiply out, as in\n  claim 2*H(A) + 2*H(B) >= I(A; B)",
        )
    return _no_relation(failure)


def _second_sign(failure: Failure) -> Diagnostic | None:
    signs = [index for index, word in enumerate(failure.words) if word in {"<=", ">=", "=", "<", ">", "!="}]
    if "--" in failure.words:
        return failure.error(
            "a Markov chain is not compared with anything",
            label="nothing can follow the chain",
            why="`--` links the variables of a chain; minus minus is written `- -`",
            remedy=f"for example\n  {STATEMENTS[failure.keyword]}",
        )
    if not signs:
        return failure.error(
            f"what stands in front of `{failure.found}` is no quantity",
            label="nothing can follow here",
            remedy=f"compare quantities, as in\n  {STATEMENTS[failure.keyword]}",
        )
    middle = failure.source.text[failure.tokens[signs[-1]][2] : failure.last_end].strip()
    new = f"\n{failure.keyword} {middle} {failure.found}"
    return failure.error(
        "a relation has one sign between two sides",
        label="a second sign",
        remedy=failure.pasted(new, start=failure.start, end=failure.end),
    )


def _no_relation(failure: Failure) -> Diagnostic | None:
    if not failure.at_end or "RELATION_OP" not in failure.accepted:
        return None
    if failure.keyword == "assume" and "-" in failure.words[1:] and not FUNCTIONALS & set(failure.words):
        start = failure.tokens[1][1]
        text = failure.source.text[start : failure.last_end]
        return failure.error(
            "a Markov chain is written with `--`",
            span=failure.place(start, failure.last_end),
            label="this is a difference",
            remedy=failure.pasted(re.sub(r"\s*-\s*", " -- ", text), start=start, end=failure.last_end),
        )
    return failure.error(
        f"this `{failure.keyword}` compares with nothing",
        label="expected `<=`, `>=` or `=` behind this",
        remedy=failure.appended(" >= 0"),
    )


def _train(failure: Failure) -> Diagnostic | None:
    text = failure.source.text
    end = failure.end + len(text[failure.end : failure.line_end].partition("#")[0].rstrip())
    if "LBRACE" in failure.accepted and not failure.at_end:
        if failure.found == ":" and failure.following.startswith("{"):
            remedy = failure.pasted("")
        else:
            opened = failure.found in {"(", "[", ":"}
            inside = text[failure.end if opened else failure.start : end].strip().rstrip(")]")
            remedy = failure.pasted(f" {{ {inside} }}", start=failure.last_end, end=end)
        return failure.error("the settings of `train` stand in braces", label="expected `{`", remedy=remedy)
    if failure.previous == ":" and failure.found in {"}", ","}:
        return failure.error(
            "this setting has no value",
            span=failure.last_span,
            label="nothing follows",
            remedy=f"for example\n  {STATEMENTS['train']}",
        )
    if failure.found == ":" and failure.previous_is("data", ":"):
        # `data: npz:PATH`, as the command line has it.
        start = failure.tokens[-1][1]
        stop = start + len(re.split(r"[\s}]", text[start : failure.line_end], maxsplit=1)[0])
        return failure.error(
            "a source with a colon stands in quotes",
            label="not within a name",
            remedy=failure.pasted(f'"{text[start:stop]}"', start=start, end=stop),
        )
    if "COLON" in failure.accepted and failure.inside("{") and not failure.at_end:
        if failure.found == "=":
            rest = re.sub(r"\s*=\s*", ": ", text[failure.start : end])
            remedy = failure.pasted(rest, start=failure.last_end, end=end)
        else:
            remedy = failure.appended(":")
        return failure.error("a setting gets its value with `:`", label="expected `:`", remedy=remedy)
    return None


def _represent(failure: Failure) -> Diagnostic | None:
    if not failure.found_name or not failure.previous_operand or "COMMA" not in failure.accepted:
        return None
    return failure.error(
        "a `,` is missing between two variables",
        label="expected `,` in front of this",
        remedy=failure.appended(","),
    )


def _drop(failure: Failure) -> Diagnostic | None:
    if "TERM" not in failure.accepted or not failure.found_name:
        return None
    return failure.error(
        "only terms can be dropped", label="expected `term` in front of this", remedy=failure.appended(" term")
    )


_JUDGES: Mapping[str, Judge] = {
    "method": _method,
    "about": _documentation,
    "cite": _documentation,
    "param": _param,
    "data": judge_data,
    "view": judge_view,
    "encoder": judge_channel,
    "decoder": judge_channel,
    "term": judge_term,
    "maximize": judge_term,
    "minimize": judge_term,
    "drop": _drop,
    "assume": _fact,
    "claim": _fact,
    "represent": _represent,
    "train": _train,
}

"""One sentence for every kind of syntax error a person makes.

The common mistakes are tables of judgements, tried in order: those of `sign_mistakes` and `bracket_mistakes`, then
those of one kind of statement in `statement_mistakes`. What is left is said from what the grammar would accept, in the
words of the language reference. No terminal of the grammar is ever shown.
"""

from mvib.diagnostics import Diagnostic, nearest
from mvib.source import Span
from mvib.syntax.bracket_mistakes import BRACKET_JUDGES
from mvib.syntax.failure import Failure
from mvib.syntax.sign_mistakes import SIGN_JUDGES
from mvib.syntax.statement_mistakes import judge_statement
from mvib.syntax.vocabulary import (
    AGGREGATES,
    FUNCTIONALS,
    MODELS,
    PHRASES,
    RELATED_WORDS,
    STATEMENT_STARTS,
    STATEMENTS,
)

_MOST_SIGNS = 5
# What a line was meant to be, from the sign behind its first word.
_TELLING_SIGNS = (
    (":", "data"),
    ("=", "param"),
    ("~", "view"),
    ("<=", "claim"),
    (">=", "claim"),
    ("->", "encoder f:"),
    ("~>", "encoder f:"),
)


def explain_limit(span: Span, what: str) -> Diagnostic:
    """The file is larger than any spec may be."""
    return Diagnostic(
        slug="too-large",
        title=f"this is too large for a spec: {what}",
        span=span,
        label="the limit is passed here",
        why="a spec is read from anybody, so its size, nesting and length of expressions are limited",
        remedy="split it with `extends`, or name intermediate values with `param`",
    )


def explain_failure(failure: Failure) -> Diagnostic:
    """The sentence for a failure of the parser."""
    for judge in (*SIGN_JUDGES, *BRACKET_JUDGES, judge_statement, _empty_statement, _misspelt_word, _unknown_statement):
        diagnostic = judge(failure)
        if diagnostic is not None:
            return diagnostic
    return _from_accepted(failure)


def _misspelt_word(failure: Failure) -> Diagnostic | None:
    """A word inside a statement that is nearly the one that belongs there."""
    if not failure.found_name or not failure.keyword:
        return None
    accepted = failure.accepted - (STATEMENT_STARTS if failure.accepted >= STATEMENT_STARTS else frozenset())
    words = [PHRASES[terminal].strip("`") for terminal in sorted(accepted) if terminal in PHRASES]
    meant = nearest(failure.found, [word for word in words if word.isalpha()])
    if meant is None:
        return None
    return failure.error(
        f"`{failure.found}` is not known here; `{meant}` is",
        label=f"expected `{meant}`",
        remedy=failure.pasted(meant),
    )


def _empty_statement(failure: Failure) -> Diagnostic | None:
    """A statement on the line of another one, whose keyword is followed by a `:`."""
    if failure.found not in STATEMENTS or not failure.accepted >= STATEMENT_STARTS:
        return None
    return failure.error(
        f"`{failure.found}` is not followed by what it needs",
        label="expected a statement",
        remedy=f"it reads like\n  {STATEMENTS[failure.found]}",
    )


def _unknown_statement(failure: Failure) -> Diagnostic | None:
    if not failure.accepted >= STATEMENT_STARTS or (failure.tokens and not failure.first_on_line):
        return None
    word = failure.found
    if not failure.found_name:
        return failure.error(
            f"a statement starts with its keyword, not with `{word}`",
            label="expected a keyword such as `encoder` or `maximize`",
            remedy=_keyword_list(),
        )
    return failure.error(
        f"`{word}` does not start a statement",
        label="expected a keyword such as `encoder` or `maximize`",
        remedy=_start_remedy(failure),
    )


def _start_remedy(failure: Failure) -> str:
    """What a line that starts with no keyword was meant to be."""
    word, rest = failure.found, failure.following
    if word.casefold() in STATEMENTS:
        return failure.pasted(word.casefold())
    if word in FUNCTIONALS | AGGREGATES:
        return f"a quantity is maximized or minimized by a term, as in\n  {STATEMENTS['maximize']}"
    related = RELATED_WORDS.get(word.casefold())
    meant = related or nearest(word, STATEMENTS)
    if meant is not None:
        respelt = nearest(word, STATEMENTS) == meant and not rest.startswith(("=", "("))
        return failure.pasted(meant) if respelt else f"did you mean `{meant}`? for example\n  {MODELS[meant]}"
    if rest.startswith(":") and rest[1:].strip().startswith(("maximize", "minimize")):
        return failure.pasted(f"term {word}")
    if rest.startswith("=") and rest.endswith(")"):
        return f"an encoder makes a variable, and its module follows `=`, as in\n  encoder f: X -> {word} {rest}"
    keyword = next((keyword for sign, keyword in _TELLING_SIGNS if rest.startswith(sign)), None)
    return failure.pasted(f"{keyword} {word}") if keyword else _keyword_list()


def _keyword_list() -> str:
    return "the statements are " + ", ".join(f"`{keyword}`" for keyword in STATEMENTS)


def _from_accepted(failure: Failure) -> Diagnostic:
    """The sentence when no common mistake fits: what was found, and what could have stood there."""
    if failure.at_end:
        title = f"this `{failure.keyword}` statement is not complete" if failure.keyword else "this is not complete"
        before = f"`{failure.next_word}`" if failure.next_word else "the end of the file"
        label = f"something is missing between this and {before}"
    else:
        after = f" behind `{failure.previous}`" if failure.previous else ""
        title, label = f"`{failure.found}` cannot stand here{after}", "not expected here"
    model = f"the statement reads like\n  {STATEMENTS[failure.keyword]}" if failure.keyword else _keyword_list()
    return failure.error(title, label=label, why=_expectation(failure), remedy=model)


def _expectation(failure: Failure) -> str:
    """What could have stood there, the most telling first; empty where it would be a mere list of signs."""
    accepted = set(failure.accepted) - {"$END"}
    parts = []
    if accepted >= STATEMENT_STARTS:
        parts.append("the next statement")
        accepted -= STATEMENT_STARTS
    phrases = {PHRASES.get(terminal, f"`{terminal.casefold()}`") for terminal in accepted}
    signs = sorted(phrase for phrase in phrases if phrase.startswith("`") and not phrase[1:2].isalpha())
    parts.extend(sorted(phrases - set(signs)))
    parts.extend(signs if len(parts) + len(signs) <= _MOST_SIGNS else [])
    if not parts:
        return ""
    return "expected " + (parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1])

"""Text to tree. The only module that knows the parser library; every mistake becomes a diagnostic.

When a file does not parse, its statements are parsed one by one, so that one run reports the errors of all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken

from mvib.diagnostics import Diagnostic
from mvib.resources import grammar_text
from mvib.source import SourceFile, Span
from mvib.syntax import ast
from mvib.syntax.build import build_spec
from mvib.syntax.failure import Failure
from mvib.syntax.messages import explain_failure, explain_limit

STATEMENT_KEYWORDS = (
    "mvib", "method", "about", "cite", "param", "data", "view", "encoder", "decoder", "term", "maximize", "minimize",
    "drop", "assume", "claim", "represent", "train",
)  # fmt: skip

# Limits that no method comes near; they keep a hostile file from taking the process down.
MAX_CHARACTERS = 1 << 15
MAX_STATEMENTS = 500
MAX_NAME = 100
MAX_NESTING = 40
MAX_OPERATORS = 100
MAX_ERRORS = 25

_TOKEN = re.compile(
    r""""(?:[^"\\\n]|\\[^\n])*"|\#[^\n]*          # texts and comments
    |->|~>|\.\.|--|\|\||<=|>=|!=|==             # signs of two characters
    |(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|(?<!\.)\.\d[\d_]*)(?:[eE][+-]?\d+)?
    |[^\W\d][\w\u0300-\u036f]*'*|\S""",
    re.VERBOSE,
)
_CHUNK_START = re.compile(rf"^(?:[ \t]*({'|'.join(STATEMENT_KEYWORDS)})\b(?!\s*[:=)\]])|([^\W\d]\w*))", re.MULTILINE)
_MAX_JOINED = 3
_MAX_STARTS = 8
_OPENERS, _CLOSERS = frozenset("([{"), frozenset(")]}")
_OPERATORS = frozenset({"+", "-", "*", "/", "--"})
_SEPARATORS = frozenset({",", ";", ":", "=", "<=", ">="})


@dataclass(frozen=True, slots=True)
class Parsed:
    """What parsing gives.

    Attributes:
        spec: the tree; without statements when anything is wrong.
        diagnostics: the syntax errors, in the order of the file.
    """

    spec: ast.Spec
    diagnostics: tuple[Diagnostic, ...]


def parse_source(source: SourceFile) -> Parsed:
    """Parse a file. Never raises for any text.

    Args:
        source: the text and its name.
    """
    limit = _check_limits(source)
    if limit is not None:
        return _failed(source, (limit,))
    try:
        tree = _parser().parse(source.text)
    except UnexpectedInput as error:
        diagnostics = _diagnose_chunks(source) or [explain_failure(_describe(error, source, (0, len(source.text))))]
        return _failed(source, tuple(diagnostics))
    if len(tree.children) > MAX_STATEMENTS:
        return _failed(
            source, (explain_limit(Span(source, 0, 0), f"the file has more than {MAX_STATEMENTS} statements"),)
        )
    return Parsed(build_spec(tree, source), ())


def _failed(source: SourceFile, diagnostics: tuple[Diagnostic, ...]) -> Parsed:
    return Parsed(ast.Spec(span=Span(source, 0, 0), source=source, statements=()), diagnostics)


def _diagnose_chunks(source: SourceFile) -> list[Diagnostic]:
    """Parse the statements of a broken file one by one, so that one run reports the errors of all of them.

    A statement is taken to start at a line that begins with a keyword, or that is not indented. Where that guess
    cuts a good statement in two, the joined pieces parse, and nothing is reported.
    """
    starts = [match.start(match.lastindex or 0) for match in _CHUNK_START.finditer(source.text)]
    if not starts or source.text[: starts[0]].strip():
        starts.insert(0, 0)
    bounds = [*starts, len(source.text)]
    diagnostics: list[Diagnostic] = []
    index = 0
    while index < len(starts) and len(diagnostics) < MAX_ERRORS:
        error = _failure_of(source.text[bounds[index] : bounds[index + 1]])
        if error is None:
            index += 1
            continue
        joined = next(
            (
                last
                for last in range(index + 2, min(index + 2 + _MAX_JOINED, len(bounds)))
                if _failure_of(source.text[bounds[index] : bounds[last]]) is None
            ),
            None,
        )
        if joined is None:
            diagnostics.append(explain_failure(_describe(error, source, (bounds[index], bounds[index + 1]))))
        index = joined or index + 1
    return diagnostics


def _failure_of(text: str) -> UnexpectedInput | None:
    try:
        _parser().parse(text)
    except UnexpectedInput as error:
        return error
    return None


@cache
def _parser() -> Lark:
    return Lark(grammar_text(), parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True)


def _check_limits(source: SourceFile) -> Diagnostic | None:
    if len(source.text) > MAX_CHARACTERS:
        return explain_limit(Span(source, 0, 0), f"the file has more than {MAX_CHARACTERS:,} characters")
    # For each open bracket, the operators of its current argument and the most of any: an expression in brackets is
    # as deep as what surrounds it and its deepest argument together.
    levels = [(0, 0)]
    for match in _TOKEN.finditer(source.text):
        token = match.group()
        current, most = levels[-1]
        if len(token) > MAX_NAME and (token[0].isalpha() or token[0] == "_"):
            return explain_limit(Span(source, *match.span()), f"a name has more than {MAX_NAME} characters")
        if token in _OPENERS:
            levels.append((0, 0))
        elif token in _CLOSERS and len(levels) > 1:
            levels.pop()
            levels[-1] = (levels[-1][0] + max(current, most), levels[-1][1])
        elif token in _OPERATORS:
            levels[-1] = (current + len(token), most)
        elif token in _SEPARATORS or token in STATEMENT_KEYWORDS:
            levels[-1] = (0, max(current, most))
        if len(levels) > MAX_NESTING + 1:
            return explain_limit(Span(source, *match.span()), f"brackets are nested more than {MAX_NESTING} deep")
        if levels[-1][0] > MAX_OPERATORS:
            return explain_limit(Span(source, *match.span()), f"more than {MAX_OPERATORS} operators in one expression")
    return None


def _describe(error: UnexpectedInput, source: SourceFile, chunk: tuple[int, int]) -> Failure:
    """The failure of a chunk of the file in words that do not depend on the parser library."""
    begin, limit = chunk
    offset, at_end = _place_of(error)
    start = limit if at_end else begin + offset
    found = None if at_end else _TOKEN.match(source.text, start, limit)
    following = _CHUNK_START.search(source.text, limit) if at_end else None
    tokens = [match for match in _TOKEN.finditer(source.text, begin, start) if not match.group().startswith("#")]
    return Failure(
        source=source,
        tokens=tuple(
            (match.group(), match.start(), match.end()) for match in tokens[_last_statement(source, begin, tokens) :]
        ),
        start=start,
        end=found.end() if found else start,
        found=found.group() if found else "",
        next_word=following.group().strip() if following else "",
        accepted=_accepted(error),
    )


def _place_of(error: UnexpectedInput) -> tuple[int, bool]:
    """Offset of the offending token in the text that was parsed, and whether that is its end."""
    if isinstance(error, UnexpectedToken):
        token: Token = error.token
        return (0, True) if token.type == "$END" else (token.start_pos or 0, False)
    return error.pos_in_stream or 0, False


def _accepted(error: UnexpectedInput) -> frozenset[str]:
    """Names of the terminals that could have followed."""
    parser: Any = getattr(error, "interactive_parser", None)
    names = parser.accepts() if parser is not None else ()
    return frozenset("NAME" if name == "SETTING_KEY" else name for name in names)


def _last_statement(source: SourceFile, begin: int, tokens: Sequence[re.Match[str]]) -> int:
    """Index of the token that starts the statement the last token belongs to: what is in front of it parses."""
    starts = [index for index, match in enumerate(tokens) if match.group() in STATEMENT_KEYWORDS]
    for index in reversed(starts[-_MAX_STARTS:]):
        if _failure_of(source.text[begin : tokens[index].start()]) is None:
            return index
    return 0

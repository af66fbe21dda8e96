"""The one canonical layout of a spec. It changes blanks, line breaks, needless brackets and nothing else.

The rules:

1. One statement a line, in the order written, indented by nothing. A comment above a statement stays above it, one
   behind it stays behind it after two blanks, and one inside a statement moves above it (in a train block it stays).
2. A blank line stands between the groups header (`mvib`, `method`, `about`, `cite`), `param`, graph (`data`, `view`,
   `encoder`, `decoder`), objective (`drop`, `assume`, terms, `claim`, `represent`) and `train`. A blank line that the
   user wrote between two statements or comments is kept; several become one.
3. Within a block without blank lines, what follows the keyword of the graph starts in one column, and so do the arrows
   of encoders and decoders, the `=` of parameters, and what follows the labels of terms.
4. One blank behind `,` `;` and `:`, and around every other sign. None around `..`, around the signs of arithmetic in an
   index or a range (`Z[t+k]`), around `*` and `/` inside a sum (`a - 2*eps`), and inside brackets other than braces.
   Two blanks between the settings of `train`, and no commas.
5. A line has at most 100 columns, not counting a comment behind it. A longer statement is broken between its arrows,
   in front of `by` and `on`, between the arguments of calls, or at the signs of a relation, and goes on indented.
   A train block that is too long, or has comments inside, has one setting a line.
6. Names and numbers stay as written. Brackets stay only where the meaning needs them.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mvib.source import Span, display_width
from mvib.syntax import ast
from mvib.syntax.expressions import (
    aggregated_doc,
    fact_doc,
    name_or_string,
    reference_doc,
    references_doc,
    relation_doc,
    string_text,
    value_doc,
    weight_doc,
)
from mvib.syntax.layout import Break, Doc, Group, Nest, flat, join, render

WIDTH = 100
_KEYWORD_WIDTH = len("encoder ")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_COMMA: Doc = (",", Break())


def format_spec(spec: ast.Spec) -> str:
    """The spec in the canonical layout, ending in a line break; nothing for an empty spec.

    Args:
        spec: a tree as the parser gives it.
    """
    lines: list[str] = []
    for block in _blocks(spec.statements):
        if lines:
            lines.append("")
        columns = _columns(block)
        for statement in block:
            lines.extend(_statement_lines(statement, columns))
    if spec.closing:
        if spec.statements and _blank_between(_last_span(spec.statements[-1]), spec.closing[0].span):
            lines.append("")
        lines.extend(_comment_lines(spec.closing, following=None))
    return "".join(f"{line}\n" for line in lines)


# ---- blocks, comments and columns --------------------------------------------------------------------------------


def _blocks(statements: Sequence[ast.Statement]) -> Iterator[list[ast.Statement]]:
    """Runs of statements with a blank line between two runs."""
    block = list(statements[:1])
    for previous, statement in pairwise(statements):
        apart = _group(previous) != _group(statement) or _blank_between(_last_span(previous), _first_span(statement))
        if apart:
            yield block
            block = []
        block.append(statement)
    if block:
        yield block


def _group(statement: ast.Statement) -> str:
    match statement:
        case ast.Version() | ast.Method() | ast.About() | ast.Cite():
            return "header"
        case ast.Param():
            return "parameters"
        case ast.Data() | ast.View() | ast.Encoder() | ast.Decoder():
            return "graph"
        case ast.Train():
            return "training"
        case _:
            return "objective"


def _first_span(statement: ast.Statement) -> Span:
    above = [comment.span for comment in statement.leading if not _is_inside(comment, statement)]
    return above[0] if above else statement.span


def _last_span(statement: ast.Statement) -> Span:
    return statement.trailing.span if statement.trailing else statement.span


def _is_inside(comment: ast.Comment, statement: ast.Statement) -> bool:
    return statement.span.start <= comment.span.start < statement.span.end


def _blank_between(first: Span, second: Span) -> bool:
    return _BLANK_LINE.search(first.source.text, first.end, max(first.end, second.start)) is not None


def _columns(block: Sequence[ast.Statement]) -> dict[type[ast.Statement], int]:
    """Width of the heads of a block that are followed by something aligned."""
    widths: dict[type[ast.Statement], int] = {}
    for statement in block:
        kind, head = _aligned_head(statement)
        widths[kind] = max(widths.get(kind, 0), display_width(head))
    return widths


def _aligned_head(statement: ast.Statement) -> tuple[type[ast.Statement], str]:
    """The part of a statement that is padded to one width in its block; encoders and decoders count as one kind."""
    match statement:
        case ast.Param():
            return ast.Param, statement.name.text
        case ast.Encoder() | ast.Decoder():
            return ast.Encoder, flat(reference_doc(statement.name)) + ":"
        case ast.Term(label=ast.Name(text=label)):
            return ast.Term, f"{label}:"
        case _:
            return type(statement), ""


def _statement_lines(statement: ast.Statement, columns: dict[type[ast.Statement], int]) -> Iterator[str]:
    kind, head = _aligned_head(statement)
    padded = head + " " * (columns[kind] - display_width(head))
    inside = [comment for comment in statement.leading if _is_inside(comment, statement)]
    if isinstance(statement, ast.Train):
        yield from _comment_lines(statement.leading[: len(statement.leading) - len(inside)], following=statement.span)
        text = _commented_train(statement, inside) if inside else render(_train(statement), width=WIDTH)
    else:
        yield from _comment_lines(statement.leading, following=statement.span)
        text = render(Group(_statement(statement, padded)), width=WIDTH)
    yield text + (f"  {statement.trailing.text}" if statement.trailing else "")


def _comment_lines(comments: Sequence[ast.Comment], *, following: Span | None) -> Iterator[str]:
    """Comments on their own lines, with the blank lines the user left between them and in front of what follows."""
    for index, comment in enumerate(comments):
        yield comment.text
        after = comments[index + 1].span if index + 1 < len(comments) else following
        if after is not None and _blank_between(comment.span, after):
            yield ""


# ---- statements --------------------------------------------------------------------------------------------------


def _statement(statement: ast.Statement, head: str) -> Doc:  # noqa: C901 -- one case for each kind
    match statement:
        case ast.Version():
            return f"mvib {statement.number.text}"
        case ast.Method():
            parent: Doc = () if statement.parent is None else (" extends ", name_or_string(statement.parent))
            return ("method ", statement.name.text, parent)
        case ast.About():
            return ("about ", string_text(statement.text))
        case ast.Cite():
            ids = [f"{kind}:{ident}" for kind, ident in (("arxiv", statement.arxiv), ("doi", statement.doi)) if ident]
            return Nest(("cite ", join(Break(), [string_text(statement.text), *ids])))
        case ast.Param():
            return Nest(("param ", head, " = ", value_doc(statement.value)))
        case ast.Data():
            return _graph("data", join(_COMMA, map(_declaration, statement.declarations)))
        case ast.View():
            targets = references_doc(statement.targets)
            drawn = ("(", targets, ")") if statement.joint else targets
            return _graph("view", (drawn, " ~ ", value_doc(statement.channel)))
        case ast.Encoder():
            return _graph("encoder", (head, " ", _channel(statement.arrows, statement.module)))
        case ast.Decoder():
            return _graph("decoder", (head, " ", _channel(statement.arrows, statement.module)))
        case ast.Term():
            return _term(statement, head)
        case ast.Drop():
            return f"drop term {statement.label.text}"
        case ast.Assume():
            return ("assume ", fact_doc(statement.fact))
        case ast.Claim():
            return ("claim ", relation_doc(statement.relation))
        case ast.Represent():
            return ("represent ", references_doc(statement.variables))
        case _:
            raise AssertionError(f"no layout for {type(statement).__name__}")


def _graph(keyword: str, rest: Doc) -> Doc:
    return Nest((f"{keyword:<{_KEYWORD_WIDTH}}", rest))


def _declaration(declaration: ast.DataDeclaration) -> Doc:
    partial = " partial" if declaration.partial else ""
    return (reference_doc(declaration.target), f": {declaration.type.text}{partial}")


def _channel(arrows: Sequence[ast.Arrow], module: ast.Reference | ast.Call | None) -> Doc:
    return (Group(join(_COMMA, map(_arrow, arrows))), () if module is None else (" = ", value_doc(module)))


def _arrow(arrow: ast.Arrow) -> Doc:
    sources = references_doc(arrow.sources)
    several = len(arrow.sources) != 1
    return ("(" if several else "", sources, ")" if several else "", " ~> " if arrow.stochastic else " -> ",
            reference_doc(arrow.target))  # fmt: skip


def _term(term: ast.Term, head: str) -> Doc:
    label: Doc = () if term.label is None else f"term {head} "
    weight: Doc = () if term.weight is None else (weight_doc(term.weight), " * ")
    subset: Doc = () if term.subset is None else (Break(), "on ", value_doc(term.subset))
    quantity = aggregated_doc(term.aggregation, term.quantity)
    estimator: Doc = (Break(), "by ", value_doc(term.estimator))
    share: Doc = () if term.share is None else (Break(), "weighted by ", value_doc(term.share))
    return Nest((label, term.direction, " ", weight, quantity, estimator, share, subset))


def _train(train: ast.Train) -> Doc:
    if not train.settings:
        return "train {}"
    settings = join(Break("  "), [_setting(setting) for setting in train.settings])
    return Group(("train {", Nest((Break(), settings), 2), Break(), "}"))


def _setting(setting: ast.Setting) -> Doc:
    if setting.key.text == "data":
        # The name of a data set may hold a minus: `digits-halves`.
        return (setting.key.text, ": ", "".join(flat(value_doc(setting.value)).split()))
    return (setting.key.text, ": ", value_doc(setting.value))


def _commented_train(train: ast.Train, comments: Sequence[ast.Comment]) -> str:
    """A train block with comments inside: one setting a line, each comment above or behind its setting."""
    lines = ["train {"]
    pending = list(comments)

    def place(limit: int, line: int) -> None:
        """Print the comments in front of `limit`; the one on the line of what was printed last goes behind it."""
        while pending and pending[0].span.start < limit:
            comment = pending.pop(0)
            if comment.span.line == line:
                lines[-1] += f"  {comment.text}"
            else:
                lines.append(f"  {comment.text}")

    last = train.span.line
    for setting in train.settings:
        place(setting.span.start, last)
        # A comment inside a setting goes above it.
        place(setting.span.end, 0)
        lines.extend(render(("  ", Nest(_setting(setting), 2)), width=WIDTH).split("\n"))
        last = setting.value.span.end_line
    place(train.span.end, last)
    return "\n".join([*lines, "}"])

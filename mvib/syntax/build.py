"""From the parser's raw tree to the nodes of `ast`, with comments attached to the statements they belong to."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol

from mvib.source import SourceFile, Span
from mvib.syntax import ast

_COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|#[^\n]*')
_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}
# A whole number of more digits is read as a float: Python refuses to convert very long ones.
_MAX_DIGITS = 300
_OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


class RawToken(Protocol):
    """What we need of a token of the parser: its kind, offsets, and (through `str`) its text."""

    type: str
    start_pos: int
    end_pos: int


class RawTree(Protocol):
    """What we need of a tree of the parser: rule name, children, offsets."""

    data: str
    children: list[Any]

    @property
    def meta(self) -> Any:
        """Offsets of the first and behind the last character."""


def build_spec(tree: RawTree, source: SourceFile) -> ast.Spec:
    """The spec of a raw tree of the rule `start`."""
    builder = _Builder(source)
    statements = [builder.node(child) for child in tree.children]
    comments = list(find_comments(source))
    attached, closing = _attach_comments(statements, comments)
    return ast.Spec(span=Span(source, 0, len(source.text)), source=source, statements=attached, closing=closing)


def find_comments(source: SourceFile) -> Iterator[ast.Comment]:
    """Comments of the file in order; a `#` inside a string is none."""
    for match in _COMMENT_OR_STRING.finditer(source.text):
        if match.group().startswith("#"):
            text = match.group().rstrip()
            yield ast.Comment(span=Span(source, match.start(), match.start() + len(text)), text=text)


def _attach_comments(
    statements: Sequence[ast.Statement], comments: Sequence[ast.Comment]
) -> tuple[tuple[ast.Statement, ...], tuple[ast.Comment, ...]]:
    """Give each statement the comments above and inside it, and the one behind it on its last line."""
    result: list[ast.Statement] = []
    position = 0
    ends = [following.span.start for _, following in pairwise(statements)]
    limits = [*ends, len(statements[-1].span.source.text)] if statements else []
    for statement, limit in zip(statements, limits, strict=True):
        leading: list[ast.Comment] = []
        trailing: ast.Comment | None = None
        while position < len(comments) and comments[position].span.start < limit:
            comment = comments[position]
            if comment.span.start < statement.span.end:
                leading.append(comment)
            elif comment.span.line == statement.span.end_line:
                trailing = comment
            else:
                break
            position += 1
        result.append(replace(statement, leading=tuple(leading), trailing=trailing))
    return tuple(result), tuple(comments[position:])


def _number(text: str, span: Span) -> ast.Number:
    digits = text.replace("_", "")
    whole = digits.isdigit() and len(digits) <= _MAX_DIGITS
    return ast.Number(span=span, value=int(digits) if whole else float(digits), text=text)


class _Builder:
    """One method for each rule of the grammar, named like it."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source

    def node(self, tree: RawTree) -> Any:
        method: Callable[[RawTree, Span], Any] = getattr(self, f"_{tree.data}")
        return method(tree, Span(self._source, tree.meta.start_pos, tree.meta.end_pos))

    def _nodes(self, trees: Sequence[RawTree | None]) -> tuple[Any, ...]:
        # `map` adds no frame to the stack for each level of nesting, as a comprehension would.
        return tuple(map(self.node, filter(None, trees)))

    def _optional(self, tree: RawTree | None) -> Any:
        return None if tree is None else self.node(tree)

    # -- names and values

    def _name(self, tree: RawTree, span: Span) -> ast.Name:
        return ast.Name(span=span, text=unicodedata.normalize("NFC", str(tree.children[0])))

    _setting_key = _name

    def _name_value(self, tree: RawTree, span: Span) -> ast.Reference:
        return ast.Reference(span=span, name=self.node(tree.children[0]))

    def _number(self, tree: RawTree, span: Span) -> ast.Number:
        return _number(str(tree.children[0]), span)

    def _string(self, tree: RawTree, span: Span) -> ast.String:
        body = str(tree.children[0])[1:-1]
        return ast.String(span=span, value=re.sub(r"\\.", lambda m: _ESCAPES.get(m.group(), m.group()), body))

    def _reference(self, tree: RawTree, span: Span) -> ast.Reference:
        name, *indices = tree.children
        return ast.Reference(span=span, name=self.node(name), indices=self._nodes(indices))

    def _binder(self, tree: RawTree, span: Span) -> ast.Binder:
        name, low, high = self._nodes(tree.children)
        return ast.Binder(span=span, name=name, range=ast.Range(span=low.span.join(high.span), low=low, high=high))

    def _binary(self, tree: RawTree, span: Span) -> ast.Binary:
        left, right = self._nodes(tree.children)
        return ast.Binary(span=span, operator=_OPERATORS[tree.data], left=left, right=right)

    _add = _subtract = _multiply = _divide = _binary

    def _negative(self, tree: RawTree, span: Span) -> ast.Negative:
        return ast.Negative(span=span, operand=self.node(tree.children[0]))

    def _tuple(self, tree: RawTree, span: Span) -> ast.Tuple:
        return ast.Tuple(span=span, items=self._nodes(tree.children))

    def _transition(self, tree: RawTree, span: Span) -> ast.Transition:
        start, end = self._nodes(tree.children)
        return ast.Transition(span=span, start=start, end=end)

    def _range(self, tree: RawTree, span: Span) -> ast.Range:
        low, high = self._nodes(tree.children)
        return ast.Range(span=span, low=low, high=high)

    def _call(self, tree: RawTree, span: Span) -> ast.Call:
        function, arguments = tree.children
        return ast.Call(span=span, function=self.node(function), arguments=self._arguments_of(arguments))

    def _arguments_of(self, tree: RawTree | None) -> tuple[ast.Argument, ...]:
        return () if tree is None else self._nodes(tree.children)

    def _argument(self, tree: RawTree, span: Span) -> ast.Argument:
        name, value = tree.children
        return ast.Argument(span=span, name=self._optional(name), value=self.node(value))

    # -- quantities and facts

    def _variable(self, tree: RawTree, span: Span) -> ast.Variable:
        return ast.Variable(span=span, reference=self.node(tree.children[0]))

    def _stopped(self, tree: RawTree, span: Span) -> ast.Variable:
        return ast.Variable(span=span, reference=self.node(tree.children[1]), stopped=True)

    def _variables(self, tree: RawTree, span: Span) -> tuple[ast.Variable, ...]:
        return self._nodes(tree.children)

    def _step(self, tree: RawTree, span: Span) -> ast.Reference:
        reference: ast.Reference = self.node(tree.children[0])
        return reference

    def _quantity(self, tree: RawTree, span: Span) -> ast.Quantity:
        functional, *rest = tree.children
        steps = [child for child in rest if child is not None and child.data == "step"]
        groups, condition, prior = rest[-3:]
        return ast.Quantity(
            span=span,
            functional=str(functional),
            path=self._nodes(steps),
            groups=tuple(self.node(group) for group in groups.children),
            condition=() if condition is None else self.node(condition),
            prior=self._optional(prior),
        )

    def _aggregation(self, tree: RawTree, span: Span) -> ast.Aggregation:
        function, *clauses = tree.children
        return ast.Aggregation(span=span, function=str(function), clauses=self._nodes(clauses))

    def _clause(self, tree: RawTree, span: Span) -> ast.Clause:
        name, *rest = [child for child in tree.children if child is not None]
        index = self.node(name)
        if not rest:
            return ast.Clause(span=span, index=index)
        if hasattr(rest[0], "type"):
            return ast.Clause(span=span, index=index, operator=str(rest[0]), operand=self.node(rest[1]))
        low, high = self._nodes(rest)
        bounds = ast.Range(span=low.span.join(high.span), low=low, high=high)
        return ast.Clause(span=span, index=index, operator="in", operand=bounds)

    def _aggregated(self, tree: RawTree, span: Span) -> ast.Aggregated:
        aggregation, quantity = tree.children
        return ast.Aggregated(span=span, aggregation=self._optional(aggregation), quantity=self.node(quantity))

    def _relation(self, tree: RawTree, span: Span) -> ast.Relation:
        left, sign, right = tree.children
        operator = str(sign.children[0]) if sign.children else "="
        return ast.Relation(span=span, left=self.node(left), operator=operator, right=self.node(right))

    def _chain(self, tree: RawTree, span: Span) -> ast.Chain:
        return ast.Chain(span=span, links=tuple(self._nodes(group.children) for group in tree.children))

    # -- statements

    def _version(self, tree: RawTree, span: Span) -> ast.Version:
        token = tree.children[0]
        place = Span(self._source, token.start_pos, token.end_pos)
        return ast.Version(span=span, number=_number(str(token), place))

    def _method(self, tree: RawTree, span: Span) -> ast.Method:
        name, parent = tree.children
        return ast.Method(span=span, name=self.node(name), parent=self._optional(parent))

    def _about(self, tree: RawTree, span: Span) -> ast.About:
        return ast.About(span=span, text=self.node(tree.children[0]))

    def _cite(self, tree: RawTree, span: Span) -> ast.Cite:
        text, arxiv, doi = tree.children
        return ast.Cite(
            span=span,
            text=self.node(text),
            arxiv="" if arxiv is None else str(arxiv).partition(":")[2],
            doi="" if doi is None else str(doi).partition(":")[2],
        )

    def _param(self, tree: RawTree, span: Span) -> ast.Param:
        name, value = self._nodes(tree.children)
        return ast.Param(span=span, name=name, value=value)

    def _data(self, tree: RawTree, span: Span) -> ast.Data:
        return ast.Data(span=span, declarations=self._nodes(tree.children))

    def _data_declaration(self, tree: RawTree, span: Span) -> ast.DataDeclaration:
        target, kind, partial = tree.children
        return ast.DataDeclaration(
            span=span, target=self.node(target), type=self.node(kind), partial=partial is not None
        )

    def _view(self, tree: RawTree, span: Span) -> ast.View:
        first, *_ = tree.children
        if first.data == "joint":
            together = self._nodes(first.children)
            return ast.View(span=span, targets=together, channel=self.node(tree.children[-1]), joint=True)
        *targets, channel = self._nodes(tree.children)
        return ast.View(span=span, targets=tuple(targets), channel=channel)

    def _arrow(self, tree: RawTree, span: Span) -> ast.Arrow:
        sources, kind, target = tree.children
        return ast.Arrow(
            span=span,
            sources=self._nodes(sources.children),
            stochastic=kind.type == "STOCHASTIC",
            target=self.node(target),
        )

    def _encoder(self, tree: RawTree, span: Span) -> ast.Encoder:
        name, *arrows, module = tree.children
        return ast.Encoder(span=span, name=self.node(name), arrows=self._nodes(arrows), module=self._optional(module))

    def _decoder(self, tree: RawTree, span: Span) -> ast.Decoder:
        name, *arrows, module = tree.children
        return ast.Decoder(span=span, name=self.node(name), arrows=self._nodes(arrows), module=self._optional(module))

    def _term(self, tree: RawTree, span: Span) -> ast.Term:
        label, direction, weighted, estimator, share, subset = tree.children
        weight, aggregation, quantity = weighted.children
        return ast.Term(
            span=span,
            label=self._optional(label),
            direction=str(direction.children[0]),
            weight=self._optional(weight),
            aggregation=self._optional(aggregation),
            quantity=self.node(quantity),
            estimator=self.node(estimator),
            share=self._optional(share),
            subset=self._optional(subset),
        )

    def _drop(self, tree: RawTree, span: Span) -> ast.Drop:
        return ast.Drop(span=span, label=self.node(tree.children[0]))

    def _assume(self, tree: RawTree, span: Span) -> ast.Assume:
        return ast.Assume(span=span, fact=self.node(tree.children[0]))

    def _claim(self, tree: RawTree, span: Span) -> ast.Claim:
        return ast.Claim(span=span, relation=self.node(tree.children[0]))

    def _represent(self, tree: RawTree, span: Span) -> ast.Represent:
        return ast.Represent(span=span, variables=self._nodes(tree.children))

    def _train(self, tree: RawTree, span: Span) -> ast.Train:
        return ast.Train(span=span, settings=self._nodes(tree.children))

    def _setting(self, tree: RawTree, span: Span) -> ast.Setting:
        key, value = self._nodes(tree.children)
        return ast.Setting(span=span, key=key, value=value)

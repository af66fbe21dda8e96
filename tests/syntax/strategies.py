"""Generated trees of the language: every statement, every kind of value, and names that look like keywords."""

from functools import reduce
from typing import TypeVar

from hypothesis import strategies as st

from mvib.source import SourceFile, Span
from mvib.syntax import ast
from mvib.syntax.parser import STATEMENT_KEYWORDS

T = TypeVar("T")

SPAN = Span(SourceFile("generated", ""), 0, 0)
INSIDE_WORDS = ("by", "on", "in", "extends", "partial", "I", "H", "TC", "D", "sum", "mean", "sg", "arxiv", "true")
BRACKET_WORDS = frozenset({"I", "H", "TC", "D", "sum", "mean"})


def several(elements: st.SearchStrategy[T], least: int = 1, most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(elements, min_size=least, max_size=most).map(tuple)


def _name(text: str) -> ast.Name:
    return ast.Name(span=SPAN, text=text)


def _number(text: str) -> ast.Number:
    digits = text.replace("_", "")
    return ast.Number(span=SPAN, value=int(digits) if digits.isdigit() else float(digits), text=text)


names = st.one_of(
    st.sampled_from(("X", "Z", "f", "beta", "β", "Z'", "q''", "x\u0302", "幅", "é1", "_")),
    st.sampled_from((*STATEMENT_KEYWORDS, *INSIDE_WORDS)),
).map(_name)
numbers = st.sampled_from(("0", "1", "25", "4_096", "1e-3", "0.5", ".5", "1.", "2.5E+3", "007")).map(_number)
strings = st.builds(ast.String, span=st.just(SPAN), value=st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
plain_references = st.builds(ast.Reference, span=st.just(SPAN), name=names)


def _compound(inner: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Value]:
    return st.one_of(
        st.builds(ast.Binary, span=st.just(SPAN), operator=st.sampled_from("+-*/"), left=inner, right=inner),
        st.builds(ast.Negative, span=st.just(SPAN), operand=inner),
        st.builds(ast.Tuple, span=st.just(SPAN), items=several(inner, 2)),
        st.builds(ast.Reference, span=st.just(SPAN), name=names, indices=several(inner, 1, 2)),
        _calls(inner),
    )


def _ranges(ends: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Range]:
    return st.builds(ast.Range, span=st.just(SPAN), low=ends, high=ends)


def _calls(inner: st.SearchStrategy[ast.Value]) -> st.SearchStrategy[ast.Call]:
    given = st.one_of(inner, _ranges(inner), st.builds(ast.Transition, span=st.just(SPAN), start=inner, end=inner))
    argument = st.builds(ast.Argument, span=st.just(SPAN), name=st.none() | names, value=given)
    return st.builds(ast.Call, span=st.just(SPAN), function=names, arguments=several(argument, 0))


values: st.SearchStrategy[ast.Value] = st.recursive(
    st.one_of(numbers, strings, plain_references), _compound, max_leaves=5
)
calls = _calls(values)
binders = st.builds(ast.Binder, span=st.just(SPAN), name=names, range=_ranges(values))
references = st.one_of(
    plain_references,
    st.builds(ast.Reference, span=st.just(SPAN), name=names, indices=several(st.one_of(values, binders), 1, 2)),
)
modules = st.one_of(calls, references)

# ---- quantities and facts ------------------------------------------------------------------------------------------

# An index inside a path has no brackets of its own.
steps = st.one_of(
    plain_references,
    st.builds(ast.Reference, span=st.just(SPAN), name=names, indices=several(numbers | plain_references, 1, 2)),
)
variables = st.builds(ast.Variable, span=st.just(SPAN), reference=references, stopped=st.booleans())
quantities = st.builds(
    ast.Quantity,
    span=st.just(SPAN),
    functional=st.sampled_from(("I", "H", "TC", "D")),
    path=several(steps, 0, 2),
    groups=several(several(variables, 1, 2)),
    condition=several(variables, 0, 2),
    prior=st.one_of(st.none(), plain_references, calls),
)
clauses = st.one_of(
    st.builds(ast.Clause, span=st.just(SPAN), index=names),
    st.builds(ast.Clause, span=st.just(SPAN), index=names, operator=st.sampled_from(("!=", "<", "<=")), operand=values),
    st.builds(ast.Clause, span=st.just(SPAN), index=names, operator=st.just("in"), operand=_ranges(values)),
)
aggregations = st.builds(
    ast.Aggregation, span=st.just(SPAN), function=st.sampled_from(("sum", "mean")), clauses=several(clauses, 1, 2)
)
aggregated = st.builds(ast.Aggregated, span=st.just(SPAN), aggregation=st.none() | aggregations, quantity=quantities)


def _fold(operators: str, operands: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    """Chains from the left, as they are read without brackets."""

    def build(first: ast.Expression, rest: list[tuple[str, ast.Expression]]) -> ast.Expression:
        return reduce(lambda left, step: ast.Binary(span=SPAN, operator=step[0], left=left, right=step[1]), rest, first)

    return st.builds(build, operands, st.lists(st.tuples(st.sampled_from(operators), operands), max_size=2))


_factors: st.SearchStrategy[ast.Expression] = st.one_of(numbers, plain_references, aggregated)
_signed = st.one_of(
    _factors,
    st.builds(ast.Negative, span=st.just(SPAN), operand=_factors),
    st.builds(ast.Negative, span=st.just(SPAN), operand=st.builds(ast.Negative, span=st.just(SPAN), operand=_factors)),
)
sides = _fold("+-", _fold("*/", _signed))
relations = st.builds(
    ast.Relation,
    span=st.just(SPAN),
    left=sides,
    operator=st.sampled_from(("<=", ">=", "=", "<", ">", "!=")),
    right=sides,
)
chains = st.builds(ast.Chain, span=st.just(SPAN), links=several(several(references, 1, 2), 2))
predicates = calls.filter(lambda call: call.function.text not in BRACKET_WORDS)

# ---- statements ----------------------------------------------------------------------------------------------------

_comment_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=8)
comments = _comment_text.map(lambda text: ast.Comment(span=SPAN, text=f"# {text}".rstrip()))
leading = several(comments, 0, 2)
trailing = st.none() | comments
_identifiers = st.from_regex(r"[a-z0-9./():_-]{1,12}", fullmatch=True)

arrows = st.builds(
    ast.Arrow, span=st.just(SPAN), sources=several(references), stochastic=st.booleans(), target=references
)
settings = st.builds(ast.Setting, span=st.just(SPAN), key=names, value=values)
declarations = st.builds(ast.DataDeclaration, span=st.just(SPAN), target=references, type=names, partial=st.booleans())
_around = {"span": st.just(SPAN), "leading": leading, "trailing": trailing}
statements: st.SearchStrategy[ast.Statement] = st.one_of(
    st.builds(ast.Method, **_around, name=names, parent=st.one_of(st.none(), strings, names)),
    st.builds(ast.About, **_around, text=strings),
    st.builds(ast.Cite, **_around, text=strings, arxiv=st.just("") | _identifiers, doi=st.just("") | _identifiers),
    st.builds(ast.Param, **_around, name=names, value=values),
    st.builds(ast.Data, **_around, declarations=several(declarations)),
    st.builds(ast.View, **_around, targets=several(references, 1, 2), channel=calls),
    st.builds(ast.Encoder, **_around, name=references, arrows=several(arrows), module=st.none() | modules),
    st.builds(ast.Decoder, **_around, name=references, arrows=several(arrows), module=st.none() | modules),
    st.builds(
        ast.Term,
        **_around,
        label=st.none() | names,
        direction=st.sampled_from(("maximize", "minimize")),
        weight=st.none() | values,
        aggregation=st.none() | aggregations,
        quantity=quantities,
        estimator=modules,
        subset=st.one_of(st.none(), plain_references, calls),
    ),
    st.builds(ast.Drop, **_around, label=names),
    st.builds(ast.Assume, **_around, fact=st.one_of(relations, chains, predicates)),
    st.builds(ast.Claim, **_around, relation=relations),
    st.builds(ast.Represent, **_around, variables=several(references)),
    st.builds(ast.Train, **_around, settings=several(settings, 0)),
)
versions = st.builds(ast.Version, **_around, number=st.just(_number("1")))
specs = st.builds(
    lambda version, rest, closing: ast.Spec(
        span=SPAN, source=SPAN.source, statements=(*version, *rest), closing=closing if rest else ()
    ),
    several(versions, 0, 1),
    several(statements, 0, 4),
    several(comments, 0, 2),
)

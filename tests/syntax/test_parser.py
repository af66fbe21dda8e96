import time
from collections.abc import Iterator
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvib.diagnostics import render_text
from mvib.source import SourceFile
from mvib.syntax import ast
from mvib.syntax.formatter import format_spec
from mvib.syntax.parser import MAX_CHARACTERS, MAX_NESTING, MAX_OPERATORS, parse_source
from tests.syntax.samples import GOOD
from tests.syntax.strategies import specs


def parse(text: str) -> ast.Spec:
    parsed = parse_source(SourceFile("test.mvib", text))
    assert parsed.diagnostics == (), render_text(parsed.diagnostics)
    return parsed.spec


def only(text: str) -> ast.Statement:
    (statement,) = parse(text).statements
    return statement


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes inside a node; comments may stand outside of their statement."""
    for field in fields(node):
        stack = [getattr(node, field.name)]
        while stack:
            value = stack.pop()
            if isinstance(value, tuple):
                stack.extend(value)
            elif isinstance(value, ast.Node) and not isinstance(value, ast.Comment):
                yield value


def faults_of_spans(node: ast.Node) -> Iterator[str]:
    for child in children(node):
        if not node.span.contains(child.span):
            yield f"{child} at {child.span} is outside of {node} at {node.span}"
        yield from faults_of_spans(child)


# ---- trees ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(specs)
def test_spans_of_children_lie_inside_those_of_their_parents(spec: ast.Spec) -> None:
    assert list(faults_of_spans(parse(format_spec(spec)))) == []


@pytest.mark.parametrize("name", GOOD)
def test_spans_of_names_and_numbers_are_their_text(name: str) -> None:
    def check(node: ast.Node) -> None:
        if isinstance(node, ast.Name | ast.Number):
            assert node.span.text == node.text
        for child in children(node):
            check(child)

    spec = parse(GOOD[name])
    check(spec)
    assert list(faults_of_spans(spec)) == []


def test_statements_have_no_order_of_lines() -> None:
    assert parse("data X: image view X[i: 1..2] ~ augment(X)") == parse(
        "data X\n :image\n\tview X[i:1..2]~\naugment(X)"
    )


def test_line_ends_and_a_byte_order_mark_mean_nothing() -> None:
    assert parse("\ufeffmethod M\r\ndata X: image\r\n") == parse("method M\ndata X: image\n")


@pytest.mark.parametrize(
    "keyword", ["data", "term", "I", "H", "sum", "mean", "sg", "by", "on", "in", "train", "partial"]
)
def test_keywords_are_names_wherever_no_statement_starts(keyword: str) -> None:
    text = (
        f"method {keyword} extends {keyword}\nparam {keyword} = {keyword}\ndata {keyword}: {keyword} partial\n"
        f"view {keyword}[{keyword}: 1..2] ~ {keyword}({keyword}, {keyword}: {keyword})\n"
        f"encoder {keyword}: {keyword} -> {keyword} = {keyword}\n"
        f"term {keyword}: maximize {keyword} * sum({keyword}) I({keyword}; {keyword}) by {keyword} on {keyword}\n"
        f"assume {keyword}[1] -- {keyword}\nclaim {keyword} <= {keyword}\nrepresent {keyword}\n"
        f"train {{ epochs: 1 {keyword}: {keyword} {keyword}: 2 }}"
    )
    assert len(parse(text).statements) == 10


def test_names_are_normalised_and_may_carry_marks_and_primes() -> None:
    statement = only("represent e\u0301, x\u0302', Z''")
    assert isinstance(statement, ast.Represent)
    assert [reference.name.text for reference in statement.variables] == ["\u00e9", "x\u0302'", "Z''"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("4_096", 4096),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("1.", 1.0),
        ("007", 7),
        ("1E2", 100.0),
        ("9" * 5000, float("inf")),
    ],
)
def test_numbers(written: str, value: float) -> None:
    statement = only(f"param a = {written}")
    assert isinstance(statement, ast.Param)
    assert isinstance(statement.value, ast.Number)
    assert (statement.value.value, statement.value.text) == (value, written)


def test_escapes_in_texts() -> None:
    statement = only(r'about "a \"b\" \\ \n \t \d # no comment"')
    assert isinstance(statement, ast.About)
    assert statement.text.value == 'a "b" \\ \n \t \\d # no comment'


def test_an_estimator_without_brackets_is_a_reference() -> None:
    bare, called = only("maximize H(A) by q[1]"), only("maximize H(A) by q()")
    assert isinstance(bare, ast.Term)
    assert isinstance(called, ast.Term)
    assert isinstance(bare.estimator, ast.Reference)
    assert isinstance(called.estimator, ast.Call)


def test_comments_belong_to_statements() -> None:
    spec = parse("# above\nmethod M  # behind\n\n# next\ndata X: # inside\n image\n# end")
    method, data = spec.statements
    assert [comment.text for comment in method.comments] == ["# above", "# behind"]
    assert [comment.text for comment in data.leading] == ["# next", "# inside"]
    assert [comment.text for comment in spec.closing] == ["# end"]


# ---- no text breaks it ---------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(st.text(max_size=60) | st.text("()[]{}|;:,.~<>-=*/+#\"'IHXsg1e \n", max_size=40))
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    source = SourceFile("any.mvib", text)
    parsed = parse_source(source)
    assert all(found.span.source is source for found in parsed.diagnostics)
    render_text(parsed.diagnostics)
    if not parsed.diagnostics:
        assert parse(format_spec(parsed.spec)) == parsed.spec


@pytest.mark.parametrize(
    "text",
    [
        "param a = " + "(" * (MAX_NESTING + 1),
        "param a = 1" + " + 1" * (MAX_OPERATORS + 1),
        "param a = " + "-" * (MAX_OPERATORS + 1) + "1",
        "param a = " + "- " * (MAX_OPERATORS + 1) + "1",
        "param a = " + "(" * 30 + "1" + " + 1" * 9 + (")" + " + 1" * 9) * 30,
        "#" * (MAX_CHARACTERS + 1),
    ],
)
def test_a_hostile_text_is_refused(text: str) -> None:
    (found,) = parse_source(SourceFile("hostile.mvib", text)).diagnostics
    assert found.slug == "too-large"


def test_the_largest_expression_is_read() -> None:
    inner = "1" + " + 1" * (MAX_OPERATORS - MAX_NESTING)
    text = "param a = " + "f(" * MAX_NESTING + inner + ")" * MAX_NESTING
    assert parse(format_spec(parse(text))) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "assume I " + "# " * 5000,
        "assume " + "I[" * 5000,
        "assume " + "I [ x ] " * 2000,
        "train { " + "a " * 5000,
        'about "' + "\\" * 5001,
        "represent R\n" * 2000 + "represent",
    ],
)
def test_reading_takes_no_time_out_of_proportion(text: str) -> None:
    start = time.process_time()
    assert parse_source(SourceFile("slow.mvib", text)).diagnostics
    # A second is a hundred times what these take: what must not happen is a minute.
    assert time.process_time() - start < 2


@pytest.mark.parametrize("text", ["dataX:", "viewX\ndata X: image", "minimizeI\nX; "])
def test_a_word_glued_to_its_keyword_is_a_mistake_like_any_other(text: str) -> None:
    assert parse_source(SourceFile("x", text)).diagnostics

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvib.diagnostics import render_text
from mvib.source import SourceFile, display_width
from mvib.syntax import ast
from mvib.syntax.formatter import WIDTH, format_spec
from mvib.syntax.parser import parse_source
from tests.syntax.samples import GOOD, tokens_of
from tests.syntax.strategies import specs


def parse(text: str) -> ast.Spec:
    parsed = parse_source(SourceFile("test.mvib", text))
    assert parsed.diagnostics == (), f"{render_text(parsed.diagnostics)}\n{text}"
    return parsed.spec


def formatted(text: str) -> str:
    return format_spec(parse(text))


def comments_of(spec: ast.Spec) -> list[str]:
    return [comment.text for statement in spec.statements for comment in statement.comments] + [
        comment.text for comment in spec.closing
    ]


@settings(max_examples=150)
@given(specs)
def test_a_formatted_tree_parses_to_itself(spec: ast.Spec) -> None:
    text = format_spec(spec)
    assert parse(text) == spec
    assert formatted(text) == text


@st.composite
def untidy(draw: st.DrawFn) -> str:
    """A good spec with other blanks, line breaks and comments between its tokens."""
    blanks = st.sampled_from((" ", " ", "\t", "\n", "\n\n\n", "  # why\n", "\n# above\n", "\r\n"))
    text = "".join(token + draw(blanks) for token in tokens_of(draw(st.sampled_from(sorted(GOOD.values())))))
    return draw(blanks) + text


@settings(max_examples=60)
@given(untidy())
def test_layout_and_comments_do_not_change_the_tree(text: str) -> None:
    before = parse(text)
    result = format_spec(before)
    after = parse(result)
    assert after == before
    assert comments_of(after) == re.findall(r"# (?:why|above)", text)
    assert format_spec(after) == result


@pytest.mark.parametrize("name", GOOD)
def test_golden_layout(name: str, golden: Callable[[str, Path], None]) -> None:
    text = formatted(GOOD[name])
    golden(text, Path("layout") / f"{name}.mvib")
    assert formatted(text) == text


@pytest.mark.parametrize("name", ["simclr", "vicreg", "byol", "mvib"])
def test_the_examples_of_the_language_keep_their_lines(name: str) -> None:
    def squeezed(text: str) -> list[str]:
        return [" ".join(line.split()) for line in text.splitlines()]

    assert squeezed(formatted(GOOD[name])) == squeezed(GOOD[name])


@settings(max_examples=50)
@given(specs)
def test_lines_end_without_blanks_and_the_text_with_one_line_break(spec: ast.Spec) -> None:
    text = format_spec(spec)
    lines = [line for line in text.split("\n") if "#" not in line and '"' not in line]
    assert all(line == line.rstrip() for line in lines)
    assert not text.startswith("\n")
    assert "\n\n\n" not in text
    assert text == "" or (text.endswith("\n") and not text.endswith("\n\n"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("param a = ((1))", "param a = 1"),
        ("param a = (1+2)*3", "param a = (1 + 2) * 3"),
        ("param a = 1+(2*3)", "param a = 1 + 2*3"),
        ("param a = 1-(2-3)", "param a = 1 - (2 - 3)"),
        ("param a = 2/(3*4)/5", "param a = 2 / (3 * 4) / 5"),
        ("param a = -(1+2)", "param a = -(1 + 2)"),
        ("param a = -(-1)", "param a = - -1"),
        ("param a = f(x[t+2*k], -y)", "param a = f(x[t+2*k], -y)"),
        ("param a = f((V+1)..2)", "param a = f(V+1..2)"),
        ("param a = f(1. .. .5)", "param a = f(1. .. .5)"),
        ('param a = "x\\ty\\d"', 'param a = "x\\ty\\\\d"'),
        ("maximize ((beta+1)) * I(A;B) by q()", "maximize (beta + 1) * I(A; B) by q()"),
        ("maximize (sum(x)) * I(A;B) by q", "maximize (sum(x)) * I(A; B) by q"),
        ("assume H[1]--I[2]", "assume H[1] -- I[2]"),
        ("train{a:b,data:c}", "train { a: b  data: c }"),
        ("train {}", "train {}"),
        ("encoder f:(A)->B", "encoder f: A -> B"),
    ],
)
def test_one_statement(written: str, expected: str) -> None:
    assert formatted(written) == expected + "\n"


def test_nothing_and_comments_alone() -> None:
    assert formatted("") == ""
    assert formatted("\n\n# one\n\n\n# two  \n\n") == "# one\n\n# two\n"


def test_statements_keep_their_order_and_groups_stand_apart() -> None:
    text = "represent R\nclaim a <= b\ntrain {}\nmethod M\nmvib 1\n"
    assert formatted(text) == "represent R\nclaim a <= b\n\ntrain {}\n\nmethod M\nmvib 1\n"


def test_a_blank_line_of_the_user_splits_a_group() -> None:
    text = "method M\n\nmaximize H(A) by q\nclaim a <= b\n\n\nrepresent R\n"
    assert formatted(text) == text.replace("\n\n\n", "\n\n")


def test_blocks_are_aligned_on_their_own() -> None:
    text = "param a = 1\nparam long_name = 2\n\nparam b = 3\n"
    assert formatted(text) == "param a         = 1\nparam long_name = 2\n\nparam b = 3\n"


def test_wide_names_are_aligned_by_cells() -> None:
    assert formatted("param 幅 = 1\nparam abc = 2\n") == "param 幅  = 1\nparam abc = 2\n"


def test_a_blank_line_between_comments_is_kept() -> None:
    text = "# licence\n\n\n# about\nmethod M  # name\n# inner\n\nrepresent R\n\n# end\n"
    assert formatted(text) == "# licence\n\n# about\nmethod M  # name\n\n# inner\n\nrepresent R\n\n# end\n"


def test_comments_inside_a_train_block_stay_with_their_settings() -> None:
    text = "train {  # all\n  # how long\n  epochs: 40  # passes\n  seed: 0\n  # last\n}  # behind\n"
    assert formatted(text) == text


def test_long_statements_are_broken_and_stay_in_the_width() -> None:
    arguments = ", ".join(f"argument_{index}: {index}" for index in range(12))
    arrows = ", ".join(f"X_long_name[{index}] -> Z_long_name[{index}]" for index in range(1, 6))
    quantity = "I(" + ", ".join(f"X_long[{index}]" for index in range(8)) + "; Z | Y)"
    text = (
        f"encoder f: {arrows} = mlp({arguments})\n"
        f"minimize {quantity} by rate({arguments}) on labelled\n"
        f"claim {' + '.join([quantity] * 3)} <= {quantity}\n"
        f"train {{ {arguments.replace(',', '')} }}\n"
    )
    result = formatted(text)
    assert parse(result) == parse(text)
    assert max(map(display_width, result.splitlines())) <= WIDTH

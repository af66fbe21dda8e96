import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from lark import Lark

from mvib.diagnostics import Diagnostic, render_text
from mvib.resources import grammar_text
from mvib.source import SourceFile
from mvib.syntax.failure import Failure
from mvib.syntax.messages import explain_failure
from mvib.syntax.parser import parse_source
from mvib.syntax.vocabulary import MODELS, PHRASES, STATEMENT_STARTS, STATEMENTS
from tests.syntax.samples import mutated

BAD = sorted((Path(__file__).parent / "bad").glob("*.mvib"))
LARK = Lark(grammar_text(), parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True)
TERMINALS = {terminal.name for terminal in LARK.terminals}
OFFENDERS = ("", "x", "1", '"t"', "I", "data", "^", "->", *"()[]{}=:;,|~+")
# `NAME` is also how a model of a statement calls what the user names.
UNSPEAKABLE = re.compile(r"\b(?:" + "|".join(sorted(TERMINALS - {"NAME"})) + r"|__\w+|UnexpectedToken|lark)\b")


def diagnostics_of(text: str, name: str = "test.mvib") -> tuple[Diagnostic, ...]:
    return parse_source(SourceFile(name, text)).diagnostics


def said(diagnostic: Diagnostic) -> str:
    return "\n".join(
        (diagnostic.title, diagnostic.label, diagnostic.why, diagnostic.remedy, *(s.text for s in diagnostic.secondary))
    )


def rows_to_paste(diagnostic: Diagnostic) -> list[str]:
    return [row for row in diagnostic.remedy.split("\n") if row.startswith("  ")]


# ---- the table of mistakes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_golden_message(path: Path, golden: Callable[[str, Path], None]) -> None:
    text = path.read_text(encoding="utf-8")
    golden(render_text(diagnostics_of(text, path.name)), Path("bad") / f"{path.stem}.err")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_message_is_complete_and_its_remedy_can_be_pasted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = diagnostics_of(text, path.name)
    assert found
    for diagnostic in found:
        assert diagnostic.title
        assert diagnostic.label
        assert diagnostic.remedy
        assert not diagnostic.title.endswith(".")
        assert not UNSPEAKABLE.search(said(diagnostic).replace(text, ""))
        if not diagnostic.remedy.startswith("write\n"):
            assert diagnostics_of("\n".join(rows_to_paste(diagnostic))) == ()
            continue
        lines = text.split("\n")
        lines[diagnostic.span.line - 1] = "\n".join(rows_to_paste(diagnostic))
        assert len(diagnostics_of("\n".join(lines))) == len(found) - 1


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 60


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in (Path(__file__).parent / "bad").glob("*.err")} == {path.stem for path in BAD}


# ---- every state of the parser -------------------------------------------------------------------------------------


def parser_states() -> set[frozenset[str]]:
    """What the states of the parser accept."""
    table = LARK.parser.parser._parse_table
    return {frozenset(name for name in actions if name in TERMINALS | {"$END"}) for actions in table.states.values()}


def test_every_terminal_of_every_state_has_a_phrase() -> None:
    assert frozenset().union(*parser_states()) <= set(PHRASES) | STATEMENT_STARTS | {"$END"}
    assert {name for name in TERMINALS if not name.startswith("__") and name != "COMMENT"} <= (
        set(PHRASES) | STATEMENT_STARTS
    )


@pytest.mark.parametrize("keyword", STATEMENTS)
def test_every_state_has_a_sentence(keyword: str) -> None:
    states = parser_states()
    for tokens in (f"{keyword}", f"{keyword} a", f"{keyword} a = f (", f"{keyword} a [ 1", f"{keyword} : a"):
        source = SourceFile("state.mvib", f"{tokens} ")
        placed = tuple((match.group(), *match.span()) for match in re.finditer(r"\S+", source.text))
        for offender in OFFENDERS:
            whole = SourceFile("state.mvib", source.text + offender)
            for accepted in states:
                failure = Failure(
                    source=whole,
                    tokens=placed,
                    start=len(source.text),
                    end=len(whole.text),
                    found=offender,
                    accepted=accepted,
                )
                message = explain_failure(failure)
                assert message.title
                assert message.label
                assert message.remedy
                assert not UNSPEAKABLE.search(said(message))


def test_the_models_of_the_statements_parse() -> None:
    assert set(STATEMENTS) == {name.casefold() for name in STATEMENT_STARTS}
    assert [model for model in MODELS.values() if diagnostics_of(model)] == []


# ---- whatever is wrong ---------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(mutated())
def test_a_mutated_spec_gives_a_tree_or_messages(text: str) -> None:
    for diagnostic in diagnostics_of(text):
        assert diagnostic.title
        assert diagnostic.label
        assert diagnostic.remedy
        assert set(UNSPEAKABLE.findall(said(diagnostic))) <= set(re.findall(r"\w+", text))
        assert 1 <= diagnostic.span.line <= text.count("\n") + 1
        picture = render_text([diagnostic]).split("\n")
        assert any("^" in line for line in picture)


def test_one_run_reports_the_mistakes_of_all_statements() -> None:
    text = "method M\ndata X = image\nview X[i: 1..2] ~ augment(X)\nmaximize I(A B) by q\nparam a 1\n"
    assert [found.span.line for found in diagnostics_of(text)] == [2, 4, 5]


def test_a_statement_over_several_lines_is_one_statement() -> None:
    text = "encoder f:\nX -> Z\n = mlp(64)\ndata X = image\n"
    assert [found.span.line for found in diagnostics_of(text)] == [4]


def test_the_second_statement_of_a_line_is_the_broken_one() -> None:
    (found,) = diagnostics_of("param a = 1 param b : 2")
    assert rows_to_paste(found) == ["  param a = 1 param b = 2"]

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mvib.source import SourceFile, Span, display_width, printable

TEXTS = st.text(st.sampled_from("ab\n\r\t幅é"), max_size=30)


@st.composite
def spans(draw: st.DrawFn, count: int = 1) -> list[Span]:
    source = SourceFile("test.mvib", draw(TEXTS))
    ends = [sorted(draw(st.tuples(*[st.integers(0, len(source.text))] * 2))) for _ in range(count)]
    return [Span(source, start, end) for start, end in ends]


@given(TEXTS)
def test_lines_and_columns_find_every_character(text: str) -> None:
    source = SourceFile("test.mvib", text)
    lines = text.split("\n")
    assert source.num_lines == len(lines)
    for offset, character in enumerate(text):
        line, column = source.line_of(offset), source.column_of(offset)
        assert (lines[line - 1] + "\n")[column - 1] == character


@given(TEXTS)
def test_line_texts_are_the_lines_without_their_ends(text: str) -> None:
    source = SourceFile("test.mvib", text)
    assert [source.line_text(line + 1) for line in range(source.num_lines)] == [
        line.rstrip("\r") for line in text.split("\n")
    ]


@given(spans())
def test_a_span_starts_and_ends_where_it_says(found: list[Span]) -> None:
    (span,) = found
    lines = span.source.text.split("\n")
    before = "".join(f"{line}\n" for line in lines[: span.line - 1]) + lines[span.line - 1][: span.column - 1]
    assert len(before) == span.start
    assert span.end_line >= span.line
    assert (span.end_line, span.end_column) >= (span.line, span.column)
    if span.end_line == span.line:
        assert span.end_column - span.column == span.end - span.start


@given(spans(count=3))
def test_join_is_the_smallest_span_around_both(found: list[Span]) -> None:
    a, b, c = found
    joined = a.join(b)
    assert joined == b.join(a)
    assert a.join(a) == a
    assert a.join(b).join(c) == a.join(b.join(c))
    assert joined.contains(a)
    assert joined.contains(b)
    assert not (c.contains(a) and c.contains(b)) or c.contains(joined)


@given(spans(count=2))
def test_containing_is_an_order(found: list[Span]) -> None:
    a, b = found
    assert a.contains(a)
    assert not (a.contains(b) and b.contains(a)) or a == b
    assume(a.contains(b))
    assert a.join(b) == a
    assert b.text in a.text


def test_a_span_names_its_place() -> None:
    source = SourceFile("dir/a.mvib", "one\ntwo three\n")
    span = Span(source, 8, 13)
    assert str(span) == "dir/a.mvib:2:5"
    assert span.text == "three"
    assert (span.end_line, span.end_column) == (2, 10)


def test_an_empty_span_at_the_end_of_the_file() -> None:
    span = Span(SourceFile("a.mvib", "one\n"), 4, 4)
    assert (span.line, span.column, span.end_line, span.end_column) == (2, 1, 2, 1)


def test_a_span_outside_of_its_file_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match=r"a\.mvib"):
        Span(SourceFile("a.mvib", "one"), 2, 4)


def test_spans_of_different_files_are_not_inside_each_other() -> None:
    one, other = SourceFile("a.mvib", "same"), SourceFile("b.mvib", "same")
    assert not Span(one, 0, 4).contains(Span(other, 1, 2))


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("幅", 2), ("e\u0301", 1), ("", 0), ("β'", 2)])
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


def test_printable_shows_what_would_reach_the_terminal() -> None:
    assert printable("a\tb") == "a    b"
    assert printable("\x1b[31mred\x07") == "\\u001b[31mred\\u0007"
    assert printable("\u202eabc\u200b") == "\\u202eabc\\u200b"
    assert printable("β 幅 é") == "β 幅 é"


@given(st.text())
def test_printable_leaves_no_control_character(text: str) -> None:
    shown = printable(text)
    assert all(character == " " or character.isprintable() or character.isspace() for character in shown)
    assert "\x1b" not in shown
    assert "\n" not in shown

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvib.diagnostics import (
    Diagnostic,
    Label,
    Severity,
    SpecError,
    has_errors,
    nearest,
    quoted_list,
    render_concise,
    render_json,
    render_sarif,
    render_text,
)
from mvib.source import SourceFile, Span, display_width

SOURCE = SourceFile("a.mvib", "method M\ndata X: image\nview X[i: 1..2] ~ augment(X)\n\n\nrepresent R\n")


def at(text: str, source: SourceFile = SOURCE) -> Span:
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def finding(span: Span, **changes: Any) -> Diagnostic:
    return Diagnostic(**{"slug": "unused-view", "title": "nothing uses this view", "span": span, **changes})


def test_all_parts_of_a_text() -> None:
    diagnostic = finding(
        at("X[i: 1..2]"),
        severity=Severity.WARNING,
        label="declared here",
        why="no term reaches it",
        remedy="delete it, or write\n  maximize I(X[1]; X[2]) by infonce\nand train",
    )
    assert render_text([diagnostic]) == (
        "warning[unused-view]: nothing uses this view\n"
        " --> a.mvib:3:6\n"
        "  |\n"
        "3 | view X[i: 1..2] ~ augment(X)\n"
        "  |      ^^^^^^^^^^ declared here\n"
        "  = why: no term reaches it\n"
        "  = help: delete it, or write\n"
        "            maximize I(X[1]; X[2]) by infonce\n"
        "          and train\n"
    )


def test_a_blank_line_between_two() -> None:
    text = render_text([finding(at("method")), finding(at("data"))])
    assert text.split("\n\n")[1].startswith("error[unused-view]")


def test_second_places_on_the_same_line_the_next_and_a_far_one() -> None:
    diagnostic = finding(
        at("data"), secondary=(Label(at("image"), "same"), Label(at("view"), "next"), Label(at("represent"), "far"))
    )
    assert render_text([diagnostic]).split("\n")[1:-1] == [
        " --> a.mvib:2:1",
        "  |",
        "2 | data X: image",
        "  | ^^^^",
        "  |         ----- same",
        "3 | view X[i: 1..2] ~ augment(X)",
        "  | ---- next",
        " ...",
        "6 | represent R",
        "  | --------- far",
    ]


def test_a_second_place_in_another_file() -> None:
    other = SourceFile("parent.mvib", "\n" * 11 + "term t: maximize H(Z) by q\n")
    text = render_text([finding(at("data"), secondary=(Label(at("term", other), "inherited from here"),))])
    assert text.split("\n")[1:-1] == [
        "  --> a.mvib:2:1",
        "   |",
        " 2 | data X: image",
        "   | ^^^^",
        "  --> parent.mvib:12:1",
        "   |",
        "12 | term t: maximize H(Z) by q",
        "   | ---- inherited from here",
    ]


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    span = at("X: image").join(at("augment"))
    assert "2 | data X: image\n  |      ^^^^^^^^\n" in render_text([finding(span)])


def test_tabs_and_wide_characters_keep_the_caret_below_its_place() -> None:
    source = SourceFile("a.mvib", "param\t幅e\u0301 = !\n")
    line, pointer = render_text([finding(at("!", source))]).split("\n")[3:5]
    assert line == "1 | param    幅e\u0301 = !"
    assert display_width(line[: line.index("!")]) == pointer.index("^")


def test_a_long_line_is_cut_around_its_place() -> None:
    source = SourceFile("a.mvib", "x" * 400 + "!" + "y" * 400)
    line, pointer = render_text([finding(at("!", source))]).split("\n")[3:5]
    assert len(line) < 200
    assert line.index("!") == pointer.index("^")
    assert (line[4:7], line[-3:]) == ("...", "...")


def test_an_empty_place_at_the_end_of_the_file_has_a_caret() -> None:
    end = len(SOURCE.text)
    assert "7 | \n  | ^ here\n" in render_text([finding(Span(SOURCE, end, end), label="here")])


def test_control_characters_do_not_reach_the_terminal() -> None:
    source = SourceFile("a\x1b[2J.mvib", "param a = \x1b[31m1 # \u202e\n")
    diagnostic = finding(
        at("\x1b", source), title="\x1b]0;title\x07", label="\x1b[1m", why="a\x1bb", remedy="write\n  \x9b31m"
    )
    for text in (render_text([diagnostic]), render_concise([diagnostic])):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_colours_change_nothing_but_the_colours() -> None:
    diagnostic = finding(at("data"), why="because", secondary=(Label(at("view"), "there"),))
    coloured = render_text([diagnostic], colour=True)
    assert coloured != render_text([diagnostic])
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text([diagnostic])


@settings(max_examples=60)
@given(st.text(max_size=40), st.data())
def test_every_place_of_every_text_can_be_shown(text: str, data: st.DataObject) -> None:
    source = SourceFile("a.mvib", text)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    shown = render_text([finding(Span(source, start, end), label=text, remedy=text)])
    assert "^" in shown


def test_concise_is_one_line_for_each() -> None:
    text = render_concise([finding(at("data")), finding(at("view"), severity=Severity.NOTE)])
    assert text == (
        "a.mvib:2:1: error[unused-view]: nothing uses this view\n"
        "a.mvib:3:1: note[unused-view]: nothing uses this view\n"
    )


def test_json() -> None:
    diagnostic = finding(at("X[i: 1..2]"), label="l", why="w", remedy="r", secondary=(Label(at("data"), "s"),))
    assert json.loads(render_json([diagnostic])) == [
        {
            "slug": "unused-view",
            "severity": "error",
            "title": "nothing uses this view",
            "file": "a.mvib",
            "line": 3,
            "column": 6,
            "end_line": 3,
            "end_column": 16,
            "label": "l",
            "secondary": [
                {"file": "a.mvib", "line": 2, "column": 1, "end_line": 2, "end_column": 5, "label": "s"},
            ],
            "why": "w",
            "remedy": "r",
        }
    ]
    assert json.loads(render_json([])) == []


def test_sarif_has_the_shape_of_its_standard() -> None:
    found = [
        finding(at("data"), remedy="delete it", secondary=(Label(at("view"), "there"),)),
        finding(at("view"), slug="another-slug", severity=Severity.NOTE),
        finding(at("represent"), severity=Severity.WARNING),
    ]
    log = json.loads(render_sarif(found, version="1.2.3"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("mvib", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["another-slug", "unused-view"]
    assert [result["level"] for result in run["results"]] == ["error", "note", "warning"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"].startswith("nothing uses this view")
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a.mvib"}
    assert place["region"] == {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5}
    assert first["message"]["text"].endswith("delete it")
    assert first["relatedLocations"][0]["message"]["text"] == "there"


def test_an_error_tells_its_first_mistake() -> None:
    warning, error = finding(at("data"), severity=Severity.WARNING), finding(at("view"), title="wrong")
    assert not has_errors([warning])
    assert has_errors([warning, error])
    with pytest.raises(SpecError, match=r"^a\.mvib:3:1: wrong \(and 1 more\)$") as raised:
        raise SpecError([warning, error])
    assert raised.value.diagnostics == (warning, error)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("infonec", "infonce"), ("INFONCE", "infonce"), ("mes", "mse"), ("quaternion", None), ("", None)],
)
def test_nearest(name: str, meant: str | None) -> None:
    assert nearest(name, ["infonce", "mse", "rate"]) == meant


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "`a`"), (["a", "b"], "`a` or `b`"), (["a", "b", "c", "d"], "`a`, `b` or 2 more")],
)
def test_quoted_list(names: list[str], text: str) -> None:
    assert quoted_list(names, conjunction="or", most=2 if len(names) > 3 else 12) == text

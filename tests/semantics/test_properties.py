"""What holds for any spec: names and order are the author's, and no text makes analysis fail."""

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvib.diagnostics import Diagnostic
from mvib.driver import Analysis, analyse
from mvib.semantics.method import Method
from mvib.source import SourceFile
from mvib.syntax import ast
from mvib.syntax.parser import parse_source

TESTS = Path(__file__).parents[1]
GOOD = {path.stem: path.read_text(encoding="utf-8") for path in sorted((TESTS / "good").glob("*.mvib"))}
# `useless-allowance` is a mistake of a comment, which belongs to the statement behind it.
NOT_OF_STATEMENTS = {"syntax", "method-not-first", "repeated-statement", "useless-allowance"}
# Wrong specs that parse, whose mistakes have nothing to do with which statement stands first.
BAD = {
    f"{path.parent.name}/{path.stem}": path.read_text(encoding="utf-8")
    for path in sorted((TESTS / "bad").glob("*/*.mvib"))
    if path.parent.name not in NOT_OF_STATEMENTS
    and not parse_source(SourceFile("spec.mvib", path.read_text(encoding="utf-8"))).diagnostics
    and "extends" not in path.read_text(encoding="utf-8")
}
TOKEN = re.compile(r'"[^"\n]*"|#[^\n]*|->|~>|\.\.|--|\|\||[<>!=]=|[^\W\d][\w]*\'*|[\d.]+(?:e-?\d+)?|\n|[ \t]+|.')


def analyse_text(text: str) -> Analysis:
    return analyse(SourceFile("spec.mvib", text))


# ---- order of statements ---------------------------------------------------------------------------------------------


def permuted(text: str, seed: int) -> str:
    """The statements behind `method` in another order, without comments."""
    spec = parse_source(SourceFile("spec.mvib", text)).spec
    head = [s.span.text for s in spec.statements if isinstance(s, ast.Version | ast.Method)]
    rest = [s.span.text for s in spec.statements if not isinstance(s, ast.Version | ast.Method)]
    random.Random(seed).shuffle(rest)
    return "\n".join([*head, *rest])


def summary(method: Method) -> Mapping[str, object]:
    """A method without the places and the order of its statements."""
    return {
        "variables": method.variables,
        "modules": method.modules,
        "channels": set(method.channels),
        "terms": {t.label: (t.direction, t.weight, t.instances, t.call, t.subset) for t in method.terms},
        "assumptions": sorted(map(str, method.assumptions)),
        "claims": sorted(map(str, method.claims)),
        "represent": method.represent,
        "settings": method.settings,
    }


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("seed", range(4))
def test_order_of_statements_changes_nothing(name: str, seed: int) -> None:
    one, other = analyse_text(GOOD[name]), analyse_text(permuted(GOOD[name], seed))
    assert [d.slug for d in other.diagnostics] == [d.slug for d in one.diagnostics]
    assert one.method is not None
    assert other.method is not None
    assert summary(other.method) == summary(one.method)
    assert one.graph is not None
    assert other.graph is not None
    # Even the order of nodes and channels is that of their names.
    assert list(other.graph.variables.items()) == list(one.graph.variables.items())
    assert other.graph.channels == one.graph.channels
    assert {label: [str(r.operands) for r in found] for label, found in other.readings.items()} == {
        label: [str(r.operands) for r in found] for label, found in one.readings.items()
    }


@pytest.mark.parametrize("name", BAD)
def test_order_of_statements_changes_no_mistake(name: str) -> None:
    expected = sorted(diagnostic.slug for diagnostic in analyse_text(BAD[name]).diagnostics)
    for seed in range(2):
        found = sorted(diagnostic.slug for diagnostic in analyse_text(permuted(BAD[name], seed)).diagnostics)
        assert found == expected


# ---- names -----------------------------------------------------------------------------------------------------------


def renamer(names: set[str]) -> Callable[[str], str]:
    """Puts another name in the place of each of some names, outside comments and strings."""

    def rename(text: str) -> str:
        return "".join(f"other_{token}" if token in names else token for token in TOKEN.findall(text))

    return rename


@pytest.mark.parametrize("name", [name for name in GOOD if name != "keywords_as_names"])
def test_renaming_renames_the_graph_and_changes_nothing_else(name: str) -> None:
    one = analyse_text(GOOD[name])
    assert one.method is not None
    assert one.graph is not None
    views = {m.name for m in one.method.modules.values() if m.kind.value == "view"}
    modules = {m.family for m in one.method.modules.values()} - {m.split("_")[0] for m in views} - views
    rename = renamer({family.name for family in one.method.variables.values()} | modules)
    other = analyse_text(rename(GOOD[name]))
    assert [d.slug for d in other.diagnostics] == [d.slug for d in one.diagnostics]
    assert other.method is not None
    assert other.graph is not None

    def text(value: object) -> str:
        return rename(str(value))

    # A view channel that shares its name with others is called after the variable it makes: those are left out.
    encoders = [text(c) for c in one.graph.channels if c.module not in views]
    assert set(encoders) <= {str(c) for c in other.graph.channels}
    assert len(other.graph.channels) == len(one.graph.channels)
    assert {text(node) for node in one.graph.nx} == set(other.graph.nx)
    assert sorted((text(a), text(b)) for a, b in one.graph.nx.edges()) == sorted(other.graph.nx.edges())
    kinds = {text(node): data["kind"] for node, data in one.graph.nx.nodes(data=True)}
    assert kinds == dict(other.graph.nx.nodes(data="kind"))
    quantities = [text(i.quantity) for t in one.method.terms for i in t.instances]
    assert quantities == [str(i.quantity) for t in other.method.terms for i in t.instances]
    assert [t.weight for t in other.method.terms] == [t.weight for t in one.method.terms]


# ---- any text --------------------------------------------------------------------------------------------------------


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good spec after a few slips: tokens or statements deleted, repeated, exchanged, or taken from another spec."""
    tokens = TOKEN.findall(draw(st.sampled_from(sorted(GOOD.values()))))
    others = TOKEN.findall(draw(st.sampled_from(sorted(GOOD.values()))))
    for _ in range(draw(st.integers(1, 4))):
        i, j = (draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
        match draw(st.sampled_from(["delete", "repeat", "exchange", "foreign", "lines", "copy"])):
            case "delete":
                del tokens[i]
            case "repeat":
                tokens.insert(i, tokens[i])
            case "exchange":
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case "foreign":
                tokens[i] = draw(st.sampled_from(others))
            case "copy":
                tokens[i] = tokens[j]
            case _:
                lines = "".join(tokens).split("\n")
                a, b = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                lines[a : a + 1] = draw(st.sampled_from([[], [lines[a], lines[a]], [lines[b]]]))
                tokens = TOKEN.findall("\n".join(lines))
        if not tokens:
            break
    return "".join(tokens)


def check_form(diagnostic: Diagnostic, text: str) -> None:
    assert diagnostic.remedy, diagnostic
    assert diagnostic.title, diagnostic
    assert not diagnostic.title.endswith("."), diagnostic.title
    assert "\n" not in diagnostic.title, diagnostic.title
    assert "Traceback" not in diagnostic.title
    for span in (diagnostic.span, *(label.span for label in diagnostic.secondary)):
        assert span.source.name == "spec.mvib"
        assert 0 <= span.start <= span.end <= len(text)


@settings(max_examples=400)
@given(mutated())
def test_no_slip_makes_analysis_fail(text: str) -> None:
    analysis = analyse_text(text)
    for diagnostic in analysis.diagnostics:
        check_form(diagnostic, text)
    places = [(d.slug, d.title, d.span.start) for d in analysis.diagnostics]
    assert len(set(places)) == len(places)
    assert (analysis.method is None) <= (not analysis.is_sound)


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_no_text_makes_analysis_fail(text: str) -> None:
    for diagnostic in analyse_text(text).diagnostics:
        check_form(diagnostic, text)

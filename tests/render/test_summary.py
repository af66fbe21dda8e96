import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mvib.driver import Analysis
from mvib.render.summary import summary_json, summary_latex, summary_text

AnalyseText = Callable[[str], Analysis]


@pytest.mark.parametrize("spec", ["mvib", "byol", "cpc", "modalities"])
def test_text(spec: str, analyse_spec: AnalyseText, golden: Callable[[str, Path], None]) -> None:
    golden(summary_text(analyse_spec(spec)), Path("golden") / f"{spec}.txt")


def test_text_has_no_escape_sequences(analyse_text: AnalyseText) -> None:
    text = summary_text(
        analyse_text('method A\nabout "\x1b[31mred\u202e"\ndata X: image\nencoder f: X -> Z = mlp(8)\nrepresent Z\n')
    )
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_claims_carry_their_verdict(analyse_spec: AnalyseText) -> None:
    assert "  I(Z₁; Z₂) <= I(X₁; X₂)\n    proved for any variables\n" in summary_text(analyse_spec("simclr"))
    assert json.loads(summary_json(analyse_spec("simclr")))["claims"] == [
        {
            "relation": "I(Z₁; Z₂) <= I(X₁; X₂)",
            "status": "proved",
            "holds_for": "for any variables",
            "assumptions": [],
        }
    ]


ASSUMING = """
method A
data X: image, Y: label partial
view X[i: 1..2] ~ augment(X)
encoder f: X[i] -> Z[i] = mlp(8)
assume sufficient(Z[1], Y)
maximize I(Z[1]; Z[2]) by infonce(temperature: 0.1)
claim I(X[1]; Y) <= I(Z[1]; Y)
claim H(Z[1] | X[1]) = 0
represent Z
"""


def test_verdicts_say_what_they_rest_on_and_for_which_variables(analyse_text: AnalyseText) -> None:
    claims = json.loads(summary_json(analyse_text(ASSUMING)))["claims"]
    assert [claim["holds_for"] for claim in claims] == ["for any variables", "for discrete or quantised variables"]
    assert claims[0]["assumptions"] == ["sufficient(Z[1], Y)"]


def test_canonical_form_and_kind(analyse_spec: AnalyseText) -> None:
    record = json.loads(summary_json(analyse_spec("mvib")))
    assert record["canonical"]["objective"] == "max I(Z₁; Z₂) - beta * I(X₁; Z₁ | X₂)"
    assert [goal["kind"] for goal in record["canonical"]["goals"]] == ["maximise", "compress"]
    assert list(record["classification"]) == [
        "approach", "contrastive", "views", "supervision", "collapse", "against_collapse", "compression", "compresses",
        "assumptions",
    ]  # fmt: skip
    assert record["classification"]["compression"] == "explicit"
    text = summary_text(analyse_spec("byol"))
    assert "  min H(T₂ | Z₁)\n" in text
    assert "no gradient into T₂" in text


def test_json_keys_are_stable(analyse_spec: AnalyseText) -> None:
    record = json.loads(summary_json(analyse_spec("mvib")))
    assert list(record) == [
        "method", "about", "citations", "parameters", "data", "channels", "objective", "terms", "assumptions", "claims",
        "canonical", "classification", "represent", "train",
    ]  # fmt: skip
    assert list(record["terms"][0]) == [
        "label", "direction", "weight", "quantity", "path", "subset", "instances", "estimator", "bound", "units",
        "saturation", "exact_when", "drops",
    ]  # fmt: skip
    assert record["terms"][1]["estimator"] == "rate(e: X[j])"
    assert record["terms"][1]["bound"] == "upper bound"
    assert record["represent"] == ["Z"]


def test_latex(analyse_spec: AnalyseText) -> None:
    text = summary_latex(analyse_spec("names"))
    assert r"\input" not in text
    assert r"\textbackslash{}input\{x\} \$x\$" in text
    assert text.count(r"\begin") == text.count(r"\end")
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")

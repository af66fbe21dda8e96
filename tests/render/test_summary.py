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


def test_claims_are_said_to_be_unproved(analyse_spec: AnalyseText) -> None:
    assert "not yet proved" in summary_text(analyse_spec("simclr"))
    assert json.loads(summary_json(analyse_spec("simclr")))["claims"] == [
        {"relation": "I(Z₁; Z₂) <= I(X₁; X₂)", "status": "not proved"}
    ]


def test_json_keys_are_stable(analyse_spec: AnalyseText) -> None:
    record = json.loads(summary_json(analyse_spec("mvib")))
    assert list(record) == [
        "method", "about", "citations", "parameters", "data", "channels", "objective", "terms", "assumptions", "claims",
        "represent", "train",
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

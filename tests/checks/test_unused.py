"""What a spec declares and nothing needs is warned about; what something needs is not."""

import pytest

from mvib.diagnostics import Severity
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, analysed, slugs

CONTRAST = "maximize I(Z[1]; Z[2]) by infonce()\n"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("", []),
        ("data W: image\n", ["unused-variable"]),
        ("encoder g: Z[i] -> P[i] = mlp(8)\n", ["unused-variable"]),
        ("encoder g: Z[i] -> P[i] = mlp(8)\nrepresent P\n", []),
        ("encoder g: Z[i] -> P[i] = mlp(8)\nassume gaussian(P[1])\n", []),
        ("encoder g: Z[i] -> P[i] = mlp(8)\nclaim H(P[1]) <= H(Z[1])\n", []),
        ("data Y: label\nassume Y -- X -- Z[1]\n", []),
        ("data Y: label partial\nmaximize H(Z[1]) by variance_covariance() on labelled\n", []),
        ("encoder g: Z[1] -> P = mlp(8)\nencoder h: P -> Q = mlp(8)\n", ["unused-variable", "unused-variable"]),
        ("param w = 1\n", ["unused-parameter"]),
        ("param w = 1\nparam v = 2 * w\nmaximize v * H(Z[1]) by variance_covariance()\n", []),
        ("param w = 8\nencoder g: Z[i] -> P[i] = mlp(w)\nrepresent P\n", []),
        ("param w = 8\ntrain { epochs: w }\n", []),
        ("param w = 8\nclaim w * H(X) >= 0\n", []),
        ("decoder q: Z[1] ~> Z[2] = gaussian(mlp(8))\nminimize H(Z[2] | Z[1]) by q\n", ["ambiguous-path"]),
        ("encoder t: X[i] -> T[i] = ema(f)\nminimize H(T[1] | Z[2]) by cosine()\n", []),
    ],
)
def test_in_a_contrastive_method(statements: str, expected: list[str]) -> None:
    assert slugs(TWO_VIEWS + CONTRAST + statements) == expected


def test_decoder_is_used_by_a_term_a_rate_or_a_path() -> None:
    rate = "minimize I(X; Z) by rate(normal)\n"
    assert slugs(AUTOENCODER + rate) == ["unused-module"]
    assert slugs(AUTOENCODER + rate + "minimize H(X | Z) by d\n") == []
    assert slugs(AUTOENCODER + rate + "minimize H(X | Z) by mse()\n") == []
    prior = "data Y: label\ndecoder b: Y ~> Z = gaussian(mlp(8))\nminimize H(X | Z) by d\n"
    assert slugs(AUTOENCODER + prior + "minimize I(X; Z | Y) by rate(b)\n") == []


def test_family_of_decoders_is_used_or_not_as_a_whole() -> None:
    text = TWO_VIEWS.replace("1..2", "1..3") + "decoder q[k: 1..2]: Z[t] ~> X[t+k] = gaussian(mlp(8))\n"
    assert slugs(text + "minimize H(X[2] | Z[1]) by q[1]\n") == []
    assert slugs(text + "maximize H(Z[1]) by variance_covariance()\n") == ["unused-module"]


def test_unfinished_spec_is_left_alone() -> None:
    assert slugs(TWO_VIEWS) == []


def test_they_are_warnings() -> None:
    analysis = analysed(TWO_VIEWS + CONTRAST + "param w = 1\ndata W: image\n")
    assert analysis.is_sound
    assert {diagnostic.severity for diagnostic in analysis.diagnostics} == {Severity.WARNING}
    assert [diagnostic.span.text for diagnostic in analysis.diagnostics] == ["w", "W"]

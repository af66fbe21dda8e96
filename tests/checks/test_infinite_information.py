"""Estimates of what a deterministic encoder makes infinite are refused where they promise a number."""

import pytest

from tests.semantics.spec_text import analysed

SLUG = "infinite-information"
DETERMINISTIC = """method M
data    X: vector, Y: label
encoder f: X -> R = backbone()
encoder g: R -> Z = mlp(64)
encoder l: Z -> L = linear(10)
minimize H(Y | L) by cross_entropy()
"""
STOCHASTIC = """method M
data    X: vector, Y: label
encoder e: X ~> Z = gaussian(mlp(64), dim: 8)
encoder g: Z -> C = mlp(8)
encoder l: C -> L = linear(10)
minimize H(Y | L) by cross_entropy()
"""


def slugs(text: str) -> list[str]:
    return [diagnostic.slug for diagnostic in analysed(text).diagnostics]


@pytest.mark.parametrize(
    "term",
    [
        "minimize I(X; Z) by rate(normal)",
        "minimize I(X; Z) by club()",
        "minimize I(X; Z) by l1out()",
        "minimize I(X; Z) by kde()",
        "minimize I(Z; X) by kde()",
        "maximize I(R; Z) by kde()",
        "minimize I(R; Z) by club(mlp(64))",
        "decoder q: R ~> Z = gaussian(mlp(64))\nminimize H(Z | R) by q",
        "decoder q: R ~> Z = gaussian(mlp(64), var: learned)\nminimize H(Z | R) by barber_agakov(q)",
        # A second encoding of what is there already has no entropy of its own.
        "minimize H(R, Z) by kde()",
    ],
)
def test_refused(term: str) -> None:
    assert slugs(f"{DETERMINISTIC}{term}\n") == [SLUG]


@pytest.mark.parametrize(
    "term",
    [
        # A lower bound of an infinite information is true (Deep InfoMax), and a surrogate promises no number.
        "maximize I(R; Z) by infonce(critic: bilinear())",
        "maximize I(X; Z) by jsd(critic: joint(64))",
        "minimize I(R; Z) by hsic()",
        "minimize I(R; Z) by matrix_mi()",
        "decoder d: Z ~> X = gaussian(mlp(64))\nminimize H(X | Z) by d",
        # Distillation: of a fixed scale, the likelihood of what is determined has an end.
        "decoder q: R ~> Z = gaussian(mlp(64), var: 1)\nminimize H(Z | R) by q",
        # A label has no more information than its entropy.
        "maximize I(Z; Y) by v_information()",
        "minimize H(Z) by kde()",
    ],
)
def test_accepted(term: str) -> None:
    assert SLUG not in slugs(f"{DETERMINISTIC}{term}\n")


def test_of_a_label_it_is_finite() -> None:
    text = "method M\ndata X: vector, Y: label\nencoder f: X -> Z = mlp(8)\nencoder g: Y -> E = mlp(8)\n"
    assert SLUG not in slugs(text + "minimize I(E; Y) by kde()\n")
    assert SLUG in slugs(text + "minimize I(Z; X) by kde()\n")


def test_what_is_behind_a_stochastic_code_is_finite() -> None:
    assert SLUG not in slugs(STOCHASTIC + "minimize I(X; C) by kde()\n")
    assert SLUG in slugs(STOCHASTIC + "minimize I(Z; C) by kde()\n")
    # It has no density of an encoder, but the code it is computed from has one, and at least as much information.
    (diagnostic,) = analysed(STOCHASTIC + "minimize I(X; C) by rate(normal)\n").diagnostics
    assert diagnostic.slug == SLUG
    assert "infinite" not in diagnostic.title
    assert "`I(X; Z)`" in diagnostic.remedy
    assert slugs(STOCHASTIC + "minimize I(X; Z) by rate(normal)\n") == []


def test_given_all_that_a_code_is_computed_from_nothing_is_left() -> None:
    two = "method M\ndata A: vector, B: vector, Y: label\nencoder f: (A, B) -> Z = mlp(8)\nencoder l: Z -> L = mlp(8)\n"
    two += "minimize H(Y | L) by cross_entropy()\n"
    # Of A alone Z is no function: B is its noise.
    assert SLUG not in slugs(two + "minimize I(A; Z) by kde()\n")
    assert SLUG in slugs(two + "minimize I(A, B; Z) by kde()\n")

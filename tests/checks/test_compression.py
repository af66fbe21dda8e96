"""Compression that rests on the multiview assumption says so."""

import pytest

from mvib.diagnostics import Severity
from tests.semantics.spec_text import AUTOENCODER, analysed

SLUG = "uncompressed-without-assumption"
TWO_VIEWS = """method M
data    X: image, Y: label partial
view    X[i: 1..2] ~ augment(X)
encoder e: X[i] ~> Z[i] = gaussian(backbone(), dim: 8)
encoder g: Z[i] -> C[i] = mlp(8)
"""
SHARED = "maximize I(C[1]; C[2]) by infonce()\n"
PLAIN = "minimize 0.1 * mean(i) I(X[i]; Z[i]) by rate(normal)\n"
CONDITIONAL = "minimize 0.1 * mean(i != j) I(X[i]; Z[i] | X[j]) by rate(e: X[j])\n"


def is_said(text: str) -> bool:
    analysis = analysed(text)
    found = [diagnostic for diagnostic in analysis.diagnostics if diagnostic.slug == SLUG]
    assert all(diagnostic.severity is Severity.WARNING for diagnostic in found)
    assert analysis.method is not None
    return bool(found)


@pytest.mark.parametrize(
    "statements",
    [
        SHARED + PLAIN,
        SHARED + CONDITIONAL,
        "maximize I(Z[1]; Z[2]) by jsd(critic: joint(64))\n" + CONDITIONAL,
        # The code of one view tells that of the other.
        "decoder q: Z[1] ~> Z[2] = gaussian(mlp(8), var: 1)\nminimize H(Z[2] | Z[1]) by q\n" + PLAIN,
        # It tells the other view itself, not the one that is compressed.
        "decoder d: Z[1] ~> X[2] = gaussian(mlp(8))\nminimize H(X[2] | Z[1]) by d\n"
        "minimize I(X[1]; Z[1]) by rate(normal)\n",
        # From a variable between view and code.
        SHARED + "minimize 0.1 * I(X; Z[1]) by rate(normal)\n",
    ],
)
def test_said(statements: str) -> None:
    assert is_said(TWO_VIEWS + statements)


@pytest.mark.parametrize(
    "statements",
    [
        # No compression; nothing that is kept at all, which is another mistake.
        SHARED,
        PLAIN,
        # A label says what is kept.
        "decoder c: Z[i] ~> Y = categorical(linear(10))\nmaximize mean(i) I(Z[i]; Y) by c\n" + PLAIN,
        # The compressed view itself is kept: rate and distortion.
        "decoder d: Z[i] ~> X[i] = gaussian(mlp(8))\nminimize mean(i) H(X[i] | Z[i]) by d\n" + PLAIN,
        "decoder d: Z[i] ~> X = gaussian(mlp(8))\nminimize mean(i) H(X | Z[i]) by d\n" + SHARED + PLAIN,
        "maximize mean(i) I(X[i]; C[i]) by jsd(critic: joint(64))\n" + SHARED + PLAIN,
    ],
)
def test_not_said(statements: str) -> None:
    assert not is_said(TWO_VIEWS + statements)


@pytest.mark.parametrize(
    ("assumption", "is_enough"),
    [
        ("multiview(X[1], X[2], Y)", True),
        ("I(Y; X[i] | X[j]) <= eps", True),
        ("eps >= I(X[i]; Y | X[j])", True),
        ("I(Y; X[i] | X[j]) = 0", True),
        ("Y -- X[j] -- X[i]", True),
        ("sufficient(Z[i], Y)", True),
        ("I(Y; X[1] | X[2]) <= eps", False),  # of the other view nothing is assumed
        ("I(Y; X[i] | X[j]) >= eps", False),
        ("I(Y; X[i]) <= eps", False),
        ("Y -- X -- X[1], X[2]", False),  # the graph says so anyway
        ("gaussian(Z[i])", False),
    ],
)
def test_assumptions(assumption: str, is_enough: bool) -> None:
    assert is_said(f"{TWO_VIEWS}assume {assumption}\n{SHARED}{CONDITIONAL}") is not is_enough


def test_generative_and_supervised_methods_are_left_alone() -> None:
    assert not is_said(AUTOENCODER + "minimize H(X | Z) by d\nminimize I(X; Z) by rate(normal)\n")
    # A target of another type than `label`, from which nothing is computed, is a label.
    regression = "method M\ndata X: image, Y: vector\nencoder e: X ~> Z = gaussian(mlp(8), dim: 8)\n"
    regression += (
        "decoder c: Z ~> Y = gaussian(mlp(8))\nminimize H(Y | Z) by c\nminimize 0.1 * I(X; Z) by rate(normal)\n"
    )
    assert not is_said(regression)


def test_it_quotes_the_assumption_and_offers_it() -> None:
    diagnostics = analysed(TWO_VIEWS + SHARED + PLAIN).diagnostics
    (diagnostic,) = (found for found in diagnostics if found.slug == SLUG)
    assert "I(Y; X1 | X2) <= eps" in diagnostic.why
    assert "`assume multiview(X[1], X[2], Y)`" in diagnostic.remedy
    assert not is_said(f"{TWO_VIEWS}assume multiview(X[1], X[2], Y)\n{SHARED}{PLAIN}")

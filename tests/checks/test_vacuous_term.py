"""A term that no training can change is found, and a term that changes something is left alone."""

import pytest

from mvib.checks.vacuous_term import is_zero
from mvib.diagnostics import Severity
from mvib.driver import analyse, read_source
from mvib.resources import bundled_specs
from mvib.semantics.method import LinearRelation
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, analysed

CONTRAST = "maximize I(Z[1]; Z[2]) by infonce()\n"
COPY = "encoder t: X[i] -> T[i] = ema(f)\n"


def findings(text: str) -> list[str]:
    """The places of vacuous terms."""
    analysis = analysed(text)
    assert analysis.is_sound
    found = [diagnostic for diagnostic in analysis.diagnostics if diagnostic.slug == "vacuous-term"]
    assert all(diagnostic.severity is Severity.WARNING for diagnostic in found)
    return [diagnostic.span.text for diagnostic in found]


@pytest.mark.parametrize(
    "statements",
    [
        "minimize H(sg(Z[1]) | sg(Z[2])) by mse()\n",
        COPY + "minimize H(T[1] | T[2]) by cosine()\n",
        COPY + "minimize H(sg(Z[1]) | T[2]) by cosine()\n",
        COPY + "encoder n: T[i] -> N[i] = standardize()\nminimize H(N[1] | N[2]) by mse()\n",
        "encoder t: X[i] -> T[i] = stopgrad(f)\nminimize H(T[1] | T[2]) by mse()\n",
        "encoder r: X[i] -> T[i] = frozen(mlp(8))\nmaximize mean(i) H(T[i]) by uniformity()\n",
        "encoder n: X[i] -> F[i] = flatten()\nmaximize I(F[1]; F[2]) by infonce()\n",
        "encoder n: Z[i] -> N[i] = nearest(64)\nmaximize I(N[1]; N[2]) by infonce()\n",
        "maximize 0 * H(sg(Z[1])) by uniformity()\n",
    ],
)
def test_vacuous(statements: str) -> None:
    (found,) = findings(TWO_VIEWS + CONTRAST + statements)
    assert f" {found} by" in statements


@pytest.mark.parametrize(
    "statements",
    [
        "minimize H(sg(Z[1]) | Z[2]) by mse()\n",
        COPY + "minimize H(T[1] | Z[2]) by cosine()\n",
        COPY + "maximize mean(i != j) I(Z[i]; T[j]) by infonce()\n",
        # The weights of the decoder, the critic and the network of the estimator are trained: these are probes.
        "decoder d: Z[i] ~> X[i] = gaussian(mlp(8))\nminimize mean(i) H(X[i] | sg(Z[i])) by d\n",
        COPY + "maximize I(T[1]; T[2]) by nwj(critic: joint(8))\n",
        "encoder r: X[i] -> T[i] = frozen(mlp(8))\nencoder g: T[i] -> P[i] = mlp(8)\n"
        "maximize I(P[1]; P[2]) by infonce()\n",
        # The gradient passes a network that is not trained.
        "encoder r: Z[i] -> T[i] = frozen(mlp(8))\nminimize H(sg(T[1]) | T[2]) by mse()\n",
        # The nearest code passes no gradient to what it is near, but the codes are learned.
        "encoder k: Z[1] -> C = codebook(8)\nminimize H(sg(Z[1]) | C) by mse()\n",
        # Its weight is zero now: it may be set from outside.
        "param w = 0\nmaximize w * mean(i) H(Z[i]) by uniformity()\n",
        # Some of its instances train something.
        COPY + "minimize mean(i, j in 1..2) H(sg(T[i]) | Z[j]) by mse()\n",
    ],
)
def test_not_vacuous(statements: str) -> None:
    assert findings(TWO_VIEWS + CONTRAST + statements) == []


def test_a_rate_trains_its_encoder_and_its_reference() -> None:
    fit = "minimize H(X | Z) by d\n"
    assert findings(AUTOENCODER + fit + "minimize I(X; Z) by rate(normal)\n") == []
    reference = "data Y: label\ndecoder b: Y ~> Z = gaussian(mlp(8))\n"
    assert findings(AUTOENCODER + reference + fit + "minimize I(X; sg(Z) | Y) by rate(b)\n") == []


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        ("I(X[2]; Z[1] | X[1])", True),
        ("I(Z[1]; Z[2] | X)", True),
        ("I(Z[1]; Z[2] | X[2])", True),
        ("I(X; Z[1], Z[2] | X[1], X[2])", True),
        ("I(Z[1], Z[3]; Z[2] | X)", True),
        ("TC(Z[1]; Z[2]; Z[3])", False),
        ("I(Z[1]; Z[2])", False),
        ("I(Z[1]; W | X)", False),
        ("I(Z[1], X[2]; Z[2] | X)", False),
        ("H(Z[1] | X[1])", False),
    ],
)
def test_zero_by_d_separation(claimed: str, expected: bool) -> None:
    text = TWO_VIEWS.replace("1..2", "1..3") + f"encoder w: (Z[1], Z[2]) -> W = mlp(8)\nclaim {claimed} = 0\n"
    analysis = analysed(text)
    assert analysis.method is not None
    assert analysis.graph is not None
    (claim,) = analysis.method.claims
    assert isinstance(claim, LinearRelation)
    quantity = claim.terms[0].quantity
    assert quantity is not None
    assert is_zero(analysis.graph, quantity) is expected


def test_estimator_without_gradient_is_said_once() -> None:
    found = analysed(TWO_VIEWS + CONTRAST + "maximize I(Z[1]; Z[2]) by ksg()\n").diagnostics
    assert [diagnostic.slug for diagnostic in found] == ["term-without-gradient"]


def test_no_bundled_method_has_one() -> None:
    for name in bundled_specs():
        slugs = {diagnostic.slug for diagnostic in analyse(read_source(name)).diagnostics}
        assert "vacuous-term" not in slugs, name

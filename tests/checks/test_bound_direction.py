"""Bounds are pushed where they push the quantity, or an assumption makes them exact."""

import pytest

from mvib.catalogue import PREDICATES
from mvib.catalogue.estimators import ESTIMATORS
from mvib.diagnostics import Diagnostic, Severity
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, analysed

SLUG = "wrong-bound-direction"
LABELLED = TWO_VIEWS.replace("X: image", "X: image, Y: label") + "decoder c: Z[i] ~> Y = categorical(linear(10))\n"
PAIR = "minimize H(Z[1] | Z[2]) by mse()\n"


def found(text: str) -> list[Diagnostic]:
    return [diagnostic for diagnostic in analysed(text).diagnostics if diagnostic.slug == SLUG]


@pytest.mark.parametrize(
    "text",
    [
        TWO_VIEWS + PAIR + "maximize mean(i) H(Z[i]) by logdet()\n",
        TWO_VIEWS + PAIR + "maximize mean(i) H(Z[i]) by pairwise()\n",
        TWO_VIEWS + PAIR + "minimize mean(i) H(Z[i]) by pairwise(bound: lower)\n",
        TWO_VIEWS + "minimize I(Z[1]; Z[2]) by infonce()\n",
        TWO_VIEWS + "minimize I(Z[1]; Z[2]) by nwj(critic: joint(64))\n",
        TWO_VIEWS + "maximize H(Z[1] | Z[2]) by logdet()\n",
        AUTOENCODER + "minimize H(X | Z) by d\nmaximize I(X; Z) by rate(normal)\n",
        AUTOENCODER + "minimize H(X | Z) by d\nmaximize I(X; Z) by club()\n",
        # With a conditional density of its own it is one as well as that fits.
        TWO_VIEWS + "maximize I(Z[1]; Z[2]) by club(mlp(64))\n",
        TWO_VIEWS + "maximize I(Z[1]; Z[2]) by l1out(mlp(64))\n",
        AUTOENCODER + "maximize H(X | Z) by d\n",
        AUTOENCODER + "minimize I(X; Z) by barber_agakov(d)\n",
        LABELLED + "minimize mean(i) I(Z[i]; Y) by c\n",
        LABELLED + "maximize mean(i) H(Y | Z[i]) by c\n",
    ],
)
def test_wrong(text: str) -> None:
    (diagnostic,) = found(text)
    assert diagnostic.severity is Severity.ERROR


@pytest.mark.parametrize(
    "text",
    [
        TWO_VIEWS + PAIR + "maximize mean(i) H(Z[i]) by pairwise(bound: lower)\n",
        TWO_VIEWS + PAIR + "maximize mean(i) H(Z[i]) by kde()\n",
        # A surrogate has no direction: the log-determinants of an information bound it from neither side.
        TWO_VIEWS + "minimize I(Z[1]; Z[2]) by logdet()\n",
        TWO_VIEWS + "maximize I(Z[1]; Z[2]) by logdet()\n",
        TWO_VIEWS + "maximize I(Z[1]; Z[2]) by infonce()\n",
        AUTOENCODER + "minimize H(X | Z) by d\nminimize I(X; Z) by rate(normal)\n",
        AUTOENCODER + "maximize I(X; Z) by barber_agakov(d)\n",
        LABELLED + "maximize mean(i) I(Z[i]; Y) by c\n",
    ],
)
def test_right(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("assumption", "term", "severity"),
    [
        ("assume gaussian(Z[i])", "maximize mean(i) H(Z[i]) by logdet()", Severity.NOTE),
        ("assume gaussian(Z[1], Z[2])", "maximize mean(i) H(Z[i]) by logdet()", Severity.NOTE),
        ("assume gaussian(Z[1], Z[2])", "maximize H(Z[1] | Z[2]) by logdet()", Severity.NOTE),
        ("assume gaussian(Z[1])", "maximize H(Z[1]) by logdet()", Severity.NOTE),
        # Only one of the two is Gaussian; each is, but not both together; another variable is; another assumption.
        ("assume gaussian(Z[1])", "maximize mean(i) H(Z[i]) by logdet()", Severity.ERROR),
        ("assume gaussian(Z[i])", "maximize H(Z[1] | Z[2]) by logdet()", Severity.ERROR),
        ("assume gaussian(X[i])", "maximize mean(i) H(Z[i]) by logdet()", Severity.ERROR),
        ("assume sufficient(Z[1], X)", "maximize H(Z[1]) by logdet()", Severity.ERROR),
        # The entropy of a mixture from its pairwise distances is not exact of a Gaussian.
        ("assume gaussian(Z[i])", "maximize mean(i) H(Z[i]) by pairwise()", Severity.ERROR),
    ],
)
def test_discharged_by_an_assumption(assumption: str, term: str, severity: Severity) -> None:
    (diagnostic,) = found(f"{TWO_VIEWS}{assumption}\n{term}\n{PAIR}")
    assert diagnostic.severity is severity
    if severity is Severity.NOTE:
        assert [label.span.text for label in diagnostic.secondary] == [assumption.removeprefix("assume ")]


def test_assumption_is_not_about_a_prediction() -> None:
    text = TWO_VIEWS + "decoder q: Z[1] ~> Z[2] = gaussian(mlp(8))\nassume gaussian(Z[1], Z[2])\n"
    (diagnostic,) = found(text + "maximize H[q](Z[2] | Z[1]) by logdet()\n")
    assert diagnostic.severity is Severity.ERROR


def test_wrong_however_small_the_weight() -> None:
    for weight in ("1e-9", "(2 - 1)", "linear(0 -> 1)"):
        assert found(f"{TWO_VIEWS}minimize {weight} * I(Z[1]; Z[2]) by infonce()\n")
    # The sign of a weight cannot turn the direction round: it is refused.
    analysis = analysed(f"{TWO_VIEWS}maximize -1 * I(Z[1]; Z[2]) by infonce()\n")
    assert [diagnostic.slug for diagnostic in analysis.diagnostics] == ["bad-weight"]


def test_rows_of_the_catalogue_name_assumptions_that_exist() -> None:
    for entry in ESTIMATORS:
        assert set(entry.exact_under) <= set(PREDICATES), entry.name
        assert entry.exact_when or not entry.exact_under, entry.name


def test_remedy_can_be_applied() -> None:
    (diagnostic,) = found(TWO_VIEWS + PAIR + "maximize mean(i) H(Z[i]) by logdet()\n")
    assert "`assume gaussian(Z[i])`" in diagnostic.remedy
    assert "`pairwise(bound: lower)`" in diagnostic.remedy

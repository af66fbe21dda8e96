"""Estimates that tell a row from few others cannot grow far, and this is said."""

import math

import pytest

from mvib.catalogue.estimators import ESTIMATORS
from mvib.semantics.saturation import count_candidates, greatest_estimate
from tests.semantics.spec_text import TWO_VIEWS, analysed, resolved

SLUG = "saturated-estimate"
MOMENTUM = TWO_VIEWS + "encoder t: X[i] -> T[i] = ema(f)\n"


def slugs(text: str) -> list[str]:
    return [diagnostic.slug for diagnostic in analysed(text).diagnostics]


def with_batch(term: str, batch: int, text: str = TWO_VIEWS) -> str:
    return f"{text}{term}\nrepresent Z\ntrain {{ batch: {batch} }}\n"


@pytest.mark.parametrize(
    ("estimator", "batch", "candidates"),
    [
        ("infonce()", 256, 511),
        ("infonce(negatives: all)", 8, 15),
        ("infonce(negatives: other_view)", 8, 8),
        ("infonce(negatives: own_view)", 8, 8),
        ("infonce(critic: bilinear())", 8, 8),
        ("infonce(negatives: queue(4096))", 8, 4097),
        ("matrix_mi()", 32, 32),
        ("nwj(critic: joint(64))", 8, None),
        ("dcl()", 8, None),
    ],
)
def test_number_of_rows_told_apart(estimator: str, batch: int, candidates: int | None) -> None:
    text = MOMENTUM if "queue" in estimator else TWO_VIEWS
    (term,) = resolved(f"{text}maximize I(Z[1]; Z[2]) by {estimator}\nrepresent Z\n").terms
    assert count_candidates(term, batch) == candidates
    expected = None if candidates is None else pytest.approx(math.log(candidates))
    assert greatest_estimate(term, batch) == expected


@pytest.mark.parametrize(
    ("estimator", "batch", "is_said"),
    [
        ("infonce(negatives: other_view)", 9, True),
        ("infonce(negatives: other_view)", 10, False),
        ("infonce(negatives: all)", 5, True),
        ("infonce(negatives: all)", 6, False),
        ("matrix_mi()", 8, True),
        ("matrix_mi()", 64, False),
        # A queue has as many rows whatever the batch is.
        ("infonce(negatives: queue(8))", 256, True),
        ("infonce(negatives: queue(4096))", 2, False),
        ("nwj(critic: joint(64))", 4, False),
    ],
)
def test_fewer_than_ten(estimator: str, batch: int, is_said: bool) -> None:
    found = slugs(with_batch(f"maximize I(Z[1]; Z[2]) by {estimator}", batch))
    assert (SLUG in found) is is_said


@pytest.mark.parametrize(
    ("fact", "is_said"),
    [
        ("assume I(Z[1]; Z[2]) >= 6", True),
        ("assume 6 <= I(Z[2]; Z[1])", True),
        ("claim 2 * I(Z[1]; Z[2]) - 12 >= 0", True),
        ("assume I(Z[1]; Z[2]) = 6", True),
        ("assume I(Z[1]; Z[2]) >= 5", False),
        ("assume I(Z[1]; Z[2]) <= 6", False),
        ("assume -1 * I(Z[1]; Z[2]) >= -6", False),
        ("assume I(Z[1]; X[2]) >= 6", False),
        ("assume I(Z[1]; Z[2]) >= 6 - eps", False),
        ("claim I(X[1]; X[2]) >= I(Z[1]; Z[2])", False),
    ],
)
def test_less_than_is_stated(fact: str, is_said: bool) -> None:
    # log 255 = 5.54
    found = slugs(with_batch(f"{fact}\nmaximize I(Z[1]; Z[2]) by infonce()", 128))
    assert (SLUG in found) is is_said


def test_remedy_is_enough() -> None:
    (diagnostic,) = analysed(with_batch("maximize I(Z[1]; Z[2]) by infonce()", 3)).diagnostics
    assert "`batch: 6`" in diagnostic.remedy
    assert slugs(with_batch("maximize I(Z[1]; Z[2]) by infonce()", 6)) == []
    fact = "assume I(Z[1]; Z[2]) >= 6\n"
    (diagnostic,) = analysed(with_batch(fact + "maximize I(Z[1]; Z[2]) by infonce()", 128)).diagnostics
    assert "`batch: 203`" in diagnostic.remedy
    assert slugs(with_batch(fact + "maximize I(Z[1]; Z[2]) by infonce()", 203)) == []


def test_a_cap_does_not_matter_to_what_is_minimised() -> None:
    term = "minimize I(Z[1]; Z[2]) by matrix_mi()\nmaximize I(Z[1]; Z[2]) by dcl()"
    assert SLUG not in slugs(with_batch(term, 4))


def test_rows_of_the_catalogue() -> None:
    for entry in ESTIMATORS:
        arguments = {argument.name for argument in entry.arguments}
        assert {candidates.argument for candidates in entry.candidates} <= arguments | {""}, entry.name
        assert not entry.candidates or "log" in entry.saturation, entry.name

"""`# allow: SLUG because REASON` silences one finding on one statement, and nothing else."""

from pathlib import Path

import pytest

from mvib.driver import analyse, read_source
from mvib.source import SourceFile
from mvib.syntax.formatter import format_spec
from mvib.syntax.parser import parse_source
from tests.semantics.spec_text import TWO_VIEWS, analysed, slugs, write_specs

UNUSED = "encoder g: Z[i] -> P[i] = mlp(8)\n"
TERM = "maximize I(Z[1]; Z[2]) by infonce()\n"
WRONG = "minimize H(Z[1] | Z[2]) by mse()\nmaximize mean(i) H(Z[i]) by logdet()\n"


@pytest.mark.parametrize(
    "statement",
    [
        "# allow: unused-variable because it is for later\n" + UNUSED,
        "# why\n# allow: unused-variable because it is for later\n# and so on\n" + UNUSED,
        UNUSED.rstrip() + "  # allow: unused-variable because it is for later\n",
        "encoder g:  # allow: unused-variable because it is for later\n    Z[i] -> P[i] = mlp(8)\n",
        "## allow:  unused-variable   because  of the others\n" + UNUSED,
    ],
)
def test_a_warning_is_silenced(statement: str) -> None:
    assert slugs(TWO_VIEWS + UNUSED + TERM) == ["unused-variable"]
    assert slugs(TWO_VIEWS + statement + TERM) == []


def test_an_error_of_a_check_is_silenced() -> None:
    assert slugs(TWO_VIEWS + WRONG) == ["wrong-bound-direction"]
    allowed = WRONG.replace("maximize", "# allow: wrong-bound-direction because the paper does it\nmaximize")
    analysis = analysed(TWO_VIEWS + allowed)
    assert analysis.diagnostics == ()
    assert analysis.is_sound


def test_only_on_its_statement() -> None:
    comment = "# allow: unused-variable because it is for later\n"
    assert slugs(TWO_VIEWS + comment + UNUSED + UNUSED.replace("P", "Q").replace("g", "h") + TERM) == [
        "unused-variable"
    ]
    assert slugs(TWO_VIEWS + UNUSED + comment + TERM) == ["unused-variable", "useless-allowance"]
    assert slugs(TWO_VIEWS + UNUSED + TERM + comment) == ["unused-variable", "useless-allowance"]


def test_only_its_slug() -> None:
    comment = "# allow: unused-module because it is for later\n"
    assert slugs(TWO_VIEWS + comment + UNUSED + TERM) == ["unused-variable", "useless-allowance"]


@pytest.mark.parametrize(
    "comment",
    [
        "# allow: unused-variable",
        "# allow: unused-variable because",
        "# allow: unused-variable, it is for later",
    ],
)
def test_a_reason_is_asked_for(comment: str) -> None:
    assert slugs(f"{TWO_VIEWS}{comment}\n{UNUSED}{TERM}") == ["useless-allowance"]


def test_errors_without_which_there_is_no_meaning_are_not_silenced() -> None:
    text = TWO_VIEWS + "# allow: undefined-variable because I know better\nmaximize I(Z[1]; W) by infonce()\n"
    assert slugs(text) == ["undefined-variable"]
    rate = TWO_VIEWS + "# allow: infinite-information because why not\nminimize I(X[1]; Z[1]) by rate(normal)\n"
    assert slugs(rate) == ["infinite-information"]


@pytest.mark.parametrize(
    "comment", ["# allow everything", "# allows: nothing", "# what we allow: unused-variable because x"]
)
def test_other_comments_are_comments(comment: str) -> None:
    assert slugs(f"{TWO_VIEWS}{comment}\n{TERM}") == []


def test_unknown_slug() -> None:
    (diagnostic,) = analysed(f"{TWO_VIEWS}# allow: unused-varable because x\n{TERM}").diagnostics
    assert diagnostic.slug == "useless-allowance"
    assert "unused-variable" in diagnostic.remedy


def test_comments_of_a_parent_count_for_what_is_inherited(tmp_path: Path) -> None:
    comment = "# allow: unused-variable because it is for later\n"
    parent = TWO_VIEWS + comment + UNUSED + TERM
    # The child uses what the parent does not: the parent's comment is not the child's mistake.
    write_specs(
        tmp_path,
        {
            "parent.mvib": parent,
            "same.mvib": 'method Same extends "parent.mvib"\nabout "the same"\n',
            "uses.mvib": 'method Uses extends "parent.mvib"\nmaximize I(P[1]; P[2]) by infonce()\n',
        },
    )
    for name in ("same", "uses"):
        assert analyse(read_source(tmp_path / f"{name}.mvib")).diagnostics == ()


def test_of_a_claim_that_nobody_tried_to_prove() -> None:
    text = TWO_VIEWS + TERM + "# allow: false-claim because it is an example\nclaim I(Z[1]; Z[2]) >= I(X[1]; X[2])\n"
    assert slugs(text) == []
    assert analyse(SourceFile("spec.mvib", text), prove=False).diagnostics == ()
    # Where it is proved, the comment is of no use.
    assert slugs(text.replace(">=", "<=")) == ["useless-allowance"]


def test_the_formatter_keeps_them_where_they_work() -> None:
    reason = "# allow: unused-variable because it is for later"
    for statement in (
        f"{reason}\n{UNUSED}",
        f"{UNUSED.rstrip()}   {reason}\n",
        f"encoder g: {reason}\n Z[i]->P[i] = mlp(8)\n",
    ):
        source = SourceFile("spec.mvib", TWO_VIEWS + statement + TERM)
        formatted = format_spec(parse_source(source).spec)
        assert formatted.count(reason) == 1
        assert slugs(formatted) == []


def test_of_an_override_from_outside() -> None:
    text = (
        TWO_VIEWS
        + "param w = 1\n# allow: saturated-estimate because only for a test\nmaximize w * I(Z[1]; Z[2]) by infonce()\n"
    )
    assert slugs(text, {"train.batch": "2"}) == []
    # What is allowed for one run is not needed in another, and then it is said.
    assert slugs(text) == ["useless-allowance"]

"""Which modules the information of a term passes, which examples it is about, and how the table tells terms apart."""

import pytest

from mvib.driver import analyse, read_source
from mvib.render.compose import Drawable, compose
from mvib.render.overview import build_overview
from mvib.render.table import method_row, methods_markdown


def analysis(spec: str) -> Drawable:
    return analyse(read_source(spec), prove=False)


def paths(spec: str) -> dict[str, str]:
    return {term.label: term.path for term in build_overview(analysis(spec), prove=False).terms}


@pytest.mark.parametrize(
    ("spec", "label", "path"),
    [
        ("vib", "I_Z_Y", "e, c"),
        # What a module takes jointly is in brackets.
        ("label_decoders_joint", "label", "(e1 + e2), c"),
        ("multiview_supervised_ib", "label", "(e1 + e2), fuse, c"),
        ("vcca_private", "view1", "(e + e1), d1"),
        # What the variables of a quantity come by stands side by side, and once where it is the same.
        ("clip", "match", "f, p + g, r"),
        ("simclr", "I_Z1_Z2", "augment, f, g"),
        ("vat", "smooth", "f, c + adversarial, f, c"),
        # Instances of a sum that pass other modules.
        ("label_decoders_per_view", "label", "e1, c; e2, c"),
        # A code is on the way to what is trained on it, and not a branch beside it.
        ("vq_vae", "commit", "f, k"),
        ("vq_vae", "reconstruct", "f, k, s, d"),
    ],
)
def test_every_branch_of_a_path_is_shown(spec: str, label: str, path: str) -> None:
    assert paths(spec)[label] == path


def test_the_legend_says_which_examples_a_term_is_about() -> None:
    rows = compose(analysis("m2")).terms
    assert rows[1].promise == "rate(normal), upper bound, on labelled(Y, of: all)"
    assert rows[5].promise == "cross-entropy, upper bound"


def test_the_lines_of_the_table_say_which_term_they_are_about() -> None:
    row = method_row("label_decoders_joint", analysis("label_decoders_joint"))
    assert row.pushes == ("maximises", "compresses", "compresses")
    (line,) = methods_markdown([row]).splitlines()[2:]
    cells = [cell.strip() for cell in line.split(" | ")]
    assert cells[2] == "1: `I_c(Z₁, Z₂; Y)`"
    assert cells[4] == "2: `I(X1; Z₁)`<br>3: `I(X2; Z₂)`"
    assert cells[5] == "1: `(e1 + e2) c`<br>2: `e1`<br>3: `e2`"
    assert cells[6:8] == ["1: decoder c (categorical)<br>2, 3: rate(normal)", "1: lower<br>2, 3: upper"]


def test_one_term_needs_no_number() -> None:
    (line,) = methods_markdown([method_row("simclr", analysis("simclr"))]).splitlines()[2:]
    assert [cell.strip() for cell in line.split(" | ")][5:8] == [
        "`augment f g`",
        "InfoNCE",
        "lower, within log(2 - 1/N)",
    ]


@pytest.mark.parametrize(
    ("spec", "bound"),
    [
        ("clip", "lower bound"),
        ("simclr", "lower bound, within log(2 - 1/N)"),
        ("amdim", "lower bound, within log(T)"),
        ("moco_v1", "surrogate"),
        ("cpc", "lower bound"),
        ("kahana_hoshen", "surrogate"),
        ("byol", "upper bound, up to constants"),
    ],
)
def test_the_bound_depends_on_the_arguments(spec: str, bound: str) -> None:
    assert build_overview(analysis(spec), prove=False).terms[0].promise.bound_text == bound

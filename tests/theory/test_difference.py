"""Methods compared: what is the same information whatever it is called, what is added, and all pairs pinned."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mvib.driver import analyse, read_source
from mvib.render.family import family_dot, family_markdown, family_text
from mvib.resources import bundled_specs
from mvib.source import SourceFile
from mvib.theory.canonical import GoalKind, Rewriting
from mvib.theory.comparison import Difference, Sameness, Subject, build_subject, compare, find_bounds
from mvib.theory.copying import can_be_zero
from mvib.theory.expression import entropy, information
from mvib.theory.family import build_family, compare_all

DOCS = Path(__file__).parents[2] / "docs"


def subject(source: SourceFile) -> Subject:
    analysis = analyse(source)
    assert analysis.method is not None, [d.title for d in analysis.diagnostics]
    assert analysis.graph is not None
    return build_subject(analysis.method, analysis.graph, analysis.readings)


def text_subject(text: str) -> Subject:
    return subject(SourceFile("test.mvib", text))


def compared(first: str, second: str) -> Difference:
    return compare(subject(read_source(first)), subject(read_source(second)))


def added(difference: Difference) -> list[str]:
    return [f"{goal.kind.value} {goal.pattern}" for goal in difference.additions]


# ---- canonical forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("vicreg", ["maximise I(Z1; Z2)"]),
        ("mvib", ["maximise I(Z1; Z2)", "compress I(Z1; X1 | X2)"]),
        ("vib", ["maximise I(Z1; Y)", "compress I(Z1; X1)"]),
        # Up along the decoder and down along the encoder: the review's unsupervised bottleneck.
        ("vae", ["maximise I(Z1; X1)", "compress I(Z1; X1)"]),
        ("byol", ["predict H(Z1 | Z2)"]),
        # MCR2's difference of rates is the information about the class.
        ("mcr2", ["maximise I(Z1; Y)"]),
        ("wmse", ["maximise I(Z1; Z2)"]),
        # The mean of the views is predicted, and the entropy of each is raised: no information of both.
        ("emp_ssl", ["keep up H(Z1)", "predict H(Z12 | Z1)"]),
        # Its rate has the weight 1 - alpha = 0.
        ("infovae", ["maximise I(Z1; X1)", "match D(Z1 || normal)"]),
    ],
)
def test_canonical_form(name: str, form: list[str]) -> None:
    goals = subject(read_source(name)).form.goals
    assert [f"{goal.kind.value} {goal.pattern}" for goal in goals] == form


def test_why_terms_are_an_information() -> None:
    (goal,) = subject(read_source("vicreg")).form.goals
    assert (goal.kind, goal.terms, goal.rewriting) == (GoalKind.INFORM, ("entropy", "predict"), Rewriting.RAISED)
    (goal,) = subject(read_source("review/equation_8")).form.goals
    assert goal.rewriting is Rewriting.GIVEN
    (goal,) = subject(read_source("byol")).form.goals
    assert sorted(map(str, goal.without_gradient)) == ["T[1]", "T[2]"]


RENAMED = """
method Other
data    Image: image
view    Left ~ augment(Image)
view    Right ~ augment(Image)
encoder e: Left -> Q, Right -> K = mlp(512, 128)
maximize I(K; Q) by infonce(temperature: 0.5, negatives: all)
represent Q
"""


def test_names_depth_and_order_of_variables_change_nothing() -> None:
    assert compare(text_subject(RENAMED), subject(read_source("simclr"))).sameness is Sameness.SAME


# ---- verdicts --------------------------------------------------------------------------------------------------------


def test_the_same_information_by_another_estimator() -> None:
    assert compared("simclr", "barlow_twins").sameness is Sameness.SAME_INFORMATION
    assert compared("simclr", "vicreg").sameness is Sameness.SAME_INFORMATION
    # One estimator, but the keys have no gradient.
    assert compared("simclr", "moco_v1").sameness is Sameness.SAME_INFORMATION
    assert compared("vae", "beta_vae").sameness is Sameness.SAME


def test_what_is_added_is_named() -> None:
    difference = compared("mvib", "simclr")
    assert difference.sameness is Sameness.FIRST_ADDS
    assert added(difference) == ["compress I(Z1; X1 | X2)"]
    turned = compared("simclr", "mvib")
    assert turned.sameness is Sameness.SECOND_ADDS
    assert added(turned) == added(difference)
    assert added(compared("vicreg", "byol")) == ["keep up H(Z1)"]
    assert added(compared("byol_logdet", "byol")) == ["keep up H(Z1)"]


def test_equal_by_proof_says_for_which_variables() -> None:
    # Fischer 2020: Y - X - Z makes I(X; Z | Y) the difference of I(X; Z) and I(Y; Z).
    difference = compared("ceb", "vib")
    assert difference.sameness is Sameness.EQUAL_BY_PROOF
    (rewriting,) = difference.rewritings
    assert rewriting.holds_for_any_variables
    assert sorted((factor, str(shape)) for factor, _, shape in rewriting.parts) == [(-1, "I(Z; Y)"), (1, "I(Z; X)")]
    # Tsai 2020: for deterministic encoders I(X1; Z1 | X2) and H(Z1 | X2) are interchangeable; entropies are discrete.
    difference = compared("review/multiview_ib", "review/deterministic_encoders")
    assert difference.sameness is Sameness.EQUAL_BY_PROOF
    (rewriting,) = difference.rewritings
    assert rewriting.subject == "DeterministicEncoders"
    assert not rewriting.holds_for_any_variables


LEAKY = """
method Leaky
data    X: image, Y: label
encoder e: (X, Y) ~> Z = gaussian(mlp(32), dim: 8)
decoder b: Y ~> Z = gaussian(linear(8))
decoder c: Z ~> Y = categorical()
term label:    minimize H(Y | Z) by c
term residual: minimize 0.1 * I(X; Z | Y) by rate(b)
represent Z
"""


def test_without_its_markov_chain_the_residual_is_no_rate() -> None:
    # Where the code sees the label beside the image, I(X; Z | Y) is not I(X; Z) - I(Y; Z).
    difference = compare(text_subject(LEAKY), subject(read_source("vib")))
    assert difference.sameness is Sameness.DIFFERENT
    assert difference.rewritings == ()


def test_different_information_and_what_bounds_what() -> None:
    difference = compared("supcon", "cross_entropy")
    assert difference.sameness is Sameness.DIFFERENT
    (bound,) = find_bounds(difference)
    assert (str(bound.lesser), str(bound.greater)) == ("I(Z[1]; Y)", "I(Z[1], Z[2]; Y)")


def test_other_data_are_not_comparable() -> None:
    assert compared("simclr", "clip").sameness is Sameness.NOT_COMPARABLE


def test_a_label_that_is_only_assumed_about_makes_no_other_data() -> None:
    assert subject(read_source("mvib")).data == subject(read_source("simclr")).data == ("image",)


def test_levels() -> None:
    graph, quantities, estimators, assumptions = compared("mvib", "simclr").levels
    assert "stochastic encoder (gaussian)" in graph.first
    assert quantities.shared == ("maximise I(Z1; Z2)",)
    assert estimators.second == ("I(Z1; Z2) by infonce",)
    assert assumptions.first == ("multiview(X, Y)",)


# ---- all pairs -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def subjects() -> Mapping[str, Subject]:
    return {name: subject(read_source(name)) for name in bundled_specs()}


@pytest.fixture(scope="module")
def differences(subjects: Mapping[str, Subject]) -> Mapping[tuple[str, str], Difference]:
    return compare_all(subjects)


def test_verdicts_on_all_pairs(
    subjects: Mapping[str, Subject],
    differences: Mapping[tuple[str, str], Difference],
    golden: Callable[[str, Path], None],
) -> None:
    golden(family_text(build_family(subjects, differences)), Path("golden") / "family.txt")


def test_verdicts_do_not_depend_on_the_order(
    subjects: Mapping[str, Subject], differences: Mapping[tuple[str, str], Difference]
) -> None:
    turned = {Sameness.FIRST_ADDS: Sameness.SECOND_ADDS, Sameness.SECOND_ADDS: Sameness.FIRST_ADDS}
    for (a, b), difference in list(differences.items())[::7]:
        back = compare(subjects[b], subjects[a], {}) if difference.rewritings else compare(subjects[b], subjects[a])
        assert back.sameness is turned.get(difference.sameness, difference.sameness), (a, b)


def test_every_method_is_the_same_as_itself(subjects: Mapping[str, Subject]) -> None:
    for one in subjects.values():
        assert compare(one, one).sameness is Sameness.SAME


def test_the_page_of_the_family_is_the_one_the_command_prints(
    subjects: Mapping[str, Subject], differences: Mapping[tuple[str, str], Difference]
) -> None:
    family = build_family(subjects, differences)
    page = (DOCS / "family.md").read_text(encoding="utf-8")
    assert page == family_markdown(family, picture="family.svg"), "write it again: make family"
    picture = (DOCS / "family.svg").read_text(encoding="utf-8")
    assert all(name in picture for name in subjects), "write it again: make family"
    assert family_dot(family).count("label=<") == len(family.kins)


def test_laws_of_copied_bits_refute_what_is_not_equal_and_nothing_else() -> None:
    problem = subject(read_source("ceb")).problem
    rate, told = information({"X"}, {"Z"}), information({"Z"}, {"Y"})
    residual = information({"X"}, {"Z"}, {"Y"})
    assert can_be_zero(residual - rate + told, problem)
    assert not can_be_zero(residual - rate, problem)
    assert not can_be_zero(rate - told, problem)
    # In deterministic encoders the code is a function of its view, and given the view has no entropy.
    functional = subject(read_source("review/deterministic_encoders")).problem
    assert can_be_zero(entropy({"Z[1]"}, {"X[1]"}), functional)
    assert not can_be_zero(entropy({"Z[1]"}, {"X[2]"}), functional)

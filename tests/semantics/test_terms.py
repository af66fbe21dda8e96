"""Terms: what they are put together over, with which shares and under which label."""

from fractions import Fraction

import pytest

from mvib.semantics.method import Direction, ReferenceKind
from mvib.semantics.values import scalar_text, value_at
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, analysed, quantities_of, resolved, slugs, term_of

FOUR_VIEWS = TWO_VIEWS.replace("1..2", "1..4")


@pytest.mark.parametrize(
    ("aggregation", "quantity", "expected"),
    [
        ("", "H(Z[1])", ["H(Z[1])"]),
        ("sum(i)", "H(Z[i])", ["H(Z[1])", "H(Z[2])"]),
        ("mean(i)", "H(Z[i])", ["H(Z[1])", "H(Z[2])"]),
        ("mean(i in 2..2)", "H(Z[i])", ["H(Z[2])"]),
        ("sum(i > 1)", "H(Z[i])", ["H(Z[2])"]),
    ],
)
def test_aggregations_of_an_entropy(aggregation: str, quantity: str, expected: list[str]) -> None:
    method = resolved(TWO_VIEWS + f"term t: maximize {aggregation} {quantity} by variance_covariance()\n")
    assert quantities_of(method, "t") == expected


@pytest.mark.parametrize(
    ("aggregation", "pairs"),
    [
        ("mean(i != j)", "12 13 14 21 23 24 31 32 34 41 42 43"),
        ("mean(i < j)", "12 13 14 23 24 34"),
        ("sum(i > j)", "21 31 32 41 42 43"),
        ("mean(i in 1..2, j != i)", "12 13 14 21 23 24"),
        ("mean(i in 1..2, j in 3..4)", "13 14 23 24"),
        ("sum(i <= 1, j != i)", "12 13 14"),
    ],
)
def test_aggregations_of_pairs(aggregation: str, pairs: str) -> None:
    method = resolved(FOUR_VIEWS + f"term t: maximize {aggregation} I(Z[i]; Z[j]) by infonce()\n")
    assert quantities_of(method, "t") == [f"I(Z[{pair[0]}]; Z[{pair[1]}])" for pair in pairs.split()]


@pytest.mark.parametrize(("aggregation", "share"), [("mean", Fraction(1, 6)), ("sum", Fraction(1))])
def test_shares(aggregation: str, share: Fraction) -> None:
    method = resolved(FOUR_VIEWS + f"term t: maximize {aggregation}(i < j) I(Z[i]; Z[j]) by infonce()\n")
    assert {instance.share for instance in term_of(method, "t").instances} == {share}


def test_mean_counts_only_what_arithmetic_keeps() -> None:
    method = resolved(FOUR_VIEWS + "term t: maximize mean(i, k in 1..2) I(Z[i]; Z[i+k]) by infonce()\n")
    assert quantities_of(method, "t") == [f"I(Z[{i}]; Z[{j}])" for i, j in ((1, 2), (1, 3), (2, 3), (2, 4), (3, 4))]
    assert {instance.share for instance in term_of(method, "t").instances} == {Fraction(1, 5)}


def test_instances_know_their_indices() -> None:
    method = resolved(TWO_VIEWS + "term t: maximize mean(i != j) I(Z[i]; Z[j]) by infonce()\n")
    assert [dict(i.indices) for i in term_of(method, "t").instances] == [{"i": 1, "j": 2}, {"i": 2, "j": 1}]


def test_labels_are_made_from_the_text() -> None:
    method = resolved(
        TWO_VIEWS
        + "maximize I(Z[1]; Z[2]) by infonce()\n"
        + "term I_Z1_Z2_2: maximize H(Z[1]) by variance_covariance()\n"
        + "maximize I(Z[1];   # a comment\n  Z[2]) by cross_correlation()\n"
        + "minimize mean(i != j) H(Z[i] | sg(Z[j])) by mse()\n"
    )
    assert [term.label for term in method.terms] == ["I_Z1_Z2", "I_Z1_Z2_2", "I_Z1_Z2_3", "H_Zi_sg_Zj"]
    assert method.terms[2].text == "I(Z[1]; Z[2])"


def test_stopped_gradients() -> None:
    method = resolved(TWO_VIEWS + "term t: minimize H(sg(Z[2]) | Z[1]) by mse()\n")
    quantity = term_of(method, "t").instances[0].quantity
    assert quantity.groups[0][0].stopped
    assert not quantity.condition[0].stopped
    assert str(quantity) == "H(sg(Z[2]) | Z[1])"


def test_weight_direction_and_aggregate() -> None:
    text = TWO_VIEWS.replace("data ", "param w = 4\ndata ") + "term t: minimize w / 2 * mean(i) H(Z[i] | X) by mse()\n"
    method = resolved(text)
    term = term_of(method, "t")
    assert term.direction is Direction.MINIMIZE
    assert term.aggregate == "mean(i)"
    assert scalar_text(term.weight) == "w / 2"
    assert value_at(term.weight, 0) == 2


def test_joint_variables() -> None:
    method = resolved(TWO_VIEWS + "term t: maximize I(Z[1], Z[2]; X) by jsd(critic: joint(64))\n")
    assert quantities_of(method, "t") == ["I(Z[1], Z[2]; X)"]


def test_decoder_of_a_pair_is_found_in_both_orders() -> None:
    text = (
        "method M\ndata X: image, Y: label\nencoder f: X -> Z = mlp(8)\ndecoder q: Z ~> Y = categorical(linear(10))\n"
    )
    for quantity in ("H(Y | Z)", "I(Y; Z)", "I(Z; Y)"):
        direction = "minimize" if quantity.startswith("H") else "maximize"
        term = term_of(resolved(text + f"term t: {direction} {quantity} by q\n"), "t")
        assert str(term.instances[0].decoder) == "q: Z ~> Y"
        assert (term.estimator, term.call, term.estimator_name) == (None, None, "q")


def test_index_of_a_decoder_family_ranges_over_its_members() -> None:
    text = FOUR_VIEWS + "decoder q[k: 1..2]: Z[t] ~> Z[t+k] = gaussian(mlp(8))\n"
    method = resolved(text + "term t: minimize mean(t, k) H(sg(Z[t+k]) | Z[t]) by q[k]\n")
    decoders = [str(instance.decoder) for instance in term_of(method, "t").instances]
    assert decoders == [f"q[{j - i}]: Z[{i}] ~> Z[{j}]" for i, j in ((1, 2), (1, 3), (2, 3), (2, 4), (3, 4))]


def test_member_of_a_decoder_family_is_found_by_its_ends() -> None:
    text = FOUR_VIEWS + "decoder q[k: 1..2]: Z[t] ~> Z[t+k] = gaussian(mlp(8))\n"
    method = resolved(text + "term t: minimize H(sg(Z[3]) | Z[1]) by q\n")
    assert str(term_of(method, "t").instances[0].decoder) == "q[2]: Z[1] ~> Z[3]"


@pytest.mark.parametrize(
    ("quantity", "reference", "kind", "at"),
    [
        ("I(X[1]; Z[1])", "normal", ReferenceKind.PRIOR, None),
        ("I(X[1]; Z[1] | X)", "b", ReferenceKind.DECODER, None),
        ("I(X[1]; Z[1] | X[2])", "e: X[2]", ReferenceKind.ENCODER, "X[2]"),
    ],
)
def test_references_of_a_rate(quantity: str, reference: str, kind: ReferenceKind, at: str | None) -> None:
    text = TWO_VIEWS.replace("encoder f: X[i] -> Z[i] = backbone()", "encoder e: X[i] ~> Z[i] = gaussian(mlp(8))")
    text += "decoder b: X ~> Z[i] = gaussian(mlp(8))\n"
    instance = term_of(resolved(text + f"term t: minimize {quantity} by rate({reference})\n"), "t").instances[0]
    assert instance.reference is not None
    assert instance.reference.kind is kind
    assert (str(instance.reference.at) if instance.reference.at is not None else None) == at


def test_entropy_may_be_dropped_where_nothing_trained_moves_it() -> None:
    text = AUTOENCODER + "maximize I(X; Z) by d\n"
    assert slugs(text) == []
    copies = TWO_VIEWS + "encoder t: X[i] -> T[i] = {module}\ndecoder q: Z[i] ~> T[j] = gaussian(mlp(8))\n"
    for module, notes in (
        ("ema(f)", ["collapsed-optimum"]),
        ("stopgrad(f)", ["collapsed-optimum"]),
        ("frozen(mlp(8))", []),
    ):
        assert slugs(copies.format(module=module) + "maximize I(T[1]; Z[2]) by q\n") == notes
    assert slugs(copies.format(module="mlp(8)") + "maximize I(T[1]; Z[2]) by q\n") == ["dropped-entropy"]
    assert slugs(copies.format(module="mlp(8)") + "maximize I(sg(T[1]); Z[2]) by q\n") == []


def test_frozen_network_behind_a_trained_one_moves() -> None:
    text = TWO_VIEWS + "encoder t: Z[i] -> T[i] = frozen(mlp(8))\ndecoder q: Z[i] ~> T[j] = gaussian(mlp(8))\n"
    assert slugs(text + "maximize I(T[1]; Z[2]) by q\n") == ["dropped-entropy"]


@pytest.mark.parametrize("kind", ["labelled", "unlabelled"])
def test_subsets(kind: str) -> None:
    text = "method M\ndata X: image, Y: label partial\nencoder f: X -> Z = mlp(8)\n"
    for written in (kind, f"{kind}()", f"{kind}(Y)"):
        method = resolved(
            text + f"term t: maximize H(Z) by variance_covariance() on {written}\nassume sufficient(Z, Y)\n"
        )
        subset = term_of(method, "t").subset
        assert subset is not None
        assert (subset[0], str(subset[1])) == (kind, "Y")


def test_a_subset_may_count_by_its_share() -> None:
    text = "method A\ndata X: image, Y: label partial, W: label partial\nencoder c: X -> L = linear(10)\n"
    term = "term t: minimize H(Y | L) by cross_entropy()"
    for subset, expected in (
        ("", False),
        (" on labelled(Y)", False),
        (" on labelled(Y, of: all)", True),
        (" on labelled(of: all, Y)", True),
    ):
        assert resolved(f"{text}{term}{subset}\n").terms[0].of_all is expected
    assert slugs(f"{text}{term} on labelled(of: all)\n") == ["ambiguous-subset"]
    assert slugs(f"{text}{term} on labelled(Y, of: half)\n") == ["wrong-argument"]
    assert slugs(f"{text}{term} on labelled(Y, of: all, of: all)\n") == ["argument-given-twice"]
    assert slugs(f"{text}{term} on labelled(Y, W, of: all)\n") == ["too-many-arguments"]


def test_subset_of_one_of_several_partial_variables() -> None:
    text = "method M\ndata X: image, Y: label partial, W: label partial\nencoder f: X -> Z = mlp(8)\n"
    text += "assume sufficient(Z, Y, W)\n"
    term = "term t: maximize H(Z) by variance_covariance()"
    assert slugs(f"{text}{term} on labelled\n") == ["ambiguous-subset"]
    assert (
        str(resolved(f"{text}{term} on labelled(W)\n").terms[0].subset) == "('labelled', Member(family='W', index=()))"
    )


def test_terms_are_not_resolved_twice_for_one_mistake() -> None:
    # One hundred pairs have the same mistake: it is one.
    text = TWO_VIEWS.replace("1..2", "1..11") + "maximize mean(i != j) I(Z[i]; Z[j]) by mse()\n"
    assert slugs(text) == ["wrong-quantity"]


def test_large_families_are_quick() -> None:
    text = TWO_VIEWS.replace("1..2", "1..40") + "decoder q: Z[i] ~> X = gaussian(mlp(8))\n"
    analysis = analysed(text + "maximize mean(i != j) I(Z[i]; Z[j]) by infonce()\nminimize mean(i) H(X | Z[i]) by q\n")
    assert analysis.diagnostics == ()
    assert len(analysis.readings["I_Zi_Zj"]) == 40 * 39

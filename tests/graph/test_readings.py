"""Which realisations a term is about: the written path, the only one that fits, or an error with candidates."""

import re
from pathlib import Path

import pytest

from mvib.driver import Analysis, analyse
from mvib.graph import Reading
from mvib.graph.paths import find_paths
from mvib.source import SourceFile
from tests.graph.test_graph import BYOL, graph_of, member
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, analysed, slugs

BYOL_GRAPH = BYOL.split("minimize")[0]
LATENT = TWO_VIEWS + "encoder p: Z[i] -> P[i] = mlp(64)\ndecoder q: Z[1] ~> Z[2] = gaussian(mlp(64))\n"


def reading(text: str, label: str = "t") -> Reading:
    analysis = analysed(text)
    assert analysis.is_sound, analysis.diagnostics
    (found,) = analysis.readings[label]
    return found


def operands(text: str) -> list[str]:
    """What the estimator gets: each argument, then the condition."""
    found = reading(text)
    groups = [*found.operands, *([found.condition] if found.condition else [])]
    return [", ".join(map(str, group)) for group in groups]


def test_without_decoders_every_variable_is_that_of_p() -> None:
    text = TWO_VIEWS + "term t: maximize I(Z[1]; Z[2]) by infonce()\n"
    assert operands(text) == ["Z[1]", "Z[2]"]
    assert [str(c) for c in reading(text).path] == [
        "augment: X ~> X[1]",
        "f: X[1] -> Z[1]",
        "augment: X ~> X[2]",
        "f: X[2] -> Z[2]",
    ]


def test_decoder_behind_by_takes_variables_of_p() -> None:
    text = BYOL_GRAPH + "term t: minimize H(T[2] | Z[1]) by q\n"
    assert operands(text) == ["T[2]", "Z[1]"]
    assert [c.module for c in reading(text).path] == ["augment", "f", "g", "q"]
    assert operands(BYOL_GRAPH + "term t: minimize H[q](T[2] | Z[1]) by q\n") == ["T[2]", "Z[1]"]
    assert operands(BYOL_GRAPH + "term t: minimize H[f, g, q](T[2] | Z[1]) by q\n") == ["T[2]", "Z[1]"]


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("maximize I[q](Z[1]; T[2]) by infonce()", ["q(Z[1])", "T[2]"]),
        ("maximize I[gt](Z[1]; T[2]) by infonce()", ["Z[1]", "T[2]"]),
        ("maximize I[ft, gt](Z[1]; T[2]) by infonce()", ["Z[1]", "T[2]"]),
        ("maximize I[f, g, q](X[1]; T[2]) by infonce()", ["q(Z[1])", "T[2]"]),
        ("maximize I[augment, f, g, q](X; T[2]) by infonce()", ["q(Z[1])", "T[2]"]),
        ("minimize H[q](T[2] | Z[1]) by cosine()", ["T[2]", "q(Z[1])"]),
        ("minimize H[gt](T[2] | Z[1]) by cosine()", ["T[2]", "Z[1]"]),
        ("minimize H[q](T[2] | sg(Z[1])) by cosine()", ["T[2]", "sg(q(Z[1]))"]),
        ("minimize H[q](sg(T[2]) | Z[1]) by cosine()", ["sg(T[2])", "q(Z[1])"]),
    ],
)
def test_written_paths(term: str, expected: list[str]) -> None:
    assert operands(BYOL_GRAPH + f"term t: {term}\n") == expected


def test_reconstruction_is_the_only_reading_of_data_given_a_code() -> None:
    assert operands(AUTOENCODER + "term t: minimize H(X | Z) by mse()\n") == ["X", "d(Z)"]


def test_path_round_a_circle_relates_a_variable_to_its_reconstruction() -> None:
    assert operands(AUTOENCODER + "term t: minimize H[e, d](X | X) by mse()\n") == ["X", "d(Z)"]


def test_logits_are_the_variable_itself() -> None:
    text = "method M\ndata X: image, Y: label\nencoder f: X -> Z = linear(10)\n"
    text += "decoder q: Z ~> Y = categorical(linear(10))\n"
    assert operands(text + "minimize H(Y | Z) by q\nterm t: minimize H(Y | Z) by cross_entropy()\n") == ["Y", "Z"]


def test_decoder_of_data_makes_nothing_else_ambiguous() -> None:
    text = TWO_VIEWS + "decoder d: Z[1] ~> X = gaussian(mlp(64))\ndecoder c: Z[1] ~> X[2] = gaussian(mlp(64))\n"
    text += "minimize H(X | Z[1]) by d\nminimize H(X[2] | Z[1]) by c\n"
    assert operands(text + "term t: maximize I(Z[1]; Z[2]) by infonce()\n") == ["Z[1]", "Z[2]"]
    # Encoded again it is meant where it is written.
    assert operands(text + "term t: maximize I[c, f](Z[1]; Z[2]) by infonce()\n") == ["f(c(Z[1]))", "Z[2]"]


def test_prediction_of_a_representation_is_carried_on() -> None:
    text = LATENT + "minimize H(sg(Z[2]) | Z[1]) by q\n"
    assert operands(text + "term t: maximize I[q, p](Z[1]; P[2]) by infonce()\n") == ["p(q(Z[1]))", "P[2]"]
    assert slugs(text + "term t: maximize I(Z[1]; P[2]) by infonce()\n") == ["ambiguous-path"]


def test_prediction_from_a_joint_variable_takes_all_of_it() -> None:
    text = "method M\ndata A: vector, B: vector, C: vector\nencoder f: A -> U, B -> V = mlp(8)\n"
    text += "decoder q: (U, V) ~> C = gaussian(mlp(8))\n"
    for condition in ("U, V", "V, U"):
        assert operands(text + f"term t: minimize H(C | {condition}) by mse()\n") == ["C", "q(U)"]


# ---- rates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["I(X; Z)", "I(Z; X)"])
def test_code_of_a_rate_is_what_the_encoder_makes(quantity: str) -> None:
    found = reading(AUTOENCODER + f"minimize H(X | Z) by d\nterm t: minimize {quantity} by rate(normal)\n")
    assert [[str(o) for o in group] for group in found.operands] == [["X"], ["Z"]]
    assert [channel.module for channel in found.path] == ["e"]


def test_rate_of_a_joint_source() -> None:
    text = "method M\ndata A: vector, B: vector\nencoder e: (A, B) ~> Z = gaussian(mlp(8))\n"
    found = reading(text + "term t: minimize I(A, B; Z) by rate(normal)\n")
    assert [[str(o) for o in group] for group in found.operands] == [["A", "B"], ["Z"]]


@pytest.mark.parametrize(
    ("term", "slug"),
    [
        ("minimize I(X; Z) by rate(normal)", ""),
        ("minimize I(X; Z | Y) by rate(normal)", ""),
        ("minimize I(X; Z | Y) by rate(b)", ""),
        ("minimize I(X; Z) by rate(b)", "wrong-quantity"),
        ("minimize I(X; Z | Y) by rate(c)", "wrong-decoder"),
        ("minimize I(X; Z | Y) by rate(e: Y)", ""),
        ("minimize I(X; Z) by rate(e: Y)", "wrong-quantity"),
        ("minimize I(Y; Z) by rate(normal)", "infinite-information"),
        ("minimize I(X; R) by rate(normal)", "infinite-information"),
        ("minimize I(X; Z | Y) by rate(f: Y)", "infinite-information"),
    ],
)
def test_references_of_a_rate(term: str, slug: str) -> None:
    text = (
        "method M\ndata X: vector, Y: vector\nencoder f: X -> R = mlp(8)\nencoder e: X ~> Z = gaussian(mlp(8))\n"
        "decoder b: Y ~> Z = gaussian(mlp(8))\ndecoder c: Z ~> Y = gaussian(mlp(8))\n"
        "minimize H(Y | Z) by c\nminimize H(sg(Z) | Y) by b\nminimize H(Y | R) by mse()\n"
    )
    assert slugs(text + term + "\n") == ([slug] if slug else [])


# ---- ambiguity -------------------------------------------------------------------------------------------------------


def candidates(analysis: Analysis) -> list[str]:
    (found,) = (d for d in analysis.diagnostics if d.slug == "ambiguous-path")
    return [line.split("  #")[0].strip() for line in found.remedy.split("\n")[1:]]


@pytest.mark.parametrize(
    ("text", "quantity", "rest", "expected"),
    [
        (BYOL_GRAPH, "I(Z[1]; T[2])", "maximize {} by infonce()", ["I[q](Z[1]; T[2])", "I[gt](Z[1]; T[2])"]),
        (
            BYOL_GRAPH,
            "H(T[j] | Z[i])",
            "minimize sum(i != j) {} by cosine()",
            ["H[q](T[j] | Z[i])", "H[gt](T[j] | Z[i])"],
        ),
        (
            TWO_VIEWS.replace("1..2", "1..3") + "decoder q[k: 1..2]: Z[t] ~> Z[t+k] = gaussian(mlp(8))\n",
            "I(Z[t]; Z[t+k])",
            "maximize mean(t in 1..1, k in 2..2) {} by infonce()",
            ["I[q[k]](Z[t]; Z[t+k])", "I[q[1], q[k]](Z[t]; Z[t+k])"],
        ),
        (
            AUTOENCODER.replace("image", "vector") + "decoder l: Z ~> X = laplace(mlp(64))\n",
            "H(X | Z)",
            "minimize {} by mse()",
            ["H[d](X | Z)", "H[l](X | Z)", "H[e](X | Z)"],
        ),
        (
            LATENT,
            "I(Z[1]; P[2])",
            "maximize {} by infonce()",
            ["I[q, p](Z[1]; P[2])", "I[p](Z[1]; P[2])"],
        ),
    ],
)
def test_candidates_are_accepted_when_pasted(text: str, quantity: str, rest: str, expected: list[str]) -> None:
    found = candidates(analysed(f"{text}term t: {rest.format(quantity)}\n"))
    if "q[k]" not in expected[0]:
        assert found == expected
    for candidate in found:
        analysis = analysed(f"{text}term t: {rest.format(candidate)}\n")
        assert analysis.is_sound, (candidate, analysis.diagnostics)
    # Every candidate is another reading.
    readings = [str(analysed(f"{text}term t: {rest.format(c)}\n").readings["t"][0].operands) for c in found]
    conditions = [str(analysed(f"{text}term t: {rest.format(c)}\n").readings["t"][0].condition) for c in found]
    assert len(set(zip(readings, conditions, strict=True))) == len(found)


def test_one_ambiguity_a_term() -> None:
    text = BYOL_GRAPH + "minimize sum(i != j) H(T[j] | Z[i]) by cosine()\nmaximize I(Z[1]; T[2]) by infonce()\n"
    assert slugs(text) == ["ambiguous-path", "ambiguous-path"]


def test_many_decoders_are_listed_briefly() -> None:
    decoders = "".join(f"decoder q{i}: Z ~> X = gaussian(mlp(8))\n" for i in range(30))
    text = AUTOENCODER.split("decoder")[0] + decoders
    assert len(candidates(analysed(text + "minimize H(X | Z) by mse()\n"))) == 7


# ---- paths -----------------------------------------------------------------------------------------------------------


def test_paths_are_the_shortest_first() -> None:
    graph = graph_of(BYOL)
    paths = find_paths(graph, member("X"), member("T[2]"))
    assert [[c.module for c in path] for path in paths] == [
        ["augment", "ft", "gt"],
        ["augment", "f", "g", "q"],
        ["augment", "f", "g", "q"],
    ]
    assert find_paths(graph, member("T[2]"), member("X")) == ()


def test_search_for_paths_ends_in_a_large_graph() -> None:
    # Forty layers of two encoders side by side have 2^40 paths, none of which leads to W.
    layer = "encoder a{0}: Z{0} -> A{0} = mlp(4)\nencoder b{0}: (Z{0}, A{0}) -> Z{1} = mlp(4)\n"
    text = "method M\ndata X: vector, W: vector\nencoder f: X -> Z0 = mlp(4)\n"
    text += "".join(layer.format(i, i + 1) for i in range(40))
    text += "decoder q: Z40 ~> X = gaussian(mlp(4))\nminimize H(X | Z40) by q\n"
    assert slugs(text + "maximize I(Z0; W) by infonce()\nmaximize I(Z0; Z40) by infonce()\n") == []


def test_each_path_of_the_message_is_one_of_the_graph() -> None:
    text = BYOL_GRAPH + "maximize I[f](X[1]; T[2]) by infonce()\n"
    (found,) = analysed(text).diagnostics
    (offered,) = re.findall(r"`(I\[.*\)?)`", found.remedy)
    assert slugs(BYOL_GRAPH + f"maximize {offered} by infonce()\n") == []


def test_bundled_and_good_specs_have_a_reading_for_each_instance() -> None:
    for path in (Path(__file__).parents[1] / "good").glob("*.mvib"):
        analysis = analysed(path.read_text(encoding="utf-8"))
        assert analysis.method is not None
        for term in analysis.method.terms:
            assert [r.instance for r in analysis.readings[term.label]] == list(term.instances)


@pytest.mark.parametrize(
    ("claim", "where"),
    [
        ("I[q](X[1]; Z[2]) >= 0", "step 1, `q`, takes `Z[1]`, and the path stands at `X[1]`"),
        ("I[g](X[1]; Z[2]) >= 0", "it ends at `R[1]`"),
        ("I[q](R[1]; Z[2]) <= I(X[1]; X[2])", "step 1, `q`, takes `Z[1]`, and the path stands at `R[1]`"),
    ],
)
def test_a_path_in_a_claim_has_to_lead_somewhere(claim: str, where: str) -> None:
    text = (
        "method M\ndata X: image\nview X[i: 1..2] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(4)\n"
        "encoder g: X[i] -> R[i] = mlp(4)\ndecoder q: Z[1] ~> Z[2] = gaussian(mlp(4))\n"
        "minimize H(Z[2] | Z[1]) by q\nmaximize I(R[1]; R[2]) by infonce()\n"
    )
    found = analyse(SourceFile("claims.mvib", f"{text}claim {claim}\n"))
    assert [(one.slug, one.label) for one in found.diagnostics if one.slug == "broken-path"] == [("broken-path", where)]
    allowed = analyse(SourceFile("claims.mvib", f"{text}claim I[q](Z[2]; Z[1]) <= I[q](Z[1]; Z[2])\n"))
    assert {one.slug for one in allowed.diagnostics} == {"collapsed-optimum"}

"""Assumptions and claims as linear forms with exact coefficients, one for each value of their free indices."""

from fractions import Fraction

import pytest

import mvib
from mvib.driver import analyse
from mvib.semantics.method import LinearRelation, MarkovChain, Method, Predicate
from mvib.source import SourceFile
from tests.semantics.spec_text import TWO_VIEWS, resolved, slugs

THREE_VIEWS = TWO_VIEWS.replace("1..2", "1..3").replace("X: image", "X: image, Y: label")


def forms(method: Method) -> list[dict[str, Fraction]]:
    """The claims, each as coefficients of quantities, symbols and (under an empty text) of one."""
    return [form(claim) for claim in method.claims]


def form(relation: LinearRelation) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for term in relation.terms:
        name = str(term.quantity) if term.quantity is not None else term.symbol
        total[name] = total.get(name, Fraction(0)) + term.coefficient
    return {name: value for name, value in total.items() if value}


def claim(text: str) -> list[dict[str, Fraction]]:
    # What is read of a claim, whether or not it is true.
    source = SourceFile("spec.mvib", THREE_VIEWS.replace("data ", "param c = 0.3\ndata ") + f"claim {text}\n")
    analysis = analyse(source, prove=False)
    assert analysis.method is not None
    assert analysis.is_sound
    return forms(analysis.method)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I(Z[1]; Y) <= I(X; Y)", {"I(Z[1]; Y)": 1, "I(X; Y)": -1}),
        ("2 * H(Y) >= H(Y) / 3 + 1", {"H(Y)": Fraction(5, 3), "": -1}),
        ("0.1 * H(Y) <= 3e-1", {"H(Y)": Fraction(1, 10), "": Fraction(-3, 10)}),
        ("c * H(Y) <= eps - 2 * delta", {"H(Y)": Fraction(3, 10), "eps": -1, "delta": 2}),
        ("-H(Y | X) = -H(Y | Z[1])", {"H(Y | X)": -1, "H(Y | Z[1])": 1}),
        ("H(Y) * 2 * 3 <= 1", {"H(Y)": 6, "": -1}),
        ("2 * 3 * H(Y) <= 1 / 3", {"H(Y)": 6, "": Fraction(-1, 3)}),
        ("sum(i) H(Z[i]) <= 1", {"H(Z[1])": 1, "H(Z[2])": 1, "H(Z[3])": 1, "": -1}),
        ("mean(i) H(Z[i]) <= 0", {f"H(Z[{i}])": Fraction(1, 3) for i in (1, 2, 3)}),
        ("mean(i < j) I(Z[i]; Z[j]) <= 0", {f"I(Z[{i}]; Z[{j}])": Fraction(1, 3) for i, j in ((1, 2), (1, 3), (2, 3))}),
        ("I(X[1], X[2]; Y | Z[1]) >= 0", {"I(X[1], X[2]; Y | Z[1])": 1}),
        ("TC(Z[1]; Z[2]; Z[3]) >= 0", {"TC(Z[1]; Z[2]; Z[3])": 1}),
    ],
)
def test_linear_forms(text: str, expected: dict[str, Fraction]) -> None:
    assert claim(text) == [expected]


def test_free_index_makes_a_claim_for_each_value() -> None:
    assert claim("H(Z[i]) <= H(X[i])") == [{f"H(Z[{i}])": 1, f"H(X[{i}])": -1} for i in (1, 2, 3)]


def test_equal_indices_are_left_out() -> None:
    found = claim("I(Z[i]; Z[j]) <= I(X[i]; X[j])")
    assert len(found) == 6
    assert {"I(Z[1]; Z[2])": 1, "I(X[1]; X[2])": -1} in found


def test_aggregation_beside_a_free_index() -> None:
    (first, *_), count = claim("H(Z[j]) <= sum(i != j) H(Z[i])"), len(claim("H(Z[j]) <= sum(i != j) H(Z[i])"))
    assert count == 3
    assert first == {"H(Z[1])": 1, "H(Z[2])": -1, "H(Z[3])": -1}


def test_arithmetic_leaves_edges_out() -> None:
    assert len(claim("I(Z[i]; Z[i+1]) <= H(Z[i])")) == 2


def test_chains() -> None:
    chains = resolved(THREE_VIEWS + "assume Y -- X -- Z[1], Z[2]\nassume X[i] -- X -- X[j]\n").assumptions
    assert all(isinstance(chain, MarkovChain) for chain in chains)
    texts = [" -- ".join(", ".join(map(str, link)) for link in c.links) for c in chains if isinstance(c, MarkovChain)]
    assert texts[0] == "Y -- X -- Z[1], Z[2]"
    assert len(texts) == 1 + 6
    assert "X[2] -- X -- X[2]" not in texts


def test_predicates() -> None:
    found = resolved(
        THREE_VIEWS + "assume gaussian(Z[i])\nassume sufficient(Z[1], Y)\nassume multiview(X[1], X[2], Y)\n"
    ).assumptions
    assert [(p.name, [str(m) for m in p.members]) for p in found if isinstance(p, Predicate)] == [
        ("gaussian", ["Z[1]"]),
        ("gaussian", ["Z[2]"]),
        ("gaussian", ["Z[3]"]),
        ("sufficient", ["Z[1]", "Y"]),
        ("multiview", ["X[1]", "X[2]", "Y"]),
    ]


def test_relations_may_be_assumed() -> None:
    (found,) = resolved(THREE_VIEWS + "assume I(Y; X[1] | X[2]) <= eps   # small\n").assumptions
    assert isinstance(found, LinearRelation)
    assert (found.operator, found.text) == ("<=", "I(Y; X[1] | X[2]) <= eps")


@pytest.mark.parametrize(
    ("statement", "slug"),
    [
        ("claim H(Y) != 0", "bad-relation"),
        ("claim H(Y) * H(X) <= 0", "not-linear"),
        ("claim 1 / H(Y) <= 0", "not-linear"),
        ("claim eps * H(Y) <= 0", "not-linear"),
        ("claim H(Y) / 0 <= 0", "not-finite"),
        ("claim H(Y) / (1 - 1) <= 0", "syntax"),
        ("claim 1e999 <= H(Y)", "not-finite"),
        ("claim f(1) <= H(Y)", "syntax"),
        ("claim Z <= H(Y)", "bad-relation"),
        ("claim I(Y; Y) <= 0", "bad-quantity"),
        ("claim mean(i, j) I(Z[i]; Z[j]) <= 0", "bad-quantity"),
        ("claim mean(i) I(Z[i]; Z[i+3]) <= 0", "bad-aggregation"),
        ("claim mean(j) H(Y) <= 0", "bad-aggregation"),
        ("claim mean(i) I(Z[i]; Z[j]) <= 0", "missing-aggregation"),
        ("claim I(Z[1]; Z[k+1]) <= 0", "unbound-index"),
        ("claim I(Z[1], Z[2]) <= 0", "bad-quantity"),
        ("assume Y -- X", ""),
        ("assume Y -- X -- Z[k+1]", "unbound-index"),
        ("assume Z[i] -- X -- Z[i+3]", "bad-relation"),
        ("assume gaussian()", "missing-argument"),
        ("assume gaussian(3)", "wrong-argument"),
        ("assume gaussian(variables: X)", "wrong-argument"),
        ("assume gaussian(Q)", "undefined-variable"),
    ],
)
def test_mistakes(statement: str, slug: str) -> None:
    text = THREE_VIEWS + f"{statement}\nminimize H(Y | Z[1]) by cross_entropy()\n"
    assert slugs(text) == ([slug] if slug else [])


def test_the_name_of_a_family_stands_for_its_members() -> None:
    text = (
        "method M\ndata X: image, Y: label\nview X[i: 1..2] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(4)\n"
        "maximize I(Z[1]; Z[2]) by infonce()\n"
        "assume gaussian(Z)\nassume sufficient(Z, Y)\nassume multiview(X[1], X[2], Y)\n"
    )
    method = mvib.loads(text).analysis.method
    assert method is not None
    found = [tuple(map(str, fact.members)) for fact in method.assumptions if isinstance(fact, Predicate)]
    # Jointly Gaussian; and each of them sufficient.
    assert found == [("Z[1]", "Z[2]"), ("Z[1]", "Y"), ("Z[2]", "Y"), ("X[1]", "X[2]", "Y")]

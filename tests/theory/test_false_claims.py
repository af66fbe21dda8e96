"""Plausible claims that are false: refused, with a distribution on which they fail, checked here from its definition.

The joint distribution is counted outcome by outcome from the components of a counterexample, and everything is said
of it by the definition of entropy: that the claim fails, that the assumptions hold, that every variable is
independent of what it is not made into given what it is made of, and that functions are functions.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest

from mvib.driver import Analysis, analyse
from mvib.semantics.method import ChannelKind, LinearRelation, MarkovChain, Predicate, Quantity
from mvib.source import SourceFile
from mvib.theory.claims import judge_claims
from mvib.theory.counterexample import Counterexample
from mvib.theory.verdict import Status, Verdict

REDUNDANT = "X1 and X2 are redundant for Y, the multiview assumption"

_TOLERANCE = 1e-9

THREE = "data A: vector, B: vector, C: vector"
FOUR = "data A: vector, B: vector, C: vector, D: vector"
SUPERVISED = """
data    X: image, Y: label
encoder e: X ~> Z = gaussian(backbone(), dim: 4)
"""
LABEL_IN_CODE = """
data    X: image, Y: label
encoder e: (X, Y) ~> Z = gaussian(mlp(8), dim: 4)
"""
TWO_VIEWS = """
data    X1: image, X2: image, Y: label partial
encoder e: X1 ~> Z = gaussian(backbone(), dim: 4)
"""
TWO_CODES = f"{TWO_VIEWS}encoder m: X1 ~> M = gaussian(backbone(), dim: 4)"
JOINT = """
data    X1: image, X2: image, Y: label
encoder a: X1 ~> Z1 = gaussian(backbone(), dim: 4)
encoder b: X2 ~> Z2 = gaussian(backbone(), dim: 4)
encoder c: (Z1, Z2) -> J = mlp(8)
"""
AUGMENTED = """
data    X: image, Y: label partial
view    X[i: 1..2] ~ augment(X)
encoder f:  X[i] -> R[i] = backbone()
encoder g:  R[i] -> Z[i] = mlp(8)
encoder h:  Z[i] -> P[i] = mlp(8)
encoder ft: X[i] -> S[i] = ema(f, momentum: 0.99)
encoder gt: S[i] -> T[i] = ema(g, momentum: 0.99)
"""
THREE_VIEWS = """
data    X: image, Y: label partial
view    X[i: 1..3] ~ augment(X)
encoder e: X[i] ~> Z[i] = gaussian(backbone(), dim: 4)
"""


@dataclass(frozen=True, kw_only=True)
class FalseClaim:
    """A claim that seems to hold.

    Attributes:
        why: what is wrong with it.
        graph: statements of a spec.
        claim: the relation.
        assumptions: what is assumed, too little.
        remedy: assumptions, mostly one, that must be among what is offered.
        has_none: whether no Markov chain makes it follow, nor the multiview assumption: none may be offered.
    """

    why: str
    graph: str
    claim: str
    assumptions: Sequence[str] = ()
    remedy: Sequence[str] = ()
    has_none: bool = False


FALSE_CLAIMS = (
    # One code of one view.
    FalseClaim(
        why="data processing the wrong way round",
        graph=SUPERVISED,
        claim="I(Z; Y) >= I(X; Y)",
        remedy=("X -- Z -- Y",),
    ),
    FalseClaim(
        why="conditioning on the label lets the encoder keep more: the wrong sign of the decomposition",
        graph=SUPERVISED,
        claim="I(X; Z | Y) >= I(X; Z)",
    ),
    FalseClaim(
        why="a stochastic encoder taken for a function",
        graph=SUPERVISED,
        claim="I(X; Z) = H(Z)",
        has_none=True,
    ),
    FalseClaim(
        why="a noisy code has an entropy given its input, differential or not",
        graph=SUPERVISED,
        claim="H(Z | X) <= 0",
        has_none=True,
    ),
    FalseClaim(
        why="an encoder need not be invertible",
        graph=SUPERVISED,
        claim="I(X; Z) >= H(X)",
        has_none=True,
    ),
    FalseClaim(
        why="the decomposition without its Markov chain: the code has seen the label",
        graph=LABEL_IN_CODE,
        claim="I(X; Z | Y) = I(X; Z) - I(Z; Y)",
        remedy=("Y -- X -- Z",),
    ),
    FalseClaim(
        why="data processing past the label that goes into the code",
        graph=LABEL_IN_CODE,
        claim="I(Z; Y) <= I(X; Y)",
        remedy=("Y -- X -- Z",),
    ),
    # Three variables that nothing is known about.
    FalseClaim(
        why="data processing without a Markov chain",
        graph=THREE,
        claim="I(A; C) <= I(A; B)",
        remedy=("A -- B -- C",),
    ),
    FalseClaim(
        why="exclusive or: conditioning may create information",
        graph=THREE,
        claim="I(A; B | C) <= I(A; B)",
        remedy=("A -- C -- B",),
    ),
    FalseClaim(
        why="three copies: conditioning may take information away; with the claim before, interaction has no sign",
        graph=THREE,
        claim="I(A; B | C) >= I(A; B)",
        has_none=True,
    ),
    FalseClaim(
        why="synergy: two together tell more than the sum of what each tells",
        graph=THREE,
        claim="I(A, B; C) <= I(A; C) + I(B; C)",
        remedy=("A -- C -- B",),
    ),
    FalseClaim(
        why="redundancy: what both tell is told once",
        graph=THREE,
        claim="I(A, B; C) >= I(A; C) + I(B; C)",
        has_none=True,
    ),
    FalseClaim(
        why="a total correlation with one of its three pairs left out",
        graph=THREE,
        claim="TC(A; B; C) <= I(A; B) + I(B; C)",
        remedy=("A -- B -- C",),
    ),
    FalseClaim(
        why="independent, but not given a third",
        graph=THREE,
        claim="I(A; B | C) = 0",
        assumptions=["I(A; B) = 0"],
        remedy=("A -- C -- B",),
    ),
    FalseClaim(
        why="independent of each given the other, but not of both: three copies, the intersection axiom fails",
        graph=THREE,
        claim="I(A; B, C) = 0",
        assumptions=["A -- B -- C", "A -- C -- B"],
    ),
    FalseClaim(
        why="subadditivity the wrong way round",
        graph=THREE,
        claim="H(A, B) >= H(A) + H(B)",
        has_none=True,
    ),
    FalseClaim(
        why="conditioning does not raise an entropy",
        graph=THREE,
        claim="H(A | B) >= H(A)",
        has_none=True,
    ),
    # Two views.
    FalseClaim(
        why="codes need not keep what the views share",
        graph=AUGMENTED,
        claim="I(Z[1]; Z[2]) >= I(X[1]; X[2])",
    ),
    FalseClaim(
        why="views share the image, not the label alone",
        graph=AUGMENTED,
        claim="I(X[1]; X[2] | Y) = 0",
        remedy=("X[1] -- Y -- X[2]",),
    ),
    FalseClaim(
        why="the projection may forget what the representation knows",
        graph=AUGMENTED,
        claim="I(R[1]; Y) <= I(Z[1]; Y)",
        remedy=("R[1] -- Z[1] -- Y",),
    ),
    FalseClaim(
        why="equation 7 without the conditional entropy",
        graph=AUGMENTED,
        claim="I(Z[1]; Z[2]) >= H(Z[1])",
        has_none=True,
    ),
    FalseClaim(
        why="a predictor adds nothing: what it says leaves at least as much open",
        graph=AUGMENTED,
        claim="H(Z[2] | Z[1]) >= H(Z[2] | P[1])",
        remedy=("Z[1] -- P[1] -- Z[2]",),
    ),
    FalseClaim(
        why="the slow copy is another function of the view than its origin",
        graph=AUGMENTED,
        claim="H(T[1] | Z[1]) = 0",
        has_none=True,
    ),
    FalseClaim(
        why="for a stochastic encoder the superfluous information is less than the conditional entropy",
        graph=TWO_VIEWS,
        claim="I(X1; Z | X2) = H(Z | X2)",
        has_none=True,
    ),
    FalseClaim(
        why="Federici's theorem without the multiview assumption",
        graph=TWO_VIEWS,
        claim="I(Z; Y) >= I(X1, X2; Y) - I(X1; X2 | Z)",
        remedy=("Y -- X1 -- X2", "Y -- X2 -- X1"),
    ),
    FalseClaim(
        why="Federici's theorem with one half of the multiview assumption",
        graph=TWO_VIEWS,
        claim="I(Z; Y) >= I(X1, X2; Y) - I(X1; X2 | Z)",
        assumptions=["I(X1; Y | X2) = 0"],
        remedy=("X2 -- X1 -- Y",),
    ),
    FalseClaim(
        why="Federici's theorem with one eps for two assumptions",
        graph=TWO_VIEWS,
        claim="I(Z; Y) >= I(X1, X2; Y) - eps - I(X1; X2 | Z)",
        assumptions=["I(Y; X1 | X2) <= eps", "I(Y; X2 | X1) <= eps"],
        remedy=("X1 -- X2 -- Y",),
    ),
    FalseClaim(
        why="a code that is sufficient for the other view, not for the label: Tsai without the multiview assumption",
        graph=TWO_VIEWS,
        claim="I(Z; Y) = I(X1; Y)",
        assumptions=["sufficient(Z, X2)"],
        remedy=("X1 -- X2 -- Y",),
    ),
    FalseClaim(
        why="the multiview assumption for any eps, where none is made",
        graph=TWO_VIEWS,
        claim="I(Z; Y) >= I(X1; Y) - eps",
        assumptions=["I(X1; X2 | Z) = 0"],
        remedy=("X1 -- X2 -- Y",),
    ),
    FalseClaim(
        why="Wang's theorem the wrong way round: the minimal code is not the better one",
        graph=TWO_CODES,
        claim="I(M; Y) >= I(Z; Y)",
        assumptions=["I(X1; X2 | Z) = 0", "I(X1; M | X2) = 0"],
        remedy=("X1 -- M -- Y",),
    ),
    FalseClaim(
        why="Wang's theorem without sufficiency of the code that is said to be better",
        graph=TWO_CODES,
        claim="I(M; Y) <= I(Z; Y)",
        assumptions=["I(X1; M | X2) = 0"],
        remedy=("X1 -- Z -- X2",),
    ),
    FalseClaim(
        why="Wang's theorem without minimality of the code that is said to be worse",
        graph=TWO_CODES,
        claim="I(M; Y) <= I(Z; Y)",
        assumptions=["I(X1; X2 | Z) = 0"],
        remedy=("X1 -- X2 -- M",),
    ),
    FalseClaim(
        why="explaining away: a joint code makes its inputs depend on each other",
        graph=JOINT,
        claim="I(Z1; Z2 | J) <= I(Z1; Z2)",
        remedy=("Z1 -- J -- Z2",),
    ),
    FalseClaim(
        why="a joint code may know more than one of its inputs",
        graph=JOINT,
        claim="I(J; Y) <= I(Z1; Y)",
        remedy=("Y -- Z1 -- J",),
    ),
    # Three views.
    FalseClaim(
        why="codes share less than the views, not more",
        graph=THREE_VIEWS,
        claim="TC(Z[1]; Z[2]; Z[3]) >= TC(X[1]; X[2]; X[3])",
    ),
    FalseClaim(
        why="two other codes may know more of the first than one other view",
        graph=THREE_VIEWS,
        claim="I(Z[1]; Z[2], Z[3]) <= I(X[1]; X[2])",
        remedy=("X[1] -- X[2] -- Z[3]",),
    ),
    FalseClaim(
        why="three views with one eps for the two assumptions that are needed",
        graph=THREE_VIEWS,
        claim="I(Z[1]; Y) >= I(X[1], X[2], X[3]; Y) - eps - I(X[1]; X[2], X[3] | Z[1])",
        assumptions=["multiview(X[1], X[2], X[3], Y)"],
    ),
)


# ---- an evaluation by definition -------------------------------------------------------------------------------------


class Counted:
    """A distribution, counted over all outcomes of its bits."""

    def __init__(self, example: Counterexample) -> None:
        outcomes = range(1 << example.num_bits)
        self.columns: Mapping[str, npt.NDArray[np.int64]] = {
            name: np.array([[component.table >> k & 1 for component in components] for k in outcomes], dtype=np.int64)
            for name, components in example.variables.items()
        }
        self.num_outcomes = len(outcomes)
        self.symbols = example.symbols

    def entropy(self, names: Iterable[str]) -> float:
        """- sum p log p over the values that occur."""
        columns = [self.columns[name] for name in sorted(set(names))]
        if sum(column.shape[1] for column in columns) == 0:
            return 0.0
        _, counts = np.unique(np.hstack(columns), axis=0, return_counts=True)
        shares = counts / self.num_outcomes
        return float(-(shares * np.log(shares)).sum())

    def information(self, first: Iterable[str], second: Iterable[str], given: Iterable[str] = ()) -> float:
        a, b, c = set(first), set(second), set(given)
        return self.entropy(a | c) + self.entropy(b | c) - self.entropy(a | b | c) - self.entropy(c)

    def quantity(self, quantity: Quantity) -> float:
        groups = [{str(variable.member) for variable in group} for group in quantity.groups]
        given = {str(variable.member) for variable in quantity.condition}
        match quantity.functional:
            case "H":
                return self.entropy(groups[0] | given) - self.entropy(given)
            case "I":
                return self.information(groups[0], groups[1], given)
            case "TC":
                parts = [self.entropy(group | given) - self.entropy(given) for group in groups]
                return sum(parts) - (self.entropy(set().union(*groups, given)) - self.entropy(given))
            case other:
                raise AssertionError(other)

    def difference(self, relation: LinearRelation) -> float:
        """The left side less the right one."""
        total = 0.0
        for term in relation.terms:
            value = self.quantity(term.quantity) if term.quantity is not None else self.symbols.get(term.symbol, 1.0)
            assert term.quantity is not None or not term.symbol or term.symbol in self.symbols, term.symbol
            total += float(term.coefficient) * value
        return total

    def fails_by(self, relation: LinearRelation) -> float:
        """How far a relation is from holding; at most zero where it holds."""
        difference = self.difference(relation)
        return {"<=": difference, ">=": -difference, "=": abs(difference)}[relation.operator]


def assert_obeys_the_graph(counted: Counted, analysis: Analysis) -> None:
    """The local Markov property, and functions of what they are made of."""
    assert analysis.graph is not None
    network = nx.DiGraph()
    network.add_nodes_from(map(str, analysis.graph.p.nodes))
    network.add_edges_from((str(a), str(b)) for a, b in analysis.graph.p.edges)
    made = set(counted.columns)
    functions = {
        str(channel.target)
        for channel in analysis.graph.channels
        if channel.kind is ChannelKind.ENCODER and not channel.stochastic
    }
    for name in made:
        parents = set(network.predecessors(name))
        assert parents <= made, f"{name} is made of variables that the counterexample leaves out"
        others = made - nx.descendants(network, name) - parents - {name}
        assert abs(counted.information({name}, others, parents)) < _TOLERANCE, f"{name} given {parents}"
        if name in functions:
            assert abs(counted.entropy({name} | parents) - counted.entropy(parents)) < _TOLERANCE, name


def assert_obeys_the_assumptions(counted: Counted, analysis: Analysis) -> None:
    assert analysis.method is not None
    assert all(value >= 0 for value in counted.symbols.values())
    for fact in analysis.method.assumptions:
        match fact:
            case LinearRelation():
                assert counted.fails_by(fact) < _TOLERANCE, fact.text
            case MarkovChain(links=(first, middle, second)):
                before, behind, given = (set(map(str, side)) for side in (first, second, middle))
                assert abs(counted.information(before, behind, given)) < _TOLERANCE, fact.text
            case Predicate(name="sufficient", members=members):
                assert list(map(str, members)) == ["Z", "X2"], "sufficient of what X1 is"
                assert abs(counted.information({"X1"}, {"X2"}, {"Z"})) < _TOLERANCE
            case Predicate(name="multiview"):
                *views, label = map(str, fact.members)
                for view in views:
                    told = counted.information({label}, set(views) - {view}, {view})
                    assert told <= counted.symbols["eps"] + _TOLERANCE, fact.text
            case _:
                raise AssertionError(f"this test cannot check {fact}")


@cache
def judge(graph: str, claim: str, assumptions: tuple[str, ...] = ()) -> tuple[Analysis, Verdict]:
    facts = [*(f"assume {fact}" for fact in assumptions), f"claim {claim}"]
    analysis = analyse(SourceFile("claim.mvib", "\n".join(["method Claim", graph, *facts])), prove=False)
    assert analysis.method is not None, analysis.diagnostics
    assert analysis.graph is not None
    (verdict,) = judge_claims(analysis.method, analysis.graph)
    return analysis, verdict


# ---- the tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("false", FALSE_CLAIMS, ids=lambda false: f"{false.claim} [{false.why}]")
def test_it_fails_on_a_distribution_that_obeys_graph_and_assumptions(false: FalseClaim) -> None:
    analysis, verdict = judge(false.graph, false.claim, tuple(false.assumptions))
    assert verdict.status is Status.FALSE
    assert not verdict.proofs
    assert not verdict.holds_for_any_variables
    example = verdict.counterexample
    assert example is not None
    counted = Counted(example)
    fails_by = counted.fails_by(verdict.relation)
    assert fails_by > 0.01, "the claim holds on it"
    assert abs(fails_by + example.value) < _TOLERANCE, "the number that is shown is another one"
    assert_obeys_the_graph(counted, analysis)
    assert_obeys_the_assumptions(counted, analysis)


@pytest.mark.parametrize("false", FALSE_CLAIMS, ids=lambda false: f"{false.claim} [{false.why}]")
def test_each_assumption_that_is_offered_makes_it_follow(false: FalseClaim) -> None:
    _, verdict = judge(false.graph, false.claim, tuple(false.assumptions))
    offered = [tuple(assumption.text for assumption in remedy.assumptions) for remedy in verdict.remedies]
    if false.remedy:
        assert tuple(false.remedy) in offered
    if false.has_none:
        assert offered == []
    for texts in offered:
        _, repaired = judge(false.graph, false.claim, (*false.assumptions, *texts))
        assert repaired.status is Status.PROVED, texts
        assert {*texts} <= {used.text for used in repaired.used_assumptions}, texts


@pytest.mark.parametrize(
    ("graph", "claim", "words"),
    [
        (SUPERVISED, "I(Z; Y) >= I(X; Y)", "Z is sufficient for Y"),
        (
            TWO_VIEWS,
            "I(Z; Y) >= I(X1, X2; Y) - I(X1; X2 | Z)",
            REDUNDANT,
        ),
    ],
)
def test_what_is_offered_is_called_by_its_name(graph: str, claim: str, words: str) -> None:
    _, verdict = judge(graph, claim)
    assert verdict.remedies[0].meaning == words
    for assumption in verdict.remedies[0].assumptions:
        assert f"`assume {assumption.text}`" in verdict.remedies[0].text


@pytest.mark.parametrize(
    ("graph", "claim"),
    [
        # An entropy of a continuous variable may be negative.
        (SUPERVISED, "H(Z | X) >= 0"),
        (SUPERVISED, "H(X | Z) >= 0"),
        # So what one variable tells may be more than its differential entropy.
        (SUPERVISED, "I(X; Z) <= H(Z)"),
        (SUPERVISED, "I(X; Z) <= H(X)"),
        (TWO_VIEWS, "I(X1; Z | X2) <= H(Z | X2)"),
        # And more variables may have less of it.
        (THREE, "H(A, B) >= H(A)"),
        # A function of a continuous variable has H(f(X) | X) = minus infinity, not zero.
        (AUGMENTED, "H(Z[1] | X[1]) = 0"),
        (AUGMENTED, "I(X[1]; Z[1]) = H(Z[1])"),
        (AUGMENTED, "H(Z[1]) <= H(R[1])"),
    ],
)
def test_the_traps_of_differential_entropy_are_proved_for_discrete_variables_only(graph: str, claim: str) -> None:
    _, verdict = judge(graph, claim)
    assert verdict.status is Status.PROVED
    assert not verdict.holds_for_any_variables


def test_a_true_inequality_beyond_those_of_shannon_is_not_called_false() -> None:
    """Zhang and Yeung 1998: it holds for all distributions, and no inequality of Shannon's says so.

    2 I(C; D) <= I(A; B) + I(A; C, D) + 3 I(C; D | A) + I(C; D | B).
    """
    _, verdict = judge(FOUR, "2*I(C; D) <= I(A; B) + I(A; C, D) + 3*I(C; D | A) + I(C; D | B)")
    assert verdict.status is Status.NOT_IMPLIED
    assert verdict.status.value == "does not follow from Shannon's inequalities"
    assert verdict.counterexample is None
    assert not verdict.proofs


def test_the_counting_of_this_file() -> None:
    """Exclusive or by hand: each pair is independent, and each is a function of the two others."""
    _, verdict = judge(THREE, "I(A; B | C) <= I(A; B)")
    assert verdict.counterexample is not None
    counted = Counted(verdict.counterexample)
    assert counted.information({"A"}, {"B"}, {"C"}) - counted.information({"A"}, {"B"}) == pytest.approx(log(2))

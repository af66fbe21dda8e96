"""What is proved holds: on random joint laws that obey the graph and the assumptions, by the definition of entropy."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import networkx as nx
import numpy as np
import pytest

from mvib.theory.expression import Expression, Variables, entropy, free_symbol, information, number
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, InvalidProofError, Measure, Proof, Reason, Step
from mvib.theory.prover import Problem, Refutation, prove
from mvib.theory.relations import independence
from tests.theory.certificates import assert_certificate
from tests.theory.laws import Law, complete_network, digraph, random_law, random_network

_TOLERANCE = 1e-8


def random_sides(random: Random, names: Sequence[str]) -> tuple[Variables, Variables, Variables]:
    """Three disjoint sets, the first two of them not empty."""
    mixed = random.sample(names, len(names))
    cuts = sorted(random.sample(range(1, len(names)), min(2, len(names) - 1)))
    ends = [*cuts, len(names)] if len(cuts) == 2 else [1, 2, 2]
    rest = mixed[ends[1] : ends[2]]
    return (
        frozenset(mixed[: ends[0]]),
        frozenset(mixed[ends[0] : ends[1]]),
        frozenset(name for name in rest if random.random() < 0.5),
    )


def random_quantity(random: Random, names: Sequence[str]) -> Expression:
    first, second, given = random_sides(random, names)
    return entropy(first, given) if random.random() < 0.15 else information(first, second, given)


def random_claim(random: Random, names: Sequence[str]) -> Expression:
    """A combination of a few quantities, with no thought of whether it is true."""
    kind = random.random()
    if kind < 0.2:
        # Zero or false.
        return -random_quantity(random, names)
    if kind < 0.5:
        return random_quantity(random, names) - random_quantity(random, names)
    claim = Expression()
    for factor in random.choice(((1, -1, -1), (1, 1, -1), (2, 1, -1, -1), (1, 1, 1, -1), (1, 2, -2, 1, -1))):
        claim += factor * random_quantity(random, names)
    return claim


def test_a_thousand_laws_violate_no_proved_claim() -> None:
    random, rng = Random(7), np.random.default_rng(7)
    num_proved = num_claims = num_false = 0
    for trial in range(100):
        # Six variables with a hidden one would make the tables large.
        num, density = random.randint(3, 5 if trial % 3 == 0 else 6), random.choice((0.3, 0.5))
        network = random_network(random, num, num_hidden=trial % 3 == 0, density=density)
        names = [name for name in network.names if name not in network.hidden]
        laws = [random_law(network, rng) for _ in range(10)]
        for _ in range(20):
            claim = random_claim(random, names)
            least = min(law.value(claim) for law in laws)
            found = prove(claim, Problem(network))
            num_claims += 1
            if isinstance(found, Proof):
                num_proved += 1
                assert_certificate(found, claim)
                assert least >= -_TOLERANCE, (network, claim)
            num_false += least < -_TOLERANCE
    # Many claims are proved and many fail on a law: the test tells true from false.
    assert num_proved > 0.2 * num_claims
    assert num_false > 0.2 * num_claims


def obeyed_assumptions(random: Random, truth: Network, laws: Sequence[Law]) -> list[Assumption]:
    """Relations that laws of a network obey: independences, functions, bounds, and one by a symbol."""
    names, graph = truth.names, digraph(truth)
    known = []
    for _ in range(12):
        sides = random_sides(random, names)
        if nx.is_d_separator(graph, *map(set, sides)):
            known.append(independence(*sides, "independent"))
    for name in truth.functions:
        known.append(Assumption(entropy({name}, truth.parents[name]), is_equality=True, text="a function"))
    # A variable has three values at most.
    known.append(Assumption(number(Fraction(11, 10)) - entropy({names[0]}), is_equality=False, text="H <= 1.1"))
    one, other = random_quantity(random, names), random_quantity(random, names)
    if all(law.value(one - other) >= 0 for law in laws):
        known.append(Assumption(one - other, is_equality=False, text="ordered"))
    known.append(Assumption(free_symbol("eps") - one, is_equality=False, text="<= eps"))
    random.shuffle(known)
    return known


def test_laws_that_obey_assumptions_violate_no_claim_proved_from_them() -> None:
    random, rng = Random(8), np.random.default_rng(8)
    num_proved = num_claims = num_resting = 0
    for _ in range(60):
        truth = random_network(random, random.randint(3, 5), density=0.35)
        # The prover sees fewer separations than there are; the assumptions say some of the rest.
        seen = complete_network(truth.names)
        laws = [random_law(truth, rng) for _ in range(5)]
        assumptions = tuple(obeyed_assumptions(random, truth, laws))
        bounded = next(-a.expression + free_symbol("eps") for a in assumptions if a.text == "<= eps")
        for kind in range(10):
            claim = random_claim(random, truth.names)
            if kind == 8:
                claim += number(Fraction(11, 10))
            if kind == 9:
                claim += free_symbol("eps") - bounded
            found = prove(claim, Problem(seen, assumptions))
            num_claims += 1
            if not isinstance(found, Proof):
                continue
            num_proved += 1
            num_resting += bool(found.used_assumptions())
            assert_certificate(found, claim)
            for law in laws:
                symbols = {"eps": law.value(bounded) + float(rng.exponential(0.1)) * (kind % 2)}
                assert law.value(claim, symbols) >= -_TOLERANCE, (truth, claim)
    assert num_proved > 0.2 * num_claims
    assert num_resting > 0.1 * num_claims


def continuous_law(network: Network, rng: np.random.Generator) -> dict[Variables, float]:
    """Differential entropies of a Gaussian law in which every variable is a linear sum of its parents and noise."""
    names, num = network.names, len(network.names)
    weights = np.zeros((num, num))
    for k, name in enumerate(names):
        for parent in network.parents[name]:
            weights[k, names.index(parent)] = rng.normal()
    # A small scale makes differential entropies negative.
    mixing = np.linalg.inv(np.eye(num) - weights) @ np.diag(rng.uniform(0.01, 1.0, size=num))
    covariance = mixing @ mixing.T
    found = {}
    for mask in range(1, 1 << num):
        members = [k for k in range(num) if mask >> k & 1]
        _, logdet = np.linalg.slogdet(covariance[np.ix_(members, members)])
        found[frozenset(names[k] for k in members)] = 0.5 * (len(members) * np.log(2 * np.pi * np.e) + float(logdet))
    return found


def test_gaussian_laws_violate_no_claim_proved_for_any_variables() -> None:
    random, rng = Random(9), np.random.default_rng(9)
    num_any, violated = 0, 0
    for _ in range(60):
        network = replace(random_network(random, random.randint(3, 5), density=0.4), functions=frozenset())
        laws = [continuous_law(network, rng) for _ in range(5)]
        for _ in range(8):
            claim = random_claim(random, network.names)
            found = prove(claim, Problem(network))
            if not isinstance(found, Proof):
                continue
            least = min(claim.value(law) for law in laws)
            if found.holds_for_any_variables:
                num_any += 1
                assert least >= -_TOLERANCE, (network, claim)
            else:
                violated += least < -_TOLERANCE
    assert num_any > 80
    # The others are rightly kept for discrete variables: some fail.
    assert violated > 5


# ---- tampered certificates -------------------------------------------------------------------------------------------

NETWORK = Network({"X": (), "Y": ("X",), "Z": ("Y",), "F": ("Y",)}, functions=frozenset({"F"}))
GIVEN = (
    independence({"X"}, {"Y"}, {"Z"}, "X -- Z -- Y"),
    Assumption(free_symbol("eps") - entropy({"X"}), is_equality=False, text="H(X) <= eps"),
)


def proof_of(claim: Expression) -> Proof:
    found = prove(claim, Problem(NETWORK, GIVEN))
    assert isinstance(found, Proof)
    assert_certificate(found, claim)
    return found


CLAIMS = (
    information("X", "Y") - information("X", "Z"),
    information("X", "Z") - information("X", "Y"),
    information("X", "Y") - information("X", "F"),
    entropy("Y") - entropy("F"),
    free_symbol("eps") - information("X", "Z"),
    free_symbol("eps") + number(1) - information("X", "YZ"),
)


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_step_left_out_or_changed_is_refused(claim: Expression) -> None:
    proof = proof_of(claim)
    for k, step in enumerate(proof.steps):
        others = [*proof.steps[:k], *proof.steps[k + 1 :]]
        for steps in (others, [*others, replace(step, coefficient=-step.coefficient)], [*others, step, step]):
            with pytest.raises(InvalidProofError):
                replace(proof, steps=tuple(steps)).verify()
    with pytest.raises(InvalidProofError):
        replace(proof, claim=claim - number(Fraction(1, 10**6))).verify()
    with pytest.raises(InvalidProofError):
        replace(proof, claim=-claim).verify()


def measure(first: str, second: str = "", given: str = "") -> Measure:
    return Measure(frozenset(first), frozenset(second), frozenset(given))


# Each is a step that does not hold. The claim is made to be what it says, so that the sum is right.
FALSE_STEPS = {
    "negative information": Step(Fraction(-1), Reason.SHANNON, measure("X", "Y")),
    "negative entropy": Step(Fraction(-1), Reason.SHANNON, measure("X")),
    "no separation": Step(Fraction(-1), Reason.SEPARATION, measure("X", "Z")),
    "separation by too little": Step(Fraction(-1), Reason.SEPARATION, measure("XY", "Z")),
    "separation of a variable from itself": Step(Fraction(-1), Reason.SEPARATION, measure("X", "X", "Y")),
    "an entropy as a separation": Step(Fraction(-1), Reason.SEPARATION, measure("X")),
    "no function": Step(Fraction(-1), Reason.FUNCTION, measure("Z", "", "Y")),
    "a function of something else": Step(Fraction(-1), Reason.FUNCTION, measure("F", "", "X")),
    "more than the function": Step(Fraction(-1), Reason.FUNCTION, measure("FZ", "", "Y")),
    "an information as a function": Step(Fraction(-1), Reason.FUNCTION, measure("X", "F", "Y")),
    "an independence of others": Step(Fraction(-1), Reason.INDEPENDENCE, measure("X", "F", "Z"), assumption=0),
    "an independence without its condition": Step(Fraction(-1), Reason.INDEPENDENCE, measure("X", "Y"), assumption=0),
    "an independence given more": Step(Fraction(-1), Reason.INDEPENDENCE, measure("X", "Y", "ZF"), assumption=0),
    "an entropy as an independence": Step(Fraction(-1), Reason.INDEPENDENCE, measure("X", "", "Z"), assumption=0),
    "no independence": Step(Fraction(-1), Reason.INDEPENDENCE, measure("X", "Y", "Z"), assumption=1),
    "a bound turned round": Step(Fraction(-1), Reason.ASSUMPTION, assumption=1),
    "a negative symbol": Step(Fraction(-1), Reason.SYMBOL, symbol="eps"),
    "a negative number": Step(Fraction(-1), Reason.POSITIVE),
    "a measure as a number": Step(Fraction(-1), Reason.POSITIVE, measure("X")),
    "a measure as a symbol": Step(Fraction(-1), Reason.SYMBOL, measure("X"), symbol="eps"),
    "a measure as an assumption": Step(Fraction(-1), Reason.ASSUMPTION, measure("X"), assumption=0),
    "nothing as a measure": Step(Fraction(-1), Reason.SHANNON),
}


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("name", FALSE_STEPS)
def test_a_false_step_is_refused(name: str, functional: bool) -> None:
    step = FALSE_STEPS[name]
    claim = step.expression(GIVEN) * step.coefficient
    proof = Proof(claim, (step,), NETWORK, GIVEN, functional)
    assert claim
    with pytest.raises(InvalidProofError):
        proof.verify()


def test_a_separation_by_functions_needs_a_proof_that_says_so() -> None:
    network = Network({"Y": (), "F": ("Y",), "X": ("Y",), "Z": ("F", "X")}, functions=frozenset({"F"}))
    step = Step(Fraction(-1), Reason.SEPARATION, measure("F", "X", "Y"))
    assert isinstance(prove(-information("F", "F", "Y"), Problem(network)), Proof)
    Proof(-information("F", "X", "Y"), (step,), network, (), functional=True).verify()
    own = Step(Fraction(-1), Reason.SEPARATION, measure("F", "F", "Y"))
    with pytest.raises(InvalidProofError):
        Proof(-entropy("F", "Y"), (own,), network, (), functional=False).verify()


def test_refutations_obey_all_that_is_given() -> None:
    """Entropies that refute a claim are in Shannon's cone, and the separations are zero on them."""
    random, num = Random(10), 0
    for _ in range(25):
        network = replace(random_network(random, 4, density=0.4), functions=frozenset())
        for _ in range(4):
            claim = random_claim(random, network.names)
            found = prove(claim, Problem(network))
            if not isinstance(found, Refutation):
                continue
            num += 1
            h = found.entropies
            assert claim.value(h, found.symbols) < -1e-9
            names = sorted(frozenset[str]().union(*h))
            for i in names:
                assert entropy({i}, set(names) - {i}).value(h) >= -1e-6
                for j in names:
                    rest = [name for name in names if name not in {i, j}]
                    for mask in range(1 << len(rest)) if i < j else ():
                        given = {name for k, name in enumerate(rest) if mask >> k & 1}
                        value = information({i}, {j}, given).value(h)
                        assert value >= -1e-6
                        if nx.is_d_separator(digraph(network), {i}, {j}, given):
                            assert value <= 1e-6
    assert num > 30

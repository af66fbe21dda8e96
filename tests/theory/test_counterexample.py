from itertools import product
from math import log
from random import Random

import networkx as nx
import pytest

from mvib.theory.counterexample import Counterexample, find_counterexample
from mvib.theory.expression import Expression, Variables, entropy, free_symbol, information
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, Refutation, prove
from mvib.theory.relations import independence
from tests.theory.laws import complete_network, digraph, random_network, subsets
from tests.theory.test_prover import DO_NOT_FOLLOW, FOLLOW, RANDOM_CODES, ZHANG_YEUNG, h, i
from tests.theory.test_soundness import random_claim


def outcomes(example: Counterexample) -> list[dict[str, tuple[int, ...]]]:
    """The value of each variable for each outcome of the bits, all equally likely, read from the tables."""
    return [
        {name: tuple(c.table >> k & 1 for c in components) for name, components in example.variables.items()}
        for k in range(1 << example.num_bits)
    ]


def joint_entropy(table: list[dict[str, tuple[int, ...]]], names: Variables) -> float:
    counts: dict[tuple[tuple[int, ...], ...], int] = {}
    for row in table:
        key = tuple(row[name] for name in sorted(names))
        counts[key] = counts.get(key, 0) + 1
    return -sum(count / len(table) * log(count / len(table)) for count in counts.values())


def value(table: list[dict[str, tuple[int, ...]]], expression: Expression, symbols: dict[str, float]) -> float:
    total = float(expression.constant)
    total += sum(float(c) * joint_entropy(table, names) for names, c in expression.entropies.items())
    return total + sum(float(c) * symbols[name] for name, c in expression.symbols.items())


def assert_counterexample(example: Counterexample, claim: Expression, problem: Problem) -> None:
    """By the outcomes of the bits: the claim fails, and the assumptions and the graph with its functions are obeyed."""
    table, symbols, network = outcomes(example), dict(example.symbols), problem.network
    assert all(symbol >= 0 for symbol in symbols.values())
    assert value(table, claim, symbols) == pytest.approx(example.value, abs=1e-9)
    assert example.value < -1e-7
    for assumption in problem.assumptions:
        found = value(table, assumption.expression, symbols)
        assert found > -1e-9
        assert not assumption.is_equality or found < 1e-9
    made = set(example.variables)
    graph = digraph(network).subgraph(made)
    for name in made:
        parents = frozenset(network.parents[name])
        assert parents <= made
        # The local Markov property, which is the factorisation.
        others = frozenset(made - nx.descendants(graph, name) - parents - {name})
        assert value(table, information({name}, others, parents), {}) < 1e-9
        if name in network.functions:
            assert value(table, entropy({name}, parents), {}) < 1e-9


def searched(claim: Expression, problem: Problem) -> Counterexample | None:
    refutation = prove(claim, problem)
    assert isinstance(refutation, Refutation)
    example = find_counterexample(claim, problem, refutation)
    if example is not None:
        assert_counterexample(example, claim, problem)
    return example


@pytest.mark.parametrize("name", DO_NOT_FOLLOW)
def test_false_claims_have_a_distribution_on_which_they_fail(name: str) -> None:
    claim, network, assumptions = DO_NOT_FOLLOW[name]
    assert searched(claim, Problem(network, assumptions)) is not None


def test_zhang_yeung_has_none() -> None:
    """It is true of every distribution."""
    assert searched(ZHANG_YEUNG, Problem(complete_network("ABCD"))) is None


@pytest.mark.parametrize("name", FOLLOW)
def test_a_theorem_has_none(name: str) -> None:
    claim, network, assumptions = FOLLOW[name]
    assert find_counterexample(claim, Problem(network, assumptions), None, num_trials=150) is None


def test_random_false_claims() -> None:
    """Every example that is found is one; most claims about few variables that do not follow have one."""
    random, num_found, num_open = Random(20), 0, 0
    for trial in range(60):
        network = random_network(random, random.randint(3, 4), num_hidden=trial % 2, density=0.5)
        names = [name for name in network.names if name not in network.hidden]
        claim = random_claim(random, names)
        found = prove(claim, Problem(network))
        if isinstance(found, Proof):
            assert find_counterexample(claim, Problem(network), None, num_trials=60) is None
            continue
        num_open += 1
        num_found += searched(claim, Problem(network)) is not None
    assert num_open > 20
    assert num_found > 0.8 * num_open


def test_assumptions_are_obeyed() -> None:
    network = complete_network("XYZ")
    given = (
        independence("X", "Y", (), "X and Y are independent"),
        Assumption(-entropy("Z", "XY"), is_equality=False, text="H(Z | X, Y) <= 0"),
    )
    example = searched(-information("X", "Y", "Z"), Problem(network, given))
    assert example is not None
    assert example.evaluate(information("X", "Y")) == pytest.approx(0, abs=1e-12)


def test_symbols_take_the_least_value_that_assumptions_allow() -> None:
    bound = Assumption(free_symbol("eps") - i("X", "Y"), is_equality=False, text="I(X; Y) <= eps")
    example = searched(free_symbol("eps") - h("X"), Problem(complete_network("XY"), (bound,)))
    assert example is not None
    assert example.symbols["eps"] == pytest.approx(example.evaluate(i("X", "Y")))


def test_functions_are_functions_of_their_parents() -> None:
    network = Network({"X": (), "Z": ("X",), "Y": ("X",)}, functions=frozenset({"Z"}))
    assert find_counterexample(-h("Z", "X"), Problem(network), None, num_trials=200) is None
    assert searched(-h("Y", "X"), Problem(network)) is not None


def test_hidden_causes_are_part_of_an_example() -> None:
    example = searched(-i("X1", "X2"), Problem(RANDOM_CODES))
    assert example is not None
    assert "U" in example.variables


def test_an_example_describes_its_variables() -> None:
    example = searched(i("X1", "X2") - i("X1", "X2", "Y"), Problem(RANDOM_CODES))
    assert example is not None
    lines = dict(line.split(" = ") for line in example.describe())
    assert set(lines) == set(example.variables) - {"U"}
    # The text is the table: it is evaluated for each outcome, bit 1 being the one that changes quickest.
    for row, bits in zip(outcomes(example), product((0, 1), repeat=example.num_bits), strict=True):
        known = {f"b{k + 1}": bit for k, bit in enumerate(reversed(bits))}
        for name, text in lines.items():
            formula = text.replace("xor", "^").replace("and", "&").replace("constant", "()")
            found = eval(formula, {}, known)
            # What two components have in common is written once.
            values = {c.text: value for c, value in zip(example.variables[name], row[name], strict=True)}
            assert (found if isinstance(found, tuple) else (found,)) == tuple(values.values())


def test_entropies_are_counted() -> None:
    example = searched(i("X", "Y", "Z") - i("X", "Y"), Problem(complete_network("XYZ")))
    assert example is not None
    for names in subsets("XYZ", 1):
        assert example.entropy(names) == pytest.approx(joint_entropy(outcomes(example), names))


def test_the_search_is_repeatable() -> None:
    claim, network, assumptions = DO_NOT_FOLLOW["Federici's corollary, not sufficient"]
    one, other = (searched(claim, Problem(network, assumptions)) for _ in range(2))
    assert one == other

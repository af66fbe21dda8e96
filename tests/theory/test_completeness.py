"""What follows from Shannon's inequalities is proved, with a certificate that a second judge accepts."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from random import Random

import networkx as nx
import pytest
from scipy.optimize import linprog

from mvib.theory.expression import Expression, entropy, free_symbol, information, number
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, Refutation, Undecided, prove
from mvib.theory.relations import independence
from tests.theory.certificates import assert_certificate, determined
from tests.theory.laws import complete_network, digraph, random_network, subsets
from tests.theory.test_soundness import random_claim, random_quantity, random_sides


def every_elemental(names: Sequence[str]) -> list[Expression]:
    """The elemental inequalities (Yeung 2008, section 14.1)."""
    found = [entropy({name}, set(names) - {name}) for name in names]
    for i, j in combinations(names, 2):
        found += [information({i}, {j}, given) for given in subsets(set(names) - {i, j})]
    return found


def assert_proved(claim: Expression, network: Network, assumptions: tuple[Assumption, ...] = ()) -> Proof:
    found = prove(claim, Problem(network, assumptions))
    assert isinstance(found, Proof), (network, claim, found)
    assert_certificate(found, claim)
    return found


@pytest.mark.parametrize("num", [2, 3, 4, 5, 6])
def test_every_elemental_inequality_is_proved(num: int) -> None:
    random, names = Random(num), [f"V{k}" for k in range(num)]
    every = every_elemental(names)
    assert len(every) == num + num * (num - 1) // 2 * 2 ** (num - 2)
    for claim in every if num < 6 else random.sample(every, 60):
        assert_proved(claim, complete_network(names))
        assert_proved(claim, random_network(random, num))


@pytest.mark.parametrize("num", [2, 3, 4])
def test_every_conditional_information_of_sets_is_proved(num: int) -> None:
    names = [f"V{k}" for k in range(num)]
    for first in subsets(names, 1):
        for second in subsets(names, 1):
            for given in subsets(names):
                assert_proved(information(first, second, given), complete_network(names))


def conic(random: Random, every: Sequence[Expression]) -> Expression:
    claim = Expression()
    for one in random.sample(every, min(len(every), random.choice((1, 2, 3, 5, 8, 13)))):
        claim += one * Fraction(random.randint(1, 12), random.choice((1, 1, 2, 3, 5, 7)))
    return claim


def test_a_thousand_conic_combinations_are_proved() -> None:
    random = Random(11)
    every = {num: every_elemental([f"V{k}" for k in range(num)]) for num in (3, 4, 5)}
    for trial in range(1000):
        num = 3 + trial % 3
        assert_proved(conic(random, every[num]), complete_network([f"V{k}" for k in range(num)]))


def random_zeros(random: Random, network: Network) -> list[Expression]:
    """Informations that the graph says are zero, by networkx, and entropies of functions."""
    names, graph, found = network.names, digraph(network), []
    for _ in range(8):
        sides: tuple[set[str], ...] = (set(), set(), set(), set())
        for name in names:
            random.choice(sides).add(name)
        first, second, given, _ = sides
        if first and second and nx.is_d_separator(graph, first, second, given):
            found.append(information(first, second, given))
    found += [entropy({name}, network.parents[name]) for name in sorted(network.functions)]
    return found


def test_conic_combinations_are_proved_when_separations_and_functions_hide_them() -> None:
    random, num_hidden = Random(12), 0
    for trial in range(400):
        num = 3 + trial % 3
        network = random_network(random, num, density=0.35)
        claim = conic(random, every_elemental(network.names))
        for zero in random_zeros(random, network):
            claim += zero * Fraction(random.randint(-6, 6), random.choice((1, 2, 3)))
            num_hidden += 1
        assert_proved(claim, network)
    assert num_hidden > 400


def test_conic_combinations_are_proved_when_assumptions_hide_them() -> None:
    random, num_used = Random(13), 0
    for trial in range(150):
        num = 3 + trial % 3
        names = [f"V{k}" for k in range(num)]
        every = every_elemental(names)
        claim = conic(random, every) + number(Fraction(trial % 2, 3))
        assumptions = []
        for kind in range(4):
            factor = Fraction(random.randint(-4, 4), random.choice((1, 2, 3)))
            mixed = random.sample(names, num)
            if kind < 2:
                sides = (mixed[:1], mixed[1:2], mixed[2 : 2 + random.randint(0, num - 2)])
                assumptions.append(independence(*sides, "independent"))
            else:
                relation = random.choice(every) - random.choice(every) + number(Fraction(kind, 7))
                assumptions.append(Assumption(relation, is_equality=kind == 2, text="related"))
            # A bound may be added as often as one likes, but not subtracted.
            claim += assumptions[-1].expression * (factor if kind < 3 else abs(factor))
        found = assert_proved(claim, complete_network(names), tuple(assumptions))
        num_used += bool(found.used_assumptions())
    assert num_used > 60


def test_every_separation_of_a_graph_is_proved_to_be_zero() -> None:
    random, num = Random(14), 0
    for _ in range(60):
        network = random_network(random, random.randint(3, 6), density=0.3)
        for zero in random_zeros(random, network):
            assert_proved(-zero, network)
            num += 1
    assert num > 100


def bare_programme(claim: Expression, network: Network, assumptions: Sequence[Assumption]) -> float:
    """The least value of a claim on polymatroids within a box, with all elementals and all zeros of the graph."""
    names = [name for name in network.names if name not in network.hidden]
    graph = digraph(network)
    at_least, zero = [*every_elemental(names), free_symbol("eps"), number(1)], []
    for given in subsets(names):
        known = determined(network, given)
        zero.append(entropy(known & set(names), given))
        for one, other in combinations(sorted(set(names) - given), 2):
            left, right = {one} - known, {other} - known
            if not left or not right or nx.is_d_separator(graph, left, right, set(known)):
                zero.append(information({one}, {other}, given))
    for assumption in assumptions:
        (zero if assumption.is_equality else at_least).append(assumption.expression)
    place = {one: k for k, one in enumerate(subsets(names, 1))}

    def row(expression: Expression) -> list[float]:
        values = [0.0] * (len(place) + 2)
        for one, coefficient in expression.entropies.items():
            values[place[one]] = float(coefficient)
        values[-2:] = [float(expression.symbols.get("eps", 0)), float(expression.constant)]
        return values

    found = linprog(
        row(claim),
        A_ub=[[-value for value in row(one)] for one in at_least],
        b_ub=[0.0] * len(at_least),
        A_eq=[row(one) for one in zero],
        b_eq=[0.0] * len(zero),
        bounds=(-1, 1),
        method="highs",
    )
    assert found.status == 0
    return float(found.fun)


def random_assumption(random: Random, names: Sequence[str]) -> Assumption:
    one, other = random_quantity(random, names), random_quantity(random, names)
    match random.randrange(5):
        case 0 | 1:
            return independence(*random_sides(random, names), "independent")
        case 2:
            return Assumption(one - other, is_equality=random.random() < 0.5, text="related")
        case 3:
            return Assumption(free_symbol("eps") - one, is_equality=False, text="<= eps")
        case _:
            return Assumption(number(Fraction(random.randint(1, 5), 3)) - one, is_equality=False, text="<= number")


def test_it_proves_what_the_bare_programme_over_all_variables_proves_and_no_more() -> None:
    """Reducing loses nothing: on claims of any kind the answer is that of the programme with everything in it."""
    random, answers = Random(16), []
    for trial in range(150):
        num, density = random.randint(2, 5), random.choice((0.25, 0.5, 0.8))
        network = random_network(random, num, num_hidden=trial % 3 == 0, density=density)
        names = [name for name in network.names if name not in network.hidden]
        assumptions = tuple(random_assumption(random, names) for _ in range(random.choice((0, 0, 1, 2, 3))))
        for _ in range(3):
            claim = random_claim(random, names)
            if random.random() < 0.3:
                claim += free_symbol("eps") * random.randint(0, 2) + number(Fraction(random.randint(0, 3), 2))
            found = prove(claim, Problem(network, assumptions))
            assert isinstance(found, Proof | Refutation)
            follows = bare_programme(claim, network, assumptions) > -1e-7
            assert isinstance(found, Proof) == follows, (network, claim, assumptions)
            if isinstance(found, Proof):
                assert_certificate(found, claim)
            answers.append(follows)
    assert 0.2 < sum(answers) / len(answers) < 0.8


def test_six_variables_with_three_markov_chains() -> None:
    random, names = Random(15), [f"V{k}" for k in range(6)]
    every = every_elemental(names)
    for _ in range(25):
        chains = []
        for _ in range(3):
            mixed = random.sample(names, 6)
            size = random.choice((1, 2))
            chains.append(independence(mixed[:size], mixed[2 : 2 + size], mixed[4 : 4 + size], "chain"))
        claim = conic(random, every)
        for chain in chains:
            claim += chain.expression * random.randint(-3, 3)
        assert_proved(claim, complete_network(names), tuple(chains))


def test_coefficients_of_uncommon_size_are_exact() -> None:
    network = complete_network("ABC")
    for factor in (Fraction(1, 10**6 + 3), Fraction(10**6 + 3, 7919), Fraction(123456789, 1000), Fraction(10**6)):
        claim = information("A", "B", "C") * factor + information("A", "C") * Fraction(1, 3)
        assert_proved(claim, network)
        assert_proved(claim + entropy("B", "AC") * (1 / factor), network)


@pytest.mark.parametrize("factor", [Fraction(10**19), Fraction(10**30), Fraction(1, 10**19), Fraction(1, 3**50)])
def test_coefficients_beyond_64_bits_do_no_harm(factor: Fraction) -> None:
    """They are proved or given up; they are neither an exception nor taken for false."""
    for claim in (information("A", "B") * factor, information("A", "B") * factor + information("A", "C", "B") * 3):
        found = prove(claim, Problem(complete_network("ABC")))
        assert isinstance(found, Proof | Undecided)
        if isinstance(found, Proof):
            assert_certificate(found, claim)

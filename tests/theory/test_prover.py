"""Named claims, what a verdict holds for, and the limits."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from random import Random

import pytest

from mvib.theory.expression import Expression, entropy, free_symbol, information, number, total_correlation
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof, Reason
from mvib.theory.prover import Problem, Refutation, Undecided, prove
from mvib.theory.relations import independence
from tests.bounded import within_cpu_seconds
from tests.theory.certificates import assert_certificate
from tests.theory.laws import complete_network

CHAIN = Network({"X": (), "Y": ("X",), "Z": ("Y",)})
# Two views and a label of a common cause, an encoder each; with M a second code of the first view.
VIEWS = {"U": (), "X1": ("U",), "X2": ("U",), "Y": ("U",), "Z1": ("X1",), "Z2": ("X2",), "M": ("X1",)}
HIDDEN = frozenset({"U"})
RANDOM_CODES = Network(VIEWS, hidden=HIDDEN)
FUNCTIONS = Network(VIEWS, functions=frozenset({"Z1", "Z2", "M"}), hidden=HIDDEN)


def i(first: str, second: str, given: str = "") -> Expression:
    return information(first.split(), second.split(), given.split())


def h(names: str, given: str = "") -> Expression:
    return entropy(names.split(), given.split())


def markov(*links: str) -> Assumption:
    first, given, second = (link.split() for link in links)
    return independence(first, second, given, " -- ".join(links))


def proved(claim: Expression, network: Network, *assumptions: Assumption) -> Proof:
    found = prove(claim, Problem(network, assumptions))
    assert isinstance(found, Proof), found
    assert_certificate(found, claim)
    return found


def refused(claim: Expression, network: Network, *assumptions: Assumption) -> Refutation:
    found = prove(claim, Problem(network, assumptions))
    assert isinstance(found, Refutation), found
    assert claim.value(found.entropies, found.symbols) < 0
    return found


SUFFICIENT = markov("X1", "Z1", "X2")
MULTIVIEW = (markov("X1", "X2", "Y"), markov("X2", "X1", "Y"))
FEDERICI = i("Z1", "Y") - i("X1 X2", "Y") + i("X1", "X2", "Z1") + i("X1", "Y", "X2") + i("X2", "Y", "X1")
MINIMAL = (markov("X1", "M", "X2"), markov("M", "X2", "X1"))

FOLLOW = {
    "data processing": (i("X", "Y") - i("X", "Z"), CHAIN, ()),
    "data processing, the other side": (i("Y", "Z") - i("X", "Z"), CHAIN, ()),
    "sufficient if nothing is left": (i("Z1", "X2") - i("X1", "X2"), RANDOM_CODES, (SUFFICIENT,)),
    "nothing is left if sufficient": (
        -i("X1", "X2", "Z1"),
        RANDOM_CODES,
        (Assumption(i("Z1", "X2") - i("X1", "X2"), is_equality=True, text="sufficient"),),
    ),
    "Federici's theorem": (FEDERICI, RANDOM_CODES, ()),
    "Federici's corollary": (i("Z1", "Y") - i("X1 X2", "Y"), RANDOM_CODES, (SUFFICIENT, *MULTIVIEW)),
    "codes share less than views": (i("X1", "X2") - i("Z1", "Z2"), RANDOM_CODES, ()),
    "Tsai: a sufficient code loses no more than the views differ by": (
        i("Z1", "Y") - i("X1", "Y") + i("X1", "Y", "X2"),
        RANDOM_CODES,
        (SUFFICIENT,),
    ),
    "Tsai: a minimal code keeps less": (i("Z1", "Y") - i("M", "Y"), FUNCTIONS, (SUFFICIENT, *MINIMAL)),
    "Wang: minimal loses what is not shared": (i("X1", "Y", "X2") - i("X1", "Y") + i("M", "Y"), FUNCTIONS, MINIMAL),
    "a minimal sufficient code holds what is shared": (i("X1", "X2") - i("X1", "M"), RANDOM_CODES, MINIMAL),
}


@pytest.mark.parametrize("name", FOLLOW)
def test_theorems_are_proved(name: str) -> None:
    claim, network, assumptions = FOLLOW[name]
    found = proved(claim, network, *assumptions)
    assert all(used in assumptions for used in found.used_assumptions())


DO_NOT_FOLLOW = {
    "data processing, reversed": (i("X", "Z") - i("X", "Y"), CHAIN, ()),
    "data processing without its chain": (i("X", "Y") - i("X", "Z"), complete_network("XYZ"), ()),
    "Federici's theorem, reversed": (-FEDERICI, RANDOM_CODES, ()),
    "Federici's theorem without one term": (FEDERICI - i("X2", "Y", "X1"), RANDOM_CODES, ()),
    "Federici's corollary, not sufficient": (i("Z1", "Y") - i("X1 X2", "Y"), RANDOM_CODES, MULTIVIEW),
    "Federici's corollary, one view redundant": (
        i("Z1", "Y") - i("X1 X2", "Y"),
        RANDOM_CODES,
        (SUFFICIENT, MULTIVIEW[1]),
    ),
    "a sufficient code of the view keeps the label": (i("Z1", "Y") - i("X1", "Y"), RANDOM_CODES, (SUFFICIENT,)),
    "a minimal code keeps more": (i("M", "Y") - i("Z1", "Y"), FUNCTIONS, (SUFFICIENT, *MINIMAL)),
    "conditioning lowers information": (i("X1", "X2") - i("X1", "X2", "Y"), complete_network(["X1", "X2", "Y"]), ()),
    "conditioning raises information": (i("X1", "X2", "Y") - i("X1", "X2"), complete_network(["X1", "X2", "Y"]), ()),
    "a random code has no entropy of its own": (-h("Z1", "X1"), RANDOM_CODES, ()),
}


@pytest.mark.parametrize("name", DO_NOT_FOLLOW)
def test_plausible_claims_that_do_not_follow_are_refused(name: str) -> None:
    claim, network, assumptions = DO_NOT_FOLLOW[name]
    refused(claim, network, *assumptions)


# Zhang and Yeung (1998), Ingleton (1971): the first is true of all laws, the second is not; neither is Shannon's.
ZHANG_YEUNG = i("A", "B") + i("A", "C D") + 3 * i("C", "D", "A") + i("C", "D", "B") - 2 * i("C", "D")
INGLETON = i("C", "D", "A") + i("C", "D", "B") + i("A", "B") - i("C", "D")


@pytest.mark.parametrize("claim", [ZHANG_YEUNG, INGLETON])
def test_inequalities_beyond_shannon_are_not_proved(claim: Expression) -> None:
    found = refused(claim, complete_network("ABCD"))
    for first, second in ("AB", "AC", "AD", "BC", "BD", "CD"):
        rest = [name for name in "ABCD" if name not in first + second]
        for given in ([], rest[:1], rest[1:], rest):
            assert information(first, second, given).value(found.entropies) >= -1e-9


def test_zhang_yeung_follows_where_ingleton_holds() -> None:
    known = Assumption(INGLETON, is_equality=False, text="Ingleton")
    assert proved(ZHANG_YEUNG, complete_network("ABCD"), known).used_assumptions() == (known,)


# ---- for which variables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "network", "expected"),
    [
        (i("X1", "X2") - i("Z1", "Z2"), RANDOM_CODES, True),
        (i("X1", "X2") - i("Z1", "Z2"), FUNCTIONS, True),
        (FEDERICI, FUNCTIONS, True),
        # An entropy is not negative, a code is determined: discrete.
        (h("Z1"), RANDOM_CODES, False),
        (h("X1") - i("X1", "X2"), RANDOM_CODES, False),
        (h("X1") - h("Z1"), FUNCTIONS, False),
        (i("X1", "Z1", "X2") - h("Z1", "X2"), FUNCTIONS, False),
        (h("Z1", "X2") - i("X1", "Z1", "X2"), FUNCTIONS, False),
        # A difference of entropies is balanced, and holds for differential ones.
        (h("X1") - h("X1", "X2"), RANDOM_CODES, True),
        (h("X1") + h("X2") - h("X1 X2"), RANDOM_CODES, True),
    ],
)
def test_a_proof_says_for_which_variables_it_holds(claim: Expression, network: Network, expected: bool) -> None:
    assert proved(claim, network).holds_for_any_variables is expected


def test_a_balanced_claim_that_needs_a_function_is_for_discrete_variables() -> None:
    claim = i("M", "Y", "X2") * -1
    assumptions = (Assumption(-h("M", "X2"), is_equality=False, text="H(M | X2) <= 0"),)
    assert claim.is_balanced
    assert not proved(claim, RANDOM_CODES, *assumptions).holds_for_any_variables


def test_functions_are_counted_only_where_they_are_needed() -> None:
    assert not any(step.reason is Reason.FUNCTION for step in proved(FEDERICI, FUNCTIONS).steps)
    assert any(step.reason is Reason.FUNCTION for step in proved(-h("Z1", "X1"), FUNCTIONS).steps)


# ---- symbols, numbers, equalities, unions ----------------------------------------------------------------------------


def test_symbols_are_unknowns_that_are_not_negative() -> None:
    network = complete_network("AB")
    eps, delta = free_symbol("eps"), free_symbol("delta")
    proved(eps, network)
    refused(-eps, network)
    refused(eps - delta, network)
    bound = Assumption(eps - i("A", "B"), is_equality=False, text="I(A; B) <= eps")
    proved(2 * eps + delta - i("A", "B"), network, bound)
    refused(eps * Fraction(99, 100) - i("A", "B"), network, bound)
    tight = Assumption(eps - delta * Fraction(1, 2), is_equality=True, text="eps = delta / 2")
    proved(delta * Fraction(1, 2) - i("A", "B"), network, bound, tight)


def test_eps_redundant_views() -> None:
    eps = free_symbol("eps")
    bounds = tuple(
        Assumption(eps - one, is_equality=False, text="<= eps") for one in (i("X1", "Y", "X2"), i("X2", "Y", "X1"))
    )
    claim = i("Z1", "Y") - i("X1 X2", "Y") + 2 * eps + i("X1", "X2", "Z1")
    assert proved(claim, RANDOM_CODES, *bounds).used_assumptions() == bounds
    refused(claim - eps * Fraction(1, 10), RANDOM_CODES, *bounds)
    refused(claim, RANDOM_CODES, bounds[0])


def test_numbers_count() -> None:
    network = complete_network("AB")
    bit = Assumption(number(Fraction(7, 10)) - h("A"), is_equality=False, text="H(A) <= 0.7")
    proved(number(Fraction(7, 10)) - i("A", "B"), network, bit)
    refused(number(Fraction(69, 100)) - i("A", "B"), network, bit)
    proved(number(3), network)
    refused(number(-1), network)
    proved(Expression(), network)


def test_total_correlation_grows_with_variables() -> None:
    network = complete_network("ABCD")
    proved(total_correlation("ABCD") - total_correlation("ABC"), network)
    refused(total_correlation("ABC") - total_correlation("ABCD"), network)
    proved(total_correlation("AB") + total_correlation("CD") - total_correlation("ABCD") + i("A B", "C D"), network)
    # Han (1978): the mean entropy of three of four is at least that of all.
    han = sum((entropy(set("ABCD") - {name}) for name in "ABCD"), Expression()) - 3 * entropy("ABCD")
    proved(han, network)


def test_a_relation_about_variables_that_the_claim_does_not_name() -> None:
    network = complete_network("ABCD")
    steps = [Assumption(h(b) - h(a), is_equality=False, text=f"H({b}) >= H({a})") for a, b in ("AB", "BC", "CD")]
    found = proved(h("D") - h("A"), network, *steps)
    assert found.used_assumptions() == tuple(steps)
    refused(h("D") - h("A"), network, *steps[:2])


def test_what_lies_between_is_found() -> None:
    """The claim names the ends of a chain only; the bound is about its middle."""
    network = Network({"A": (), "B": ("A",), "C": ("B",), "D": ("C",)})
    bound = Assumption(number(1) - i("B", "C"), is_equality=False, text="I(B; C) <= 1")
    proved(number(1) - i("A", "D"), network, bound)


def test_contradictory_assumptions_prove_anything() -> None:
    false = Assumption(-h("A") - number(1), is_equality=False, text="H(A) <= -1")
    proved(-h("A") * 5, complete_network("A"), false)


def test_a_name_that_is_no_variable_is_an_error() -> None:
    with pytest.raises(KeyError):
        prove(h("Q"), Problem(CHAIN))


# ---- many variables --------------------------------------------------------------------------------------------------

TWELVE = [f"V{k:02}" for k in range(12)]
LONG = Network({name: tuple(TWELVE[max(0, k - 1) : k]) for k, name in enumerate(TWELVE)})


def wide(names: str) -> list[str]:
    return list(chain.from_iterable((f"{name}_{k}" for k in range(3)) for name in names.split()))


def wide_network(network: Network) -> Network:
    """Three variables in the place of each, those of one place on one another."""
    parents: dict[str, list[str]] = {}
    for name, above in network.parents.items():
        for k, each in enumerate(wide(name)):
            parents[each] = wide(" ".join(above)) + wide(name)[:k]
    return Network(parents, hidden=frozenset(wide(" ".join(network.hidden))))


def wide_information(first: str, second: str, given: str = "") -> Expression:
    return information(wide(first), wide(second), wide(given))


FAST = {
    "the ends of a chain of 12": (
        information([TWELVE[5]], [TWELVE[6]]) - information(TWELVE[:1], TWELVE[-1:]),
        LONG,
        (),
    ),
    "the two halves of a chain of 12": (
        information([TWELVE[5]], [TWELVE[6]]) - information(TWELVE[:6], TWELVE[6:]),
        LONG,
        (),
    ),
    "a chain of 12 as assumptions": (
        information([TWELVE[5]], [TWELVE[6]]) - information(TWELVE[:1], TWELVE[-1:]),
        complete_network(TWELVE),
        tuple(independence(TWELVE[:k], TWELVE[k + 1 :], [TWELVE[k]], "chain") for k in range(1, 11)),
    ),
    "Federici's theorem on 12": (
        wide_information("Z1", "Y")
        - wide_information("X1 X2", "Y")
        + wide_information("X1", "X2", "Z1")
        + wide_information("X1", "Y", "X2")
        + wide_information("X2", "Y", "X1"),
        wide_network(Network({name: VIEWS[name] for name in ("U", "X1", "X2", "Y", "Z1")}, hidden=HIDDEN)),
        (),
    ),
    "three groups of four": (
        information(TWELVE[:4], TWELVE[4:]) - information(TWELVE[:4], TWELVE[4:8]),
        complete_network(TWELVE),
        (),
    ),
    "two of twelve views": (
        information(["X0"], ["X1"]) - information(["Z0"], ["Z1"]),
        Network({"U": (), **{f"X{k}": ("U",) for k in range(12)}, **{f"Z{k}": (f"X{k}",) for k in range(12)}}),
        (),
    ),
}


@pytest.mark.parametrize("name", FAST)
def test_twelve_variables_are_usable_by_reduction(name: str) -> None:
    claim, network, assumptions = FAST[name]
    with within_cpu_seconds(1.0):
        found = prove(claim, Problem(network, assumptions))
    assert isinstance(found, Proof), found
    assert_certificate(found, claim)


def entangled(random: Random, names: Iterable[str], num_terms: int) -> Expression:
    """A claim that is true, and in which no variables are together everywhere."""
    every, claim = list(names), Expression()
    for _ in range(num_terms):
        mixed = random.sample(every, len(every))
        claim += information(mixed[:1], mixed[1:2], mixed[2 : random.randint(2, len(every))])
    return claim


def test_a_hopeless_claim_is_given_up_with_a_message() -> None:
    claim = entangled(Random(0), TWELVE, 40)
    with within_cpu_seconds(1.0):
        found = prove(claim, Problem(complete_network(TWELVE)))
    assert isinstance(found, Undecided)
    assert "12 variables" in found.why


def test_the_time_of_a_proof_is_bounded() -> None:
    names = TWELVE[:9]
    claim = entangled(Random(1), names, 60) - information(names[:1], names[1:2], names[2:3]) * Fraction(1, 1000)
    # The tables of nine variables take their time before the clock of the programme runs.
    with within_cpu_seconds(3.0):
        found = prove(claim, Problem(complete_network(names)), seconds=0.2)
    assert isinstance(found, Refutation) or (isinstance(found, Undecided) and "0.2 seconds" in found.why)


def test_the_time_of_a_proof_is_bounded_where_multipliers_are_no_small_numbers() -> None:
    """Many informations with fractions before them: the exact multipliers have large denominators."""
    random, names, claim = Random(0), TWELVE[:8], Expression()
    for _ in range(60):
        mixed, size = random.sample(names, 8), random.randint(1, 2)
        one = information(mixed[:size], mixed[size : size + 2], mixed[4 : random.randint(4, 8)])
        claim += one * Fraction(random.randint(1, 12), random.choice((1, 1, 2, 3, 5, 7)))
    with within_cpu_seconds(3.0):
        found = prove(claim, Problem(complete_network(names)), seconds=1.0)
    if isinstance(found, Proof):
        assert_certificate(found, claim)
    else:
        # It is true.
        assert isinstance(found, Undecided)


def test_no_time_is_given_up_at_once() -> None:
    found = prove(FEDERICI, Problem(RANDOM_CODES), seconds=0.0)
    assert isinstance(found, Undecided)
    assert "0 seconds" in found.why

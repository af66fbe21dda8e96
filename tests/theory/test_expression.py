from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvib.theory.expression import (
    Expression,
    Variables,
    entropy,
    free_symbol,
    information,
    number,
    total_correlation,
)
from tests.theory.laws import Law, random_law, random_network

sets = st.frozensets(st.sampled_from("ABCDE"))
some = st.frozensets(st.sampled_from("ABCDE"), min_size=1)


def by_definition(law: Law, first: Variables, second: Variables, given: Variables) -> float:
    """I(A; B | C) of disjoint sets as the mean of log p(a, b | c) / (p(a | c) p(b | c))."""
    p = law.table

    def marginal(names: Variables) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        others = tuple(k for k, name in enumerate(law.names) if name not in names)
        return np.asarray(p.sum(axis=others, keepdims=True))

    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (
            marginal(first | second | given) * marginal(given) / (marginal(first | given) * marginal(second | given))
        )
        terms = np.where(p > 0, p * np.log(np.where(p > 0, np.broadcast_to(ratio, p.shape), 1.0)), 0.0)
    return float(terms.sum())


@given(sets, sets, sets)
def test_entropy_obeys_the_chain_rule(a: Variables, b: Variables, c: Variables) -> None:
    assert entropy(a | b, c) == entropy(a, c) + entropy(b, a | c)


@given(sets, sets, sets, sets)
def test_information_obeys_the_chain_rule(a: Variables, b: Variables, c: Variables, d: Variables) -> None:
    assert information(a, b | c, d) == information(a, b, d) + information(a, c, b | d)


@given(sets, sets, sets)
def test_information_is_symmetric_and_less_uncertainty(a: Variables, b: Variables, c: Variables) -> None:
    assert information(a, b, c) == information(b, a, c)
    assert information(a, b, c) == entropy(a, c) - entropy(a, b | c)
    assert information(a, a, c) == entropy(a, c)
    assert not information(a, c, c)


@given(sets, sets, sets, sets)
def test_total_correlation_is_a_sum_of_informations(a: Variables, b: Variables, c: Variables, d: Variables) -> None:
    assert total_correlation([a, b, c], d) == information(a, b, d) + information(a | b, c, d)
    assert total_correlation([a, b], d) == information(a, b, d)
    assert not total_correlation([a], d)


@given(st.lists(st.tuples(some, st.fractions(max_denominator=9)), max_size=6), st.fractions(max_denominator=9))
def test_expressions_form_a_vector_space(parts: list[tuple[Variables, Fraction]], factor: Fraction) -> None:
    total = Expression()
    for names, value in parts:
        total += entropy(names) * value
    assert all(total.entropies.values())
    assert not total - total
    assert total + total == 2 * total
    assert total - total * factor == total * (1 - factor)
    assert (total + number(factor)) * 3 == total * 3 + number(3 * factor)
    assert total - (-total) == 2 * total
    assert total + Expression() == total
    assert not total * 0


def test_symbols_and_constants_add_up_apart_from_entropies() -> None:
    left = entropy("A") + 2 * free_symbol("eps") + number(Fraction(1, 2))
    right = entropy("A") - free_symbol("eps") + number(1)
    assert (left - right).entropies == {}
    assert (left - right).symbols == {"eps": 3}
    assert (left - right).constant == Fraction(-1, 2)
    assert not (left - right) - 3 * free_symbol("eps") + number(Fraction(1, 2))
    assert left.variables == {"A"}


def test_the_entropy_of_nothing_is_left_out() -> None:
    assert not entropy(())
    assert not entropy("A", "A")
    assert not information((), "A", "B")
    assert information("A", "B").entropies == {frozenset("A"): 1, frozenset("B"): 1, frozenset("AB"): -1}


@given(some, some, sets)
def test_informations_are_balanced(a: Variables, b: Variables, c: Variables) -> None:
    # Where A and B share what C has not, I(A; B | C) holds an entropy.
    assert information(a, b, c).is_balanced == (not (a & b) - c)
    assert (information(a, b, c) * 2 - information(b, a, c) * 2).is_balanced


@given(some, sets)
def test_entropies_are_not_balanced(a: Variables, c: Variables) -> None:
    assert entropy(a, c).is_balanced == (a <= c)


def test_a_difference_of_unbalanced_expressions_may_be_balanced() -> None:
    assert not (entropy("A") - entropy("B")).is_balanced
    assert (entropy("A") - entropy("A", "B")).is_balanced
    assert not (entropy("A") + entropy("B") - entropy("C") - entropy("D")).is_balanced


def test_value_is_the_information_of_a_law() -> None:
    random, rng = Random(0), np.random.default_rng(0)
    for _ in range(30):
        law = random_law(random_network(random, 4), rng)
        sides: tuple[set[str], set[str], set[str]] = (set(), set(), set())
        for name in law.names:
            random.choice(sides).add(name)
        a, b, c = map(frozenset, sides)
        expression = 3 * information(a, b, c) + free_symbol("eps") - number(2)
        wanted = 3 * by_definition(law, a, b, c) + 0.25 - 2
        assert expression.value(law.entropies, {"eps": 0.25}) == pytest.approx(wanted, abs=1e-9)


def test_value_needs_all_that_occurs() -> None:
    with pytest.raises(KeyError):
        entropy("AB").value({frozenset("A"): 1.0})
    with pytest.raises(KeyError):
        free_symbol("eps").value({})

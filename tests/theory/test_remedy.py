from itertools import combinations

import pytest

from mvib.theory.counterexample import find_counterexample
from mvib.theory.expression import Expression, information
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, Refutation, prove
from mvib.theory.remedy import Remedy, find_remedies
from tests.theory.laws import complete_network
from tests.theory.test_prover import CHAIN, FEDERICI, MULTIVIEW, RANDOM_CODES, SUFFICIENT, ZHANG_YEUNG, h, i

REDUNDANT = "X1 and X2 are redundant for Y, the multiview assumption"


def follows(claim: Expression, problem: Problem, *more: Assumption) -> bool:
    return isinstance(prove(claim, Problem(problem.network, (*problem.assumptions, *more))), Proof)


def remedies_of(claim: Expression, problem: Problem) -> tuple[Remedy, ...]:
    """The remedies, each of which is seen to be one: it is new, it is what it says, and the claim follows with it."""
    refutation = prove(claim, problem)
    assert isinstance(refutation, Refutation)
    example = find_counterexample(claim, problem, refutation)
    found = find_remedies([claim], problem, refutation, example)
    sizes = set()
    for remedy in found:
        assert follows(claim, problem, *remedy.assumptions)
        assert not all(follows(-assumption.expression, problem) for assumption in remedy.assumptions)
        for assumption in remedy.assumptions:
            assert assumption.is_equality
            assert assumption.independence is not None
            first, second, given = assumption.independence
            assert assumption.expression == information(first, second, given)
            ends, middle = [", ".join(sorted(side)) for side in (first, second)], ", ".join(sorted(given))
            assert chain(assumption.text) == chain(f"{ends[0]} -- {middle} -- {ends[1]}")
            assert f"`assume {assumption.text}`" in remedy.text
            sizes.add((len(remedy.assumptions), len(given)))
        if example is not None:
            # On a counterexample to the claim a remedy cannot hold.
            assert max(example.evaluate(assumption.expression) for assumption in remedy.assumptions) > 1e-9
    assert len(found) <= 6
    assert len(sizes) <= 1, "no larger assumption is offered where a smaller one is enough"
    return found


def chain(text: str) -> frozenset[str]:
    """A chain, whichever end it begins with."""
    return frozenset({text, " -- ".join(reversed(text.split(" -- ")))})


def chains(remedies: tuple[Remedy, ...]) -> list[list[frozenset[str]]]:
    return [[chain(assumption.text) for assumption in remedy.assumptions] for remedy in remedies]


def meanings(remedies: tuple[Remedy, ...]) -> set[str]:
    return {remedy.meaning for remedy in remedies}


def test_data_processing_lacks_its_chain() -> None:
    found = remedies_of(i("X", "Y") - i("X", "Z"), Problem(complete_network("XYZ")))
    assert [chain("X -- Y -- Z")] in chains(found)


@pytest.mark.parametrize("left_out", MULTIVIEW)
def test_the_corollary_lacks_one_half_of_mutual_redundancy(left_out: Assumption) -> None:
    rest = tuple(one for one in MULTIVIEW if one is not left_out)
    assert remedies_of(i("Z1", "Y") - i("X1 X2", "Y"), Problem(RANDOM_CODES, (SUFFICIENT, *rest)))


def test_the_corollary_lacks_sufficiency() -> None:
    """Sufficiency for the other view, or for the label at once."""
    found = remedies_of(i("Z1", "Y") - i("X1 X2", "Y"), Problem(RANDOM_CODES, MULTIVIEW))
    assert [chain("X1 -- Z1 -- X2")] in chains(found)
    assert [chain("X1 -- Z1 -- Y")] in chains(found)
    assert {"Z1 is sufficient for X2", "Z1 is sufficient for Y"} <= meanings(found)


def test_the_corollary_lacks_mutual_redundancy() -> None:
    """No chain alone is enough where both halves are missing, unless it makes the code all that matters."""
    claim, problem = i("Z1", "Y") - i("X1 X2", "Y"), Problem(RANDOM_CODES, (SUFFICIENT,))
    for remedy in remedies_of(claim, problem):
        assert remedy.meaning == REDUNDANT or len(remedy.assumptions) == 1


def test_views_that_are_redundant_carry_the_same() -> None:
    """I(X1; Y) = I(X2; Y) = I(X1, X2; Y) as one inequality takes both halves of the multiview assumption."""
    claim = i("X1", "Y") + i("X2", "Y") - 2 * i("X1 X2", "Y")
    found = remedies_of(claim, Problem(complete_network(["X1", "X2", "Y"])))
    assert [chain("Y -- X1 -- X2"), chain("Y -- X2 -- X1")] in chains(found)
    assert REDUNDANT in meanings(found)


def test_a_sufficient_code_keeps_the_label_under_the_multiview_assumption() -> None:
    found = remedies_of(i("Z1", "Y") - i("X1", "Y"), Problem(RANDOM_CODES, (SUFFICIENT,)))
    assert [chain("X1 -- X2 -- Y")] in chains(found)


def test_sufficiency_is_said_only_of_what_is_computed() -> None:
    """Z1 is computed from X1; X2 is not, so a chain over it says nothing of a code."""
    found = remedies_of(i("Z1", "Y") - i("X1", "Y"), Problem(RANDOM_CODES, (SUFFICIENT,)))
    for remedy in found:
        assert remedy.meaning == ("Z1 is sufficient for Y" if " -- Z1 -- " in remedy.text else "")


def test_the_smallest_are_all_there_are_of_their_size() -> None:
    """Chains over one variable, against all of them tried one by one."""
    for claim in (i("X", "A B") - i("X", "Z"), i("X", "A", "B") - i("X", "Z", "B"), i("A", "B") - i("A", "B", "X Z")):
        problem = Problem(complete_network("ABXZ"))
        named = sorted(claim.variables)
        alone = [
            chain(f"{one} -- {given} -- {other}")
            for one, other in combinations(named, 2)
            for given in named
            if given not in {one, other} and follows(claim, problem, assumed(one, other, given))
        ]
        found = chains(remedies_of(claim, problem))
        if alone:
            assert len(found) == min(6, len(alone))
            assert all(one in alone for (one,) in found)
        else:
            assert all(len(remedy) == 2 or ", " in min(remedy[0]) for remedy in found)


def assumed(one: str, other: str, given: str) -> Assumption:
    sets = (frozenset({one}), frozenset({other}), frozenset({given}))
    return Assumption(information(*sets), is_equality=True, text="", independence=sets)


def test_all_claims_must_follow() -> None:
    """An equality is two inequalities: a remedy of one of them is none of both."""
    claims = [i("X", "Y") - i("X", "Z"), i("X", "Z") - i("X", "Y")]
    problem = Problem(complete_network("XYZ"))
    both = find_remedies(claims, problem, None, None)
    for remedy in both:
        assert all(follows(claim, problem, *remedy.assumptions) for claim in claims)
    assert [chain("X -- Y -- Z")] in chains(find_remedies(claims[:1], problem, None, None))
    assert [chain("X -- Y -- Z")] not in chains(both)
    # X -- Y -- Z and X -- Z -- Y together.
    assert meanings(both) == {"Y and Z are redundant for X, the multiview assumption"}


def test_claims_that_no_chain_makes_true_get_none() -> None:
    assert remedies_of(-h("X"), Problem(CHAIN)) == ()
    assert remedies_of(-FEDERICI - h("X1"), Problem(RANDOM_CODES)) == ()


def test_there_are_six_at_most() -> None:
    names = [f"V{k}" for k in range(5)]
    independent = Network({name: () for name in names[:2]} | {name: tuple(names[:2]) for name in names[2:]})
    for network in (complete_network(names), independent):
        assert len(remedies_of(i("V0", "V1 V2") - i("V0", "V3 V4"), Problem(network))) <= 6


def test_zhang_yeung_follows_with_a_chain() -> None:
    """It is not Shannon's, but there are chains under which it is."""
    assert remedies_of(ZHANG_YEUNG, Problem(complete_network("ABCD")))

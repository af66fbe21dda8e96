"""Quantities of one method that are at most quantities of another."""

from dataclasses import dataclass

from mvib.theory.canonical import Shape
from mvib.theory.comparison.difference import Difference
from mvib.theory.comparison.patterns import shapes_between, variables_of
from mvib.theory.comparison.rewriting import SECONDS
from mvib.theory.comparison.subject import Subject
from mvib.theory.proof import Proof
from mvib.theory.prover import prove
from mvib.theory.roles import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounding:
    """A quantity of one method is at most one of the other, proved on the graph of the first.

    Attributes:
        subject: name of the method on whose graph it is proved.
        lesser: the quantity that is at most the other, between its variables.
        greater: the other.
        holds_for_any_variables: whether for continuous variables too.
    """

    subject: str
    lesser: Shape
    greater: Shape
    holds_for_any_variables: bool


def find_bounds(difference: Difference) -> tuple[Bounding, ...]:
    """What of two methods of different information bounds what of the other: both raised, or both lowered."""
    found: list[Bounding] = []
    known: set[tuple[tuple[bool, Pattern], tuple[bool, Pattern]]] = set()
    for subject, own, others in (
        (difference.first, difference.only_first, difference.only_second),
        (difference.second, difference.only_second, difference.only_first),
    ):
        for goal in own:
            for other in others:
                pair = (min(goal.key, other.key), max(goal.key, other.key))
                expression = goal.shape.expression
                if expression is None or goal.is_raised != other.is_raised or pair in known:
                    continue
                for shape in shapes_between(other.pattern, variables_of(subject, goal)):
                    bounding = _bounding(subject, goal.shape, shape)
                    if bounding is not None:
                        known.add(pair)
                        found.append(bounding)
                        break
    return tuple(found)


def _bounding(subject: Subject, one: Shape, other: Shape) -> Bounding | None:
    for lesser, greater in ((one, other), (other, one)):
        low, high = lesser.expression, greater.expression
        assert low is not None, "only combinations of entropies are asked for"
        assert high is not None, "only combinations of entropies are asked for"
        proof = prove(high - low, subject.problem, seconds=SECONDS)
        # An entropy that is at most another for discrete variables alone says nothing of densities.
        if isinstance(proof, Proof) and proof.holds_for_any_variables:
            return Bounding(subject=subject.name, lesser=lesser, greater=greater, holds_for_any_variables=True)
    return None

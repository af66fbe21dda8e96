"""Laws of copied bits: a quick way to see that two quantities are not equal, before a proof is looked for."""

from collections.abc import Iterable
from random import Random

from mvib.theory.expression import Expression
from mvib.theory.network import Network
from mvib.theory.proof import Assumption
from mvib.theory.prover import Problem

_NUM_LAWS = 64
_PASSES = 0.75
_IS_NOISY = 0.6


def can_be_zero(expression: Expression, problem: Problem) -> bool:
    """Whether an expression is zero for all of some laws that obey the graph and the assumptions.

    In each law a variable is either constant or tells all bits of its parents, and one of its own where it is no
    function of them. The joint entropy of variables is then the number of their bits.

    Args:
        expression: without symbols.
        problem: graph and assumptions.
    """
    assumed = [assumption.expression.variables for assumption in problem.assumptions]
    names = expression.variables.union(*assumed)
    for seed in range(_NUM_LAWS):
        bits = _draw(problem.network, names, Random(seed))
        if _value(expression, bits) and all(_holds(assumption, bits) for assumption in problem.assumptions):
            return False
    return True


def _draw(network: Network, names: Iterable[str], random: Random) -> dict[str, int]:
    above = network.ancestors(network.mask(names))
    bits: dict[str, int] = {}
    for k, name in enumerate(network.names):
        if not above >> k & 1:
            continue
        bits[name] = 0
        if random.random() < _PASSES:
            for parent in network.parents[name]:
                bits[name] |= bits[parent]
        if name not in network.functions and random.random() < _IS_NOISY:
            bits[name] |= 1 << k
    return bits


def _value(expression: Expression, bits: dict[str, int]) -> float:
    total = 0.0
    for names, coefficient in expression.entropies.items():
        union = 0
        for name in names:
            union |= bits[name]
        total += float(coefficient) * union.bit_count()
    return total


def _holds(assumption: Assumption, bits: dict[str, int]) -> bool:
    value = _value(assumption.expression, bits)
    if assumption.is_equality:
        return not value
    # A free symbol on the greater side is as large as it takes.
    return value >= 0 or any(factor > 0 for factor in assumption.expression.symbols.values())

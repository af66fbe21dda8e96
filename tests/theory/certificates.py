"""A second judge of certificates, which shares nothing with `Proof.verify` but the certificate."""

import networkx as nx

from mvib.theory.expression import Expression, Rational, Variables
from mvib.theory.network import Network
from mvib.theory.proof import Assumption, Proof, Reason, Step
from tests.theory.laws import digraph

# What is added up: joint entropies by their sets, symbols by their names, one by None.
Totals = dict[Variables | str | None, Rational]


def assert_certificate(proof: Proof, claim: Expression) -> None:
    """The certificate is verified by itself, is of this claim, adds up to it, and each of its steps holds."""
    proof.verify()
    totals: Totals = {}
    for step in proof.steps:
        for key, value in parts(step, proof.assumptions).items():
            totals[key] = totals.get(key, 0) + step.coefficient * value
        assert holds(step, proof), step
    assert {key: value for key, value in totals.items() if value} == summands(claim)


def summands(expression: Expression) -> Totals:
    found: Totals = dict(expression.entropies.items())
    found.update(expression.symbols.items())
    found[None] = expression.constant
    return {key: value for key, value in found.items() if value}


def parts(step: Step, assumptions: tuple[Assumption, ...]) -> Totals:
    """What a step adds, once."""
    if step.measure is None:
        if step.reason is Reason.ASSUMPTION:
            return summands(assumptions[step.assumption].expression)
        return {step.symbol if step.reason is Reason.SYMBOL else None: 1}
    first, second, given = step.measure.first, step.measure.second, step.measure.given
    totals: Totals = {}
    signed = [(1, first | given), (1, second | given), (-1, first | second | given), (-1, given)]
    for sign, names in signed if second else [(1, first | given), (-1, given)]:
        if names:
            totals[names] = totals.get(names, 0) + sign
    return totals


def holds(step: Step, proof: Proof) -> bool:
    network, measure = proof.network, step.measure
    if measure is None:
        if step.reason is Reason.ASSUMPTION:
            return step.coefficient >= 0 or proof.assumptions[step.assumption].is_equality
        return step.reason in {Reason.SYMBOL, Reason.POSITIVE} and step.coefficient >= 0
    match step.reason:
        case Reason.SHANNON:
            return step.coefficient >= 0
        case Reason.FUNCTION:
            return not measure.second and measure.first <= determined(network, measure.given)
        case Reason.SEPARATION:
            given = determined(network, measure.given) if proof.functional else measure.given
            first, second = measure.first - given, measure.second - given
            if not measure.second or first & second:
                return False
            return not first or not second or nx.is_d_separator(digraph(network), set(first), set(second), set(given))
        case Reason.INDEPENDENCE:
            independence = proof.assumptions[step.assumption].independence
            return independence is not None and any(
                follows(measure.first, measure.second, measure.given, one, other, independence[2])
                for one, other in (independence[:2], independence[1::-1])
            )
        case _:
            return False


def follows(a: Variables, b: Variables, c: Variables, one: Variables, other: Variables, given: Variables) -> bool:
    """I(a; b | c) is a summand of I(one; other | given), by decomposition and weak union."""
    moved = c - given
    return bool(a and b) and given <= c and a <= one and b <= other and moved <= one | other


def determined(network: Network, names: Variables) -> Variables:
    """All that is a function of some variables, by going on until nothing comes anew."""
    found = set(names)
    while True:
        new = {name for name in network.functions if name not in found and set(network.parents[name]) <= found}
        if not new:
            return frozenset(found)
        found |= new

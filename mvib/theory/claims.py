"""Verdicts on claims: proved with which certificates, false with which example, or not implied."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from time import monotonic

from mvib.graph import InformationGraph
from mvib.semantics.method import LinearRelation, Method
from mvib.theory.counterexample import Counterexample, find_counterexample
from mvib.theory.expression import Expression, Variables
from mvib.theory.proof import Proof
from mvib.theory.prover import SECONDS, Problem, Refutation, Undecided, is_contradictory, prove, with_fewer_assumptions
from mvib.theory.relations import NotAnEntropyError, assumptions_of, inequalities_of, quantity_expression
from mvib.theory.remedy import find_remedies
from mvib.theory.variables import Model, build_model
from mvib.theory.verdict import Status, Verdict


def judge_claims(
    method: Method,
    graph: InformationGraph,
    claims: Sequence[LinearRelation] | None = None,
    *,
    explain: bool = True,
    seconds: float = SECONDS,
    seconds_in_all: float = inf,
) -> tuple[Verdict, ...]:
    """Judge claims about a method.

    Args:
        method: resolved.
        graph: of it.
        claims: those to judge; the method's own by default.
        explain: whether to look for counterexamples and remedies of what is not proved.
        seconds: for each claim.
        seconds_in_all: for all of them; those behind are not decided.
    """
    wanted = method.claims if claims is None else claims
    model = build_model(method, graph, more=wanted)
    given = assumptions_of(method, model)
    problem = Problem(model.network, given.assumptions)
    verdicts = []
    end = monotonic() + seconds_in_all
    for relation in wanted:
        left = min(seconds, end - monotonic())
        if left <= 0:
            why = f"the claims before took {seconds_in_all:g} seconds"
            verdicts.append(Verdict(relation=relation, status=Status.UNDECIDED, why=why))
            continue
        try:
            inequalities = inequalities_of(relation, model)
        except NotAnEntropyError as error:
            why = f"`{error.quantity}` is a divergence from a prior, and no combination of entropies"
            verdicts.append(Verdict(relation=relation, status=Status.UNDECIDED, why=why))
            continue
        verdict = _judge(relation, inequalities, problem, given.others, explain=explain, seconds=left)
        if verdict.counterexample is not None:
            verdict = replace(verdict, numbers=_numbers(relation, verdict.counterexample, model))
        verdicts.append(verdict)
    return tuple(verdicts)


def _numbers(relation: LinearRelation, example: Counterexample, model: Model) -> tuple[tuple[str, float], ...]:
    found = {
        str(term.quantity): example.evaluate(quantity_expression(term.quantity, model))
        for term in relation.terms
        if term.quantity is not None
    }
    symbols = {term.symbol: example.symbols[term.symbol] for term in relation.terms if term.symbol}
    # What counting leaves of a zero is shown as one.
    return tuple((name, round(value, 12) + 0.0) for name, value in {**found, **symbols}.items())


def has_contradictory_assumptions(method: Method, graph: InformationGraph) -> bool:
    """Whether the assumptions of a method exclude each other, so that everything would follow from them."""
    model = build_model(method, graph)
    return is_contradictory(Problem(model.network, assumptions_of(method, model).assumptions))


def _judge(
    relation: LinearRelation,
    inequalities: Sequence[Expression],
    problem: Problem,
    others: Sequence[tuple[str, Variables]],
    *,
    explain: bool,
    seconds: float,
) -> Verdict:
    found = [prove(expression, problem, seconds=seconds) for expression in inequalities]
    proofs = [with_fewer_assumptions(one, problem, seconds=seconds) for one in found if isinstance(one, Proof)]
    if len(proofs) == len(found):
        return Verdict(relation=relation, status=Status.PROVED, proofs=tuple(proofs))
    open_ones = [
        (expression, one) for expression, one in zip(inequalities, found, strict=True) if not isinstance(one, Proof)
    ]
    undecided = [one for _, one in open_ones if isinstance(one, Undecided)]
    if not explain:
        if undecided:
            return Verdict(relation=relation, status=Status.UNDECIDED, why=undecided[0].why)
        return Verdict(relation=relation, status=Status.NOT_IMPLIED)
    # A few bits obey no assumption about the shape of a law: what they refute may yet be true under it.
    named = frozenset[str]().union(*(expression.variables for expression in inequalities))
    unused = [text for text, about in others if about & named]
    example, refutation = None, None
    for expression, one in open_ones:
        refutation = refutation or (one if isinstance(one, Refutation) else None)
        if not unused and example is None:
            example = find_counterexample(expression, problem, one if isinstance(one, Refutation) else None)
    unproved = [expression for expression, _ in open_ones]
    # An equality has two sides: what one of them fails on says nothing about the other.
    known = (refutation, example) if len(unproved) == 1 else (None, None)
    remedies = find_remedies(unproved, problem, *known)
    if example is not None:
        return Verdict(relation=relation, status=Status.FALSE, counterexample=example, remedies=remedies)
    if undecided:
        return Verdict(relation=relation, status=Status.UNDECIDED, remedies=remedies, why=undecided[0].why)
    why = f"nothing is made of `{unused[0]}`, which is no relation between entropies" if unused else ""
    return Verdict(relation=relation, status=Status.NOT_IMPLIED, remedies=remedies, why=why)

"""From readings to a plan: every value once, named by what it is, in an order that does not depend on the file's."""

from collections.abc import Mapping

from mvib.graph import InformationGraph, Reading
from mvib.plan.networks import order_networks
from mvib.plan.plan import Plan
from mvib.plan.planner import Planner, data_types
from mvib.plan.terms import plan_term
from mvib.semantics.method import Method


def build_plan(method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]) -> Plan:
    """The plan of a method whose terms have been read.

    Args:
        method: the typed method.
        graph: its graph.
        readings: of all its terms.
    """
    planner = Planner(method, graph)
    # By label, not by place in the file: the order of statements changes nothing, not even the last bit of the sum.
    ordered = sorted(method.terms, key=lambda term: term.label)
    terms = tuple(plan_term(planner, term, readings[term.label]) for term in ordered)
    # Variables that no term needs are left out; the representation has a path of its own.
    represent = Planner(method, graph, augmented=False)
    results = tuple(represent.member(member) for member in method.represent)
    predictions, targets = _plan_predictions(method, graph)
    used = [planner, represent, *(p for p, _ in predictions.values())]
    return Plan(
        networks=order_networks(method, graph, {name for p in used for name in p.networks}),
        steps=tuple(planner.steps.values()),
        terms=terms,
        variables=tuple(name for name in graph.variables if name in planner.known),
        data=data_types(method),
        representation=represent.readout(results),
        predictions={name: p.readout((result,)) for name, (p, result) in predictions.items()},
        decoder_targets=targets,
        couples_batch=any(term.estimator is not None and term.estimator.couples_batch for term in method.terms),
    )


def _plan_predictions(method: Method, graph: InformationGraph) -> tuple[dict[str, tuple[Planner, str]], dict[str, str]]:
    """For every decoder about data, its density at the unaugmented example."""
    predictions: dict[str, tuple[Planner, str]] = {}
    targets: dict[str, str] = {}
    for channel in graph.decoders:
        if channel.module in predictions or not graph.variables[str(channel.target)].is_observed:
            continue
        planner = Planner(method, graph, augmented=False)
        predictions[channel.module] = planner, planner.density(channel)
        targets[channel.module] = str(channel.target)
    return predictions, targets

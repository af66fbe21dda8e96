"""The Bayesian network of a method: its variables, and the predictions by decoders that its quantities speak of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mvib.catalogue.signature import ChannelEntry
from mvib.graph import InformationGraph
from mvib.graph.graph import HIDDEN
from mvib.graph.paths import ends_of, follow_path, has_decoder
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    Gradient,
    LinearRelation,
    Member,
    Method,
    Module,
    Quantity,
    QuantityVariable,
)
from mvib.theory.network import Network

_Path = tuple[Member, tuple[Channel, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """The variables of a method as the theory sees them.

    Attributes:
        network: of the graph of p, with the predictions that quantities speak of.
        graph: of the method.
        predictions: name of the variable that a channel path gives, by start and modules.
    """

    network: Network
    graph: InformationGraph
    predictions: Mapping[tuple[Member, tuple[Channel, ...]], str]

    def name(self, quantity: Quantity, variable: QuantityVariable) -> str:
        """The variable that one of a quantity stands for, which is a prediction where it is the end of its path."""
        found = _find_prediction(self.graph, quantity)
        if found is not None and variable is found[1]:
            return self.predictions[found[0]]
        return str(variable.member)


def build_model(method: Method, graph: InformationGraph, *, more: Iterable[LinearRelation] = ()) -> Model:
    """The network of a method.

    Views are random, unless all draws of their channel are equal; encoders written with `->` are functions. A decoder's
    prediction is drawn from it.

    Args:
        method: resolved.
        graph: of it.
        more: relations besides the claims and assumptions of the method.
    """
    parents: dict[str, list[str]] = {str(node): [] for node in graph.p.nodes if str(node).startswith(HIDDEN)}
    hidden = frozenset(parents)
    functions = set()
    makers = {str(c.target): c for c in graph.channels if c.kind is not ChannelKind.DECODER}
    for name in graph.variables:
        parents[name] = [str(parent) for parent in graph.p.predecessors(name)]
        maker = makers.get(name)
        if maker is not None and _is_function(maker, graph):
            functions.add(name)
    weights = {name: _weights(graph.modules[maker.module]) for name, maker in makers.items()}
    predictions: dict[tuple[Member, tuple[Channel, ...]], str] = {}
    for quantity in _quantities(method, more):
        found = _find_prediction(graph, quantity)
        if found is None or found[0] in predictions:
            continue
        path = found[0]
        at = before = str(path[0])
        for channel in path[1]:
            sources = [at if str(source) == before else str(source) for source in channel.sources]
            before = str(channel.target)
            if channel.kind is not ChannelKind.DECODER and sources == [str(source) for source in channel.sources]:
                at = before
                continue
            at = f"{channel.module}({', '.join(sources)})"
            parents[at] = sources
            weights[at] = _weights(graph.modules[channel.module])
            if _is_function(channel, graph):
                functions.add(at)
        predictions[path] = at
    network = Network(
        parents={name: tuple(sources) for name, sources in parents.items()},
        functions=frozenset(functions),
        hidden=hidden,
        weights=weights,
    )
    return Model(network=network, graph=graph, predictions=predictions)


def _weights(module: Module) -> str:
    """What tells whether two variables are made in the same way: the module, or that whose weights it uses."""
    return module.origin if module.gradient is Gradient.STOPPED and module.origin else module.name


def _is_function(channel: Channel, graph: InformationGraph) -> bool:
    """Whether a channel gives one result for one input."""
    if channel.kind is ChannelKind.VIEW:
        call = graph.modules[channel.module].call
        return call is not None and isinstance(call.entry, ChannelEntry) and call.entry.deterministic
    return channel.kind is ChannelKind.ENCODER and not channel.stochastic


def _find_prediction(graph: InformationGraph, quantity: Quantity) -> tuple[_Path, QuantityVariable] | None:
    """Where the written path of a quantity starts, what it passes and to which variable, if it passes a decoder.

    It is followed from the first variable, or where it does not lead from there, from the other.
    """
    if not quantity.path:
        return None
    first, last = ends_of(quantity)
    for start, end in ((first, last), (last, first)):
        path = follow_path(graph, start.member, quantity.path, end.member)
        if path is not None:
            return ((start.member, path), end) if has_decoder(path) else None
    return None


def _quantities(method: Method, more: Iterable[LinearRelation]) -> Iterable[Quantity]:
    for relation in [*method.claims, *method.assumptions, *more]:
        if isinstance(relation, LinearRelation):
            yield from (term.quantity for term in relation.terms if term.quantity is not None)
    for term in method.terms:
        yield from (instance.quantity for instance in term.instances)

"""Directed paths of channels, and the realisations of a variable along them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import networkx

from mvib.graph.graph import InformationGraph
from mvib.semantics.method import Channel, ChannelKind, Member, Quantity, QuantityVariable

# Paths through decoders multiply quickly with many views; nobody reads a list longer than this.
MAX_PATHS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Realisation:
    """One way in which a variable comes about: the channels followed, the last of which makes or predicts it.

    Attributes:
        target: the variable.
        start: the variable the path starts from.
        channels: the channels followed from `start`; empty for observed data.
    """

    target: Member
    start: Member
    channels: tuple[Channel, ...]

    @property
    def is_prediction(self) -> bool:
        """Whether a decoder is on the path, so that it is not the variable of p itself."""
        return any(channel.kind is ChannelKind.DECODER for channel in self.channels)

    @property
    def text(self) -> str:
        """The path as written in a quantity: `f, g, q`."""
        return ", ".join(channel.module for channel in self.channels)


def find_paths(graph: InformationGraph, start: Member, end: Member) -> tuple[tuple[Channel, ...], ...]:
    """Paths of channels from one variable to another, no variable and no decoder twice; the shortest first.

    Args:
        graph: the graph.
        start: the variable the path starts from.
        end: the variable its last channel makes or predicts.
    """
    # Only variables from which the end can be reached are entered: the rest of a large graph costs nothing.
    useful = networkx.ancestors(graph.nx, str(end)) | {str(end)}
    found = islice(_walk(graph, start, end, useful, (), frozenset({start})), MAX_PATHS)
    return tuple(sorted(found, key=lambda path: (len(path), [channel.module for channel in path])))


def _walk(
    graph: InformationGraph,
    at: Member,
    end: Member,
    useful: set[str],
    path: tuple[Channel, ...],
    visited: frozenset[Member],
) -> Iterator[tuple[Channel, ...]]:
    for channel in graph.leaving(at):
        is_decoder = channel.kind is ChannelKind.DECODER
        if is_decoder and any(step.module == channel.module for step in path):
            continue
        if channel.target == end:
            yield (*path, channel)
        elif channel.target not in visited and str(channel.target) in useful:
            yield from _walk(graph, channel.target, end, useful, (*path, channel), visited | {channel.target})


def find_realisations(graph: InformationGraph, member: Member) -> tuple[Realisation, ...]:
    """Every realisation of a variable: that of p first, then its predictions by decoders.

    A prediction is listed from the variable of p that its first decoder takes.
    """
    derivation = graph.derivation(member)
    start = derivation[0].sources[0] if derivation else member
    own = Realisation(target=member, start=start, channels=derivation)
    predictions = [
        Realisation(target=member, start=source, channels=path)
        for name in graph.variables
        for source in (graph.variables[name].member,)
        for path in find_paths(graph, source, member)
        if path[0].kind is ChannelKind.DECODER
    ]
    return (own, *predictions[:MAX_PATHS])


def is_step(graph: InformationGraph, channel: Channel, step: str) -> bool:
    """Whether a step of a written path names a channel; views go by the name they are called with."""
    is_view = channel.kind is ChannelKind.VIEW
    return channel.module == step or (is_view and graph.modules[channel.module].family == step)


def follow_path(
    graph: InformationGraph, start: Member, steps: tuple[str, ...], end: Member
) -> tuple[Channel, ...] | None:
    """The channels of a named path from one variable to another, or None when the names do not lead there."""
    # The first path to each variable that can be reached: with several draws a step may lead to many.
    fronts: dict[Member, tuple[Channel, ...]] = {start: ()}
    for step in steps:
        reached: dict[Member, tuple[Channel, ...]] = {}
        for at, path in fronts.items():
            for channel in graph.leaving(at):
                if is_step(graph, channel, step):
                    reached.setdefault(channel.target, (*path, channel))
        fronts = reached
    return fronts.get(end)


def ends_of(quantity: Quantity) -> tuple[QuantityVariable, QuantityVariable]:
    """Where a path starts and ends: from A to B in I(A; B), from the condition to A in H(A | B)."""
    first = quantity.groups[0][0]
    if quantity.functional == "H":
        return (quantity.condition[0] if quantity.condition else first), first
    return first, quantity.groups[1][0] if len(quantity.groups) > 1 else first


def has_decoder(path: Sequence[Channel]) -> bool:
    """Whether following the path gives a prediction."""
    return any(channel.kind is ChannelKind.DECODER for channel in path)


def ends_with(graph: InformationGraph, channels: Sequence[Channel], steps: Sequence[str]) -> bool:
    """Whether the last of the channels are the steps of a written path."""
    last = channels[-len(steps) :] if steps else ()
    return len(last) == len(steps) and all(is_step(graph, c, step) for c, step in zip(last, steps, strict=True))

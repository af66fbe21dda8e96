"""The graph of a method: its variables and channels, and what the part that is p says about independence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import networkx

from mvib.semantics.method import (
    Axis,
    Channel,
    ChannelKind,
    Gradient,
    Member,
    Method,
    Module,
    VariableKind,
)

# The joint law of all data variables hangs on one hidden cause: nothing is assumed to be independent among them.
HIDDEN = "(data)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A node: one variable, or one member of a family.

    Attributes:
        member: its family and index.
        kind: data, view, representation or target.
        type: `image`, `vector`, `label`, ... for data and views, else empty.
        partial: whether only some examples have it.
        plate: the indices of its family, empty for a plain variable.
    """

    member: Member
    kind: VariableKind
    type: str
    partial: bool
    plate: tuple[Axis, ...]

    @property
    def name(self) -> str:
        """`Z[1]`."""
        return str(self.member)

    @property
    def is_observed(self) -> bool:
        """Whether the data set holds it."""
        return self.kind is VariableKind.DATA


@dataclass(frozen=True)
class InformationGraph:
    """The variables of a method and the channels between them.

    Attributes:
        variables: nodes by name, in topological order.
        channels: every arrow: first those of p (views, encoders), then decoders.
        modules: sets of weights and view channels by name.
    """

    variables: Mapping[str, Variable]
    channels: tuple[Channel, ...]
    modules: Mapping[str, Module]

    @cached_property
    def nx(self) -> "networkx.MultiDiGraph[str]":
        """The whole graph as networkx sees it, decoders included.

        Nodes are variable names with `kind`, `type`, `family`, `index`, `plate`, `observed` and `partial`. Edges run
        from each source of a channel to its target; the key is the module's name, the attributes are `module`, `kind`,
        `stochastic`, `weights` (the module whose weights it uses), `ema_of`, `stop_gradient` and `frozen`.
        """
        graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        for name, variable in self.variables.items():
            graph.add_node(
                name,
                kind=variable.kind.value,
                type=variable.type,
                family=variable.member.family,
                index=variable.member.index,
                plate=tuple((axis.name, axis.low, axis.high) for axis in variable.plate),
                observed=variable.is_observed,
                partial=variable.partial,
            )
        for channel in self.channels:
            module = self.modules[channel.module]
            for source in channel.sources:
                graph.add_edge(
                    str(source),
                    str(channel.target),
                    key=channel.module,
                    module=channel.module,
                    kind=channel.kind.value,
                    stochastic=channel.stochastic,
                    weights=module.origin if module.gradient is Gradient.STOPPED else module.name,
                    ema_of=module.origin if module.gradient is Gradient.MOMENTUM else "",
                    stop_gradient=module.gradient in {Gradient.STOPPED, Gradient.MOMENTUM},
                    frozen=module.gradient is Gradient.FROZEN,
                )
        return graph

    @cached_property
    def p(self) -> "networkx.DiGraph[str]":
        """The Bayesian network: data, views and encoders, with a hidden common cause of the data.

        Views that are drawn together have one of their own, the draw: given their source they are not independent.
        """
        network: networkx.DiGraph[str] = networkx.DiGraph()
        network.add_node(HIDDEN)
        for name, variable in self.variables.items():
            network.add_node(name)
            if variable.is_observed:
                network.add_edge(HIDDEN, name)
        for channel in self.channels:
            if channel.kind is not ChannelKind.DECODER:
                for source in channel.sources:
                    network.add_edge(str(source), str(channel.target))
                if channel.draw:
                    network.add_edge(f"{HIDDEN} {channel.draw}", str(channel.target))
        return network

    @cached_property
    def _makers(self) -> Mapping[Member, Channel]:
        return {c.target: c for c in self.channels if c.kind is not ChannelKind.DECODER}

    @cached_property
    def _leaving(self) -> Mapping[Member, tuple[Channel, ...]]:
        leaving: dict[Member, list[Channel]] = {}
        for channel in self.channels:
            for source in dict.fromkeys(channel.sources):
                leaving.setdefault(source, []).append(channel)
        return {source: tuple(channels) for source, channels in leaving.items()}

    def leaving(self, member: Member) -> tuple[Channel, ...]:
        """The channels that take a variable, decoders included."""
        return self._leaving.get(member, ())

    @property
    def decoders(self) -> tuple[Channel, ...]:
        """The arrows of decoders."""
        return tuple(channel for channel in self.channels if channel.kind is ChannelKind.DECODER)

    def maker(self, member: Member) -> Channel | None:
        """The view or encoder that makes a variable; None for data."""
        return self._makers.get(member)

    def derivation(self, member: Member) -> tuple[Channel, ...]:
        """The channels of p that make a variable, from data on, along the first source of each."""
        channels: list[Channel] = []
        maker = self.maker(member)
        while maker is not None:
            channels.append(maker)
            maker = self.maker(maker.sources[0])
        return tuple(reversed(channels))

    def is_ancestor(self, above: Member, below: Member) -> bool:
        """Whether `below` is computed from `above` (a variable is not its own ancestor)."""
        return self.is_computed_from(str(above), str(below))

    def is_computed_from(self, above: str, below: str) -> bool:
        """Whether the variable named `below` is computed from that named `above`."""
        return above != below and bool(networkx.has_path(self.p, above, below))

    def d_separated(self, first: Iterable[str], second: Iterable[str], given: Iterable[str] = ()) -> bool:
        """Whether the graph of p makes two sets of variables independent given a third.

        Args:
            first: names of variables, `Z[1]`.
            second: names, disjoint from `first`.
            given: names, disjoint from both.

        Raises:
            KeyError: a name is no variable.
            ValueError: the sets are not disjoint.
        """
        sets = [set(first), set(second), set(given)]
        for name in sorted(set().union(*sets)):
            if name not in self.variables:
                raise KeyError(name)
        if sets[0] & sets[1] or (sets[0] | sets[1]) & sets[2]:
            raise ValueError("d-separation is between disjoint sets of variables")
        return bool(networkx.is_d_separator(self.p, *sets))


def build_graph(method: Method) -> InformationGraph:
    """The graph of a resolved method."""
    nodes = {
        str(member): Variable(
            member=member, kind=family.kind, type=family.type, partial=family.partial, plate=family.axes
        )
        for family in method.variables.values()
        for member in family.members
    }
    order: networkx.DiGraph[str] = networkx.DiGraph()
    order.add_nodes_from(nodes)
    for channel in method.channels:
        if channel.kind is not ChannelKind.DECODER:
            order.add_edges_from((str(source), str(channel.target)) for source in channel.sources)
    # Sorted by name within what topology leaves open: the order of statements must change nothing.
    names = networkx.lexicographical_topological_sort(order, key=lambda name: _natural(nodes[name].member))
    variables = {name: nodes[name] for name in names}
    position = {name: i for i, name in enumerate(variables)}
    channels = sorted(
        method.channels,
        key=lambda c: (
            c.kind is ChannelKind.DECODER,
            position[str(c.target)],
            c.module,
            [position[str(source)] for source in c.sources],
        ),
    )
    return InformationGraph(variables=variables, channels=tuple(channels), modules=method.modules)


def _natural(member: Member) -> tuple[str, tuple[int, ...]]:
    return member.family, member.index

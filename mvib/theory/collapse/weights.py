"""Which trained weights make a variable, and which of them a gradient reaches through it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mvib.catalogue.signature import DistributionEntry, Kind, ModuleEntry
from mvib.graph import InformationGraph, Operand
from mvib.semantics.method import Channel, ChannelKind, Gradient, Member, Module
from mvib.semantics.values import BoundCall

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Weights:
    """The weights of a graph, by the name of the module that owns them: a copy counts as what it copies."""

    graph: InformationGraph
    _upstream: dict[Member, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)
    _reached: dict[Member, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def owner(self, name: str) -> Module:
        """The module whose weights a module uses: of a copy what it copies, else the module itself."""
        module = self.graph.modules[name]
        if not module.origin:
            return module
        # Of a family of copies, the member of the same index.
        same = self.graph.modules.get(module.origin + name[len(module.family) :])
        return same or next(m for m in self.graph.modules.values() if m.family == module.origin)

    def upstream(self, member: Member) -> frozenset[str]:
        """The trained weights that the value of a variable depends on."""
        if member not in self._upstream:
            maker, found = self.graph.maker(member), _NONE
            if maker is not None:
                owner = self.owner(maker.module)
                if maker.kind is ChannelKind.ENCODER and owner.gradient is Gradient.TRAINED and has_weights(owner.call):
                    found = frozenset({owner.name})
                found = found.union(*(self.upstream(source) for source in maker.sources))
            self._upstream[member] = found
        return self._upstream[member]

    def reached(self, member: Member) -> frozenset[str]:
        """The trained weights that a gradient at a variable reaches."""
        if member not in self._reached:
            maker = self.graph.maker(member)
            self._reached[member] = self._reached_through(maker) if maker is not None else _NONE
        return self._reached[member]

    def _reached_through(self, maker: Channel) -> frozenset[str]:
        module = self.graph.modules[maker.module]
        if maker.kind is ChannelKind.VIEW or module.gradient in {Gradient.MOMENTUM, Gradient.STOPPED}:
            return _NONE
        entry = module.call.entry if module.call is not None else None
        is_trained = module.gradient is Gradient.TRAINED
        own = frozenset({module.name}) if is_trained and has_weights(module.call) else _NONE
        if isinstance(entry, ModuleEntry) and entry.stops_gradient:
            return own
        return own.union(*(self.reached(source) for source in maker.sources))

    def upstream_of(self, operands: Iterable[Operand]) -> frozenset[str]:
        """The same of what an estimator gets, decoders on its path included."""
        return _NONE.union(
            *(self.upstream(source) for operand in operands for source in _sources(operand)),
            *(self.decoding(operand.channels) for operand in operands),
        )

    def reached_by(self, operands: Iterable[Operand]) -> frozenset[str]:
        """The trained weights that a gradient at what an estimator gets reaches."""
        operands = tuple(operands)
        return _NONE.union(
            *(self.reached(source) for operand in operands if not operand.stopped for source in _sources(operand)),
            *(self.decoding(operand.channels) for operand in operands),
        )

    def decoding(self, channels: Iterable[Channel]) -> frozenset[str]:
        """The weights of channels that are followed."""
        modules = [self.graph.modules[channel.module] for channel in channels]
        return frozenset(m.name for m in modules if m.gradient is Gradient.TRAINED and has_weights(m.call))


def _sources(operand: Operand) -> tuple[Member, ...]:
    """The variables of p that an operand is computed from."""
    return operand.channels[0].sources if operand.channels else (operand.member,)


def has_weights(call: BoundCall | None) -> bool:
    """Whether a module has weights of its own."""
    return _judge(call, erasing=False)


def can_erase(call: BoundCall | None) -> bool:
    """Whether some weights of a module make its output the same for every input."""
    return _judge(call, erasing=True)


def _judge(call: BoundCall | None, *, erasing: bool) -> bool:
    if call is None:
        # A spec that leaves the network open means some network.
        return True
    match call.entry:
        case ModuleEntry() as entry:
            learns = bool(call[entry.learns_by]) if entry.learns_by else entry.learns
            return learns and (entry.erases or not erasing)
        case DistributionEntry() as entry:
            kinds = {argument.name: argument.kind for argument in entry.arguments}
            given = {name: value for name, value in call.arguments if value is not None}
            nets = [value for name, value in given.items() if kinds[name] is Kind.MODULE]
            # A width that is asked for adds a layer.
            return "dim" in given or any(isinstance(net, BoundCall) and _judge(net, erasing=erasing) for net in nets)
        case _:
            return True

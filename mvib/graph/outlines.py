"""What the graph alone says of the shapes of its variables: how their numbers lie, and how many features they have.

Sizes of data are not known here, so most numbers are not either; where anything is unknown, what follows from it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from mvib.catalogue.signature import DistributionEntry, Features, Layout, ModuleEntry, Role
from mvib.graph.graph import InformationGraph
from mvib.graph.readings import Operand
from mvib.semantics.method import Channel, ChannelKind, Member, VariableKind
from mvib.semantics.values import ArgumentValue, BoundCall

# Of a label nothing is said: what takes it gets one number for each class. Nor of tokens, which are no features.
_LAYOUTS = {
    "image": Layout.MAP,
    "vector": Layout.VECTOR,
    "sequence": Layout.SEQUENCE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What is known of a shape.

    Attributes:
        layout: how its numbers lie; None when not known.
        features: number of features, those of a map being its channels; None when not known.
    """

    layout: Layout | None = None
    features: int | None = None

    @property
    def width(self) -> int | None:
        """How many numbers it has in all; None when not known."""
        return self.features if self.layout is Layout.VECTOR else None

    def __str__(self) -> str:
        """It in words, such as `a vector of 16`."""
        match self.layout, self.features:
            case None, None:
                return "something"
            case None, features:
                return f"something of {features} features"
            case layout, None:
                return layout.value
            case Layout.VECTOR, features:
                return f"{Layout.VECTOR.value} of {features}"
            case Layout.SEQUENCE, features:
                return f"{Layout.SEQUENCE.value} of {features} features"
            case Layout.MAP, features:
                return f"{Layout.MAP.value} of {features} channels"
            case _:
                raise AssertionError(self)


UNKNOWN = Outline()
_VECTOR = Outline(layout=Layout.VECTOR)


def differ(first: Outline, second: Outline) -> bool:
    """Whether two shapes are not the same, for certain."""
    is_other_layout = None not in (first.layout, second.layout) and first.layout is not second.layout
    # With other numbers of features shapes differ, however they lie.
    return is_other_layout or (None not in (first.features, second.features) and first.features != second.features)


def join(outlines: Sequence[Outline]) -> Outline:
    """Several variables side by side, each flattened; one as it is."""
    if len(outlines) == 1:
        return outlines[0]
    widths = [outline.width for outline in outlines if outline.width is not None]
    return Outline(layout=Layout.VECTOR, features=sum(widths) if len(widths) == len(outlines) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A module that cannot take what the graph gives it.

    Attributes:
        call: the module.
        entry: of it.
        channel: the arrow.
        source: what it is given, as a message names it.
        found: the shape of that.
    """

    call: BoundCall
    entry: ModuleEntry
    channel: Channel
    source: str
    found: Outline


class Outlines:
    """What is known of the shape of every variable of a graph, and the modules that cannot take what they get."""

    def __init__(self, graph: InformationGraph) -> None:
        """Follow the channels from data on.

        Args:
            graph: its channels are in topological order, decoders last.
        """
        self.graph = graph
        self.misfits: list[Misfit] = []
        self._known: dict[Member, Outline] = {}
        # How views lie is declared too: channels say what they draw.
        declared = {VariableKind.DATA, VariableKind.VIEW}
        for variable in graph.variables.values():
            if variable.kind in declared and variable.type in _LAYOUTS:
                self._known[variable.member] = Outline(layout=_LAYOUTS[variable.type])
        for channel in graph.channels:
            if channel.kind is ChannelKind.VIEW:
                continue
            taken = [self.taken(source) for source in channel.sources]
            self.misfits += self._misfits(channel, taken)
            if channel.kind is ChannelKind.ENCODER:
                self._known[channel.target] = self._given(channel, taken)

    def of(self, member: Member) -> Outline:
        """A variable."""
        return self._known.get(member, UNKNOWN)

    def taken(self, member: Member) -> Outline:
        """A variable as a network takes it."""
        return _VECTOR if self.graph.variables[str(member)].type == "label" else self.of(member)

    def of_operand(self, operand: Operand) -> Outline:
        """A variable as an estimator gets it: of p, or predicted along channels."""
        found = self.of(operand.start)
        for channel in operand.channels:
            if channel.kind is ChannelKind.DECODER:
                found = self.of(channel.target)
            else:
                found = self._given(channel, [found, *(self.taken(source) for source in channel.sources[1:])])
        return found

    def before_head(self, channel: Channel) -> Outline:
        """What the network of a density ends in, or what the density takes where it has no network."""
        taken = [self.taken(source) for source in channel.sources]
        network = network_of(self._call(channel.module))
        return join(taken) if network is None else outline_through(network, taken)

    def _call(self, module: str) -> BoundCall | None:
        """What builds a module; of a copy, that of what it copies."""
        modules, seen = self.graph.modules, {module}
        while modules[module].origin:
            origin, index = modules[module].origin, module[len(modules[module].family) :]
            same = [name for name in (origin + index, origin) if name in modules]
            module = next(iter(same), "") or next(name for name, m in modules.items() if m.family == origin)
            if module in seen:
                return None
            seen.add(module)
        return modules[module].call

    def _misfits(self, channel: Channel, taken: Sequence[Outline]) -> Iterator[Misfit]:
        call = network_of(self._call(channel.module))
        if call is None:
            return
        names = [f"onehot({s})" if self.graph.variables[str(s)].type == "label" else str(s) for s in channel.sources]
        for name, found in _inputs(call, names, taken):
            misfit = find_misfit(call, found)
            if misfit is not None:
                yield Misfit(call=call, entry=misfit, channel=channel, source=name, found=found)

    def _given(self, channel: Channel, taken: Sequence[Outline]) -> Outline:
        """What an encoder makes."""
        call = self._call(channel.module)
        network = network_of(call)
        if call is None or not isinstance(call.entry, DistributionEntry):
            return UNKNOWN if network is None else outline_through(network, taken)
        before = join(taken) if network is None else outline_through(network, taken)
        width = _number(dict(call.arguments).get(call.entry.width))
        if network is None and not call.entry.has_layer(call.words()):
            return before
        return Outline(layout=Layout.VECTOR, features=before.width if width is None else width)


def find_misfit(call: BoundCall, found: Outline) -> ModuleEntry | None:
    """The entry of a module where it cannot take something, else None."""
    entry = call.entry
    assert isinstance(entry, ModuleEntry)
    return entry if found.layout is not None and found.layout not in entry.layouts else None


def outline_through(call: BoundCall, taken: Sequence[Outline]) -> Outline:
    """What a module gives.

    Args:
        call: of a network.
        taken: the variables that it takes.
    """
    entry = call.entry
    assert isinstance(entry, ModuleEntry)
    inputs = [outline for _, outline in _inputs(call, [""] * len(taken), taken)]
    if entry.output is None or any(find_misfit(call, outline) is not None for outline in inputs):
        return UNKNOWN
    output, first = entry.output, inputs[0]
    features: int | None
    match output.features:
        case Features.KEPT:
            features = first.features
        case Features.FLATTENED:
            features = first.width
        case Features.UNSAID:
            features = None
        case str(argument):
            number = _number(call[argument])
            features = None if number is None else number * output.times
        case _:
            assert_never(output.features)
    return Outline(layout=output.layout_of(call.words()) or first.layout, features=features)


def _inputs(call: BoundCall, names: Sequence[str], taken: Sequence[Outline]) -> list[tuple[str, Outline]]:
    """What reaches a module: each variable on its own, or all side by side."""
    assert isinstance(call.entry, ModuleEntry)
    if call.entry.separate or len(taken) == 1:
        return list(zip(names, taken, strict=True))
    return [(f"({', '.join(names)})", join(taken))]


def network_of(call: BoundCall | None) -> BoundCall | None:
    """The network inside a call: that in front of a density, or the one that is frozen; None where there is none."""
    while call is not None:
        if isinstance(call.entry, ModuleEntry) and call.entry.role is Role.NETWORK:
            return call
        arguments: Mapping[str, ArgumentValue] = dict(call.arguments)
        inner = arguments.get("net", arguments.get("network"))
        call = inner if isinstance(inner, BoundCall) else None
    return None


def _number(value: ArgumentValue) -> int | None:
    """A whole number that is known, of several the last."""
    match value:
        case int():
            return value
        case (*_, int(last)):
            return last
        case _:
            return None

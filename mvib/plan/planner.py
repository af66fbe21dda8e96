"""The values of a plan, each once, and the steps that compute them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mvib.catalogue.signature import ChannelEntry, Rows
from mvib.graph import InformationGraph, Operand, Reading
from mvib.plan.networks import builder_of
from mvib.plan.plan import (
    Apply,
    Attack,
    Density,
    Draw,
    Given,
    Join,
    Mean,
    OneHot,
    Readout,
    Sample,
    Select,
    SelectDensity,
    Step,
    Stop,
    StopDensity,
    Transform,
)
from mvib.semantics.method import Channel, ChannelKind, Member, Method, VariableKind


@dataclass(frozen=True, slots=True)
class Subset:
    """Which examples a term is about: those that have all of `present`, and lack at least one of `missing`."""

    present: tuple[str, ...]
    missing: tuple[str, ...]


class Planner:
    """Adds steps for what is asked, each once; asked for the same again it gives the name it has."""

    def __init__(self, method: Method, graph: InformationGraph, *, augmented: bool = True) -> None:
        self.method = method
        self.graph = graph
        self.augmented = augmented
        self.steps: dict[str, Step] = {}
        self.networks: dict[str, None] = {}
        self._drawn: set[str] = set()

    @property
    def known(self) -> set[str]:
        """Names of everything that has a value."""
        return {step.result for step in self.steps.values()} | self._drawn

    def _add(self, step: Step) -> str:
        # A density and a tensor may have one name: `q(Z[1])` and its mean. Steps keep one order.
        key = f"~{step.result}" if isinstance(step, Density | SelectDensity | StopDensity) else step.result
        self.steps.setdefault(key, step)
        return step.result

    def readout(self, results: tuple[str, ...]) -> Readout:
        """What has been planned so far, as a readout of some of its values."""
        inputs = tuple(step.result for step in self.steps.values() if isinstance(step, Given))
        return Readout(steps=tuple(self.steps.values()), results=results, inputs=inputs)

    def member(self, member: Member) -> str:
        """The value of a variable of p."""
        name = str(member)
        if name in self.steps or name in self._drawn:
            return name
        maker = self.graph.maker(member)
        if maker is None:
            return self._add(Given(result=name, partial=self.method.family_of(member).partial))
        if maker.kind is ChannelKind.VIEW:
            return self._view(member, maker)
        if not maker.stochastic:
            return self._apply(name, maker, [self._input(source) for source in maker.sources])
        density = self.density(maker)
        step = Sample(result=name, density=density) if self.augmented else Mean(result=name, density=density)
        return self._add(step)

    def _view(self, member: Member, maker: Channel) -> str:
        call = self.method.modules[maker.module].call
        assert call is not None
        assert isinstance(call.entry, ChannelEntry)
        source = self._source(maker)
        if not self.augmented and not call.entry.deterministic:
            # The representation is that of the example itself: a random view is replaced by the identity.
            return source
        self.networks[maker.module] = None
        against = self.method.modules[maker.module].against
        if against is not None:
            return self._attack(member, maker, source, against)
        placed, outputs = call.entry.placed, call.entry.outputs
        if outputs is None or not self.augmented:
            return self._add(
                Draw(result=str(member), network=maker.module, source=source, placed=placed, span=maker.span)
            )
        parts = tuple(str(target) for target in self._drawn_together(maker))
        self._drawn.update(parts)
        drawn = maker.draw or str(member)
        self._add(
            Draw(result=f"~{drawn}", network=maker.module, source=source, parts=parts, placed=placed, span=maker.span)
        )
        return str(member)

    def _attack(self, member: Member, maker: Channel, source: str, against: Member) -> str:
        target = self.member(against)
        again = Planner(self.method, self.graph)
        again.steps[source] = self.steps[source]
        again.member(against)
        steps = tuple(step for name, step in again.steps.items() if name != source)
        network, span = maker.module, maker.span
        return self._add(
            Attack(result=str(member), network=network, source=source, target=target, steps=steps, span=span)
        )

    def _drawn_together(self, maker: Channel) -> list[Member]:
        if not maker.draw:
            return [maker.target]
        together = [c for c in self.graph.channels if c.draw == maker.draw and c.module == maker.module]
        return [channel.target for channel in sorted(together, key=lambda channel: channel.output)]

    def _apply(self, result: str, channel: Channel, sources: Sequence[str]) -> str:
        self.networks[channel.module] = None
        entry = builder_of(self.method, channel.module)
        is_separate = entry is not None and entry.separate
        taken = tuple(sources) if is_separate else (self.join(sources),)
        called = entry if entry is not None and (entry.crosses or entry.placed) else None
        return self._add(Apply(result=result, network=channel.module, sources=taken, entry=called, span=channel.span))

    def _input(self, member: Member) -> str:
        """A variable as a network takes it: a label as one number for each class."""
        value = self.member(member)
        if self.method.family_of(member).type != "label":
            return value
        return self._add(OneHot(result=f"onehot({value})", source=value))

    def _source(self, channel: Channel) -> str:
        return self.join([self._input(source) for source in channel.sources])

    def join(self, names: Sequence[str]) -> str:
        """Several values side by side; one value as it is."""
        if len(names) == 1:
            return names[0]
        return self._add(Join(result=f"({', '.join(names)})", sources=tuple(names)))

    def stop_density(self, density: str) -> str:
        """A density without its gradient."""
        return self._add(StopDensity(result=f"sg({density})", source=density))

    def own(self, operand: Operand) -> str:
        """A variable of p, as it is."""
        value = self.member(operand.member)
        return self.stop(value) if operand.stopped else value

    def own_input(self, operand: Operand) -> str:
        """A variable of p as a network takes it."""
        value = self._input(operand.member)
        return self.stop(value) if operand.stopped else value

    def code(self, reading: Reading) -> tuple[str, str]:
        """The density of a code and the code itself, the sample of it, as a rate takes them."""
        sources, (code,) = reading.operands
        maker = self.graph.maker(code.member)
        assert maker is not None
        stopped = {operand.member for operand in sources if operand.stopped}
        if stopped & set(maker.sources):
            # Its own sample: that of p passes the gradient on.
            given = [Operand(member=m, start=m, stopped=m in stopped) for m in maker.sources]
            density = self.density(maker, self.join([self.own_input(operand) for operand in given]))
            sample = self._add(Sample(result=f"{code.member} of {density}", density=density))
        else:
            density, sample = self.density(maker), self.member(code.member)
        return (self.stop_density(density), self.stop(sample)) if code.stopped else (density, sample)

    def density(self, channel: Channel, source: str | None = None) -> str:
        """The density of a stochastic encoder or a decoder; `source` in the place of its own sources."""
        taken = source if source is not None else self._source(channel)
        self.networks[channel.module] = None
        result = f"{channel.module}({taken})"
        target = str(channel.target) if channel.kind is ChannelKind.DECODER else ""
        entry = builder_of(self.method, channel.module)
        called = entry if entry is not None and (entry.crosses or entry.placed or entry.aims) else None
        if target and called is not None and called.aims:
            # Where the tokens lie that it is to predict is known to it, what they are is not: so from one source it
            # predicts each of its targets anew.
            self.member(channel.target)
            result = f"{channel.module}({taken} -> {target})"
        return self._add(
            Density(result=result, network=channel.module, source=taken, target=target, entry=called, span=channel.span)
        )

    def operand(self, operand: Operand) -> str:
        """A variable as a reading wants it: of p, or predicted along channels."""
        value = self.member(operand.start)
        for channel in operand.channels:
            others = [self._input(source) for source in channel.sources[1:]]
            if channel.kind is ChannelKind.DECODER:
                # The decoder's width is that of what it predicts, so that comes first.
                self.member(channel.target)
            if channel.stochastic:
                density = self.density(channel, self.join([value, *others]))
                value = self._add(Mean(result=density, density=density))
            else:
                value = self._apply(f"{channel.module}({', '.join([value, *others])})", channel, [value, *others])
        return self.stop(value) if operand.stopped else value

    def group(self, operands: Sequence[Operand]) -> str:
        """A joint variable."""
        return self.join([self.operand(operand) for operand in operands])

    def stop(self, value: str) -> str:
        """A value without gradient."""
        return self._add(Stop(result=f"sg({value})", source=value))

    def rows(self, value: str, rows: Rows) -> str:
        """Transformed rows of a value."""
        return self._add(Transform(result=f"{rows.value}({value})", source=value, rows=rows))

    def select(self, value: str, subset: Subset) -> str:
        """The examples of a value that a term is about."""
        if not (subset.present or subset.missing):
            return value
        result = _selected_name(value, subset)
        return self._add(Select(result=result, source=value, present=subset.present, missing=subset.missing))

    def select_density(self, density: str, subset: Subset) -> str:
        """The same for a density."""
        if not (subset.present or subset.missing):
            return density
        result = _selected_name(density, subset)
        return self._add(SelectDensity(result=result, source=density, present=subset.present, missing=subset.missing))


def _selected_name(value: str, subset: Subset) -> str:
    conditions = [*subset.present, *(f"no {name}" for name in subset.missing)]
    return f"{value}{{{', '.join(conditions)}}}"


def data_types(method: Method) -> dict[str, tuple[str, bool]]:
    """Type of every data variable, and whether it is partial."""
    families = [family for family in method.variables.values() if family.kind is VariableKind.DATA]
    return {str(member): (family.type, family.partial) for family in families for member in family.members}

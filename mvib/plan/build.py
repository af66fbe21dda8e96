"""From readings to a plan: every value once, named by what it is, in an order that does not depend on the file's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mvib.catalogue.signature import ChannelEntry, EstimatorEntry, Form, Interface, ModuleEntry, Role, Rows
from mvib.graph import InformationGraph, Operand, Reading, find_reference_decoder
from mvib.plan.plan import (
    Apply,
    Attack,
    Auxiliary,
    Density,
    Draw,
    Estimate,
    Given,
    Join,
    Mean,
    Network,
    OneHot,
    Plan,
    PlannedTerm,
    Readout,
    Sample,
    Select,
    SelectDensity,
    Step,
    Stop,
    StopDensity,
    Transform,
)
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    Member,
    Method,
    ReferenceKind,
    Term,
    VariableKind,
)
from mvib.semantics.values import BoundCall


def build_plan(method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]) -> Plan:
    """The plan of a method whose terms have been read.

    Args:
        method: the typed method.
        graph: its graph.
        readings: of all its terms.
    """
    planner = _Planner(method, graph)
    # By label, not by place in the file: the order of statements changes nothing, not even the last bit of the sum.
    ordered = sorted(method.terms, key=lambda term: term.label)
    terms = tuple(_plan_term(planner, term, readings[term.label]) for term in ordered)
    # Variables that no term needs are left out; the representation has a path of its own.
    represent = _Planner(method, graph, augmented=False)
    results = tuple(represent.member(member) for member in method.represent)
    predictions, targets = _plan_predictions(method, graph)
    used = [planner, represent, *(p for p, _ in predictions.values())]
    return Plan(
        networks=_networks(method, graph, {name for p in used for name in p.networks}),
        steps=tuple(planner.steps.values()),
        terms=terms,
        variables=tuple(name for name in graph.variables if name in planner.known),
        data=_data(method),
        representation=represent.readout(results),
        predictions={name: p.readout((result,)) for name, (p, result) in predictions.items()},
        decoder_targets=targets,
        couples_batch=any(term.estimator is not None and term.estimator.couples_batch for term in method.terms),
    )


def _data(method: Method) -> dict[str, tuple[str, bool]]:
    families = [family for family in method.variables.values() if family.kind is VariableKind.DATA]
    return {str(member): (family.type, family.partial) for family in families for member in family.members}


@dataclass(frozen=True, slots=True)
class _Subset:
    """Which examples a term is about: those that have all of `present`, and lack at least one of `missing`."""

    present: tuple[str, ...]
    missing: tuple[str, ...]


class _Planner:
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
        again = _Planner(self.method, self.graph)
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

    def select(self, value: str, subset: _Subset) -> str:
        """The examples of a value that a term is about."""
        if not (subset.present or subset.missing):
            return value
        result = _selected_name(value, subset)
        return self._add(Select(result=result, source=value, present=subset.present, missing=subset.missing))

    def select_density(self, density: str, subset: _Subset) -> str:
        """The same for a density."""
        if not (subset.present or subset.missing):
            return density
        result = _selected_name(density, subset)
        return self._add(SelectDensity(result=result, source=density, present=subset.present, missing=subset.missing))


def _selected_name(value: str, subset: _Subset) -> str:
    conditions = [*subset.present, *(f"no {name}" for name in subset.missing)]
    return f"{value}{{{', '.join(conditions)}}}"


# ---- terms -----------------------------------------------------------------------------------------------------


def _plan_term(planner: _Planner, term: Term, readings: Sequence[Reading]) -> PlannedTerm:
    return PlannedTerm(
        label=term.label,
        direction=term.direction,
        weight=term.weight,
        estimates=tuple(_plan_estimate(planner, term, reading, number) for number, reading in enumerate(readings)),
        of_all=term.of_all,
        span=term.span,
    )


def _plan_estimate(planner: _Planner, term: Term, reading: Reading, number: int) -> Estimate:
    subset = _subset(planner, term, reading)
    weighing = reading.instance.weight
    weight = planner.select(planner.member(weighing), subset) if weighing is not None else ""
    if reading.instance.decoder is not None:
        return replace(_decoder_estimate(planner, reading, subset), weight=weight)
    entry = term.estimator
    assert entry is not None
    name = f"{term.label}.{number}"
    match entry.interface:
        case Interface.RATE:
            return replace(_rate_estimate(planner, term, reading, subset), weight=weight)
        case Interface.CONDITIONAL:
            return _conditional_estimate(planner, term, reading, subset)
        case Interface.CRITIC:
            return replace(_critic_estimate(planner, term, reading, subset), name=name)
        case Interface.ROWS | Interface.LABELS:
            if _critic_of(term) is not None:
                return replace(_critic_estimate(planner, term, reading, subset), name=name)
            return replace(_rows_estimate(planner, term, reading, subset), name=name)
        case Interface.DISCRIMINATOR:
            return _discriminator_estimate(planner, term, reading, subset)
        case Interface.DECODER:
            raise AssertionError(entry)


def _subset(planner: _Planner, term: Term, reading: Reading) -> _Subset:
    named = [o for group in (*reading.operands, reading.condition) for o in group]
    reference = reading.instance.reference
    # Of a prediction the value is needed that it is made from, not the one it is about.
    members = {operand.start for operand in named}
    members |= {source for operand in named for channel in operand.channels for source in channel.sources[1:]}
    members |= {reference.at} if reference is not None and reference.at is not None else set()
    members |= {member for _, member in reading.instance.variables}
    members |= {reading.instance.weight} if reading.instance.weight is not None else set()
    # A variable that is computed from one that an example lacks, the example lacks too.
    present = {
        data
        for data, (_, is_partial) in _data(planner.method).items()
        if is_partial
        for member in {str(m) for m in members}
        if member == data or planner.graph.is_computed_from(data, member)
    }
    missing: set[str] = set()
    if term.subset is not None:
        # Unlabelled examples are still only those that have whatever else the term is computed from.
        kind, label = term.subset
        (missing if kind == "unlabelled" else present).add(str(label))
    return _Subset(tuple(sorted(present)), tuple(sorted(missing)))


def _decoder_estimate(planner: _Planner, reading: Reading, subset: _Subset) -> Estimate:
    instance = reading.instance
    channel = instance.decoder
    assert channel is not None
    operands = {o.member: o for group in (*reading.operands, reading.condition) for o in group if not o.channels}
    # Seen from further up, `I[f, q](X; T)`, the decoder's own source is on the path and no operand.
    own = {m: operands.get(m, Operand(member=m, start=m)) for m in (*channel.sources, channel.target)}
    source = planner.join([planner.own_input(own[s]) for s in channel.sources])
    target = planner.own(own[channel.target])
    density = planner.select_density(planner.density(channel, source), subset)
    family = planner.method.family_of(channel.target)
    is_information = instance.quantity.functional == "I"
    value = planner.select(target, subset)
    return Estimate(
        entry=None,
        call=None,
        inputs=(value,),
        density=density,
        share=instance.share,
        is_information=is_information,
        label=value if is_information and family.type == "label" else "",
        span=instance.quantity.span,
    )


def _rate_estimate(planner: _Planner, term: Term, reading: Reading, subset: _Subset) -> Estimate:
    reference = reading.instance.reference
    assert reference is not None
    density, sample = planner.code(reading)
    given = {operand.member: operand for operand in reading.condition}
    prior: BoundCall | None = None
    other = ""
    match reference.kind:
        case ReferenceKind.PRIOR:
            assert term.call is not None
            named = term.call["reference"]
            assert isinstance(named, BoundCall)
            prior = named
        case ReferenceKind.DECODER:
            quantity, code = reading.instance.quantity, reading.operands[1][0].member
            channel = find_reference_decoder(planner.graph, reference, quantity, code)
            other = planner.density(channel, planner.join([planner.own_input(given[s]) for s in channel.sources]))
        case ReferenceKind.ENCODER:
            assert reference.at is not None
            channel = next(
                c for c in planner.graph.channels if planner.method.modules[c.module].family == reference.name
            )
            at = given.get(reference.at, Operand(member=reference.at, start=reference.at))
            other = planner.density(channel, planner.own(at))
    return Estimate(
        entry=term.estimator,
        call=term.call,
        inputs=(planner.select(sample, subset),),
        density=planner.select_density(density, subset),
        reference=planner.select_density(other, subset) if other else "",
        prior=prior,
        share=reading.instance.share,
        span=reading.instance.quantity.span,
    )


def _critic_estimate(planner: _Planner, term: Term, reading: Reading, subset: _Subset) -> Estimate:
    first, second = (planner.select(planner.group(group), subset) for group in reading.operands)
    call = _critic_of(term)
    assert call is not None
    critic = Auxiliary(name=f"{term.label}.critic", call=call, is_density=False, first=first, second=second)
    return Estimate(
        entry=term.estimator,
        call=term.call,
        inputs=(first, second),
        auxiliary=critic,
        form=reading.instance.quantity.form,
        share=reading.instance.share,
        span=reading.instance.quantity.span,
    )


def _critic_of(term: Term) -> BoundCall | None:
    """The critic of a term, which some estimators need and some can take in the place of their similarity."""
    given = dict(term.call.arguments).get("critic") if term.call is not None else None
    return given if isinstance(given, BoundCall) else None


def _conditional_estimate(planner: _Planner, term: Term, reading: Reading, subset: _Subset) -> Estimate:
    """From the encoder's own density, or from one that is fitted to predict the second variable from the first."""
    assert term.call is not None
    first, second = (planner.select(planner.group(group), subset) for group in reading.operands)
    net = term.call["net"]
    density, fitted = "", None
    if isinstance(net, BoundCall):
        fitted = Auxiliary(name=f"{term.label}.density", call=net, is_density=True, first=first, second=second)
    else:
        own, sample = planner.code(reading)
        density, second = planner.select_density(own, subset), planner.select(sample, subset)
    return Estimate(
        entry=term.estimator,
        call=term.call,
        inputs=(first, second),
        density=density,
        auxiliary=fitted,
        form=reading.instance.quantity.form,
        share=reading.instance.share,
        span=reading.instance.quantity.span,
    )


def _discriminator_estimate(planner: _Planner, term: Term, reading: Reading, subset: _Subset) -> Estimate:
    assert term.call is not None
    value = planner.select(planner.group(reading.operands[0]), subset)
    net = term.call["net"]
    assert isinstance(net, BoundCall)
    name = f"{term.label}.discriminator"
    return Estimate(
        entry=term.estimator,
        call=term.call,
        inputs=(value,),
        prior=reading.instance.quantity.prior,
        auxiliary=Auxiliary(name=name, call=net, is_density=False, first=value, second=""),
        form=reading.instance.quantity.form,
        share=reading.instance.share,
        span=reading.instance.quantity.span,
    )


def _rows_estimate(planner: _Planner, term: Term, reading: Reading, subset: _Subset) -> Estimate:
    entry, quantity = term.estimator, reading.instance.quantity
    assert entry is not None
    groups = [*reading.operands, *([reading.condition] if reading.condition else [])]
    if not entry.joins and quantity.form is not Form.CONDITIONAL_ENTROPY:
        # Each variable of a joint on its own: they are put together otherwise than side by side.
        first, *others = groups
        groups = [*((operand,) for operand in first), *others]
    values = [planner.select(planner.group(group), subset) for group in groups]
    if entry.interface is Interface.LABELS:
        # H(Y | Z): the label as it is, the logits lifted to single precision.
        inputs: tuple[str, ...] = (planner.rows(values[1], Rows.RAW), values[0])
    else:
        is_label = [False] * len(values)
        is_label[-1] = quantity.form in entry.labelled
        inputs = tuple(v if fixed else planner.rows(v, entry.rows) for v, fixed in zip(values, is_label, strict=True))
    return Estimate(
        entry=entry,
        call=term.call,
        inputs=inputs,
        prior=quantity.prior if entry.draws_prior else None,
        form=quantity.form,
        share=reading.instance.share,
        variables=tuple(_argument(planner, entry, name, member, subset) for name, member in reading.instance.variables),
        span=quantity.span,
    )


def _argument(planner: _Planner, entry: EstimatorEntry, name: str, member: Member, subset: _Subset) -> tuple[str, str]:
    """A variable that is an argument: a label as it is, rows as the estimator takes them."""
    value = planner.select(planner.member(member), subset)
    argument = next(argument for argument in entry.arguments if argument.name == name)
    return name, value if argument.is_label else planner.rows(value, entry.rows)


# ---- what is read out of a trained model ----------------------------------------------------------------------------


def _plan_predictions(
    method: Method, graph: InformationGraph
) -> tuple[dict[str, tuple[_Planner, str]], dict[str, str]]:
    """For every decoder about data, its density at the unaugmented example."""
    predictions: dict[str, tuple[_Planner, str]] = {}
    targets: dict[str, str] = {}
    for channel in graph.decoders:
        if channel.module in predictions or not graph.variables[str(channel.target)].is_observed:
            continue
        planner = _Planner(method, graph, augmented=False)
        predictions[channel.module] = planner, planner.density(channel)
        targets[channel.module] = str(channel.target)
    return predictions, targets


def _networks(method: Method, graph: InformationGraph, used: set[str]) -> tuple[Network, ...]:
    """The networks in use, those that are copied or borrowed before those that copy or borrow."""
    wanted = set(used)
    for name in used:
        origin = method.modules[name].origin
        wanted |= {m.name for m in method.modules.values() if origin and m.family == origin}
    position = {channel.module: i for i, channel in reversed(list(enumerate(graph.channels)))}
    ordered = sorted(wanted, key=lambda name: (bool(method.modules[name].origin), position[name], name))
    return tuple(
        Network(
            name=name,
            kind=module.kind,
            call=module.call,
            is_density=module.stochastic and module.kind is not ChannelKind.VIEW,
            gradient=module.gradient,
            origin=_origin(method, module.name) if module.origin else "",
            entry=builder_of(method, name),
            span=module.span,
        )
        for name in ordered
        for module in (method.modules[name],)
    )


def _origin(method: Method, name: str) -> str:
    """The member of a module family that a copy copies: that of the same index, or the only one."""
    module = method.modules[name]
    index = name[len(module.family) :]
    return module.origin + index if module.origin + index in method.modules else module.origin


def builder_of(method: Method, name: str) -> ModuleEntry | None:
    """The builder behind a network: of a copy that of what it copies, of a density that of the network in front."""
    module = method.modules[name]
    if module.origin:
        return builder_of(method, _origin(method, name))
    call: object = module.call
    while isinstance(call, BoundCall) and not (isinstance(call.entry, ModuleEntry) and call.entry.role is Role.NETWORK):
        inner = dict(call.arguments)
        call = inner.get("net", inner.get("network"))
    return call.entry if isinstance(call, BoundCall) and isinstance(call.entry, ModuleEntry) else None

"""What a term takes of the values, and how each of its estimates is made."""

from collections.abc import Sequence
from dataclasses import replace

from mvib.catalogue.signature import EstimatorEntry, Form, Interface, Rows
from mvib.graph import Operand, Reading, find_reference_decoder
from mvib.plan.plan import Auxiliary, Estimate, PlannedTerm
from mvib.plan.planner import Planner, Subset, data_types
from mvib.semantics.method import Member, ReferenceKind, Term
from mvib.semantics.values import BoundCall


def plan_term(planner: Planner, term: Term, readings: Sequence[Reading]) -> PlannedTerm:
    """A term with its estimates, one a reading."""
    return PlannedTerm(
        label=term.label,
        direction=term.direction,
        weight=term.weight,
        estimates=tuple(_plan_estimate(planner, term, reading, number) for number, reading in enumerate(readings)),
        of_all=term.of_all,
        span=term.span,
    )


def _plan_estimate(planner: Planner, term: Term, reading: Reading, number: int) -> Estimate:
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


def _subset(planner: Planner, term: Term, reading: Reading) -> Subset:
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
        for data, (_, is_partial) in data_types(planner.method).items()
        if is_partial
        for member in {str(m) for m in members}
        if member == data or planner.graph.is_computed_from(data, member)
    }
    missing: set[str] = set()
    if term.subset is not None:
        # Unlabelled examples are still only those that have whatever else the term is computed from.
        kind, label = term.subset
        (missing if kind == "unlabelled" else present).add(str(label))
    return Subset(tuple(sorted(present)), tuple(sorted(missing)))


def _decoder_estimate(planner: Planner, reading: Reading, subset: Subset) -> Estimate:
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


def _rate_estimate(planner: Planner, term: Term, reading: Reading, subset: Subset) -> Estimate:
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


def _critic_estimate(planner: Planner, term: Term, reading: Reading, subset: Subset) -> Estimate:
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


def _conditional_estimate(planner: Planner, term: Term, reading: Reading, subset: Subset) -> Estimate:
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


def _discriminator_estimate(planner: Planner, term: Term, reading: Reading, subset: Subset) -> Estimate:
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


def _rows_estimate(planner: Planner, term: Term, reading: Reading, subset: Subset) -> Estimate:
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


def _argument(planner: Planner, entry: EstimatorEntry, name: str, member: Member, subset: Subset) -> tuple[str, str]:
    """A variable that is an argument: a label as it is, rows as the estimator takes them."""
    value = planner.select(planner.member(member), subset)
    argument = next(argument for argument in entry.arguments if argument.name == name)
    return name, value if argument.is_label else planner.rows(value, entry.rows)

"""Readings of rates: which variable is the code, and whether the reference bounds what is asked for."""

from collections.abc import Sequence

from mvib.catalogue.signature import DistributionEntry, Support
from mvib.diagnostics import Diagnostic, Label, quoted_list
from mvib.graph.graph import InformationGraph
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    Member,
    Quantity,
    RateReference,
    ReferenceKind,
    Term,
    TermInstance,
)
from mvib.semantics.values import BoundCall


def find_code(graph: InformationGraph, quantity: Quantity) -> int | None:
    """Position of the argument of I(X; Z) that a stochastic encoder makes from the other; None when neither is."""
    for position in (1, 0):
        code, sources = quantity.groups[position], quantity.groups[1 - position]
        if len(code) != 1:
            continue
        maker = graph.maker(code[0].member)
        is_density = maker is not None and maker.kind is ChannelKind.ENCODER and maker.stochastic
        if is_density and all(graph.is_ancestor(source.member, code[0].member) for source in sources):
            return position
    return None


def explain_no_code(graph: InformationGraph, instance: TermInstance) -> Diagnostic:
    """Why a quantity has no rate."""
    quantity = instance.quantity
    for code_group, sources in (quantity.groups[::-1], quantity.groups):
        code = code_group[0].member
        maker = graph.maker(code)
        is_made = len(code_group) == 1 and all(graph.is_ancestor(source.member, code) for source in sources)
        if is_made and maker is not None and maker.kind is ChannelKind.ENCODER and not maker.stochastic:
            noisy = _noisy_origin(graph, [source.member for source in sources], code)
            if noisy is not None:
                return _computed_from_code(quantity, [source.member for source in sources], code, noisy)
            return _deterministic(graph, quantity, code, maker)
    encoded = [c for c in graph.channels if c.kind is ChannelKind.ENCODER and c.stochastic]
    examples = [f"I({_names(c.sources)}; {c.target})" for c in encoded[:3]]
    return Diagnostic(
        slug="infinite-information",
        title=f"no stochastic encoder makes one of the variables of `{quantity}` from the other",
        span=quantity.span,
        label="the estimator needs an encoder's density of one given the other",
        remedy=f"ask for {quoted_list(examples, conjunction='or')}"
        if examples
        else "name the input of a stochastic encoder and its output; this spec has none, `encoder e: X ~> Z = ...`",
    )


def _noisy_origin(graph: InformationGraph, sources: Sequence[Member], code: Member) -> Member | None:
    """The output of a stochastic encoder between sources and a code: what it passes on to the code is finite."""
    encoded = [
        channel.target for channel in graph.channels if channel.kind is ChannelKind.ENCODER and channel.stochastic
    ]
    return next(
        (
            member
            for member in encoded
            if graph.is_ancestor(member, code) and all(graph.is_ancestor(source, member) for source in sources)
        ),
        None,
    )


def _computed_from_code(quantity: Quantity, sources: Sequence[Member], code: Member, noisy: Member) -> Diagnostic:
    given = ", ".join(map(str, quantity.condition))
    asked = f"I({_names(sources)}; {noisy}{f' | {given}' if given else ''})"
    return Diagnostic(
        slug="infinite-information",
        title=f"no encoder gives a density of `{code}`: it is a function of `{noisy}`, which a stochastic one makes",
        span=quantity.span,
        label="the estimator needs an encoder's density of one given the other",
        why="what is computed from a code has at most the information of the code (data processing)",
        remedy=f"ask for `{asked}`, whose upper bound is one of `{quantity}` too",
    )


def _deterministic(graph: InformationGraph, quantity: Quantity, code: Member, maker: Channel) -> Diagnostic:
    declared = graph.modules[maker.module]
    sources = f"({_names(maker.sources)})" if len(maker.sources) > 1 else _names(maker.sources)
    return Diagnostic(
        slug="infinite-information",
        title=f"`{quantity}` is infinite: `{code}` is a deterministic function of `{sources}`",
        span=quantity.span,
        label="the estimator needs the density of a stochastic encoder",
        secondary=(Label(maker.span, "deterministic, drawn with `->`"),),
        why="of continuous variables a deterministic encoder passes unlimited information: it has no density p(z | x)",
        remedy=f"make it stochastic: `encoder {declared.family}: {_written(maker)} = gaussian(mlp(1024), dim: 64)`",
    )


def _written(maker: Channel) -> str:
    return " ".join(maker.span.text.split()).replace("->", "~>")


def _names(members: Sequence[Member]) -> str:
    return ", ".join(map(str, members))


def check_reference(graph: InformationGraph, term: Term, instance: TermInstance, code: Member) -> Diagnostic | None:
    """Whether the reference of a rate gives an upper bound of the quantity asked for.

    E KL(p(z | x) || r(z | c)) is at least I(X; Z | C), so what r is conditioned on must stand behind `|`. A prior is
    conditioned on nothing, and I(X; Z) is at least I(X; Z | C).
    """
    reference, quantity = instance.reference, instance.quantity
    assert reference is not None
    place = term.call.span if term.call is not None else term.span
    match reference.kind:
        case ReferenceKind.PRIOR:
            prior = term.call["reference"] if term.call is not None else None
            entry = prior.entry if isinstance(prior, BoundCall) else None
            assert isinstance(entry, DistributionEntry)
            return _check_density(graph, term, code, entry)
        case ReferenceKind.ENCODER:
            channel = next(c for c in graph.channels if graph.modules[c.module].family == reference.name)
            assert reference.at is not None
            given: tuple[Member, ...] = (reference.at,)
        case ReferenceKind.DECODER:
            channel = find_reference_decoder(graph, reference, quantity, code)
            if channel.target != code:
                return _wrong_decoder(term, quantity, reference, channel, code)
            given = channel.sources
    condition = {variable.member for variable in quantity.condition}
    if set(given) <= condition:
        entry = density_entry(graph, channel)
        return _check_density(graph, term, code, entry) if entry is not None else None
    missing = ", ".join(written_member(instance, member) for member in given if member not in condition)
    asked = f"{term.text[:-1]}{',' if condition else ' |'} {missing})"
    return Diagnostic(
        slug="wrong-quantity",
        title=f"`{' '.join(place.text.split())}` bounds the information given `{_names(given)}`, not `{quantity}`",
        span=place,
        label=f"a density given `{_names(given)}`",
        secondary=(Label(quantity.span, "the quantity asked for"),),
        why="what the reference knows about the code is left out of the rate, so it must stand in the condition",
        remedy=f"ask for `{asked}`",
    )


def _check_density(
    graph: InformationGraph, term: Term, code: Member, reference: DistributionEntry
) -> Diagnostic | None:
    """The divergence of the code from the reference is finite, and in closed form only where it has one."""
    maker = graph.maker(code)
    assert maker is not None
    posterior = density_entry(graph, maker)
    if posterior is None or term.call is None:
        return None
    if posterior.support is not reference.support:
        return _infinite_rate(term.call, maker, code, posterior, reference)
    return _check_form(term.call, maker, code, posterior, reference.name)


def _infinite_rate(
    call: BoundCall, maker: Channel, code: Member, posterior: DistributionEntry, reference: DistributionEntry
) -> Diagnostic:
    found, needed = posterior.support, reference.support
    match found, needed:
        case Support.SPHERE, _:
            remedy = "write `rate(uniform_sphere)`"
        case _, Support.SPHERE:
            remedy = f"make `{code}` a direction, `vmf(mlp(512, 64), kappa: 10)`, or write `rate(normal)`"
        case _:
            remedy = "write `rate(normal)`"
    if reference.is_prior:
        remedy += f"; samples can be compared: `minimize D({code} || {reference.name}) by mmd()`"
    return Diagnostic(
        slug="infinite-information",
        title=f"the rate of `{code}` is infinite: `{posterior.name}` has its mass on {found.value}, and "
        f"`{reference.name}` on {needed.value}",
        span=call.span,
        label=f"a density on {needed.value}",
        secondary=(Label(maker.span, f"on {found.value}"),),
        why="a relative entropy is finite only where the reference has a density wherever the encoder has mass",
        remedy=remedy,
    )


def _check_form(
    call: BoundCall, maker: Channel, code: Member, posterior: DistributionEntry, reference: str
) -> Diagnostic | None:
    """A closed form is asked for only where there is one."""
    if call["form"] != "analytic" or reference in posterior.closed_form_from:
        return None
    return Diagnostic(
        slug="wrong-argument",
        title=f"the rate of `{posterior.name}` against `{reference}` has no closed form here",
        span=call.span,
        label="`form: analytic` asks for one",
        secondary=(Label(maker.span, f"`{code}` is made here"),),
        remedy="leave `form` out, or write `form: sampled`",
    )


def density_entry(graph: InformationGraph, channel: Channel) -> DistributionEntry | None:
    """The family of distributions of a stochastic encoder or decoder; None when it has no module yet."""
    module = graph.modules[channel.module]
    if module.origin:
        module = next(m for m in graph.modules.values() if m.family == module.origin)
    entry = module.call.entry if module.call is not None else None
    return entry if isinstance(entry, DistributionEntry) else None


def find_reference_decoder(
    graph: InformationGraph, reference: RateReference, quantity: Quantity, code: Member
) -> Channel:
    """The arrow of a rate's decoder: about the code, from what the quantity is conditioned on.

    Where no arrow is that, the nearest to it.
    """
    fitting = [c for c in graph.decoders if graph.modules[c.module].family == reference.name]
    condition = {variable.member for variable in quantity.condition}
    return max(fitting, key=lambda c: (c.target == code, set(c.sources) <= condition))


def written_member(instance: TermInstance, member: Member) -> str:
    """A member with the letters that have its values in the term: `X[j]` for `X[2]` where j is 2."""
    letters = {value: name for name, value in instance.indices}
    inside = ", ".join(letters.get(number, str(number)) for number in member.index)
    return f"{member.family}[{inside}]" if inside else member.family


def _wrong_decoder(
    term: Term, quantity: Quantity, reference: RateReference, channel: Channel, code: Member
) -> Diagnostic:
    place = term.call.span if term.call is not None else term.span
    return Diagnostic(
        slug="wrong-decoder",
        title=f"the decoder `{reference.name}` predicts `{channel.target}`, and the rate is one of `{code}`",
        span=place,
        label=f"no density of `{code}`",
        secondary=(Label(quantity.span, "the quantity asked for"),),
        remedy=f"name a decoder `... ~> {code}`, or write `rate(normal)`",
    )

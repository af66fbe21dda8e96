"""Which realisations a term's quantity is about: the path that was written, or the only one that fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mvib.catalogue.signature import Interface
from mvib.diagnostics import Diagnostic
from mvib.graph.graph import InformationGraph
from mvib.graph.path_mistakes import ambiguous_path, broken_path, with_path
from mvib.graph.paths import ends_of, ends_with, find_paths, follow_path, has_decoder
from mvib.graph.rates import check_reference, explain_no_code, find_code
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    LinearRelation,
    Member,
    Quantity,
    QuantityVariable,
    Term,
    TermInstance,
    VariableKind,
)
from mvib.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One variable as an estimator gets it.

    Attributes:
        member: the variable.
        channels: empty for the variable of p; else the channels that predict it, the first taking the variable of p.
        start: the variable of p that the first channel takes (`member` when there are no channels).
        stopped: whether its gradient is cut.
    """

    member: Member
    channels: tuple[Channel, ...] = ()
    start: Member
    stopped: bool = False

    def __str__(self) -> str:
        text = str(self.start)
        for channel in self.channels:
            text = f"{channel.module}({text})"
        return f"sg({text})" if self.stopped else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A quantity of a term with its path resolved.

    Attributes:
        instance: the instance of the term.
        operands: for each argument of the quantity the variables of the joint, as the estimator gets them; of a rate
            the source first and the code second.
        condition: likewise for the condition.
        path: the channels of the information path, from data on, for display.
    """

    instance: TermInstance
    operands: tuple[tuple[Operand, ...], ...]
    condition: tuple[Operand, ...]
    path: tuple[Channel, ...]


def read_terms(
    graph: InformationGraph, terms: Sequence[Term]
) -> tuple[Mapping[str, tuple[Reading, ...]], tuple[Diagnostic, ...]]:
    """Resolve the paths of all terms.

    Returns:
        Readings by the label of the term, one an instance, and the ambiguities and broken paths found.
    """
    readings: dict[str, tuple[Reading, ...]] = {}
    diagnostics: list[Diagnostic] = []
    for term in terms:
        found: list[Reading] = []
        for instance in term.instances:
            result = _read(graph, term, instance)
            if isinstance(result, Diagnostic):
                # The other instances of the term have the same mistake.
                diagnostics.append(result)
                break
            found.append(result)
        else:
            readings[term.label] = tuple(found)
    return readings, tuple(diagnostics)


def find_broken_paths(graph: InformationGraph, relations: Sequence[LinearRelation]) -> tuple[Diagnostic, ...]:
    """Paths in claims and assumptions that lead nowhere; of a family of relations that of the first.

    A quantity without a path is about the variables of p.
    """
    found: dict[Span, Diagnostic] = {}
    for relation in relations:
        for quantity in (term.quantity for term in relation.terms if term.quantity is not None):
            if quantity.path and quantity.span not in found and not _leads(graph, quantity):
                found[quantity.span] = broken_path(graph, quantity)
    return tuple(found.values())


def _leads(graph: InformationGraph, quantity: Quantity) -> bool:
    start, end = (variable.member for variable in ends_of(quantity))
    return any(follow_path(graph, a, quantity.path, b) is not None for a, b in ((start, end), (end, start))) or any(
        ends_with(graph, graph.derivation(member), quantity.path) for member in (end, start)
    )


def _read(graph: InformationGraph, term: Term, instance: TermInstance) -> Reading | Diagnostic:
    quantity = instance.quantity
    interface = term.estimator.interface if term.estimator is not None else None
    if instance.decoder is not None:
        return _read_decoder(graph, term, instance, instance.decoder)
    if interface is Interface.RATE:
        return _read_rate(graph, term, instance)
    if interface is Interface.CONDITIONAL and uses_encoder_density(term):
        return _read_code(graph, instance)
    if quantity.path:
        return _read_named(graph, term, instance)
    # Logits are rows of the variable itself: cross-entropy makes the density of the label from them.
    candidates = [] if interface is Interface.LABELS else _predictions(graph, quantity)
    if not candidates:
        return _plain(instance, _shown_path(graph, quantity))
    _, end = ends_of(quantity)
    observed = graph.variables[str(end.member)].is_observed
    if observed and quantity.condition and len(candidates) == 1:
        # H(X | Z): the data themselves are no function of Z, so the decoder's prediction is the only reading.
        return _along(graph, instance, candidates[0], from_start=True)
    return ambiguous_path(graph, term, instance, candidates)


def _predictions(graph: InformationGraph, quantity: Quantity) -> list[tuple[Channel, ...]]:
    """Paths from the start of a quantity to its end by which a reader may take it to be a prediction.

    A path on which predicted data or a predicted view is encoded again, as a reconstruction would be, is meant only
    where it is written: without this, a decoder of the data would make every other quantity ambiguous.
    """
    start, end = ends_of(quantity)
    if start.member == end.member or not graph.decoders:
        return []
    paths = find_paths(graph, start.member, end.member)
    return [path for path in paths if has_decoder(path) and not _encodes_predicted_data(graph, path)]


def _encodes_predicted_data(graph: InformationGraph, path: Sequence[Channel]) -> bool:
    observed = {VariableKind.DATA, VariableKind.VIEW}
    return any(
        channel.kind is ChannelKind.DECODER and graph.variables[str(channel.target)].kind in observed
        for channel in path[:-1]
    )


# ---- paths that were written -----------------------------------------------------------------------------------------


def _read_named(graph: InformationGraph, term: Term, instance: TermInstance) -> Reading | Diagnostic:
    """`I[f, q](A; B)`: followed from A, or from B, or the last steps by which p makes either."""
    quantity = instance.quantity
    start, end = (variable.member for variable in ends_of(quantity))
    for a, b, from_start in ((start, end, True), (end, start, False)):
        followed = follow_path(graph, a, quantity.path, b)
        if followed is not None:
            return _along(graph, instance, followed, from_start=from_start)
    for member in (end, start):
        if ends_with(graph, graph.derivation(member), quantity.path):
            return _plain(instance, graph.derivation(member))
    return broken_path(graph, quantity, lambda path: with_path(term, instance, path))


def _read_decoder(
    graph: InformationGraph, term: Term, instance: TermInstance, decoder: Channel
) -> Reading | Diagnostic:
    """`by q`: the path ends with the decoder; one that is written must say so."""
    path = instance.quantity.path
    shown = (*graph.derivation(decoder.sources[0]), decoder)
    if ends_with(graph, shown, path):
        return _plain(instance, shown)
    return Diagnostic(
        slug="broken-path",
        title=f"the path `[{', '.join(path)}]` does not end with `{decoder.module}`, which estimates the term",
        span=instance.quantity.span,
        label="another path",
        remedy=f"write `{with_path(term, instance, (decoder,))}`, or leave the path out",
    )


# ---- readings --------------------------------------------------------------------------------------------------------


def uses_encoder_density(term: Term) -> bool:
    """Whether an estimator from a conditional density takes that of the encoder, and fits none of its own."""
    return term.call is not None and term.call["net"] is None


def _read_rate(graph: InformationGraph, term: Term, instance: TermInstance) -> Reading | Diagnostic:
    """I(X; Z) by a rate, against a reference."""
    reading = _read_code(graph, instance)
    if isinstance(reading, Diagnostic):
        return reading
    return check_reference(graph, term, instance, reading.operands[1][0].member) or reading


def _read_code(graph: InformationGraph, instance: TermInstance) -> Reading | Diagnostic:
    """I(X; Z): the argument that a stochastic encoder makes from the other is the code, and comes last."""
    quantity = instance.quantity
    position = find_code(graph, quantity)
    if position is None:
        return explain_no_code(graph, instance)
    code = quantity.groups[position][0].member
    ordered = (quantity.groups[1 - position], quantity.groups[position])
    return Reading(
        instance=instance,
        operands=tuple(tuple(_of_p(variable) for variable in group) for group in ordered),
        condition=tuple(_of_p(variable) for variable in quantity.condition),
        path=graph.derivation(code),
    )


def _along(graph: InformationGraph, instance: TermInstance, path: tuple[Channel, ...], *, from_start: bool) -> Reading:
    """The reading along a path: the prediction of a decoder on it stands in the place of where it starts.

    Args:
        graph: the graph.
        instance: of the term.
        path: the channels followed.
        from_start: whether they were followed from the start of the quantity (see `ends_of`) and not from its end.
    """
    quantity = instance.quantity
    start, end = ends_of(quantity)
    origin = start if from_start else end
    shown = (*graph.derivation(origin.member), *path)
    if not has_decoder(path):
        return _plain(instance, shown)
    first = next(i for i, channel in enumerate(path) if channel.kind is ChannelKind.DECODER)
    # The first decoder takes variables of p, whichever of them the path came from.
    prediction = Operand(
        member=path[-1].target, channels=path[first:], start=path[first].sources[0], stopped=origin.stopped
    )
    taken = set(path[0].sources)

    def operands(group: Sequence[QuantityVariable]) -> tuple[Operand, ...]:
        if all(variable is not origin for variable in group):
            return tuple(_of_p(variable) for variable in group)
        # What the path takes beside its origin is in the prediction already.
        others = [_of_p(variable) for variable in group if variable.member not in taken]
        return (prediction, *others)

    return Reading(
        instance=instance,
        operands=tuple(operands(group) for group in quantity.groups),
        condition=operands(quantity.condition),
        path=shown,
    )


def _plain(instance: TermInstance, path: tuple[Channel, ...]) -> Reading:
    """The reading in which every variable is that of p."""
    quantity = instance.quantity
    return Reading(
        instance=instance,
        operands=tuple(tuple(_of_p(variable) for variable in group) for group in quantity.groups),
        condition=tuple(_of_p(variable) for variable in quantity.condition),
        path=path,
    )


def _of_p(variable: QuantityVariable) -> Operand:
    return Operand(member=variable.member, start=variable.member, stopped=variable.stopped)


def _shown_path(graph: InformationGraph, quantity: Quantity) -> tuple[Channel, ...]:
    """All channels of p that make the variables of a quantity, for display."""
    channels = [channel for member in quantity.members for channel in graph.derivation(member)]
    return tuple(dict.fromkeys(channels))

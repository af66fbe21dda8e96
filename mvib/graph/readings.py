"""Which realisations a term's quantity is about: the path that was written, or the only one that fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mvib.catalogue.signature import Interface
from mvib.diagnostics import Diagnostic, Label, quoted_list
from mvib.graph.graph import InformationGraph
from mvib.graph.paths import find_paths, follow_path, is_step
from mvib.graph.rates import check_reference, explain_no_code, find_code
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    Member,
    Quantity,
    QuantityVariable,
    Term,
    TermInstance,
    VariableKind,
)

# Candidates that a message lists.
_MAX_SHOWN = 6


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


def _read(graph: InformationGraph, term: Term, instance: TermInstance) -> Reading | Diagnostic:
    quantity = instance.quantity
    interface = term.estimator.interface if term.estimator is not None else None
    if instance.decoder is not None:
        return _read_decoder(graph, term, instance, instance.decoder)
    if interface is Interface.RATE:
        return _read_rate(graph, term, instance)
    if quantity.path:
        return _read_named(graph, term, instance)
    # Logits are rows of the variable itself: cross-entropy makes the density of the label from them.
    candidates = [] if interface is Interface.LABELS else _predictions(graph, quantity)
    if not candidates:
        return _plain(instance, _shown_path(graph, quantity))
    _, end = _ends(quantity)
    observed = graph.variables[str(end.member)].is_observed
    if observed and quantity.condition and len(candidates) == 1:
        # H(X | Z): the data themselves are no function of Z, so the decoder's prediction is the only reading.
        return _along(graph, instance, candidates[0], from_start=True)
    return _ambiguous(graph, term, instance, candidates)


def _ends(quantity: Quantity) -> tuple[QuantityVariable, QuantityVariable]:
    """Where a path starts and ends: from A to B in I(A; B), from the condition to A in H(A | B)."""
    first = quantity.groups[0][0]
    if quantity.functional == "H":
        return (quantity.condition[0] if quantity.condition else first), first
    return first, quantity.groups[1][0] if len(quantity.groups) > 1 else first


def _predictions(graph: InformationGraph, quantity: Quantity) -> list[tuple[Channel, ...]]:
    """Paths from the start of a quantity to its end by which a reader may take it to be a prediction.

    A path on which predicted data or a predicted view is encoded again, as a reconstruction would be, is meant only
    where it is written: without this, a decoder of the data would make every other quantity ambiguous.
    """
    start, end = _ends(quantity)
    if start.member == end.member or not graph.decoders:
        return []
    paths = find_paths(graph, start.member, end.member)
    return [path for path in paths if _has_decoder(path) and not _encodes_predicted_data(graph, path)]


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
    start, end = (variable.member for variable in _ends(quantity))
    for a, b, from_start in ((start, end, True), (end, start, False)):
        followed = follow_path(graph, a, quantity.path, b)
        if followed is not None:
            return _along(graph, instance, followed, from_start=from_start)
    for member in (end, start):
        if _ends_with(graph, graph.derivation(member), quantity.path):
            return _plain(instance, graph.derivation(member))
    return _broken(graph, term, instance, start, end)


def _ends_with(graph: InformationGraph, channels: Sequence[Channel], steps: Sequence[str]) -> bool:
    """Whether the last of the channels are the steps of a written path."""
    last = channels[-len(steps) :] if steps else ()
    return len(last) == len(steps) and all(is_step(graph, c, step) for c, step in zip(last, steps, strict=True))


def _read_decoder(
    graph: InformationGraph, term: Term, instance: TermInstance, decoder: Channel
) -> Reading | Diagnostic:
    """`by q`: the path ends with the decoder; one that is written must say so."""
    path = instance.quantity.path
    shown = (*graph.derivation(decoder.sources[0]), decoder)
    if _ends_with(graph, shown, path):
        return _plain(instance, shown)
    return Diagnostic(
        slug="broken-path",
        title=f"the path `[{', '.join(path)}]` does not end with `{decoder.module}`, which estimates the term",
        span=instance.quantity.span,
        label="another path",
        remedy=f"write `{_with_path(term, instance, (decoder,))}`, or leave the path out",
    )


def _broken(graph: InformationGraph, term: Term, instance: TermInstance, start: Member, end: Member) -> Diagnostic:
    quantity = instance.quantity
    options = [*find_paths(graph, start, end)[:4], *find_paths(graph, end, start)[:4]][:4]
    fixed = [_with_path(term, instance, path) for path in options]
    return Diagnostic(
        slug="broken-path",
        title=f"the path `[{', '.join(quantity.path)}]` does not lead from `{start}` to `{end}`",
        span=quantity.span,
        label=_where_it_breaks(graph, quantity, start, end),
        remedy="write " + quoted_list(fixed, conjunction="or")
        if fixed
        else f"no channels lead from `{start}` to `{end}`: leave the path out",
    )


def _where_it_breaks(graph: InformationGraph, quantity: Quantity, start: Member, end: Member) -> str:
    reached = [start]
    for number, step in enumerate(quantity.path, start=1):
        targets = [c.target for at in reached for c in graph.leaving(at) if is_step(graph, c, step)]
        if not targets:
            takes = dict.fromkeys(str(s) for c in graph.channels if is_step(graph, c, step) for s in c.sources)
            at = quoted_list([str(member) for member in dict.fromkeys(reached)], most=3, conjunction="or")
            sources = quoted_list(takes, most=3, conjunction="or")
            return f"step {number}, `{step}`, takes {sources}, and the path stands at {at}"
        reached = targets
    return f"it ends at {quoted_list([str(member) for member in dict.fromkeys(reached)], most=3, conjunction='or')}"


# ---- paths that were left out ----------------------------------------------------------------------------------------


def _ambiguous(
    graph: InformationGraph, term: Term, instance: TermInstance, candidates: Sequence[tuple[Channel, ...]]
) -> Diagnostic:
    _, end = _ends(instance.quantity)
    options = [(_with_path(term, instance, path), _realised(end.member, path)) for path in candidates[:_MAX_SHOWN]]
    options.extend(_reading_of_p(graph, term, instance))
    width = max(len(text) for text, _ in options)
    several = len(candidates) + len(options) - len(candidates[:_MAX_SHOWN])
    title = f"`{term.text}` can be read along {several} information paths"
    decoders = dict.fromkeys(_last_decoder(path).span for path in candidates)
    return Diagnostic(
        slug="ambiguous-path",
        title=title if several > 1 else f"`{term.text}` needs its information path",
        span=instance.quantity.span,
        label=f"which realisation of `{end.member}` is meant?",
        secondary=tuple(Label(span, "this decoder gives a prediction") for span in decoders)[:2],
        why="a quantity is defined only once its path is: a variable reached along another path is another quantity",
        remedy="write one of\n" + "\n".join(f"  {text.ljust(width)}  # {about}" for text, about in options),
    )


def _last_decoder(path: Sequence[Channel]) -> Channel:
    return next(channel for channel in reversed(path) if channel.kind is ChannelKind.DECODER)


def _realised(end: Member, path: Sequence[Channel]) -> str:
    """How a path with a decoder comes to its end, in words."""
    decoder = _last_decoder(path)
    if decoder is path[-1]:
        return f"{end} as {decoder.module} predicts it from {decoder.sources[0]}"
    return f"{end} as {path[-1].module} makes it from {decoder.module}'s prediction of {decoder.target}"


def _reading_of_p(graph: InformationGraph, term: Term, instance: TermInstance) -> list[tuple[str, str]]:
    """The path that means the variable of p itself: by which it is made, or the other from it."""
    start, end = (variable.member for variable in _ends(instance.quantity))
    maker = graph.maker(end)
    if maker is not None:
        path, about = (maker,), f"{end} itself, as {maker.module} makes it from {maker.sources[0]}"
        return [(_with_path(term, instance, path), about)]
    if graph.is_ancestor(end, start):
        shortest = next(path for path in find_paths(graph, end, start) if not _has_decoder(path))
        return [(_with_path(term, instance, shortest), f"{end} itself, as it is observed")]
    return []


def _has_decoder(path: Sequence[Channel]) -> bool:
    return any(channel.kind is ChannelKind.DECODER for channel in path)


def _with_path(term: Term, instance: TermInstance, path: Sequence[Channel]) -> str:
    """The quantity as it is written in the file, with a path."""
    text = term.text
    steps = [_step_text(instance, channel) for channel in path]
    return f"{instance.quantity.functional}[{', '.join(steps)}]{text[text.index('(') :]}"


def _step_text(instance: TermInstance, channel: Channel) -> str:
    """The name of a channel; for a member of a module family with the index that has its value in the term."""
    family, _, inside = channel.module.partition("[")
    if not inside:
        return channel.module
    letters = {value: name for name, value in instance.indices}
    numbers = [int(number) for number in inside.rstrip("]").split(",")]
    return f"{family}[{', '.join(letters.get(number, str(number)) for number in numbers)}]"


# ---- readings --------------------------------------------------------------------------------------------------------


def _read_rate(graph: InformationGraph, term: Term, instance: TermInstance) -> Reading | Diagnostic:
    """I(X; Z) by a rate: the argument that a stochastic encoder makes from the other is the code."""
    quantity = instance.quantity
    position = find_code(graph, quantity)
    if position is None:
        return explain_no_code(graph, instance)
    code = quantity.groups[position][0].member
    wrong = check_reference(graph, term, instance, code)
    if wrong is not None:
        return wrong
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
        from_start: whether they were followed from the start of the quantity (see `_ends`) and not from its end.
    """
    quantity = instance.quantity
    start, end = _ends(quantity)
    origin = start if from_start else end
    shown = (*graph.derivation(origin.member), *path)
    if not _has_decoder(path):
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

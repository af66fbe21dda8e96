"""shape-mismatch: a module or an estimator that cannot take what the graph gives it, whatever the sizes of the data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import assert_never

from mvib.catalogue.signature import DistributionEntry, EstimatorEntry, Form, Interface, Layout, ModuleEntry, Widths
from mvib.diagnostics import Diagnostic, Label, Severity
from mvib.graph import InformationGraph, Misfit, Operand, Outline, Outlines, Reading
from mvib.graph.outlines import differ, find_misfit, join
from mvib.semantics.method import Channel, Method, Term, VariableKind
from mvib.semantics.values import BoundCall
from mvib.source import Span

# A value that an estimator gets, as a message names it, and what is known of its shape.
_Value = tuple[str, Outline]


def check_shapes(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Report what cannot be compiled for data of any size; the compiler finds the rest, once sizes are known.

    It is silent where anything is unknown: sizes of data and of views, plug-ins that do not say what they take and
    give, `backbone()`, which the training settings fill in. Of an estimator about data as they are it only warns: what
    a method says of them can be drawn and proved, though not trained. What no term and no representation needs is not
    compiled, and so not judged.
    """
    outlines = Outlines(graph)
    used = _used_channels(method, graph, readings)
    # A module is shown with an arrow of its own, and not with that of a copy.
    misfits = sorted(
        (misfit for misfit in outlines.misfits if misfit.channel in used),
        key=lambda misfit: bool(graph.modules[misfit.channel.module].origin),
    )
    # The members of a family make one mistake together, and so do a module and its copies.
    found: dict[tuple[str, int], Diagnostic] = {}
    for diagnostic in (
        *(_misfit(graph, misfit) for misfit in misfits),
        *(d for channel in graph.decoders if channel in used for d in _decoder_mistakes(outlines, channel)),
        *(d for term in method.terms for d in _term_mistakes(outlines, term, readings.get(term.label, ()))),
    ):
        found.setdefault((diagnostic.span.source.name, diagnostic.span.start), diagnostic)
    yield from found.values()


def _used_channels(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> set[Channel]:
    """The arrows that a plan has: of the terms, of the representation, and decoders about data, whose mean is asked."""
    used = {channel for channel in graph.decoders if graph.variables[str(channel.target)].is_observed}
    members = set(method.represent)
    for reading in (reading for found in readings.values() for reading in found):
        instance = reading.instance
        for operand in (*(operand for group in reading.operands for operand in group), *reading.condition):
            members |= {operand.member, operand.start}
            used |= set(operand.channels)
        members |= {member for _, member in instance.variables}
        if instance.weight is not None:
            members.add(instance.weight)
        if instance.decoder is not None:
            used.add(instance.decoder)
            members.add(instance.decoder.target)
        if instance.reference is not None:
            name, at = instance.reference.name, instance.reference.at
            used |= {
                c for c in graph.channels if graph.modules[c.module].family == name and (at is None or at in c.sources)
            }
    members |= {source for channel in used for source in channel.sources}
    waiting = list(members)
    while waiting:
        maker = graph.maker(waiting.pop())
        if maker is not None and maker not in used:
            used.add(maker)
            waiting += maker.sources
    return used


# ---- modules ---------------------------------------------------------------------------------------------------------


def _misfit(graph: InformationGraph, misfit: Misfit) -> Diagnostic:
    name, found, arrow = misfit.call.name, misfit.found, misfit.channel.span
    # What stands for an argument that was left out has no place in the file.
    span = misfit.call.span if misfit.call.span.source.text else graph.modules[misfit.channel.module].span
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{name}` takes {misfit.entry.takes}, and `{misfit.source}` gives it {found}",
        span=span,
        label=f"`{name}` cannot take it",
        secondary=(Label(arrow, f"`{misfit.source}` is {found}"),) if arrow != span else (),
        remedy=_remedy(misfit.entry, found),
    )


def _remedy(entry: ModuleEntry, found: Outline) -> str:
    if entry.separate:
        return "give it the variables as they are before `pool()`, `first()` or `flatten()`, or make each a vector"
    match found.layout:
        case Layout.MAP if Layout.SEQUENCE in entry.layouts:
            return "cut it into tokens with `vit()` or a view `patches`"
        case Layout.VECTOR if not entry.learns:
            return f"leave `{entry.name}()` out"
        case _:
            return "use `mlp(512, 128)`, which takes any shape"


# ---- decoders --------------------------------------------------------------------------------------------------------


def _decoder_mistakes(outlines: Outlines, channel: Channel) -> Iterator[Diagnostic]:
    """A decoder about a variable that encoders make ends in its width; to data and views a head of its own adapts."""
    call = outlines.graph.modules[channel.module].call
    target = outlines.graph.variables[str(channel.target)]
    needed = outlines.of(channel.target).width
    if call is None or needed is None or target.kind in {VariableKind.DATA, VariableKind.VIEW}:
        return
    entry = call.entry
    if not isinstance(entry, DistributionEntry) or not entry.fits_width:
        return
    given = dict(call.arguments).get(entry.width)
    if isinstance(given, int):
        if given != needed:
            remedy = f"leave `{entry.width}` out of a decoder: its width is that of what it predicts"
            yield _wrong_width(channel, call, needed, given, remedy)
        return
    found = outlines.before_head(channel).width
    if found is not None and found != needed and not entry.has_layer(call.words()):
        net = dict(call.arguments).get("net")
        example = f"linear({needed})" if isinstance(net, BoundCall) and net.name == "linear" else f"mlp(..., {needed})"
        yield _wrong_width(channel, call, needed, found, f"end its network in {needed}: `{call.name}({example})`")


def _wrong_width(channel: Channel, call: BoundCall, needed: int, found: int, remedy: str) -> Diagnostic:
    name, target = channel.module, channel.target
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{name}` is a density of `{target}`, which takes width {needed}, and is given {found}",
        span=call.span,
        label=f"width {found}, not {needed}",
        secondary=(Label(channel.span, f"`{target}` has width {needed}"),),
        remedy=remedy,
    )


# ---- estimators ------------------------------------------------------------------------------------------------------


def _term_mistakes(outlines: Outlines, term: Term, readings: Sequence[Reading]) -> Iterator[Diagnostic]:
    entry, call = term.estimator, term.call
    if entry is None or call is None:
        return
    arguments = dict(call.arguments)
    for reading in readings:
        match entry.interface:
            case Interface.ROWS if not isinstance(arguments.get("critic"), BoundCall):
                yield from _row_mistakes(outlines, entry, reading)
            case Interface.LABELS:
                yield from _logit_mistakes(outlines, entry, reading)
            case Interface.CONDITIONAL | Interface.DISCRIMINATOR:
                net = arguments.get("net")
                if isinstance(net, BoundCall):
                    yield from _net_mistakes(net, _value(outlines, reading.operands[0]))
            case _:
                pass


def _value(outlines: Outlines, operands: Sequence[Operand]) -> _Value:
    """A joint variable."""
    names = [str(operand) for operand in operands]
    name = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return name, join([outlines.of_operand(operand) for operand in operands])


def _row_mistakes(outlines: Outlines, entry: EstimatorEntry, reading: Reading) -> Iterator[Diagnostic]:
    """Rows are vectors of one width, where the estimator does not say that they may be other things."""
    quantity = reading.instance.quantity
    groups = [*reading.operands, *([reading.condition] if reading.condition else [])]
    if not entry.joins and quantity.form is not Form.CONDITIONAL_ENTROPY:
        # As in the plan: they are put together otherwise than side by side.
        first, *others = groups
        groups = [*((operand,) for operand in first), *others]
    values = [_value(outlines, group) for group in groups]
    if quantity.form in entry.labelled:
        values.pop()
    mistakes = list(_not_vectors(entry, values, quantity.span))
    if entry.same_width:
        mistakes += _unequal(entry.name, values, quantity.span)
    else:
        mistakes += _of_other_widths(entry, values, quantity.span)
    raw = {VariableKind.DATA, VariableKind.VIEW}
    variables = [outlines.graph.variables[str(operand.member)] for group in groups for operand in group]
    kinds = {variable.kind for variable in variables if variable.type != "label"}
    severity = Severity.ERROR if raw.isdisjoint(kinds) else Severity.WARNING
    yield from (replace(mistake, severity=severity) for mistake in mistakes)


def _not_vectors(entry: EstimatorEntry, values: Sequence[_Value], span: Span) -> Iterator[Diagnostic]:
    if entry.any_shape:
        return
    for name, found in values:
        if found.layout not in {None, Layout.VECTOR}:
            yield Diagnostic(
                slug="shape-mismatch",
                title=f"`{entry.name}` takes vectors, and `{name}` is {found}",
                span=span,
                label="no vector",
                remedy="encode it first: `flatten()` takes all its entries, `pool()` their mean over positions",
            )


def _unequal(estimator: str, values: Sequence[_Value], span: Span) -> Iterator[Diagnostic]:
    for one, other in combinations(values, 2):
        if differ(one[1], other[1]):
            yield Diagnostic(
                slug="shape-mismatch",
                title=f"`{estimator}` compares variables of one shape: {_listed([one, other])}",
                span=span,
                label="of different shapes",
                remedy="let the encoders of both end in the same width",
            )


def _of_other_widths(entry: EstimatorEntry, values: Sequence[_Value], span: Span) -> Iterator[Diagnostic]:
    found = [outline.features for _, outline in values if outline.features is not None]
    match entry.widths:
        case Widths.ANY:
            return
        case Widths.ONE:
            values = [(name, outline) for name, outline in values if outline.features is not None]
            fit = len(set(found)) <= 1
        case Widths.SIDE_BY_SIDE:
            fit = len(found) < len(values) or (len(set(found[:-1])) == 1 and found[-1] == sum(found[:-1]))
        case _:
            assert_never(entry.widths)
    if fit:
        return
    if entry.widths is Widths.ONE or len(values) == 2:
        takes, remedy = "compares variables of one width", "let the encoders of all end in the same width"
    else:
        takes = "takes variables of one width, and last their counterparts side by side"
        remedy = "let all encoders end in the same width, and give as many on either side of the `;`"
    yield Diagnostic(
        slug="shape-mismatch",
        title=f"`{entry.name}` {takes}: {_listed(values)}",
        span=span,
        label="of other widths",
        remedy=remedy,
    )


def _listed(values: Sequence[_Value]) -> str:
    *others, last = (f"`{name}` is {found}" for name, found in values)
    return f"{', '.join(others)} and {last}"


def _logit_mistakes(outlines: Outlines, entry: EstimatorEntry, reading: Reading) -> Iterator[Diagnostic]:
    """H(A | B) by logits B: of a label A they are a vector, and else of A's shape."""
    target, logits = _value(outlines, reading.operands[0]), _value(outlines, reading.condition)
    span = reading.instance.quantity.span
    is_label = outlines.graph.variables[str(reading.operands[0][0].member)].type == "label"
    if not is_label:
        yield from _unequal(entry.name, [logits, target], span)
    elif logits[1].layout not in {None, Layout.VECTOR}:
        yield Diagnostic(
            slug="shape-mismatch",
            title=f"cross-entropy takes one logit for each class, and gets {logits[1]}",
            span=span,
            label="these do not fit",
            remedy="end the encoder in a layer of as many numbers as there are classes, such as `linear(10)`",
        )


def _net_mistakes(net: BoundCall, value: _Value) -> Iterator[Diagnostic]:
    """The network of an estimator's own takes the first of its variables."""
    entry = find_misfit(net, value[1])
    if entry is not None:
        yield Diagnostic(
            slug="shape-mismatch",
            title=f"`{net.name}` takes {entry.takes}, and is given {value[1]}",
            span=net.span,
            label=f"`{net.name}` cannot take it",
            remedy=_remedy(entry, value[1]),
        )

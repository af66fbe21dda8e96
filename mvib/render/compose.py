"""From a method and its graph to what its diagram shows."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Protocol

from mvib.graph import InformationGraph, Reading
from mvib.render.declaration import declared_channels, declared_families, declared_modules
from mvib.render.elision import has_gap_before, shown_members
from mvib.render.formula import member_formula, module_formula, objective_parts, subset_text, term_formula
from mvib.render.markup import Formula, symbol, word
from mvib.render.palette import BLACK, TERMS, WEIGHTS, nth
from mvib.render.picture import Arc, Arrow, Circle, Fill, ModuleRow, Picture, Plate, Stroke, TermRow
from mvib.render.promise import promise_of
from mvib.semantics.method import (
    Axis,
    Channel,
    ChannelKind,
    Gradient,
    Member,
    Method,
    Module,
    ReferenceKind,
    Term,
    TermInstance,
    VariableKind,
)

_FILLS = {
    VariableKind.DATA: Fill.DATA,
    VariableKind.VIEW: Fill.VIEW,
    VariableKind.REPRESENTATION: Fill.REPRESENTATION,
    VariableKind.TARGET: Fill.TARGET,
}
_LONGEST_MODULE = 70

Readings = Mapping[str, tuple[Reading, ...]]


class Drawable(Protocol):
    """What a diagram is made from: an analysis of a sound spec."""

    @property
    def method(self) -> Method | None:
        """The typed method."""

    @property
    def graph(self) -> InformationGraph | None:
        """Its graph."""

    @property
    def readings(self) -> Readings:
        """The information paths of its terms by label."""


def compose(analysis: Drawable) -> Picture:
    """What the diagram of a sound spec shows."""
    method, graph = analysis.method, analysis.graph
    assert method is not None, "a wrong spec has no diagram"
    assert graph is not None, "a wrong spec has no diagram"
    shown = shown_members(method)
    used = {
        term.label: [_used_decoders(graph, reading) for reading in analysis.readings.get(term.label, ())]
        for term in method.terms
    }
    arrows = _arrows(method, shown, used)
    return Picture(
        title=method.name,
        objective=objective_parts(method),
        about=_about(method),
        circles=_circles(method, graph, shown),
        arrows=arrows,
        arcs=_arcs(method, shown, used),
        plates=_plates(method),
        terms=_term_rows(method),
        modules=_module_rows(method, arrows),
    )


def _about(method: Method) -> tuple[str, ...]:
    cited = "; ".join(f"{c.text}, arXiv:{c.arxiv}" if c.arxiv else c.text for c in method.citations)
    return tuple(text for text in (method.about, cited) if text)


# ---- circles and plates ----------------------------------------------------------------------------------------


def _circles(method: Method, graph: InformationGraph, shown: frozenset[Member]) -> tuple[Circle, ...]:
    circles = []
    for family in declared_families(method):
        for member in family.members:
            if member not in shown:
                continue
            maker = graph.maker(member)
            circles.append(
                Circle(
                    name=str(member),
                    label=member_formula(member),
                    fill=_FILLS[family.kind],
                    is_partial=family.partial,
                    is_represented=_is_represented(method, graph, member),
                    plate=_plate_key(family.axes),
                    index=member.index,
                    gap_before=has_gap_before(family, member, shown),
                    parents=tuple(str(s) for s in maker.sources if s in shown) if maker else (),
                )
            )
    return tuple(circles)


def _is_represented(method: Method, graph: InformationGraph, member: Member) -> bool:
    """Whether a variable is the representation, or made by the same weights: a family has one shared path."""
    makers = {maker.module for chosen in method.represent if (maker := graph.maker(chosen)) is not None}
    own = graph.maker(member)
    return member in method.represent or (own is not None and own.module in makers)


def _plate_key(axes: Sequence[Axis]) -> str:
    return ", ".join(f"{axis.name} = {axis.low}..{axis.high}" for axis in axes)


def _plates(method: Method) -> tuple[Plate, ...]:
    plates: dict[str, Plate] = {}
    for family in declared_families(method):
        if family.axes:
            key = _plate_key(family.axes)
            plates.setdefault(key, Plate(key=key, axes=tuple(axis.name for axis in family.axes)))
    return tuple(plates.values())


# ---- arrows ----------------------------------------------------------------------------------------------------


def _arrows(
    method: Method, shown: frozenset[Member], used: Mapping[str, Sequence[frozenset[Channel]]]
) -> tuple[Arrow, ...]:
    terms_of: dict[Channel, list[int]] = {}
    for position, term in enumerate(method.terms):
        for channel in frozenset[Channel]().union(*used[term.label]):
            terms_of.setdefault(channel, []).append(position)
    used_families = {method.modules[channel.module].family for channel in terms_of}
    colours = _weight_colours(method)
    ends_of_fans = _ends_of_fans(method, shown)
    arrows: list[Arrow] = []
    for channel in declared_channels(method):
        module = method.modules[channel.module]
        is_idle = channel.kind is ChannelKind.DECODER and channel not in terms_of and module.family in used_families
        if is_idle or channel.target not in shown:
            continue
        terms = tuple(terms_of.get(channel, ()))
        is_labelled = module.kind is not ChannelKind.VIEW or channel.target in ends_of_fans
        for place, source in enumerate(source for source in channel.sources if source in shown):
            arrows.append(
                Arrow(
                    source=str(source),
                    target=str(channel.target),
                    label=_arrow_label(module) if place == 0 and is_labelled else (),
                    stroke=_stroke(module),
                    colour=nth(TERMS, terms[0]) if terms else colours.get(module.name, BLACK),
                    terms=tuple(position + 1 for position in terms) if place == 0 else (),
                    is_stopped=module.gradient is Gradient.STOPPED,
                )
            )
    return tuple(arrows)


def _ends_of_fans(method: Method, shown: frozenset[Member]) -> frozenset[Member]:
    """The first and the last of the views that go by one name: a label at each arrow between has no room."""
    fans: dict[tuple[Formula, tuple[Member, ...]], list[Member]] = {}
    for channel in declared_channels(method):
        if channel.kind is ChannelKind.VIEW and channel.target in shown:
            fans.setdefault((_arrow_label(method.modules[channel.module]), channel.sources), []).append(channel.target)
    return frozenset(member for targets in fans.values() for member in (targets[0], targets[-1]))


def _arrow_label(module: Module) -> Formula:
    if module.kind is ChannelKind.VIEW:
        return word(module.call.name if module.call is not None else module.family)
    label = module_formula(module.name)
    match module.gradient:
        case Gradient.STOPPED:
            return (*label, *word(" //"))
        case Gradient.FROZEN:
            return (*label, *word(" (frozen)"))
        case _:
            return label


def _stroke(module: Module) -> Stroke:
    if module.kind is ChannelKind.VIEW:
        return Stroke.VIEW
    if module.kind is ChannelKind.DECODER:
        return Stroke.DECODER
    return Stroke.MOMENTUM if module.gradient is Gradient.MOMENTUM else Stroke.ENCODER


def _weight_colours(method: Method) -> Mapping[str, str]:
    """A colour for each set of weights; a copy has the colour of what it copies."""
    colours: dict[str, str] = {}
    taken = 0
    modules = [module for module in declared_modules(method) if module.kind is not ChannelKind.VIEW]
    # What is copied may be declared behind its copy.
    for module in sorted(modules, key=lambda m: (m.kind is ChannelKind.DECODER, m.origin != "")):
        if module.origin in colours:
            colours[module.name] = colours[module.origin]
        else:
            colours[module.name] = nth(WEIGHTS, taken)
            taken += 1
    return colours


def _used_decoders(graph: InformationGraph, reading: Reading) -> frozenset[Channel]:
    """The decoder arrows that the information of an instance passes, or that stand in its bound."""
    instance = reading.instance
    operands = [operand for group in (*reading.operands, reading.condition) for operand in group]
    followed = [*reading.path, *(channel for operand in operands for channel in operand.channels)]
    used = {channel for channel in followed if channel.kind is ChannelKind.DECODER}
    if instance.decoder is not None:
        used.add(instance.decoder)
    if instance.reference is not None and instance.reference.kind is ReferenceKind.DECODER:
        named = {c for c in graph.decoders if c.module == instance.reference.name}
        spoken_of = set(instance.quantity.members)
        used |= {c for c in named if {c.target, *c.sources} <= spoken_of} or named
    return frozenset(used)


# ---- what terms relate -----------------------------------------------------------------------------------------


def _arcs(
    method: Method, shown: frozenset[Member], used: Mapping[str, Sequence[frozenset[Channel]]]
) -> tuple[Arc, ...]:
    arcs: dict[tuple[int, frozenset[Member]], Arc] = {}
    for position, term in enumerate(method.terms):
        for instance, decoders in zip(term.instances, used[term.label], strict=False):
            joined_by_decoder = {frozenset({source, d.target}) for d in decoders for source in d.sources}
            for pair in _related(term, instance):
                if frozenset(pair) in joined_by_decoder or not shown.issuperset(pair):
                    continue
                first, second = str(pair[0]), str(pair[-1])
                arc = Arc(
                    first=first,
                    second=second if second != first else "",
                    term=position + 1,
                    colour=nth(TERMS, position),
                )
                arcs.setdefault((position, frozenset(pair)), arc)
    return tuple(arcs.values())


def _related(term: Term, instance: TermInstance) -> list[tuple[Member, ...]]:
    """The pairs of variables that a quantity relates, and single variables for entropies."""
    groups = [[variable.member for variable in group] for group in instance.quantity.groups]
    condition = [variable.member for variable in instance.quantity.condition]
    if len(groups) > 1:
        return [pair for a, b in pairwise(groups) for pair in product(a, b)]
    if condition:
        return list(product(groups[0], condition))
    return [(member,) for member in groups[0]]


# ---- legend ----------------------------------------------------------------------------------------------------


def _term_rows(method: Method) -> tuple[TermRow, ...]:
    rows = []
    for position, term in enumerate(method.terms):
        promise = promise_of(method, term)
        rows.append(
            TermRow(
                number=position + 1,
                colour=nth(TERMS, position),
                formula=term_formula(method, term),
                estimator=promise.title,
                bound=promise.bound_text,
                subset=subset_text(term),
            )
        )
    return tuple(rows)


def _module_rows(method: Method, arrows: Sequence[Arrow]) -> tuple[ModuleRow, ...]:
    """The weights in the colours in which they are drawn."""
    drawn = {arrow.label[0].text: arrow.colour for arrow in reversed(arrows) if arrow.label}
    colours = _weight_colours(method)
    rows: dict[str, ModuleRow] = {}
    for module in declared_modules(method):
        if module.kind is ChannelKind.VIEW or module.call is None:
            continue
        text = module.call.text()
        shortened = text if len(text) <= _LONGEST_MODULE else f"{text[: _LONGEST_MODULE - 1]}…"
        rows.setdefault(
            module.family,
            ModuleRow(
                label=symbol(module.family), text=shortened, colour=drawn.get(module.family, colours[module.name])
            ),
        )
    return tuple(rows.values())

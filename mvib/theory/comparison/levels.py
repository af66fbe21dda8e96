"""What two methods have in common level by level: graph, quantities, estimators, assumptions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mvib.catalogue.signature import DistributionEntry
from mvib.graph import InformationGraph
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    Gradient,
    LinearRelation,
    MarkovChain,
    Member,
    Method,
    Predicate,
    VariableKind,
)
from mvib.theory.comparison.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of a comparison.

    Attributes:
        name: graph, quantities, estimators or assumptions.
        shared: what both have.
        first: what only A has.
        second: what only B has.
    """

    name: str
    shared: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]


def find_levels(first: Subject, second: Subject) -> Iterator[Level]:
    """Yields the four levels of a comparison of A and B."""
    yield _level("graph", _graph_facts(first), _graph_facts(second))
    yield _level("quantities", _quantities(first), _quantities(second))
    yield _level("estimators", _estimators(first), _estimators(second))
    yield _level("assumptions", _assumed(first), _assumed(second))


def _level(name: str, first: Sequence[str], second: Sequence[str]) -> Level:
    return Level(
        name=name,
        shared=tuple(fact for fact in first if fact in second),
        first=tuple(fact for fact in first if fact not in second),
        second=tuple(fact for fact in second if fact not in first),
    )


def _quantities(subject: Subject) -> tuple[str, ...]:
    return tuple(f"{goal.kind.value} {goal.pattern}" for goal in subject.form.goals)


def _estimators(subject: Subject) -> tuple[str, ...]:
    return tuple(
        f"{goal.pattern} by {' and '.join(goal.estimators)}"
        + (", target without gradient" * bool(goal.without_gradient))
        for goal in subject.form.goals
    )


def _graph_facts(subject: Subject) -> tuple[str, ...]:
    """Data, views, encoders, decoders and copies as facts that do not depend on names."""
    found: list[str] = []
    method, graph = subject.method, subject.graph
    for family in method.variables.values():
        if family.kind is VariableKind.DATA:
            found.append(f"data: {family.type}{' for some examples' if family.partial else ''}")
    for channels in _by_family(method, graph):
        module = method.modules[channels[0].module]
        targets = len({channel.target for channel in channels})
        if module.kind is ChannelKind.VIEW:
            call = module.call
            # One name for all draws of a channel, whatever it is told.
            kind = call.name if call is not None else module.family
            found.append(f"{targets} view{'s' if targets > 1 else ''} by {kind}")
        elif module.gradient is Gradient.MOMENTUM:
            found.append("momentum copy of an encoder")
        elif module.kind is ChannelKind.DECODER:
            entry = module.call.entry if module.call is not None else None
            law = f" ({entry.name})" if isinstance(entry, DistributionEntry) else ""
            found.append(f"decoder of {_kind_of(subject, channels[0])}{law}")
        elif module.stochastic:
            entry = module.call.entry if module.call is not None else None
            found.append(f"stochastic encoder{f' ({entry.name})' if isinstance(entry, DistributionEntry) else ''}")
        else:
            found.append(f"encoder{' (frozen)' if module.gradient is Gradient.FROZEN else ''}")
    counts = {fact: found.count(fact) for fact in found}
    return tuple(f"{fact}, {count} times" if count > 1 else fact for fact, count in counts.items())


def _by_family(method: Method, graph: InformationGraph) -> Iterator[tuple[Channel, ...]]:
    families: dict[str, list[Channel]] = {}
    for channel in graph.channels:
        module = method.modules[channel.module]
        key = module.family
        if module.kind is ChannelKind.VIEW:
            # Draws of one statement stand apart; those of one channel from one kind of source are told together.
            key = f"view {module.call.name if module.call is not None else module.family}"
        families.setdefault(key, []).append(channel)
    yield from (tuple(channels) for channels in families.values())


def _kind_of(subject: Subject, channel: Channel) -> str:
    variable = subject.graph.variables[str(channel.target)]
    if variable.type == "label":
        return "a label"
    return "data" if subject.roles.is_given(channel.target) else "a code"


def _assumed(subject: Subject) -> tuple[str, ...]:
    """Assumptions in terms of roles, each kind once."""
    found = []
    for fact in subject.method.assumptions:
        match fact:
            case Predicate(name=name, members=members):
                found.append(f"{name}({', '.join(dict.fromkeys(_short(subject, m) for m in members))})")
            case MarkovChain() | LinearRelation():
                found.append(fact.text)
    return tuple(dict.fromkeys(found))


def _short(subject: Subject, member: Member) -> str:
    """`Z` for a code, `X` for an input, `Y` for a label."""
    if subject.roles.is_label(member):
        return "Y"
    return "X" if subject.roles.is_given(member) else "Z"

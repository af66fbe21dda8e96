"""Which members of a large family a diagram shows: the first two and the last, and those that a term names."""

from collections.abc import Iterable, Mapping

from mvib.semantics.method import Axis, ChannelKind, Family, Member, Method

# A family of this size is still drawn whole.
MAX_SHOWN = 4

# A term with more instances runs over an index; one with fewer names its members.
_NAMED_INSTANCES = 2


def shown_members(method: Method) -> frozenset[Member]:
    """The members that are drawn."""
    named = [
        member
        for term in method.terms
        if len(term.instances) <= _NAMED_INSTANCES
        for instance in term.instances
        for member in instance.quantity.members
    ]
    shown = _members_with(method, _shown_values(method, named))
    # A plain variable that is made from hidden members alone would hang in the air.
    hanging = [
        channel.sources[0]
        for channel in method.channels
        if channel.kind is not ChannelKind.DECODER
        and channel.target in shown
        and not channel.target.index
        and not shown.intersection(channel.sources)
    ]
    return _members_with(method, _shown_values(method, [*named, *hanging])) if hanging else shown


def _members_with(method: Method, values: Mapping[Axis, frozenset[int]]) -> frozenset[Member]:
    return frozenset(
        member
        for family in method.variables.values()
        for member in family.members
        if all(number in values[axis] for axis, number in zip(family.axes, member.index, strict=True))
    )


def _shown_values(method: Method, named: Iterable[Member]) -> Mapping[Axis, frozenset[int]]:
    values: dict[Axis, set[int]] = {}
    for family in method.variables.values():
        for axis in family.axes:
            every = range(axis.low, axis.high + 1)
            values.setdefault(axis, set(every if len(every) <= MAX_SHOWN else (axis.low, axis.low + 1, axis.high)))
    for member in named:
        for axis, number in zip(method.family_of(member).axes, member.index, strict=True):
            values[axis].add(number)
    return {axis: frozenset(numbers) for axis, numbers in values.items()}


def has_gap_before(family: Family, member: Member, shown: frozenset[Member]) -> bool:
    """Whether members are left out between a member and the one that is drawn before it."""
    position = family.members.index(member)
    return position > 0 and family.members[position - 1] not in shown

"""Which members of a large family a diagram shows: the first two and the last, and those that a term needs."""

from collections.abc import Iterable, Mapping

from mvib.semantics.method import Axis, ChannelKind, Family, Member, Method, Term

# A family of this size is still drawn whole.
MAX_SHOWN = 4
# An inner index repeats in each member of the outer one: there its first and its last are enough.
_MAX_SHOWN_INSIDE = 2

# A term with more instances runs over an index; one with fewer names its members.
_NAMED_INSTANCES = 2

Values = Mapping[Axis, frozenset[int]]
Lack = frozenset[tuple[Axis, int]]


def shown_members(method: Method) -> frozenset[Member]:
    """The members that are drawn."""
    named = [
        member
        for term in method.terms
        if len(term.instances) <= _NAMED_INSTANCES
        for instance in term.instances
        for member in instance.quantity.members
    ]
    values = _with_every_term(method, _shown_values(method, named))
    shown = _members_with(method, values)
    # A plain variable that is made from hidden members alone would hang in the air.
    hanging = [
        channel.sources[0]
        for channel in method.channels
        if channel.kind is not ChannelKind.DECODER
        and channel.target in shown
        and not channel.target.index
        and not shown.intersection(channel.sources)
    ]
    return _members_with(method, _joined(values, _values_of(method, hanging))) if hanging else shown


def _members_with(method: Method, values: Values) -> frozenset[Member]:
    return frozenset(
        member
        for family in method.variables.values()
        for member in family.members
        if all(number in values[axis] for axis, number in zip(family.axes, member.index, strict=True))
    )


def _shown_values(method: Method, named: Iterable[Member]) -> Values:
    families = method.variables.values()
    values: dict[Axis, frozenset[int]] = {}
    for axis in dict.fromkeys(axis for family in families for axis in family.axes):
        every = range(axis.low, axis.high + 1)
        is_inner = all(family.axes.index(axis) > 0 for family in families if axis in family.axes)
        if len(every) <= (_MAX_SHOWN_INSIDE if is_inner else MAX_SHOWN):
            values[axis] = frozenset(every)
        else:
            values[axis] = frozenset({axis.low, axis.high} if is_inner else {axis.low, axis.low + 1, axis.high})
    return _joined(values, _values_of(method, named))


def _values_of(method: Method, members: Iterable[Member]) -> Values:
    values: dict[Axis, set[int]] = {}
    for member in members:
        for axis, number in zip(method.family_of(member).axes, member.index, strict=True):
            values.setdefault(axis, set()).add(number)
    return {axis: frozenset(numbers) for axis, numbers in values.items()}


def _joined(first: Values, second: Values) -> Values:
    return {axis: first.get(axis, frozenset()) | second.get(axis, frozenset()) for axis in {**first, **second}}


def _with_every_term(method: Method, values: Values) -> Values:
    """The values with as few more as it takes for at least one instance of each term to be drawn whole."""
    while lacking := [lacks for term in method.terms if (lacks := _lacking(method, term, values))]:
        candidates = sorted(frozenset().union(*lacking), key=lambda lack: sorted(_order(item) for item in lack))
        # The one that serves most terms for each member that it adds.
        best = max(candidates, key=lambda lack: sum(any(o <= lack for o in lacks) for lacks in lacking) / len(lack))
        more: dict[Axis, frozenset[int]] = {}
        for axis, number in best:
            more[axis] = more.get(axis, frozenset()) | {number}
        values = _joined(values, more)
    return values


def _lacking(method: Method, term: Term, values: Values) -> frozenset[Lack]:
    """For each instance of a term what is hidden of it; nothing at all when one of them is drawn whole."""
    lacks = set()
    for instance in term.instances:
        needed = _values_of(method, instance.quantity.members)
        lack = frozenset((axis, n) for axis, numbers in needed.items() for n in numbers - values[axis])
        if not lack:
            return frozenset()
        lacks.add(lack)
    return frozenset(lacks)


def _order(item: tuple[Axis, int]) -> tuple[str, int, int, int]:
    axis, number = item
    return axis.name, axis.low, axis.high, number


def has_gap_before(family: Family, member: Member, shown: frozenset[Member]) -> bool:
    """Whether members are left out between a member and the one that is drawn before it."""
    position = family.members.index(member)
    return position > 0 and family.members[position - 1] not in shown

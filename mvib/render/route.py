"""The modules that the information of a term passes, with every branch."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from mvib.graph import Reading
from mvib.graph.graph import InformationGraph
from mvib.semantics.method import Channel, ChannelKind, Member, Module


def route_text(graph: InformationGraph, modules: Mapping[str, Module], readings: Sequence[Reading]) -> str:
    """The modules on the information path of a term.

    `e, c` is one after the other; `(e1 + e2), c` are branches that `c` takes jointly, `f, p + g, r` those that make the
    variables of the quantity; `e1, c1; e2, c2` are instances of an aggregation that differ in more than an index. Of
    families of modules it is the name.

    Args:
        graph: of the method.
        modules: of the method, by name.
        readings: of the term, one an instance.
    """
    is_single = len(readings) == 1
    names = {
        name: module.name if is_single and module.kind is not ChannelKind.VIEW else module.family
        for name, module in modules.items()
    }
    known: dict[Member, str] = {}
    return "; ".join(dict.fromkeys(filter(None, (_of_reading(graph, names, reading, known) for reading in readings))))


def _of_reading(graph: InformationGraph, names: Mapping[str, str], reading: Reading, known: dict[Member, str]) -> str:
    """The path of a prediction or of a rate; of a quantity of p the branches that make its variables."""
    path = reading.path
    if path and all(before.target in channel.sources for before, channel in pairwise(path)):
        return _along(graph, names, path, known)
    branches = (_of_member(graph, names, member, known) for member in reading.instance.quantity.members)
    return " + ".join(dict.fromkeys(filter(None, branches)))


def _of_member(graph: InformationGraph, names: Mapping[str, str], member: Member, known: dict[Member, str]) -> str:
    if member not in known:
        known[member] = _along(graph, names, graph.derivation(member), known)
    return known[member]


def _along(graph: InformationGraph, names: Mapping[str, str], path: Sequence[Channel], known: dict[Member, str]) -> str:
    """A path with what its channels take beside it, whole wherever two lead into one channel."""
    steps: list[str] = []
    followed: Member | None = None
    for channel in path:
        others = _others(graph, names, channel, followed, known)
        before = ", ".join(steps)
        branches = list(dict.fromkeys(filter(None, (before, *others))))
        # A branch that another one starts with is that one's beginning: of `f` and `f, g` the second says both.
        branches = [b for b in branches if not any(other.startswith(f"{b}, ") for other in branches)]
        if len(branches) > 1:
            steps = [f"({' + '.join(branches)})"]
        elif branches and branches[0] != before:
            steps = [branches[0]]
        name = names[channel.module]
        # Of the steps of a recurrence, or of several draws, one stands for all.
        if not steps or steps[-1] != name:
            steps.append(name)
        followed = channel.target
    return ", ".join(steps)


def _others(
    graph: InformationGraph,
    names: Mapping[str, str],
    channel: Channel,
    followed: Member | None,
    known: dict[Member, str],
) -> Iterator[str]:
    for source in channel.sources:
        if source != followed:
            yield _of_member(graph, names, source, known)

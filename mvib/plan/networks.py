"""The networks of a plan: which, in which order they are built, and what stands behind copies and densities."""

from mvib.catalogue.signature import ModuleEntry
from mvib.graph import InformationGraph
from mvib.graph.outlines import network_of
from mvib.plan.plan import Network
from mvib.semantics.method import ChannelKind, Method


def order_networks(method: Method, graph: InformationGraph, used: set[str]) -> tuple[Network, ...]:
    """The networks in use, those that are copied or borrowed before those that copy or borrow."""
    wanted = set(used)
    for name in used:
        origin = method.modules[name].origin
        wanted |= {m.name for m in method.modules.values() if origin and m.family == origin}
    position = {channel.module: i for i, channel in reversed(list(enumerate(graph.channels)))}
    ordered = sorted(wanted, key=lambda name: (bool(method.modules[name].origin), position[name], name))
    return tuple(
        Network(
            name=name,
            kind=module.kind,
            call=module.call,
            is_density=module.stochastic and module.kind is not ChannelKind.VIEW,
            gradient=module.gradient,
            origin=_origin(method, module.name) if module.origin else "",
            entry=builder_of(method, name),
            span=module.span,
        )
        for name in ordered
        for module in (method.modules[name],)
    )


def _origin(method: Method, name: str) -> str:
    """The member of a module family that a copy copies: that of the same index, or the only one."""
    module = method.modules[name]
    index = name[len(module.family) :]
    return module.origin + index if module.origin + index in method.modules else module.origin


def builder_of(method: Method, name: str) -> ModuleEntry | None:
    """The builder behind a network: of a copy that of what it copies, of a density that of the network in front."""
    module = method.modules[name]
    if module.origin:
        return builder_of(method, _origin(method, name))
    call = network_of(module.call)
    return call.entry if call is not None and isinstance(call.entry, ModuleEntry) else None

"""How a variable becomes constant: the trained modules nearest to it that can give the same for every example."""

from collections.abc import Sequence
from dataclasses import dataclass

from mvib.catalogue.signature import ModuleEntry, Spread
from mvib.graph import Operand
from mvib.semantics.method import Channel, ChannelKind, Gradient, Member
from mvib.semantics.values import BoundCall
from mvib.theory.collapse.weights import Weights, can_erase


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A map without weights of its own that spreads what it takes, on the way from the constant to a variable."""

    spread: Spread
    module: str
    call: BoundCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Constancy:
    """How a variable becomes constant.

    Attributes:
        modules: trained modules that give the same for every example; those nearest to the variable, since they touch
            the fewest other terms.
        steps: what spreads on the way from them to the variable.
    """

    modules: frozenset[str]
    steps: tuple[Step, ...] = ()

    def modules_of(self, spread: Spread) -> tuple[str, ...]:
        """The modules on the way that spread in one way."""
        return tuple(dict.fromkeys(step.module for step in self.steps if step.spread is spread))


def constancy_of(weights: Weights, trained: frozenset[str], member: Member) -> Constancy | None:
    """How a variable of p becomes constant, None where no training of the modules named can make it so."""
    graph = weights.graph
    maker = graph.maker(member)
    if maker is None or maker.kind is not ChannelKind.ENCODER:
        return None
    owner = weights.owner(maker.module)
    if owner.gradient is Gradient.TRAINED and owner.name in trained and can_erase(owner.call):
        return Constancy(modules=frozenset({owner.name}))
    entry = owner.call.entry if owner.call is not None else None
    contents = entry.contents if isinstance(entry, ModuleEntry) else None
    found = _together([constancy_of(weights, trained, source) for source in maker.sources[:contents]])
    if found is None or owner.call is None or not isinstance(entry, ModuleEntry) or entry.spread is None:
        return found
    step = Step(spread=entry.spread, module=maker.module, call=owner.call)
    return Constancy(modules=found.modules, steps=(*found.steps, step))


def constancy_of_operand(weights: Weights, trained: frozenset[str], operand: Operand) -> Constancy | None:
    """The same of what an estimator gets: a prediction is constant where its decoder is."""
    return constancy_along(weights, trained, operand.channels) or constancy_of(weights, trained, operand.start)


def constancy_along(weights: Weights, trained: frozenset[str], channels: Sequence[Channel]) -> Constancy | None:
    """How the end of a path becomes constant by one of its own channels."""
    for channel in reversed(channels):
        module = weights.graph.modules[channel.module]
        if module.gradient is Gradient.TRAINED and module.name in trained and can_erase(module.call):
            return Constancy(modules=frozenset({module.name}))
    return None


def _together(parts: Sequence[Constancy | None]) -> Constancy | None:
    modules: frozenset[str] = frozenset()
    steps: list[Step] = []
    for part in parts:
        if part is None:
            return None
        modules |= part.modules
        steps.extend(step for step in part.steps if step not in steps)
    return Constancy(modules=modules, steps=tuple(steps)) if parts else None

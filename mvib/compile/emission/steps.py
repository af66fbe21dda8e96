"""The steps of a plan as lines of Python, one a step, under the names of the spec's variables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mvib.catalogue.signature import ChannelEntry, Rows
from mvib.compile.emission.context import Context
from mvib.compile.emission.expressions import literal
from mvib.compile.emission.names import Names
from mvib.compile.emission.text import call
from mvib.plan.plan import (
    Apply,
    Attack,
    Density,
    Draw,
    Given,
    Join,
    Mean,
    OneHot,
    Sample,
    Select,
    SelectDensity,
    Step,
    Stop,
    StopDensity,
    Transform,
)
from mvib.semantics.method import Gradient

_RUNTIME = "mvib.compile.emission.runtime"
_ROWS = {
    Rows.RAW: "mvib.estimators.rows:raw",
    Rows.UNIT: "mvib.estimators.rows:unit",
    Rows.CENTERED: "mvib.estimators.rows:centered",
    Rows.STANDARDIZED: "mvib.estimators.rows:standardized",
}


@dataclass(slots=True, kw_only=True)
class StepWriter:
    """Writes steps in a scope of local names.

    Attributes:
        context: of the file.
        names: local ones.
        wanted: names of values and densities that something uses; the others are computed for their side effects only.
        indent: of every line.
        is_trial: whether networks are only tried out.
        placed: names of values whose places something uses.
        arguments: variables that are arguments of the function, and need not be taken from the batch.
    """

    context: Context
    names: Names
    wanted: frozenset[str]
    indent: int
    is_trial: bool = False
    placed: frozenset[str] = frozenset()
    arguments: frozenset[str] = frozenset()
    _places: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Local name of a tensor."""
        return self.names.of(("value", name), name)

    def density(self, name: str) -> str:
        """Local name of a density."""
        return self.names.of(("density", name), name, otherwise=f"density_{name}")

    def lines(self, steps: Sequence[Step]) -> Iterator[str]:
        """The lines of some steps, in order."""
        for step in steps:
            yield from self._step(step)

    def _step(self, step: Step) -> Iterator[str]:  # noqa: C901 - one case a kind of step
        match step:
            case Given():
                yield from self._given(step)
            case Draw():
                yield from self._draw(step)
            case Attack():
                yield from self._attack(step)
            case Apply():
                yield from self._apply(step)
            case Density():
                words = []
                if step.entry is not None and step.entry.placed:
                    words.append(f"places={self._places.get(step.source, 'None')}")
                if step.entry is not None and step.entry.aims:
                    words.append(f"target_places={self._places.get(step.target, 'None')}")
                run = self._run(step.network, [self.value(step.source)], words)
                yield self._assign(self.density(step.result) if step.result in self.wanted else "", run)
            case Sample():
                run = (f"{self.density(step.density)}.sample", list[str]())
                yield self._assign(self.value(step.result) if step.result in self.wanted else "", run)
            case _ if step.result not in self.wanted:
                return
            case OneHot():
                classes = self.context.model.classes[step.source]
                dtype = f"{self._helper('precision')}(self.networks)"
                run = (self._helper("one_hot"), [self.value(step.source), literal(classes), dtype])
                yield self._assign(self.value(step.result), run)
            case Join():
                parts = ", ".join(f"{self.value(source)}.flatten(1)" for source in step.sources)
                yield self._assign(self.value(step.result), ("torch.cat", [f"[{parts}]", "dim=1"]))
            case Transform():
                run = (self.context.library.path(_ROWS[step.rows]), [self.value(step.source)])
                yield self._assign(self.value(step.result), run)
            case Mean():
                yield f"{' ' * self.indent}{self.value(step.result)} = {self.density(step.density)}.mean"
            case Stop():
                # The gradient stops here.
                yield self._assign(self.value(step.result), (f"{self.value(step.source)}.detach", []))
                self._keep_places(step.result, step.source)
            case StopDensity():
                self.context.library.external("torch", "Tensor")
                run = (f"{self.density(step.source)}.with_rows", ["Tensor.detach"])
                yield self._assign(self.density(step.result), run)
            case Select():
                mask = self._mask(step)
                yield f"{' ' * self.indent}{self.value(step.result)} = {self.value(step.source)}[{mask}]"
                if step.source in self._places and step.result in self.placed:
                    places = self.names.of(("places", step.result), f"places_of_{step.result}")
                    yield f"{' ' * self.indent}{places} = {self._places[step.source]}[{mask}]"
                    self._places[step.result] = places
            case SelectDensity():
                run = (f"{self.density(step.source)}.with_rows", [f"lambda rows: rows[{self._mask(step)}]"])
                yield self._assign(self.density(step.result), run)
            case _:
                raise AssertionError(step)

    def _helper(self, name: str) -> str:
        return self.context.library.piece(_RUNTIME, name)

    def _assign(self, name: str, run: tuple[str, list[str]]) -> str:
        return call(run[0], run[1], indent=self.indent, before=f"{name} = " if name else "")

    def _given(self, step: Given) -> Iterator[str]:
        name = step.result
        if name not in self.wanted:
            return
        text, local = literal(name), self.value(name)
        if name in self.arguments:
            if step.partial:
                yield self._assign(local, (self._helper("given"), [f"{{{text}: {local}}}", text]))
            return
        if step.partial:
            yield self._assign(local, (self._helper("given"), ["batch", text]))
        else:
            yield f"{' ' * self.indent}{local} = batch[{text}]"

    def _run(self, name: str, inputs: list[str], words: list[str]) -> tuple[str, list[str]]:
        """A network applied: by itself, without gradient, or on trial."""
        network = self.context.network(name)
        planned = next(n for n in self.context.model.plan.networks if n.name == name)
        if planned.gradient is Gradient.STOPPED:
            return self._helper("without_gradient"), [network, *inputs, *words]
        if self.is_trial:
            return self._helper("on_trial"), [network, *inputs, *words]
        return network, [*inputs, *words]

    def _apply(self, step: Apply) -> Iterator[str]:
        inputs = [self.value(source) for source in step.sources]
        if step.entry is None or not step.entry.placed:
            name = self.value(step.result) if step.result in self.wanted else ""
            yield self._assign(name, self._run(step.network, inputs, []))
            self._keep_places(step.result, step.source)
            return
        places = [self._places.get(source, "None") for source in step.sources]
        given = f"({', '.join(places)}{',' if len(places) == 1 else ''})" if step.entry.separate else places[0]
        result = self.value(step.result) if step.result in self.wanted else "_"
        yield self._assign(
            f"{result}, {self._new_places(step.result)}", self._run(step.network, inputs, [f"places={given}"])
        )

    def _draw(self, step: Draw) -> Iterator[str]:
        places = [self._places.get(step.source, "None")] if step.placed else []
        run = (self._helper("draw"), [self.context.network(step.network), self.value(step.source), *places])
        if not step.parts and not step.placed:
            yield self._assign(self.value(step.result) if step.result in self.wanted else "", run)
            return
        parts = step.parts or (step.result,)
        targets = []
        for part in parts:
            local = self.value(part) if part and part in self.wanted else "_"
            targets.append(f"({local}, {self._new_places(part)})" if step.placed else local)
        entry = next(n.call.entry for n in self.context.model.plan.networks if n.name == step.network and n.call)
        number = entry.outputs if isinstance(entry, ChannelEntry) else None
        # A view that stands alone is the first of what is drawn together.
        is_whole = number == len(parts) or (number == 0 and len(parts) == self.context.probe.parts.get(step.network))
        targets = targets if is_whole else [*targets, "*_"]
        yield self._assign(", ".join(targets) if len(targets) > 1 else f"({targets[0]},)", run)

    def _new_places(self, name: str) -> str:
        """The local name of the places of a value, `_` where it has none or nothing asks for them."""
        if not name or name not in self.placed or name not in self.context.probe.placed:
            return "_"
        self._places[name] = self.names.of(("places", name), f"places_of_{name}")
        return self._places[name]

    def _keep_places(self, name: str, source: str) -> None:
        if name in self.context.probe.placed and source in self._places:
            self._places[name] = self._places[source]

    def _attack(self, step: Attack) -> Iterator[str]:
        """A function that predicts from a changed source, on trial; and the channel that changes the source by it."""
        margin = " " * self.indent
        function = self.names.of(("predict", step.result), f"predict_{step.target}")
        tensor = self.context.library.external("torch", "Tensor")
        inner = StepWriter(
            context=self.context,
            names=self.names,
            wanted=self.wanted | used_names(step.steps) | {step.target},
            indent=self.indent + 4,
            is_trial=True,
            placed=placed_names(step.steps),
        )
        yield ""
        yield f"{margin}def {function}({self.value(step.source)}: {tensor}) -> {tensor}:"
        yield from inner.lines([s for s in step.steps if s.result != step.source])
        yield f"{margin}    return {self.value(step.target)}"
        yield ""
        arguments = [self.value(step.source), self.value(step.target), function]
        run = (self.context.network(step.network), arguments)
        yield self._assign(self.value(step.result) if step.result in self.wanted else "", run)

    def _mask(self, step: Select | SelectDensity) -> str:
        def has(name: str) -> str:
            return f"{self._helper('present')}(batch, {literal(name)})"

        masks = [has(name) for name in step.present]
        if step.missing:
            missing = " & ".join(has(name) for name in step.missing)
            masks.append(f"~({missing})" if len(step.missing) > 1 else f"~{missing}")
        return " & ".join(masks)


def used_names(steps: Sequence[Step]) -> frozenset[str]:
    """Names of all values and densities that steps take."""
    used: set[str] = set()
    for step in steps:
        match step:
            case Given():
                pass
            case Apply(sources=sources) | Join(sources=sources):
                used |= set(sources)
            case Sample(density=density) | Mean(density=density):
                used.add(density)
            case Attack():
                used |= {step.source, step.target, *used_names(step.steps)}
            case Density():
                used |= {step.source}
            case Draw() | OneHot() | Transform() | Stop() | StopDensity() | Select() | SelectDensity():
                used.add(step.source)
            case _:
                raise AssertionError(step)
    return frozenset(used)


def placed_names(steps: Sequence[Step]) -> frozenset[str]:
    """Names of the values whose places some step takes, itself or by way of what is made of them."""
    wanted: set[str] = set()
    for step in reversed(steps):
        match step:
            case Apply(sources=sources) if step.entry is not None and step.entry.placed:
                wanted |= set(sources)
            case Draw(source=source) if step.placed:
                wanted.add(source)
            case Density(source=source, target=target) if step.entry is not None:
                wanted |= ({source} if step.entry.placed else set()) | ({target} if step.entry.aims else set())
            case Apply() | Stop() | Select() if step.result in wanted:
                wanted.add(step.source)
            case _:
                pass
    return frozenset(wanted)

"""Plan to module: shapes are inferred on the meta device first, so that a mistake is found before any data is read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from mvib.catalogue.signature import ChannelEntry, EstimatorEntry, Interface, Widths, is_learned_prior
from mvib.compile.example import DataShape, Example, batch_of, read_example
from mvib.compile.execution import Networks, Tables, run_step
from mvib.compile.model import CompiledModel
from mvib.compile.networks import (
    Shapes,
    Target,
    WidthError,
    build_auxiliary,
    build_network,
    import_object,
    is_single,
    python_arguments,
)
from mvib.compile.objective import Objective
from mvib.data.channels.errors import ChannelError
from mvib.diagnostics import Diagnostic, Label, SpecError
from mvib.driver import Analysis
from mvib.nn.distributions import Categorical
from mvib.nn.shapes import Shape, ShapeError, describe
from mvib.plan import Plan, build_plan
from mvib.plan.plan import (
    Apply,
    Attack,
    Auxiliary,
    Density,
    Draw,
    Estimate,
    Join,
    Network,
    PlannedTerm,
    Select,
    SelectDensity,
    Step,
)
from mvib.semantics.method import ChannelKind, Gradient
from mvib.semantics.values import BoundCall
from mvib.source import Span

# The steps that run a network or a channel.
Networked = Draw | Attack | Apply | Density

# Enough examples for batch normalisation in training mode; the meta device computes nothing.
_PROBE_BATCH = 4

_EXPLAIN = "`mvib explain` and the name of the module show what it takes"


def compile_model(
    analysis: Analysis, example: Mapping[str, Example] | Tensor | tuple[int, ...], *, steps: int | None = None
) -> CompiledModel:
    """Compile an analysed spec.

    Weights are drawn from torch's global generator, in an order that does not depend on the order of statements.

    Args:
        analysis: of a sound spec.
        example: by data variable a batch as a tensor, or its shape (batch axis first); for a label also the number of
            classes. A single tensor or shape stands for the only variable that is no label.
        steps: number of training steps, over which schedules run.

    Returns:
        The model, on the CPU, in float32 and in training mode.

    Raises:
        SpecError: the spec is wrong, or a module cannot take what the graph gives it.
        ExampleError: the example does not fit the data variables.
    """
    return _compile(analysis, example, steps=steps)


def compile_representation(
    analysis: Analysis, example: Mapping[str, Example] | Tensor | tuple[int, ...]
) -> CompiledModel:
    """Compile what `encode` needs and nothing else: without terms, critics and the networks that only they use.

    Args:
        analysis: of a sound spec.
        example: as for `compile_model`.

    Returns:
        A model whose networks have the names and shapes that they have in the whole one.

    Raises:
        SpecError: the spec is wrong, or a module cannot take what the graph gives it.
        ExampleError: the example does not fit the data variables.
    """
    return _compile(analysis, example, part=_representation_alone)


def _compile(
    analysis: Analysis,
    example: Mapping[str, Example] | Tensor | tuple[int, ...],
    *,
    steps: int | None = None,
    part: Callable[[Plan], Plan] = lambda plan: plan,
) -> CompiledModel:
    """Compile a part of the plan of a spec; shapes are those of the whole, whose terms may show a network views."""
    plan, backbone = _plan_of(analysis)
    shapes = read_example(example, plan.data)
    layout = _infer(plan, shapes, backbone)
    kept = part(plan)
    networks, auxiliaries = Networks(), Networks()
    for network in kept.networks:
        _add_network(networks, network, layout, backbone)
    for auxiliary, (first, second) in layout.auxiliaries.values() if kept.terms else ():
        auxiliaries.add(auxiliary.name, build_auxiliary(auxiliary, first, second))
    classes = {name: shape.classes for name, shape in shapes.items()}
    objective = Objective(kept.terms, auxiliaries, classes=classes, shapes=layout.values)
    return CompiledModel(kept, networks, objective, shapes=layout.values, classes=classes, steps=steps)


def _plan_of(analysis: Analysis) -> tuple[Plan, BoundCall | None]:
    if analysis.method is None or analysis.graph is None or not analysis.is_sound:
        raise SpecError(analysis.diagnostics)
    plan = build_plan(analysis.method, analysis.graph, analysis.readings)
    abstract = [n for n in plan.networks if n.call is None]
    if abstract:
        raise SpecError([_abstract_module(network) for network in abstract])
    backbone = analysis.method.settings.get("backbone")
    assert backbone is None or isinstance(backbone, BoundCall)
    return plan, backbone


def _representation_alone(plan: Plan) -> Plan:
    origins = {network.name: network.origin for network in plan.networks}
    needed: set[str] = set()
    for step in plan.representation.steps:
        name = step.network if isinstance(step, Networked) else ""
        while name and name not in needed:
            needed.add(name)
            name = origins[name]
    return replace(
        plan,
        networks=tuple(network for network in plan.networks if network.name in needed),
        steps=(),
        terms=(),
        variables=(),
        predictions={},
        decoder_targets={},
        couples_batch=False,
    )


@dataclass(slots=True)
class _Layout:
    """What inference finds out: the input shape and target of every network, and the shapes an auxiliary one takes."""

    inputs: dict[str, Shapes] = field(default_factory=dict)
    targets: dict[str, Target | None] = field(default_factory=dict)
    auxiliaries: dict[str, tuple[Auxiliary, tuple[Shape, Shape | None]]] = field(default_factory=dict)
    values: dict[str, Shape] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)


def _add_network(networks: Networks, network: Network, layout: _Layout, backbone: BoundCall | None) -> None:
    shape = layout.inputs[network.name]
    if network.kind is ChannelKind.VIEW:
        networks.add(network.name, _build_channel(network, shape, layout.outputs.get(network.name, 0)))
        return
    borrows = network.origin if network.gradient is Gradient.STOPPED else ""
    module = build_network(network, shape, layout.targets.get(network.name), networks, backbone)
    networks.add(network.name, module, borrows=borrows)


def _build_channel(network: Network, shape: Shapes, outputs: int) -> nn.Module:
    """A view channel; one that draws as many variables together as are named is told how many."""
    assert network.call is not None
    entry = network.call.entry
    assert isinstance(entry, ChannelEntry)
    number = {"outputs": outputs} if entry.outputs == 0 else {}
    channel: nn.Module = import_object(entry.implementation)(shape, **python_arguments(network.call), **number)
    return channel


# ---- inference of shapes ---------------------------------------------------------------------------------------------


def _infer(plan: Plan, shapes: Mapping[str, DataShape], backbone: BoundCall | None) -> _Layout:
    """Run the plan on the meta device, building each network where it is first used."""
    meta = torch.device("meta")
    with meta, torch.random.fork_rng(devices=[]):
        batch = {name: batch_of(shape, size=_PROBE_BATCH, device=meta) for name, shape in shapes.items()}
        batch |= {
            f"{n}.present": torch.ones(_PROBE_BATCH, dtype=torch.bool)
            for n, (_, partial) in plan.data.items()
            if partial
        }
        inference = _Inference(plan, shapes, backbone)
        classes = {name: shape.classes for name, shape in shapes.items()}
        tables = Tables(batch, classes=classes)
        inference.run(plan.steps, tables)
        for readout in (plan.representation, *plan.predictions.values()):
            inference.run(readout.steps, Tables(batch, classes=classes))
        inference.check_terms(tables)
        inference.layout.values = {name: tuple(value.shape[1:]) for name, value in tables.values.items()}
    if inference.diagnostics:
        # The members of a family make one mistake together.
        raise SpecError(list({(d.title, d.span): d for d in reversed(inference.diagnostics)}.values())[::-1])
    return inference.layout


def _sources(step: Networked) -> tuple[str, ...]:
    """What a step takes."""
    return step.sources if isinstance(step, Apply) else (step.source,)


class _Inference:
    """Networks on the meta device, and the mistakes found while they run."""

    def __init__(self, plan: Plan, shapes: Mapping[str, DataShape], backbone: BoundCall | None) -> None:
        self.plan = plan
        self.shapes = shapes
        self.backbone = backbone
        self.networks = Networks()
        self.layout = _Layout()
        self.diagnostics: list[Diagnostic] = []
        self.broken: set[str] = set()
        self._words: dict[str, str] = {}
        self._by_name = {network.name: network for network in plan.networks}
        drawn = [step for step in plan.steps if isinstance(step, Draw | Attack)]
        self._views = {name for step in drawn for name in (getattr(step, "parts", ()) or (step.result,))}

    def run(self, steps: Sequence[Step], tables: Tables) -> None:
        for step in steps:
            if isinstance(step, Networked):
                if any(source not in tables.values for source in _sources(step)):
                    continue
                if not self._check_words(step, tables) or not self._prepare(step, tables):
                    continue
            elif isinstance(step, Select | SelectDensity):
                # Selection keeps shapes; on the meta device there is nothing to select by.
                table: dict[str, Any] = tables.values if isinstance(step, Select) else tables.densities
                if step.source in table:
                    table[step.result] = table[step.source]
                continue
            try:
                run_step(step, self.networks, tables)
                self._keep_words(step, tables)
            except KeyError:
                # Needs a value whose own step has been reported.
                continue
            except (ShapeError, RuntimeError, ValueError) as error:
                if isinstance(step, Networked):
                    self._report(step, tables, error)

    def _keep_words(self, step: Step, tables: Tables) -> None:
        """What tokens are joined with is as little for a network as they are: torch would make numbers of them."""
        if not isinstance(step, Join):
            return
        words = [source for source in step.sources if _is_whole(tables.values[source])]
        if words:
            self._words[step.result] = words[0]
            tables.values[step.result] = tables.values[step.result].long()

    def _check_words(self, step: Networked, tables: Tables) -> bool:
        """Tokens, whole numbers that stand for words, reach a module that takes words, and nothing else does."""
        network = self._by_name[step.network]
        takes_words = network.entry is not None and network.entry.words
        wrong = [source for source in _sources(step) if _is_whole(tables.values[source]) != takes_words]
        if not wrong and takes_words:
            return self._check_vocabulary(network, step)
        if not wrong or (network.entry is None and network.kind is ChannelKind.VIEW):
            return True
        if network.name not in self.broken:
            self.broken.add(network.name)
            shape = tuple(tables.values[wrong[0]].shape[1:])
            if takes_words:
                remedy = "leave it out, or declare the data `tokens`"
                found = _misfit(network, step, "tokens, which are whole numbers", describe(shape), remedy, wrong[0])
            else:
                found = _no_numbers(network, step, shape, wrong[0], self._words.get(wrong[0], wrong[0]))
            self.diagnostics.append(found)
        return False

    def _check_vocabulary(self, network: Network, step: Networked) -> bool:
        """The vocabulary has the words of the data, as far as those are known."""
        call = network.call
        data = self.shapes.get(step.source)
        number = dict(call.arguments).get("vocabulary") if call is not None else None
        if call is None or data is None or not isinstance(number, int) or data.words <= number:
            return True
        if network.name not in self.broken:
            self.broken.add(network.name)
            expected, found = f"words from 0 to {number - 1}", f"the word {data.words - 1}"
            remedy = f"write `vocabulary: {data.words}`"
            self.diagnostics.append(_misfit(network, step, expected, found, remedy, step.source))
        return False

    def _prepare(self, step: Networked, tables: Tables) -> bool:
        """Build the network of a step if it has not been."""
        network = self._by_name[step.network]
        if network.name in self.networks:
            return True
        if network.name in self.broken:
            return False
        if network.origin and network.origin not in self.networks and network.gradient is not Gradient.TRAINED:
            origin = self._by_name[network.origin]
            if not self._build(origin, step, tables):
                return False
        return self._build(network, step, tables)

    def _build(self, network: Network, step: Networked, tables: Tables) -> bool:
        shape = self._taken(network, step, tables)
        outputs = len(step.parts) if isinstance(step, Draw) else 0
        target = self._target(step, tables)
        try:
            if network.kind is ChannelKind.VIEW:
                module = _build_channel(network, shape, outputs)
            else:
                module = build_network(network, shape, target, self.networks, self.backbone)
        except ShapeError as error:
            remedy = _remedy(network, error)
            self.diagnostics.append(_misfit(network, step, error.expected, describe(error.found), remedy, step.source))
            self.broken.add(network.name)
            return False
        except WidthError as error:
            assert isinstance(step, Density)
            self.diagnostics.append(_wrong_width(network, step, error))
            self.broken.add(network.name)
            return False
        except ChannelError as error:
            self.diagnostics.append(_channel_misfit(network, step, error))
            self.broken.add(network.name)
            return False
        borrows = network.origin if network.gradient is Gradient.STOPPED else ""
        self.networks.add(network.name, module, borrows=borrows)
        self.layout.inputs[network.name] = shape
        self.layout.outputs[network.name] = outputs
        self.layout.targets[network.name] = target
        return True

    def _taken(self, network: Network, step: Networked, tables: Tables) -> Shapes:
        shapes = tuple(tuple(tables.values[source].shape[1:]) for source in _sources(step))
        is_separate = network.entry is not None and network.entry.separate
        return shapes if is_separate else shapes[0]

    def _target(self, step: Networked, tables: Tables) -> Target | None:
        if not isinstance(step, Density) or not step.target:
            return None
        if step.target in self.shapes:
            data = self.shapes[step.target]
            return Target(shape=data.shape, classes=data.classes, is_data=True)
        value = tables.values.get(step.target)
        # The width of a view is given by the data too: a head may adapt to it.
        shape = tuple(value.shape[1:]) if value is not None else ()
        return Target(shape=shape, classes=None, is_data=step.target in self._views)

    def _report(self, step: Networked, tables: Tables, error: Exception) -> None:
        network = self._by_name[step.network]
        shape = tuple(tables.values[step.source].shape[1:])
        if isinstance(error, ShapeError):
            self.diagnostics.append(_misfit(network, step, error.expected, describe(shape), error.remedy, step.source))
            return
        first = self.layout.inputs.get(network.name)
        if first is not None and is_single(first) and first != shape:
            remedy = "give this arrow its own name and weights, or bring both inputs to one shape first"
            expected = f"{describe(first)}, for which its weights were made"
            self.diagnostics.append(_misfit(network, step, expected, describe(shape), remedy, step.source))
            return
        found = _misfit(network, step, "another shape", describe(shape), _EXPLAIN, step.source)
        self.diagnostics.append(replace(found, why=str(error).split("\n", 1)[0]))

    def check_terms(self, tables: Tables) -> None:
        """Estimators get what they can compare."""
        for term in self.plan.terms:
            for estimate in term.estimates:
                values = [tables.values.get(name) for name in estimate.inputs]
                if any(value is None for value in values):
                    continue
                shapes = [tuple(value.shape[1:]) for value in values if value is not None]
                entry, auxiliary = estimate.entry, estimate.auxiliary
                if estimate.prior is not None and is_learned_prior(estimate.prior.entry):
                    self._check_prior(term, estimate, tables, shapes[0])
                if auxiliary is not None:
                    self._add_auxiliary(auxiliary, (shapes[0], shapes[1] if auxiliary.second else None), estimate.span)
                elif entry is None:
                    self._check_prediction(estimate, estimate.density, tables, shapes[0])
                elif entry.interface is Interface.RATE:
                    self._check_prediction(estimate, estimate.reference, tables, shapes[0])
                elif entry.interface is Interface.ROWS:
                    num_rows = len(shapes) - (estimate.form in entry.labelled)
                    self._check_rows(estimate, entry, estimate.inputs[:num_rows], shapes[:num_rows])
                elif entry.interface is Interface.LABELS:
                    self._check_logits(estimate.inputs, shapes, estimate.span)

    def _check_prior(self, term: PlannedTerm, estimate: Estimate, tables: Tables, shape: Shape) -> None:
        """A prior that is trained has one shape: that of the first variable of its term."""
        first = term.estimates[0].inputs[0]
        known = tuple(tables.values[first].shape[1:]) if first in tables.values else shape
        if known == shape:
            return
        assert estimate.prior is not None
        self.diagnostics.append(
            Diagnostic(
                slug="shape-mismatch",
                title=f"one `{estimate.prior.text()}` is the prior of all variables of this term: "
                f"`{estimate.inputs[0]}` is {describe(shape)}, and `{first}` {describe(known)}",
                span=estimate.span,
                label="of different shapes",
                remedy="write a term for each of them, or let the encoders end in the same width",
            )
        )

    def _check_rows(
        self, estimate: Estimate, entry: EstimatorEntry, names: Sequence[str], shapes: Sequence[Shape]
    ) -> None:
        if not entry.any_shape and any(len(shape) != 1 for shape in shapes):
            self.diagnostics.append(_no_rows(entry.name, names, shapes, estimate.span))
        elif entry.same_width and len(set(shapes)) > 1:
            self.diagnostics.append(_unequal(entry.name, names, shapes, estimate.span))
        elif not _have_widths(entry.widths, shapes):
            self.diagnostics.append(_of_other_widths(entry, names, shapes, estimate.span))

    def _check_prediction(self, estimate: Estimate, name: str, tables: Tables, shape: Shape) -> None:
        """A density is one of the variable that it predicts: one set of weights has one output."""
        density = tables.densities.get(name)
        predicted = tuple(density.mean.shape[1:]) if density is not None else shape
        if isinstance(density, Categorical) or predicted == shape:
            return
        self.diagnostics.append(
            Diagnostic(
                slug="shape-mismatch",
                title=f"`{name}` is a density of {describe(predicted)}, and `{estimate.inputs[0]}` is "
                f"{describe(shape)}",
                span=estimate.span,
                label="of another shape",
                why="one name is one set of weights, made for the first variable that it predicts",
                remedy="write a decoder with its own name for each of the two variables",
            )
        )

    def _add_auxiliary(self, auxiliary: Auxiliary, shapes: tuple[Shape, Shape | None], span: Span) -> None:
        """Every use of an auxiliary network has the shapes of its first, and it can take them."""
        if auxiliary.name not in self.layout.auxiliaries:
            try:
                build_auxiliary(auxiliary, *shapes)
            except ShapeError as error:
                self.diagnostics.append(_unfit_auxiliary(auxiliary, error))
        _, known = self.layout.auxiliaries.setdefault(auxiliary.name, (auxiliary, shapes))
        for name, first, found in zip((auxiliary.first, auxiliary.second), known, shapes, strict=True):
            if first is not None and found is not None and first != found:
                self.diagnostics.append(
                    Diagnostic(
                        slug="shape-mismatch",
                        title=f"one network scores all pairs of this term: `{name}` is {describe(found)}, "
                        f"and another of its variables {describe(first)}",
                        span=span,
                        label="of different shapes",
                        remedy="write a term for each pair, or let the encoders end in the same width",
                    )
                )
                return

    def _check_logits(self, inputs: Sequence[str], shapes: Sequence[Shape], span: Span) -> None:
        label = inputs[1].partition("{")[0]
        logits, target = shapes
        if label not in self.shapes:
            if logits != target:
                self.diagnostics.append(_unequal("cross_entropy", inputs, shapes, span))
            return
        classes = self.shapes[label].classes
        if logits != (classes,):
            self.diagnostics.append(
                Diagnostic(
                    slug="shape-mismatch",
                    title=f"cross-entropy takes one logit for each class, and gets {describe(logits)} for "
                    f"{classes} classes",
                    span=span,
                    label="these do not fit",
                    remedy=f"end the encoder in `linear({classes})`",
                )
            )


def _remedy(network: Network, error: ShapeError) -> str:
    """What to set, where the number that an argument lacks is a parameter's; otherwise what the builder says."""
    if not error.argument or network.call is None:
        return error.remedy
    written = re.search(rf"\b{error.argument}:\s*([^\W\d]\w*)\s*[,)]", network.call.span.text)
    return f"`--set {written[1]}={error.needed}`" if written else error.remedy


def _misfit(network: Network, step: Networked, expected: str, found: str, remedy: str, source: str) -> Diagnostic:
    call = network.call
    span = call.span if call is not None and call.span.source.text else network.span
    name = call.name if call is not None else network.name
    secondary = (Label(step.span, f"`{source}` is {found}"),) if step.span != span else ()
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{name}` takes {expected}, and `{source}` gives it {found}",
        span=span,
        label=f"`{name}` cannot take it",
        secondary=secondary,
        remedy=remedy,
    )


def _is_whole(value: Tensor) -> bool:
    """Whether a value is of tokens; a label reaches a network as one number a class."""
    return not value.is_floating_point()


def _no_numbers(network: Network, step: Networked, shape: Shape, source: str, words: str) -> Diagnostic:
    """A module gets tokens, or what they are a part of."""
    if words != source:
        what = f"tokens, the whole numbers of `{words}`, beside other variables"
    else:
        what = f"tokens, {' x '.join(map(str, shape))} whole numbers that stand for words"
    remedy = f"put an embedding in front: `encoder w: {words} -> W = embedding(64, vocabulary: 1000)`"
    return _misfit(network, step, "real numbers", what, remedy, source)


def _channel_misfit(network: Network, step: Networked, error: ChannelError) -> Diagnostic:
    if isinstance(error.found, tuple):
        return _misfit(network, step, error.expected, describe(error.found), error.remedy, step.source)
    assert network.call is not None
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{network.call.name}` takes {error.expected}, and is given {error.found}",
        span=network.call.span,
        label=f"does not fit `{step.source}`",
        remedy=error.remedy,
    )


def _unfit_auxiliary(auxiliary: Auxiliary, error: ShapeError) -> Diagnostic:
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{auxiliary.call.name}` takes {error.expected}, and is given {describe(error.found)}",
        span=auxiliary.call.span,
        label=f"`{auxiliary.call.name}` cannot take it",
        remedy=error.remedy,
    )


def _wrong_width(network: Network, step: Density, error: WidthError) -> Diagnostic:
    assert network.call is not None
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{network.name}` is a density of `{step.target}`, which takes width {error.needed}, "
        f"and is given {error.found}",
        span=network.call.span,
        label=f"width {error.found}, not {error.needed}",
        secondary=(Label(step.span, f"`{step.target}` has width {error.needed}"),),
        remedy=error.remedy,
    )


def _unequal(estimator: str, inputs: Sequence[str], shapes: Sequence[Shape], span: Span) -> Diagnostic:
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{estimator}` compares variables of one shape: {_listed(inputs, shapes)}",
        span=span,
        label="of different shapes",
        remedy="let the encoders of both end in the same width",
    )


def _have_widths(widths: Widths, shapes: Sequence[Shape]) -> bool:
    """Whether rows have the widths that an estimator takes; that of a map is its number of channels."""
    found = [shape[0] if len(shape) == 3 else shape[-1] for shape in shapes]
    match widths:
        case Widths.ANY:
            return True
        case Widths.ONE:
            return len(set(found)) == 1
        case Widths.SIDE_BY_SIDE:
            *others, last = found
            return len(set(others)) == 1 and last == sum(others)
        case _:
            assert_never(widths)


def _of_other_widths(entry: EstimatorEntry, inputs: Sequence[str], shapes: Sequence[Shape], span: Span) -> Diagnostic:
    if entry.widths is Widths.ONE or len(shapes) == 2:
        takes, remedy = "compares variables of one width", "let the encoders of all end in the same width"
    else:
        takes = "takes variables of one width, and last their counterparts side by side"
        remedy = "let all encoders end in the same width, and give as many on either side of the `;`"
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{entry.name}` {takes}: {_listed(inputs, shapes)}",
        span=span,
        label="of other widths",
        remedy=remedy,
    )


def _listed(inputs: Sequence[str], shapes: Sequence[Shape]) -> str:
    plain = [name.rpartition("(")[2].rstrip(")") if name.count("(") == 1 else name for name in inputs]
    *others, last = (f"`{name}` is {describe(shape)}" for name, shape in zip(plain, shapes, strict=True))
    return f"{', '.join(others)} and {last}"


def _no_rows(estimator: str, inputs: Sequence[str], shapes: Sequence[Shape], span: Span) -> Diagnostic:
    name, shape = next((n, s) for n, s in zip(inputs, shapes, strict=True) if len(s) != 1)
    plain = name.rpartition("(")[2].rstrip(")") if name.count("(") == 1 else name
    return Diagnostic(
        slug="shape-mismatch",
        title=f"`{estimator}` takes vectors, and `{plain}` is {describe(shape)}",
        span=span,
        label="no vector",
        remedy="encode it first: `flatten()` takes all its entries, `pool()` their mean over positions",
    )


def _abstract_module(network: Network) -> Diagnostic:
    what = "decoder" if network.kind is ChannelKind.DECODER else "encoder"
    example = "= gaussian(mlp(512), var: 1)" if network.is_density else "= mlp(512, 128)"
    return Diagnostic(
        slug="abstract-module",
        title=f"the {what} `{network.name}` has no module, so it can be checked and drawn but not compiled",
        span=network.span,
        label="no `= MODULE`",
        remedy=f"add one, for example `{example}`",
    )

"""The file as a whole: header, imports, the method as a module, and the pieces of the package that it needs."""

from collections.abc import Iterator
from pathlib import PurePath

from torch import nn

from mvib.compile.emission.context import Context, is_attribute
from mvib.compile.emission.estimates import EstimateWriter, selected_names
from mvib.compile.emission.expressions import literal
from mvib.compile.emission.library import Library
from mvib.compile.emission.names import ATTRIBUTES, Names, identifier
from mvib.compile.emission.networks import auxiliary_lines, network_lines
from mvib.compile.emission.probe import probe
from mvib.compile.emission.steps import StepWriter, placed_names, used_names
from mvib.compile.emission.terms import TermWriter
from mvib.compile.emission.text import call, comment, inside_docstring, quoted
from mvib.compile.model import CompiledModel
from mvib.driver import Analysis
from mvib.nn.learned_number import LearnedNumber
from mvib.nn.memory import MovingAverage, Queue, Remembering, RunningCovariance, RunningMoment
from mvib.nn.mixture import LearnedMixture
from mvib.nn.shapes import Shape
from mvib.plan.plan import Auxiliary, Estimate, Given, Network
from mvib.semantics.method import Gradient, Method
from mvib.semantics.values import BoundCall, Named, Operation, Scalar, Scheduled, is_constant, scalar_text
from mvib.syntax.formatter import format_spec
from mvib.version import __version__

_INDENT = 8
_OWN = frozenset({"networks", "objective", "steps", "progress", "num_steps_taken"})
_METHODS = frozenset({"encode", "set_progress", "after_step"})
# Local names of the written functions, which no variable of a spec may take.
_LOCALS = frozenset({"batch", "losses", "terms", "loss", "state", "Tensor", "F", "math", "np"})


def emit_source(analysis: Analysis, model: CompiledModel) -> str:
    """Write a compiled method as one file of Python that needs torch (and for some methods numpy), and not mvib.

    Its module has the parameters of the model under the same names, draws the same random numbers in the same order,
    and gives the same loss. It knows one process.

    Args:
        analysis: of the spec.
        model: compiled from it.

    Raises:
        EmissionError: the method needs something that cannot be written in such a file.
    """
    method = analysis.method
    assert method is not None
    backbone = method.settings.get("backbone")
    assert backbone is None or isinstance(backbone, BoundCall)
    name = identifier(method.name)
    name = name if name not in {"Tensor", "torch", "nn"} else f"{name}Method"
    seen = probe(model)
    hidden = avoided = frozenset[str]()
    # Once to find out what is needed; then with names that do not hide it from each other.
    for _ in range(3):
        library = Library(Names({name}), avoided)
        context = Context(
            model=model,
            backbone=backbone,
            probe=seen,
            library=library,
            attributes=Names(ATTRIBUTES | _OWN | _METHODS | hidden),
            parameters={},
            kept=[],
        )
        text = _module(context, method, name, hidden)
        hidden, avoided = hidden | library.names.given, library.local_names()
    imports = f"{_header(method, analysis, model)}\n\n{library.imports()}"
    return "\n\n\n".join(part for part in (imports, text, library.sections()) if part) + "\n"


def _header(method: Method, analysis: Analysis, model: CompiledModel) -> str:
    """Docstring with citation and provenance, and the spec itself."""
    about = f" {inside_docstring(method.about)}" if method.about else ""
    lines = [f'"""{inside_docstring(method.name)}:{about}' if about else f'"""{inside_docstring(method.name)}.']
    if method.citations:
        lines.append("")
    for citation in method.citations:
        where = [f"arXiv:{citation.arxiv}"] if citation.arxiv else []
        where += [f"doi:{citation.doi}"] if citation.doi else []
        lines.append(inside_docstring(". ".join([citation.text, *where])))
    origin = inside_docstring(PurePath(analysis.source.name).name)
    lines += [
        "",
        f"Written by `mvib compile --emit python` (mvib {__version__}) from {origin}, which stands below.",
        f"It was made for examples {inside_docstring(', '.join(_data(model)))}.",
        "It needs torch (where it is imported, numpy too), and no mvib.",
        "The parameters have the names that they have in a checkpoint of mvib, so that its weights load.",
        "One process: in a distributed run every process has the loss of its own part of the batch.",
        '"""',
        "",
    ]
    for line in format_spec(method.spec).rstrip("\n").split("\n"):
        lines += comment(line, wrap=False)
    return "\n".join(lines) + "\n\nfrom __future__ import annotations"


def _data(model: CompiledModel) -> Iterator[str]:
    """What the data variables look like."""
    for name, (kind, _) in model.plan.data.items():
        classes, shape = model.classes.get(name), model.shapes.get(name)
        if classes is not None:
            yield f"{name}: {kind} of {classes} classes"
        elif shape is not None:
            yield f"{name}: {kind} of {' x '.join(map(str, shape))}"


# ---- the module --------------------------------------------------------------------------------------------------


def _module(context: Context, method: Method, name: str, hidden: frozenset[str]) -> str:
    library = context.library
    library.external("torch")
    library.external("torch", "nn")
    library.external("torch", "Tensor")
    mapping = library.external("collections.abc", "Mapping")
    # First what is computed: it finds out which parameters of the spec are used.
    forward, of_terms = _forward(context, method, hidden)
    after = list(_after_step(context, of_terms))
    progress = list(_set_progress(context))
    built = list(_networks(context, method))
    encode = list(_encode(context, hidden))
    schedules = list(_schedules(context))
    arguments = [*context.parameter_signature(), "steps: int | None = None"]
    lines = [f"class {name}(nn.Module):"]
    lines += [f'    """{inside_docstring(method.about) or inside_docstring(method.name)}', ""]
    lines += ["    Attributes:", "        networks: those of the spec, by name."]
    lines += ["        objective: what belongs to the estimators: critics, learned numbers, and what they remember."]
    lines += ["        progress: of training, from 0 to 1; schedules follow it.", '    """', ""]
    lines += [call("__init__", ["self", "*", *arguments], indent=4, before="def ", after=" -> None:")]
    lines += ['        """Build the networks; `steps` is the number of training steps, over which schedules run."""']
    lines += ["        super().__init__()"]
    for parameter, value in context.parameters.items():
        if is_constant(value):
            attribute = context.attributes.of(parameter, parameter)
            lines.append(f"        self.{attribute} = {attribute}")
    lines += ["        self.steps = steps", "        self.num_steps_taken = 0", "        self.progress = 0.0"]
    lines += built
    lines += [f"        self.{kept}: Tensor | None = None" for kept in context.kept]
    if progress:
        lines.append("        self.set_progress(0.0)")
    lines += ["", *schedules]
    lines += [f"    def forward(self, batch: {mapping}[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:"]
    lines += ['        """The loss of a batch, data variables by name, and the estimate of each term.', ""]
    lines += [
        "        The loss leaves out what depends on no parameter, `constant_of_...`; the estimates have it in them."
    ]
    lines += ['        """']
    lines += forward
    lines += [""]
    if encode:
        lines += [*encode, ""]
    lines += ["    def set_progress(self, progress: float) -> None:"]
    lines += ['        """Set what schedules follow, between 0 and 1."""']
    lines += ["        self.progress = min(1.0, max(0.0, progress))", *progress, ""]
    lines += ["    def after_step(self) -> None:"]
    lines += ['        """Call after every step of the optimizer."""', *after]
    lines += ["        self.num_steps_taken += 1", "        if self.steps is not None:"]
    lines += ["            self.set_progress(self.num_steps_taken / self.steps)", ""]
    lines += ["    def get_extra_state(self) -> Tensor:"]
    lines += ['        """The number of steps taken, so that a checkpoint holds the place in all schedules."""']
    lines += ["        return torch.tensor(self.num_steps_taken, dtype=torch.int64)", ""]
    lines += ["    def set_extra_state(self, state: Tensor) -> None:"]
    lines += ['        """Take up a number of steps from a checkpoint."""', "        self.num_steps_taken = int(state)"]
    lines += ["        if self.steps is not None:", "            self.set_progress(self.num_steps_taken / self.steps)"]
    return "\n".join(lines)


def _schedules(context: Context) -> Iterator[str]:
    """A property for each parameter of the spec that follows a schedule."""
    done: set[str] = set()
    while names := [n for n, v in context.parameters.items() if n not in done and not is_constant(v)]:
        for name in names:
            done.add(name)
            value = context.parameters[name]
            attribute = context.attributes.of(name, name)
            yield "    @property"
            yield f"    def {attribute}(self) -> float:"
            follows = inside_docstring(scalar_text(value))
            yield f'        """{follows}, at the present progress."""'
            yield f"        return {context.scalar(value)}"
            yield ""


def _networks(context: Context, method: Method) -> Iterator[str]:
    """The lines that build everything that has weights or remembers, in the order in which mvib does."""
    model = context.model
    yield f"{' ' * _INDENT}self.networks = nn.Module()"
    for network in model.plan.networks:
        yield from network_lines(context, network, _declaration(method, network))
    yield f"{' ' * _INDENT}self.objective = nn.Module()"
    yield f"{' ' * _INDENT}self.objective.auxiliaries = nn.Module()"
    done: set[str] = set()
    for auxiliary, shapes in _auxiliaries(context):
        if auxiliary.name not in done:
            done.add(auxiliary.name)
            yield from comment(f"{auxiliary.call.text()}, of the estimator", indent=_INDENT)
            yield from auxiliary_lines(context, auxiliary, shapes)
    for key, prior in model.objective.priors.items():
        assert isinstance(prior, LearnedMixture)
        words = [literal(tuple(prior.event)), f"components={len(prior.logits)}"]
        yield from _kept(context, "priors", key, "mvib.nn.mixture:LearnedMixture", words)
    for key, learned in model.objective.learned.items():
        assert isinstance(learned, LearnedNumber)
        yield from _kept(context, "learned", key, "mvib.nn.learned_number:LearnedNumber", _learned_words(context, key))
    for key, memory in model.objective.memories.items():
        match memory:
            case Queue():
                words = [f"size={len(memory.memory)}", f"width={memory.memory.shape[1]}"]
            case MovingAverage():
                words = [literal(memory.weight)]
            case RunningMoment() | RunningCovariance():
                words = [f"width={len(memory.covariance)}", f"momentum={literal(memory.momentum)}"]
            case _:
                raise AssertionError(memory)
        yield from _kept(context, "memories", key, f"mvib.nn.memory:{type(memory).__name__}", words)


def _declaration(method: Method, network: Network) -> str:
    """The statement of the spec that declares a network."""
    at = network.span
    for statement in method.spec.statements:
        span = statement.span
        if span.source is at.source and span.start <= at.start and at.end <= span.end:
            return span.text
    return at.text


def _kept(context: Context, owner: str, key: str, path: str, words: list[str]) -> Iterator[str]:
    container = getattr(context.model.objective, owner)
    if next(iter(container)) == key:
        yield f"{' ' * _INDENT}self.objective.{owner} = nn.ModuleDict()"
    before = f"self.objective.{owner}[{quoted(key)}] = "
    yield call(context.library.path(path), words, indent=_INDENT, before=before)


def _learned_words(context: Context, key: str) -> list[str]:
    """How a learned number starts: the spec says it, since the model may be trained."""
    for term in context.model.plan.terms:
        bound = term.estimates[0].call
        for name, value in bound.arguments if bound is not None else ():
            if f"{term.label}.{name}".replace(".", "_") == key:
                start, positive, least = (getattr(value, word) for word in ("start", "positive", "least"))
                return [literal(start), f"positive={positive}", f"least={literal(least)}"]
    raise AssertionError(key)


def _auxiliaries(context: Context) -> Iterator[tuple[Auxiliary, tuple[Shape, Shape | None]]]:
    shapes = context.model.shapes
    for term in context.model.plan.terms:
        for estimate in term.estimates:
            auxiliary = estimate.auxiliary
            if auxiliary is not None:
                first = shapes[estimate.inputs[0]]
                yield auxiliary, (first, shapes[estimate.inputs[1]] if auxiliary.second else None)


# ---- what it does ------------------------------------------------------------------------------------------------


def _forward(context: Context, method: Method, hidden: frozenset[str]) -> tuple[list[str], list[str]]:
    """The lines of `forward`, and what it leaves for the end of a step."""
    plan = context.model.plan
    of_terms = {name for term in plan.terms for estimate in term.estimates for name in _names_of(estimate)}
    wanted = used_names(plan.steps) | of_terms
    steps = StepWriter(
        context=context,
        names=Names(hidden | _LOCALS),
        wanted=wanted,
        indent=_INDENT,
        placed=placed_names(plan.steps),
    )
    # The variables come by their names before anything that is made of them.
    lines = list(steps.lines(plan.steps))
    lines += ["", f"{' ' * _INDENT}losses: list[Tensor] = []", f"{' ' * _INDENT}terms: dict[str, Tensor] = {{}}"]
    batch = "len(next(iter(batch.values())))"
    estimates = EstimateWriter(context=context, steps=steps, selected=selected_names(plan.steps))
    writer = TermWriter(context=context, steps=steps, estimates=estimates, batch=batch)
    by_label = {term.label: term for term in method.terms}
    comments = {id(s.span): [c.text for c in s.comments] for s in method.spec.statements}
    for term in plan.terms:
        spec = by_label.get(term.label)
        lines += writer.lines(term, spec, comments.get(id(spec.span), []) if spec is not None else [])
    lines += ["", f"{' ' * _INDENT}loss = torch.stack(losses).sum()", f"{' ' * _INDENT}return loss, terms"]
    return lines, estimates.after


def _names_of(estimate: Estimate) -> set[str]:
    named = {value for _, value in estimate.variables}
    return {*estimate.inputs, estimate.density, estimate.reference, estimate.label, estimate.weight, *named} - {""}


def _encode(context: Context, hidden: frozenset[str]) -> Iterator[str]:
    """The lines of `encode`; none where the method represents nothing."""
    readout = context.model.plan.representation
    if not readout.results:
        return
    names = Names(hidden | _LOCALS)
    given = frozenset(step.result for step in readout.steps if isinstance(step, Given))
    steps = StepWriter(
        context=context,
        names=names,
        wanted=used_names(readout.steps) | set(readout.results),
        indent=_INDENT + 4,
        placed=placed_names(readout.steps),
        arguments=given,
    )
    arguments = [f"{steps.value(name)}: Tensor" for name in readout.inputs]
    mode = context.library.path("mvib.compile.model:evaluation_mode")
    yield f"    def encode(self, {', '.join(arguments)}) -> Tensor:"
    yield '        """The representation of examples as they are: no view is drawn, and a density gives its mean."""'
    yield f"        with {mode}(self):"
    yield from steps.lines(readout.steps)
    results = [steps.value(name) for name in readout.results]
    if len(results) == 1:
        yield f"        return {results[0]}"
    else:
        yield f"        return torch.cat([{', '.join(f'{result}.flatten(1)' for result in results)}], dim=1)"


def _set_progress(context: Context) -> Iterator[str]:
    """Arguments of networks that follow a schedule."""
    for network in context.model.plan.networks:
        if network.call is None or network.gradient is not Gradient.TRAINED:
            continue
        net = dict(network.call.arguments).get("net") if network.is_density else network.call
        if not isinstance(net, BoundCall):
            continue
        trunk = getattr(context.model.networks[network.name], "trunk", None)
        owner = context.network(network.name) + (".trunk" if isinstance(trunk, nn.Module) else "")
        for name, value in net.arguments:
            if isinstance(value, Named | Operation | Scheduled) and not is_constant(value):
                yield f"{' ' * _INDENT}{owner}.{name} = {context.scalar(value)}"


def _after_step(context: Context, of_terms: list[str]) -> Iterator[str]:
    """Momentum copies move, what remembers takes up the step, learned numbers return to their range."""
    model, margin = context.model, " " * _INDENT
    for network in model.plan.networks:
        if network.gradient is Gradient.MOMENTUM:
            assert network.call is not None
            momentum: Scalar = network.call["momentum"]  # type: ignore[assignment]
            source = context.network(network.origin)
            yield f"{margin}{context.network(network.name)}.update({source}, {context.scalar(momentum)})"
    for path, module in model.networks.named_modules():
        if isinstance(module, Remembering):
            yield f"{margin}{_below('self.networks', path)}.after_step()"
    for key in model.objective.learned:
        yield f"{margin}self.objective.learned[{quoted(key)}].restrict()"
    yield from of_terms


def _below(owner: str, path: str) -> str:
    parts = path.split(".")
    if all(is_attribute(part) for part in parts):
        return ".".join([owner, *parts])
    return f"{owner}.get_submodule({literal(path)})"

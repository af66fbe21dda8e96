"""One estimate as lines of Python, as `mvib.compile.estimator` makes it."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field

from mvib.catalogue.signature import EstimatorEntry, Interface, is_learned_prior
from mvib.compile.emission.context import Context
from mvib.compile.emission.expressions import literal
from mvib.compile.emission.networks import is_usual, prior_call
from mvib.compile.emission.steps import StepWriter
from mvib.compile.emission.text import call, quoted
from mvib.compile.networks import import_object, python_arguments
from mvib.nn.distributions import Distribution, has_closed_form
from mvib.nn.memory import MovingAverage, Queue
from mvib.plan.plan import Estimate, Select, SelectDensity, Step
from mvib.semantics.values import (
    BoundCall,
    Constant,
    Learned,
    Named,
    Operation,
    Scheduled,
)

INDENT = 8
_RUNTIME = "mvib.compile.emission.runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An estimate: the lines that prepare it, its value, and what the loss leaves out of it and adds to it.

    Attributes:
        lines: before.
        value: expression of the estimate.
        constant: expression of the part that depends on no parameter, empty for none.
        fit: expression of the fit of its auxiliary density, empty for none.
        rows: expression of its number of examples.
        guard: a condition without which it says nothing, empty where there is none.
        otherwise: expression of its value then.
    """

    lines: tuple[str, ...]
    value: str
    constant: str = ""
    fit: str = ""
    rows: str
    guard: str = ""
    otherwise: str = ""


@dataclass(slots=True, kw_only=True)
class EstimateWriter:
    """Writes estimates behind the steps of a plan.

    Attributes:
        context: of the file.
        steps: writer of the steps, whose local names the estimates use.
        selected: names of values that hold a part of the batch.
        after: lines of `after_step` that the estimates leave.
    """

    context: Context
    steps: StepWriter
    selected: frozenset[str]
    after: list[str] = field(default_factory=list)

    def write(self, estimate: Estimate, index: int, term: str) -> Written:
        """An estimate, with a guard where it is about a part of the batch.

        Args:
            estimate: of the plan.
            index: among those of its term.
            term: local name of the term.
        """
        found = self._by_interface(estimate, index, term)
        if not self.selected & {*estimate.inputs, estimate.density, estimate.reference}:
            return found
        least = 2 if estimate.entry is not None and estimate.entry.couples_batch else 1
        densities = [name for name in (estimate.density, estimate.reference) if name]
        everything = [*map(self.steps.value, estimate.inputs), *(f"{self.steps.density(d)}.mean" for d in densities)]
        number = f"len({self.steps.value(estimate.inputs[0])})"
        guard = f"{number} >= {least}"
        otherwise = f"{self._helper('nothing')}({', '.join(everything)})"
        return Written(
            lines=found.lines,
            value=found.value,
            constant=found.constant,
            fit=found.fit,
            rows=number if least == 1 else f"({number} if {guard} else 0)",
            guard=guard,
            otherwise=otherwise,
        )

    def _helper(self, name: str) -> str:
        return self.context.library.piece(_RUNTIME, name)

    def _by_interface(self, estimate: Estimate, index: int, term: str) -> Written:
        entry = estimate.entry
        inputs = [self.steps.value(name) for name in estimate.inputs]
        rows = f"len({inputs[0]})"
        if entry is None:
            return self._log_likelihood(estimate, inputs[0], rows)
        match entry.interface:
            case Interface.RATE:
                return self._rate(estimate, entry, inputs, rows)
            case Interface.CONDITIONAL:
                return self._conditional(estimate, entry, inputs, term)
            case Interface.DISCRIMINATOR:
                return self._discriminated(estimate, entry, inputs[0], rows, term)
            case _ if estimate.auxiliary is not None:
                return self._scored(estimate, entry, inputs, rows, term)
            case _:
                return self._from_rows(estimate, entry, inputs, rows, index, term)

    def _weight(self, estimate: Estimate) -> list[str]:
        return [f"weights={self.steps.value(estimate.weight)}.flatten()"] if estimate.weight else []

    def _log_likelihood(self, estimate: Estimate, target: str, rows: str) -> Written:
        density = self.steps.density(estimate.density)
        function = self.context.library.path("mvib.estimators.barber_agakov:barber_agakov")
        likelihood = _inline(function, [density, target, *self._weight(estimate)])
        fixed = (
            ""
            if estimate.weight or not self._overrides(estimate.density, "fixed_log_prob")
            else (f"{density}.fixed_log_prob()")
        )
        if not estimate.is_information:
            return Written(lines=(), value=f"-{likelihood}", constant=f"-{fixed}" if fixed else "", rows=rows)
        classes = self.context.model.classes.get(estimate.label.partition("{")[0]) if estimate.label else None
        if classes is None:
            return Written(lines=(), value=likelihood, constant=fixed, rows=rows)
        entropy = self.context.library.path("mvib.estimators.label_entropy:label_entropy")
        local = self.steps.names.of(("entropy", estimate.label), f"entropy_of_{estimate.label}")
        labels = self.steps.value(estimate.label)
        made = f"{' ' * INDENT}{local} = {entropy}({labels}, classes={classes}).to({self._dtype(density)})"
        return Written(lines=(made,), value=f"{likelihood} + {local}", constant=local, rows=rows)

    def _dtype(self, density: str) -> str:
        return f"{density}.mean.dtype"

    def _overrides(self, density: str, member: str) -> bool:
        """Whether a density has something of its own in the place of a zero."""
        found = self.context.probe.densities.get(density)
        return found is None or getattr(type(found), member, None) is not getattr(Distribution, member)

    def _rate(self, estimate: Estimate, entry: EstimatorEntry, inputs: list[str], rows: str) -> Written:
        posterior = self.steps.density(estimate.density)
        prior: object = None
        if estimate.reference:
            reference = self.steps.density(estimate.reference)
        else:
            assert estimate.prior is not None
            learned = self._learned_prior(estimate)
            if learned:
                prior, reference = self.context.model.objective.priors[self._prior_key(estimate)](), f"{learned}()"
            else:
                prior = import_object(estimate.prior.entry.implementation)(**python_arguments(estimate.prior))
                reference = prior_call(self.context, estimate.prior)
        posterior_seen = self.context.probe.densities[estimate.density]
        is_analytic = isinstance(prior, Distribution) and has_closed_form(posterior_seen, prior)
        given = self._keywords(estimate, entry)
        form = given.pop("form", quoted("analytic" if is_analytic else "sampled"))
        words = [f"{name}={value}" for name, value in given.items()]
        words += [f"sample={inputs[0]}", f"form={form}", *self._weight(estimate)]
        value = _inline(self._function(estimate, entry), [posterior, reference, *words])
        if form != quoted("sampled") or estimate.weight:
            return Written(lines=(), value=value, rows=rows)
        parts = [posterior] if self._overrides(estimate.density, "left_out") else []
        dropped = f"{parts[0]}.left_out" if parts else ""
        has_own = self._overrides(estimate.reference, "left_out") if estimate.reference else _has_own(prior)
        if has_own:
            dropped = f"{dropped or '0.0'} - {reference}.left_out"
        # What the densities leave out of themselves depends on no parameter.
        return Written(lines=(), value=f"{value} + ({dropped})" if dropped else value, constant=dropped, rows=rows)

    def _conditional(self, estimate: Estimate, entry: EstimatorEntry, inputs: list[str], term: str) -> Written:
        condition, target = inputs
        fitted = estimate.auxiliary
        words = self._words(estimate, entry)
        rows = f"len({condition})"
        if fitted is None:
            return self._finished(estimate, entry, [self.steps.density(estimate.density), target], words, rows)
        likelihood = self.context.library.path("mvib.estimators.barber_agakov:barber_agakov")
        network, taken = self._taken(fitted.name)
        fit = self._local(estimate, "fit", f"fit_of_{term}")
        density = self._local(estimate, "density", f"q_{target}_given_{condition}")
        frozen = f"{self._helper('with_frozen_weights')}({network}, {condition})"
        margin = " " * INDENT
        # In the order of the compiled model: the fit first, which moves the statistics of normalisation layers.
        lines = (
            taken,
            f"{margin}{fit} = -{likelihood}({network}({condition}.detach()), {target}.detach())",
            f"{margin}{density} = {frozen}",
        )
        found = self._finished(estimate, entry, [density, target], words, rows)
        return Written(lines=lines, value=found.value, constant=found.constant, fit=fit, rows=rows)

    def _discriminated(self, estimate: Estimate, entry: EstimatorEntry, tensor: str, rows: str, term: str) -> Written:
        assert estimate.auxiliary is not None
        network, taken = self._taken(estimate.auxiliary.name)
        fitting = self.context.library.path(entry.fit)
        drawn = self._local(estimate, "drawn", f"drawn_for_{tensor}")
        fit = self._local(estimate, "fit", f"fit_of_{term}")
        scores = self._local(estimate, "scores", f"scores_of_{tensor}")
        margin = " " * INDENT
        frozen = f"{self._helper('with_frozen_weights')}({network}, {tensor}, keep_statistics=True)"
        lines = (
            taken,
            f"{margin}{drawn} = {self._drawn(estimate, tensor)}",
            f"{margin}{fit} = {fitting}({network}({drawn}), {network}({tensor}.detach()))",
            f"{margin}{scores} = {frozen}",
        )
        found = self._finished(estimate, entry, [scores], self._words(estimate, entry), rows)
        return Written(lines=lines, value=found.value, constant=found.constant, fit=fit, rows=rows)

    def _local(self, estimate: Estimate, what: str, text: str) -> str:
        return self.steps.names.of((what, estimate.name), text)

    def _taken(self, auxiliary: str) -> tuple[str, str]:
        """A short local name of an auxiliary network, and the line that gives it."""
        local = self.steps.names.of(("auxiliary", auxiliary), auxiliary)
        return local, f"{' ' * INDENT}{local} = {self.context.auxiliary(auxiliary)}"

    def _drawn(self, estimate: Estimate, rows: str) -> str:
        """As many rows from the prior as there are examples."""
        assert estimate.prior is not None
        learned = self._learned_prior(estimate)
        if learned:
            return f"{learned}.draw(tuple({rows}.shape), like={rows})"
        return f"{prior_call(self.context, estimate.prior)}.draw(tuple({rows}.shape), like={rows}).detach()"

    def _learned_prior(self, estimate: Estimate) -> str:
        """Where the module has the prior of an estimate, empty where that has no parameters."""
        if estimate.prior is None or not is_learned_prior(estimate.prior.entry):
            return ""
        return f"self.objective.priors[{quoted(self._prior_key(estimate))}]"

    def _prior_key(self, estimate: Estimate) -> str:
        terms = self.context.model.plan.terms
        return next(t.label for t in terms if any(e is estimate for e in t.estimates)).replace(".", "_")

    def _scored(self, estimate: Estimate, entry: EstimatorEntry, inputs: list[str], rows: str, term: str) -> Written:
        assert estimate.auxiliary is not None
        assert estimate.call is not None
        negatives = "roll" if dict(estimate.call.arguments).get("negatives") == "roll" else "all"
        pairs = self.context.library.path("mvib.compile.negatives:score_pairs")
        alone = self.context.library.path("mvib.estimators.ranks:ALONE")
        critic, taken = self._taken(estimate.auxiliary.name)
        scores = self._local(estimate, "scores", f"scores_of_{term}")
        arguments = [critic, *inputs, f"negatives={quoted(negatives)}", f"ranks={alone}"]
        lines = [taken, call(pairs, arguments, indent=INDENT, before=f"{scores} = ")]
        words = self._words(estimate, entry)
        key, memory = self._memory(estimate)
        if isinstance(memory, MovingAverage):
            averaged = self.context.library.path(entry.averaged)
            local = self._local(estimate, "normalizer", f"log_normalizer_of_{term}")
            lines.append(f"{' ' * INDENT}{local} = {key}.update({averaged}(*{scores}))")
            words.append(f"log_normalizer={local}")
        found = self._finished(estimate, entry, [f"*{scores}"], words, rows)
        return Written(lines=(*lines, *found.lines), value=found.value, constant=found.constant, rows=rows)

    def _memory(self, estimate: Estimate) -> tuple[str, object]:
        """Where the module keeps what an estimate remembers, and that."""
        key = estimate.name.replace(".", "_")
        memories = self.context.model.objective.memories
        found = memories[key] if key in memories else None  # noqa: SIM401 - a ModuleDict has no `get`
        return f"self.objective.memories[{quoted(key)}]", found

    def _from_rows(
        self, estimate: Estimate, entry: EstimatorEntry, inputs: list[str], rows: str, index: int, term: str
    ) -> Written:
        words = [*self._words(estimate, entry)]
        named = [f"{name}={self.steps.value(value)}" for name, value in estimate.variables]
        margin = " " * INDENT
        lines: list[str] = []
        given = list(inputs)
        if estimate.prior is not None:
            drawn = self._local(estimate, "drawn", f"drawn_for_{inputs[0]}")
            lines.append(f"{margin}{drawn} = {self._drawn(estimate, inputs[0])}")
            given.append(drawn)
        if entry.drawn_once:
            line, shared = self._shared(estimate, entry, inputs[0])
            lines += line
            words = [*(word for word in words if word.partition("=")[0] not in self._draw_words(entry)), f"**{shared}"]
        key, memory = self._memory(estimate)
        if memory is None:
            found = self._finished(estimate, entry, given, [*words, *named], rows)
        elif isinstance(memory, Queue):
            kept = self.context.attributes.of(
                ("keys", estimate.name), f"keys_of_{term}_{index}" if index else f"keys_of_{term}"
            )
            self.context.kept.append(kept)
            # Joined to the queue only after the step, or the positive would be among its own negatives.
            lines.append(f"{margin}if self.training:")
            lines.append(f"{margin}    self.{kept} = {inputs[1]}.detach()")
            self.after += [
                f"{margin}if self.{kept} is not None:",
                f"{margin}    {key}.push(self.{kept})",
                f"{margin}    self.{kept} = None",
            ]
            queue = f"queue={key}.rows().to({inputs[1]}.dtype)"
            found = self._finished(estimate, entry, given, [*words, queue], rows)
        else:
            local = self._local(estimate, "remembered", f"remembered_for_{term}")
            lines.append(f"{margin}{local} = {key}({', '.join(given)})")
            found = self._finished(estimate, entry, given, [*words, *named, f"**{local}"], rows)
        return Written(lines=(*lines, *found.lines), value=found.value, constant=found.constant, rows=rows)

    def _shared(self, estimate: Estimate, entry: EstimatorEntry, rows: str) -> tuple[list[str], str]:
        """The line that draws for all estimates of a term, at the first of them, and the name of what is drawn."""
        first = self.context.model.objective.draws[estimate.name]
        name = self.steps.names.of(("shared", first), f"drawn_for_{rows}")
        if first != estimate.name:
            return [], name
        taken = self._draw_words(entry)
        words = [word for word in self._words(estimate, entry) if word.partition("=")[0] in taken]
        function = self.context.library.path(entry.drawn_once)
        return [f"{' ' * INDENT}{name} = {function}({', '.join([rows, *words])})"], name

    def _draw_words(self, entry: EstimatorEntry) -> frozenset[str]:
        return frozenset(inspect.signature(import_object(entry.drawn_once)).parameters)

    # ---- the call of an implementation -----------------------------------------------------------------------------

    def _finished(
        self, estimate: Estimate, entry: EstimatorEntry, inputs: list[str], words: list[str], rows: str
    ) -> Written:
        function = self._function(estimate, entry)
        constant = entry.constant_with_critic if _has_critic(estimate, entry) else entry.constant
        value = _inline(function, [*inputs, *words])
        fixed = _inline(self.context.library.path(constant), [*inputs, *words]) if constant else ""
        return Written(lines=(), value=value, constant=fixed, rows=rows)

    def _function(self, estimate: Estimate, entry: EstimatorEntry) -> str:
        return self.context.library.path(_path(estimate, entry))

    def _words(self, estimate: Estimate, entry: EstimatorEntry) -> list[str]:
        return [f"{name}={value}" for name, value in self._keywords(estimate, entry).items()]

    def _keywords(self, estimate: Estimate, entry: EstimatorEntry) -> dict[str, str]:
        """Arguments of the implementation, as `mvib.compile.estimator` binds them."""
        if estimate.call is None:
            return {}
        accepted = inspect.signature(import_object(_path(estimate, entry))).parameters
        given = python_arguments(estimate.call)
        keywords: dict[str, str] = {}
        for name, value in estimate.call.arguments:
            key = name if name in given else f"{name}_"
            if key not in given or key not in accepted:
                continue
            # The form of a rate has a default of its own: that of its densities.
            if key != "form" and is_usual(value, given[key], accepted[key].default):
                continue
            match value:
                case Learned():
                    keywords[key] = f"self.objective.learned[{quoted(self._learned_key(estimate, name))}]()"
                case BoundCall() if name == "reference":
                    pass
                case BoundCall():
                    # A word that stands for something the estimator keeps: `queue(4096)` reaches it as "queue".
                    keywords[key] = quoted(value.name)
                case Named() | Operation() | Scheduled() | Constant():
                    keywords[key] = self.context.scalar(value)
                case _:
                    keywords[key] = literal(given[key])
        return keywords

    def _learned_key(self, estimate: Estimate, name: str) -> str:
        term = next(t for t in self.context.model.plan.terms if estimate in t.estimates)
        return f"{term.label}.{name}".replace(".", "_")


def selected_names(steps: Sequence[Step]) -> frozenset[str]:
    """Names of values and densities that hold a part of the batch: those selected, and what is made of them."""
    found: set[str] = set()
    for step in steps:
        sources = {getattr(step, "source", ""), getattr(step, "density", ""), *getattr(step, "sources", ())}
        if isinstance(step, Select | SelectDensity) or sources & found:
            found.add(step.result)
    return frozenset(found)


def _path(estimate: Estimate, entry: EstimatorEntry) -> str:
    return entry.with_critic if _has_critic(estimate, entry) else entry.implementation_of(estimate.form)


def _has_critic(estimate: Estimate, entry: EstimatorEntry) -> bool:
    given = dict(estimate.call.arguments).get("critic") if estimate.call is not None else None
    return entry.interface is not Interface.CRITIC and isinstance(given, BoundCall)


def _has_own(prior: object) -> bool:
    return getattr(type(prior), "left_out", None) is not Distribution.left_out


def _inline(function: str, arguments: Sequence[str]) -> str:
    """A call behind an assignment, broken where it would be too long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= 90:
        return line
    margin = " " * INDENT
    return f"{function}(\n" + "".join(f"{margin}    {argument},\n" for argument in arguments) + f"{margin})"

"""One estimate of a plan with its implementation: what it is called with, what it keeps, and how it crosses ranks."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mvib.catalogue.signature import DistributionEntry, Interface, Reduction, is_learned_prior
from mvib.compile.execution import Networks, Tables
from mvib.compile.negatives import score_pairs
from mvib.compile.networks import import_object, python_arguments
from mvib.compile.number import Number
from mvib.estimators.barber_agakov import barber_agakov
from mvib.estimators.draws import rows_shared_by
from mvib.estimators.label_entropy import label_entropy
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks, offset_and_total
from mvib.nn.distributions import has_closed_form
from mvib.nn.learned_number import LearnedNumber
from mvib.nn.memory import MovingAverage, Queue
from mvib.nn.mixture import LearnedMixture
from mvib.nn.shapes import Shape
from mvib.plan.plan import Estimate
from mvib.semantics.values import BoundCall, Constant, Learned, Named, Operation, Scheduled, is_constant


@dataclass(frozen=True, slots=True)
class Estimated:
    """An estimate for one batch, the same on every rank.

    Attributes:
        value: the estimate of the quantity.
        constant: the part of it that depends on no parameter.
        fit: how badly the auxiliary density predicts, -E log q in nats; minimised beside the loss. None without one.
        count: number of examples of the global batch behind it; 0 where none has what it is about.
    """

    value: Tensor
    constant: Tensor | float = 0.0
    fit: Tensor | None = None
    count: int = 0


class Estimator:
    """One estimate of a plan. It looks up its implementation, and owns nothing that is saved."""

    def __init__(
        self,
        estimate: Estimate,
        *,
        auxiliaries: Networks,
        memory: nn.Module | None = None,
        learned: Mapping[str, LearnedNumber] | None = None,
        prior: LearnedMixture | None = None,
        classes: int | None = None,
        draw: str = "",
    ) -> None:
        """Look up the implementation.

        Args:
            estimate: of the plan.
            auxiliaries: critics and fitted densities by name.
            memory: what it keeps between batches, made by `build_memory`.
            learned: its arguments that are trained, by name.
            prior: its prior where that is trained, made by `build_prior`.
            classes: number of classes of the label, for the entropy that belongs to an estimate of I(Z; Y).
            draw: name of what it draws, which other estimates of the term may have too.
        """
        self.estimate = estimate
        self.auxiliaries = auxiliaries
        self.memory = memory
        self.classes = classes
        self.draw = draw
        self.share = float(estimate.share)
        self.scheduled: dict[str, Number] = {}
        self.prior: Any = prior
        self._arguments: dict[str, Any] = {}
        self._learned: dict[str, LearnedNumber] = {}
        self._keys: Tensor | None = None
        if estimate.entry is None or estimate.call is None:
            return
        entry = estimate.entry
        has_critic = entry.interface is not Interface.CRITIC and bool(_critic_call(estimate))
        path = entry.with_critic if has_critic else entry.implementation_of(estimate.form)
        self._function: Callable[..., Tensor] = import_object(path)
        constant = entry.constant_with_critic if has_critic else entry.constant
        self._constant = import_object(constant) if constant else None
        self._accepted = frozenset(inspect.signature(self._function).parameters)
        self._bind(estimate.call, learned or {})
        if estimate.prior is not None and prior is None:
            self.prior = import_object(estimate.prior.entry.implementation)(**python_arguments(estimate.prior))

    def _bind(self, call: BoundCall, learned: Mapping[str, LearnedNumber]) -> None:
        given = python_arguments(call)
        self._arguments = {name: value for name, value in given.items() if name in self._accepted}
        for name, value in call.arguments:
            key = name if name in given else f"{name}_"
            if key not in self._arguments:
                continue
            match value:
                case Named() | Operation() | Scheduled() | Constant() if not is_constant(value):
                    self.scheduled[key] = Number(value)
                case Learned():
                    self._learned[key] = learned[name]
                case BoundCall() if name == "reference":
                    del self._arguments[key]
                case BoundCall():
                    # A word that stands for something the estimator keeps: `queue(4096)` reaches it as "queue".
                    self._arguments[key] = value.name
                case _:
                    pass

    def keywords(self) -> dict[str, Any]:
        """Arguments of the implementation, at the present progress."""
        return {
            **self._arguments,
            **{name: number.tensor for name, number in self.scheduled.items()},
            **{name: number() for name, number in self._learned.items()},
        }

    def __call__(self, tables: Tables, drawn: dict[str, Mapping[str, Tensor]] | None = None) -> Estimated:
        """The estimate for a batch; every rank gets that of the global batch.

        Args:
            tables: with every value that it needs.
            drawn: what the other estimates of the term drew, by name; it adds its own. None for no others.
        """
        ranks, entry = tables.ranks, self.estimate.entry
        inputs = [tables.values[name] for name in self.estimate.inputs]
        num_rows = inputs[0].shape[0]
        least = 2 if entry is not None and entry.couples_batch else 1
        count = sum(ranks.counts(num_rows))
        if count < least:
            # No example of the batch has what the term is about: it says nothing for this step.
            return Estimated(self._nothing(tables, inputs))
        return replace(
            self._estimated(tables, inputs, self._shared(inputs[0], drawn if drawn is not None else {})), count=count
        )

    def _shared(self, rows: Tensor, drawn: dict[str, Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
        """What is drawn once for all estimates of the term."""
        if not self.draw:
            return {}
        if self.draw not in drawn:
            assert self.estimate.entry is not None
            function = import_object(self.estimate.entry.drawn_once)
            accepted = inspect.signature(function).parameters
            drawn[self.draw] = function(rows, **{n: v for n, v in self.keywords().items() if n in accepted})
        return drawn[self.draw]

    def _estimated(self, tables: Tables, inputs: list[Tensor], shared: Mapping[str, Tensor]) -> Estimated:
        entry, ranks = self.estimate.entry, tables.ranks
        num_rows = inputs[0].shape[0]
        if entry is None:
            return self._log_likelihood(tables, inputs[0])
        match entry.interface:
            case Interface.RATE:
                posterior = tables.densities[self.estimate.density]
                reference = tables.densities[self.estimate.reference] if self.estimate.reference else self._prior()
                # In closed form where there is one for a prior, unless the spec says which.
                is_analytic = not self.estimate.reference and has_closed_form(posterior, reference)
                form = self._arguments.get("form", "analytic" if is_analytic else "sampled")
                weights = {"weights": weight} if (weight := self._weight(tables)) is not None else {}
                found = self._finish([posterior, reference], num_rows, ranks, sample=inputs[0], form=form, **weights)
                # What the densities leave out of themselves depends on no parameter.
                dropped = posterior.left_out - reference.left_out if form == "sampled" and not weights else 0.0
                return Estimated(found.value + dropped, dropped)
            case Interface.CONDITIONAL:
                return self._conditional(tables, inputs)
            case Interface.DISCRIMINATOR:
                return self._discriminated(inputs[0], ranks)
            case _ if self.estimate.auxiliary is not None:
                return self._scored(inputs, ranks)
            case _:
                named = {name: tables.values[value] for name, value in self.estimate.variables}
                return self._from_rows(inputs, ranks, {**named, **shared})

    def _prior(self) -> Any:
        """The prior as it is at present."""
        return self.prior() if isinstance(self.prior, LearnedMixture) else self.prior

    def _weight(self, tables: Tables) -> Tensor | None:
        """One number an example, where the spec weighs them."""
        return tables.values[self.estimate.weight].flatten() if self.estimate.weight else None

    def _nothing(self, tables: Tables, inputs: list[Tensor]) -> Tensor:
        """Zero, as a sum over no examples, so that a backward pass finds what it expects."""
        names = [name for name in (self.estimate.density, self.estimate.reference) if name]
        means = [tables.densities[name].mean for name in names]
        return torch.stack([v[:0].float().sum() for v in (*inputs, *means)]).sum()

    def _finish(
        self,
        inputs: list[Any],
        num_rows: int,
        ranks: Ranks,
        *,
        fit: Tensor | None = None,
        **extra: Any,
    ) -> Estimated:
        """Call the implementation; one in which each example stands alone is averaged over ranks here."""
        keywords = {**self.keywords(), **extra}
        if "ranks" in self._accepted:
            keywords["ranks"] = ranks
        value = self._function(*inputs, **keywords)
        constant = self._constant(*inputs, **keywords) if self._constant is not None else 0.0
        if "ranks" not in self._accepted:
            assert self.estimate.entry is not None
            assert ranks.size == 1 or self.estimate.entry.reduction is Reduction.LOCAL
            value = mean_over_ranks(value, num_rows, ranks)
        return Estimated(value, constant, fit)

    def _from_rows(self, inputs: list[Tensor], ranks: Ranks, named: Mapping[str, Tensor]) -> Estimated:
        num_rows = inputs[0].shape[0]
        if self.prior is not None:
            inputs = [*inputs, self._drawn(inputs[0], ranks)]
        if self.memory is not None and not isinstance(self.memory, Queue):
            return self._finish(inputs, num_rows, ranks, **named, **self.memory(*inputs, ranks=ranks))
        if not isinstance(self.memory, Queue):
            return self._finish(inputs, num_rows, ranks, **named)
        if self.memory.training:
            # Joined to the queue only after the step, or the positive would be among its own negatives.
            self._keys = ranks.rows(inputs[1].detach())
        return self._finish(inputs, num_rows, ranks, queue=self.memory.rows().to(inputs[1].dtype))

    def _drawn(self, rows: Tensor, ranks: Ranks) -> Tensor:
        """As many rows from the prior as there are examples: those of this rank, out of one draw for all.

        The draw is that of rank 0, so that it is one even where the generators of the ranks have parted.
        """
        start, total = offset_and_total(rows.shape[0], ranks)
        with rows_shared_by(ALONE):
            if isinstance(self.prior, LearnedMixture):
                noise = self.prior.noise(total, like=rows)
                return self.prior.place(ranks.first(noise)[start : start + rows.shape[0]])
            drawn: Tensor = self.prior.draw((total, *rows.shape[1:]), like=rows)
        return ranks.first(drawn)[start : start + rows.shape[0]]

    def _scored(self, inputs: list[Tensor], ranks: Ranks) -> Estimated:
        assert self.estimate.auxiliary is not None
        assert self.estimate.call is not None
        critic = self.auxiliaries[self.estimate.auxiliary.name]
        negatives = dict(self.estimate.call.arguments).get("negatives")
        first, second = inputs
        scores = score_pairs(critic, first, second, negatives="roll" if negatives == "roll" else "all", ranks=ranks)
        extra = {}
        if isinstance(self.memory, MovingAverage):
            assert self.estimate.entry is not None
            log_mean = import_object(self.estimate.entry.averaged)(*scores, ranks=ranks)
            extra["log_normalizer"] = self.memory.update(log_mean)
        return self._finish(list(scores), first.shape[0], ranks, **extra)

    def _conditional(self, tables: Tables, inputs: list[Tensor]) -> Estimated:
        """From the encoder's density, or from one that is fitted in the same backward pass.

        The estimate's gradient does not reach the fitted density's weights, nor the fit's what it is fitted to: neither
        corrupts the other.
        """
        condition, target = inputs
        ranks = tables.ranks
        fitted = self.estimate.auxiliary
        if fitted is None:
            return self._finish([tables.densities[self.estimate.density], target], target.shape[0], ranks)
        network = self.auxiliaries[fitted.name]
        fit = -barber_agakov(network(condition.detach()), target.detach())
        frozen = {name: parameter.detach() for name, parameter in network.named_parameters()}
        density = functional_call(network, frozen, (condition,))
        rows = target.shape[0]
        return self._finish([density, target], rows, ranks, fit=mean_over_ranks(fit, rows, ranks))

    def _discriminated(self, rows: Tensor, ranks: Ranks) -> Estimated:
        """The discriminator is fitted in the same backward pass; neither gradient reaches the other's weights."""
        assert self.estimate.auxiliary is not None
        assert self.estimate.entry is not None
        network = self.auxiliaries[self.estimate.auxiliary.name]
        fit = import_object(self.estimate.entry.fit)(network(self._drawn(rows, ranks)), network(rows.detach()))
        frozen = {name: parameter.detach() for name, parameter in network.named_parameters()}
        # The statistics of its normalisation layers are those of its fit.
        frozen |= {name: buffer.clone() for name, buffer in network.named_buffers()}
        scores = functional_call(network, frozen, (rows,))
        num_rows = rows.shape[0]
        return self._finish([scores], num_rows, ranks, fit=mean_over_ranks(fit, num_rows, ranks))

    def _log_likelihood(self, tables: Tables, target: Tensor) -> Estimated:
        ranks = tables.ranks
        density = tables.densities[self.estimate.density]
        local = barber_agakov(density, target, weights=self._weight(tables))
        likelihood = mean_over_ranks(local, target.shape[0], ranks)
        fixed = likelihood.new_tensor(density.fixed_log_prob()) if self._weight(tables) is None else 0.0
        if not self.estimate.is_information:
            return Estimated(-likelihood, -fixed)
        if self.estimate.label and self.classes is not None:
            labels = tables.values[self.estimate.label]
            entropy = label_entropy(labels, classes=self.classes, ranks=ranks).to(likelihood.dtype)
            return Estimated(likelihood + entropy, entropy)
        return Estimated(likelihood, fixed)

    def after_step(self) -> None:
        """Remember what this batch leaves for the next ones."""
        if isinstance(self.memory, Queue) and self._keys is not None:
            self.memory.push(self._keys)
            self._keys = None


def _critic_call(estimate: Estimate) -> BoundCall | None:
    given = dict(estimate.call.arguments).get("critic") if estimate.call is not None else None
    return given if isinstance(given, BoundCall) else None


def build_prior(estimate: Estimate, shapes: Mapping[str, Shape]) -> LearnedMixture | None:
    """The prior of an estimate, made for the shape of what is compared with it; None for one without parameters."""
    prior = estimate.prior
    if prior is None or not is_learned_prior(prior.entry):
        return None
    assert isinstance(prior.entry, DistributionEntry)
    built: LearnedMixture = import_object(prior.entry.learned_prior)(
        shapes[estimate.inputs[0]], **python_arguments(prior)
    )
    return built


def build_memory(estimate: Estimate, width: int) -> nn.Module | None:
    """What an estimate keeps between batches: a queue of rows of a width, or a moving average; None for nothing."""
    arguments = dict(estimate.call.arguments) if estimate.call is not None else {}
    match arguments.get("negatives"):
        case BoundCall() as queue:
            built: nn.Module = import_object(queue.entry.implementation)(width=width, **python_arguments(queue))
            return built
        case _:
            pass
    if estimate.entry is not None and estimate.entry.memory:
        builder = import_object(estimate.entry.memory)
        accepted = inspect.signature(builder).parameters
        given = python_arguments(estimate.call) if estimate.call is not None else {}
        remembered: nn.Module = builder(
            width=width, **{name: value for name, value in given.items() if name in accepted and name != "width"}
        )
        return remembered
    weight = arguments.get("ema")
    return MovingAverage(weight.value) if isinstance(weight, Constant) else None

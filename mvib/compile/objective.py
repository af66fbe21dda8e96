"""The objective: estimates from tables of values, terms from estimates, the loss from terms."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mvib.catalogue.signature import Interface
from mvib.compile.execution import Networks, Tables
from mvib.compile.networks import import_object, python_arguments
from mvib.estimators.barber_agakov import barber_agakov
from mvib.estimators.label_entropy import label_entropy
from mvib.plan.plan import Estimate, PlannedTerm
from mvib.semantics.method import Direction
from mvib.semantics.values import Constant, Named, Operation, Scalar, Scheduled, is_constant, scalar_text, value_at

Scheduler = Callable[[str, Scalar], "Number"]


class Number:
    """A number of the objective; one that follows a schedule is a tensor, so that compiled graphs need not change."""

    def __init__(self, scalar: Scalar) -> None:
        """Start at the beginning of training."""
        self.scalar = scalar
        self.tensor = None if is_constant(scalar) else torch.tensor(value_at(scalar, 0.0), dtype=torch.float64)
        self.constant = value_at(scalar, 0.0)

    def set_progress(self, progress: float) -> None:
        """Follow the schedule."""
        if self.tensor is not None:
            self.tensor.fill_(value_at(self.scalar, progress))

    def times(self, value: Tensor) -> Tensor:
        """The product with a tensor, in the tensor's precision."""
        if self.tensor is not None:
            return value * self.tensor.to(value.dtype)
        return value if self.constant == 1 else value * self.constant


class Estimator:
    """One estimate of a plan with its implementation and arguments."""

    def __init__(self, estimate: Estimate, *, classes: int | None) -> None:
        """Look up the implementation.

        Args:
            estimate: of the plan.
            classes: number of classes of the label, for the entropy that belongs to an estimate of I(Z; Y).
        """
        self.estimate = estimate
        self.classes = classes
        self.share = float(estimate.share)
        self.function: Callable[..., Tensor] | None = None
        self.constant: Callable[..., Any] | None = None
        self.arguments: dict[str, Any] = {}
        self.scheduled: dict[str, Number] = {}
        self.prior: Any = None
        if estimate.entry is None or estimate.call is None:
            return
        self.function = import_object(estimate.entry.implementation)
        self.constant = import_object(estimate.entry.constant) if estimate.entry.constant else None
        accepted = set(inspect.signature(self.function).parameters)
        self.arguments = {
            k: v for k, v in python_arguments(estimate.call).items() if k in accepted and k != "reference"
        }
        for name, value in estimate.call.arguments:
            if isinstance(value, Named | Operation | Scheduled | Constant) and not is_constant(value):
                key = next(key for key in (name, f"{name}_") if key in self.arguments)
                del self.arguments[key]
                self.scheduled[key] = Number(value)
        if estimate.prior is not None:
            self.prior = import_object(estimate.prior.entry.implementation)(**python_arguments(estimate.prior))
        if estimate.entry.interface is Interface.RATE and "form" not in self.arguments:
            self.arguments["form"] = "analytic" if estimate.prior is not None else "sampled"

    def keywords(self) -> dict[str, Any]:
        """Arguments of the implementation, at the present progress."""
        return {**self.arguments, **{name: number.tensor for name, number in self.scheduled.items()}}

    def __call__(self, tables: Tables, critics: Networks) -> tuple[Tensor, Tensor | float]:
        """The estimate of the quantity, and the part of it that depends on no parameter."""
        estimate = self.estimate
        inputs = [tables.values[name] for name in estimate.inputs]
        entry = estimate.entry
        least = 2 if entry is not None and entry.couples_batch else 1
        if inputs[0].shape[0] < least:
            # No example of the batch has what the term is about: it says nothing for this step.
            return torch.zeros((), device=inputs[0].device), 0.0
        if entry is None or self.function is None:
            return self._log_likelihood(tables, inputs[0])
        match entry.interface:
            case Interface.RATE:
                posterior = tables.densities[estimate.density]
                reference = tables.densities[estimate.reference] if estimate.reference else self.prior
                return self.function(posterior, reference, sample=inputs[0], **self.keywords()), 0.0
            case Interface.CRITIC:
                assert estimate.critic is not None
                critic = critics[estimate.critic.name]
                first, second = inputs
                # One cyclic shift gives pairs of the product of marginals.
                scores = critic(first, second), critic(first.roll(1, dims=0), second)
                return self.function(*scores), 0.0
            case Interface.ROWS | Interface.LABELS:
                keywords = self.keywords()
                constant = self.constant(*inputs, **keywords) if self.constant is not None else 0.0
                return self.function(*inputs, **keywords), constant

    def _log_likelihood(self, tables: Tables, target: Tensor) -> tuple[Tensor, Tensor | float]:
        likelihood = barber_agakov(tables.densities[self.estimate.density], target)
        if not self.estimate.is_information:
            return -likelihood, 0.0
        if self.estimate.label and self.classes is not None:
            entropy = label_entropy(tables.values[self.estimate.label], classes=self.classes)
            return likelihood + entropy.to(likelihood.dtype), entropy.to(likelihood.dtype)
        return likelihood, 0.0


class Objective(nn.Module):
    """The terms of a method. It owns the critics of its estimators and nothing else that is trained."""

    def __init__(self, terms: Sequence[PlannedTerm], critics: Networks, classes: Mapping[str, int | None]) -> None:
        """Prepare every estimate.

        Args:
            terms: of the plan.
            critics: by name.
            classes: number of classes of the label variables by name.
        """
        super().__init__()
        self.critics = critics
        self._terms = [
            (
                term.label,
                1.0 if term.direction is Direction.MINIMIZE else -1.0,
                Number(term.weight),
                [Estimator(e, classes=classes.get(e.label.partition("{")[0])) for e in term.estimates],
            )
            for term in terms
        ]

    def set_progress(self, progress: float) -> None:
        """Let every number follow its schedule."""
        for number in self._numbers().values():
            number.set_progress(progress)

    def schedule_values(self) -> dict[str, float]:
        """Present values of the numbers that follow a schedule."""
        return {name: float(number.tensor) for name, number in self._numbers().items() if number.tensor is not None}

    def _numbers(self) -> dict[str, Number]:
        numbers = {}
        for label, _, weight, estimators in self._terms:
            if weight.tensor is not None:
                numbers[f"{label}.{scalar_text(weight.scalar)}"] = weight
            for index, estimator in enumerate(estimators):
                for name, number in estimator.scheduled.items():
                    numbers[f"{label}.{name}" if index == 0 else f"{label}.{index}.{name}"] = number
        return numbers

    def forward(self, tables: Tables) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss, estimate of each term, and the constant that the loss leaves out.

        Args:
            tables: with every value that the terms need.
        """
        losses: list[Tensor] = []
        constants: list[Tensor] = []
        estimates: dict[str, Tensor] = {}
        for label, sign, weight, estimators in self._terms:
            value: Tensor | None = None
            constant: Tensor | float = 0.0
            for estimator in estimators:
                one, fixed = estimator(tables, self.critics)
                share = estimator.share
                one, fixed = (one, fixed) if share == 1 else (one * share, fixed * share)
                value = one if value is None else value + one
                constant = constant + fixed
            assert value is not None
            estimates[label] = value.detach()
            losses.append(sign * weight.times(value - constant))
            constants.append(sign * weight.times(torch.as_tensor(constant, dtype=value.dtype, device=value.device)))
        if not losses:
            zero = next((v for v in tables.values.values()), torch.zeros(())).new_zeros(())
            return zero, estimates, zero
        return torch.stack(losses).sum(), estimates, torch.stack(constants).sum()

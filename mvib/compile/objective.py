"""The objective: terms from estimates, the loss from terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mvib.compile.estimator import Estimated, Estimator, build_memory, build_prior
from mvib.compile.execution import Networks, Tables
from mvib.compile.number import Number
from mvib.nn.learned_number import LearnedNumber
from mvib.nn.shapes import Shape
from mvib.plan.plan import Estimate, PlannedTerm
from mvib.semantics.method import Direction
from mvib.semantics.values import Learned, scalar_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The objective of one batch, the same on every rank.

    Attributes:
        loss: what is minimised: the terms with sign and weight, without the parts that depend on no parameter. The fits
            of auxiliary densities add their gradient to it, and nothing to its value.
        terms: estimate of each term by label, constants included.
        constant: what the loss leaves out.
        fits: by term how badly its auxiliary density predicts, -E log q in nats.
        counts: by term how many examples of the global batch are behind it.
    """

    loss: Tensor
    terms: dict[str, Tensor] = field(default_factory=dict)
    constant: Tensor
    fits: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    label: str
    sign: float
    weight: Number
    estimators: Sequence[Estimator]
    of_all: bool


class Objective(nn.Module):
    """The terms of a method.

    It owns what belongs to its estimators: critics and fitted densities, learned priors and numbers, and what they keep
    between batches. `draws` names what an estimate draws for itself and for others of its term: by the name of the
    first.
    """

    def __init__(
        self,
        terms: Sequence[PlannedTerm],
        auxiliaries: Networks,
        *,
        classes: Mapping[str, int | None],
        shapes: Mapping[str, Shape],
    ) -> None:
        """Prepare every estimate.

        Args:
            terms: of the plan.
            auxiliaries: critics and fitted densities by name.
            classes: number of classes of the label variables by name.
            shapes: of the values that the estimates take.
        """
        super().__init__()
        self.auxiliaries = auxiliaries
        self.priors = nn.ModuleDict()
        self.learned = nn.ModuleDict()
        self.memories = nn.ModuleDict()
        self.draws: dict[str, str] = {}
        self._terms = [self._prepare(term, classes, shapes) for term in terms]

    def _prepare(self, term: PlannedTerm, classes: Mapping[str, int | None], shapes: Mapping[str, Shape]) -> _Term:
        learned = self._learn(term)
        prior = build_prior(term.estimates[0], shapes)
        if prior is not None:
            self.priors[_key(term.label)] = prior
        self.draws |= _draws(term, shapes)
        estimators = [
            Estimator(
                estimate,
                auxiliaries=self.auxiliaries,
                memory=self._remember(estimate, shapes),
                learned=learned,
                prior=prior,
                classes=classes.get(estimate.label.partition("{")[0]),
                draw=self.draws.get(estimate.name, ""),
            )
            for estimate in term.estimates
        ]
        sign = 1.0 if term.direction is Direction.MINIMIZE else -1.0
        weight = Number(term.weight)
        return _Term(label=term.label, sign=sign, weight=weight, estimators=estimators, of_all=term.of_all)

    def _learn(self, term: PlannedTerm) -> dict[str, LearnedNumber]:
        """The learned numbers of a term, which all its estimates share."""
        call = term.estimates[0].call
        learned: dict[str, LearnedNumber] = {}
        for name, value in call.arguments if call is not None else ():
            if isinstance(value, Learned):
                learned[name] = LearnedNumber(value.start, positive=value.positive, least=value.least)
                self.learned[_key(f"{term.label}.{name}")] = learned[name]
        return learned

    def _remember(self, estimate: Estimate, shapes: Mapping[str, Shape]) -> nn.Module | None:
        width = next(iter(shapes.get(estimate.inputs[-1], ())), 0)
        memory = build_memory(estimate, width)
        if memory is not None:
            self.memories[_key(estimate.name)] = memory
        return memory

    def set_progress(self, progress: float) -> None:
        """Let every number follow its schedule."""
        for number in self._numbers().values():
            number.set_progress(progress)

    def schedule_values(self) -> dict[str, float]:
        """Present values of the numbers that follow a schedule."""
        return {name: float(number.tensor) for name, number in self._numbers().items() if number.tensor is not None}

    def _numbers(self) -> dict[str, Number]:
        numbers = {}
        for term in self._terms:
            if term.weight.tensor is not None:
                numbers[f"{term.label}.{scalar_text(term.weight.scalar)}"] = term.weight
            for index, estimator in enumerate(term.estimators):
                for name, number in estimator.scheduled.items():
                    numbers[f"{term.label}.{name}" if index == 0 else f"{term.label}.{index}.{name}"] = number
        return numbers

    def after_step(self) -> None:
        """Call after every step of the optimizer: queues take up the batch, learned numbers return to their range."""
        for number in self.learned.values():
            assert isinstance(number, LearnedNumber)
            number.restrict()
        for term in self._terms:
            for estimator in term.estimators:
                estimator.after_step()

    def forward(self, tables: Tables) -> Evaluation:
        """Evaluate every term.

        Args:
            tables: with every value that the terms need.
        """
        zero = next((value for value in tables.values.values() if value.is_floating_point()), torch.zeros(()))
        loss = constant = zero.new_zeros(())
        losses: list[Tensor] = []
        constants: list[Tensor] = []
        terms: dict[str, Tensor] = {}
        fits: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for term in self._terms:
            drawn: dict[str, Mapping[str, Tensor]] = {}
            estimated = _sum([(estimator(tables, drawn), estimator.share) for estimator in term.estimators])
            value = estimated.value
            terms[term.label], counts[term.label] = value.detach(), estimated.count
            sign = term.sign * (estimated.count / _batch_size(tables) if term.of_all else 1.0)
            losses.append(sign * term.weight.times(value - estimated.constant))
            fixed = torch.as_tensor(estimated.constant, dtype=value.dtype, device=value.device)
            constants.append(sign * term.weight.times(fixed))
            if estimated.fit is not None:
                fits[term.label] = estimated.fit.detach()
                losses.append(estimated.fit - estimated.fit.detach())
        if losses:
            loss, constant = torch.stack(losses).sum(), torch.stack(constants).sum()
        return Evaluation(loss=loss, terms=terms, constant=constant, fits=fits, counts=counts)


def _draws(term: PlannedTerm, shapes: Mapping[str, Shape]) -> dict[str, str]:
    """By name of an estimate that of the first of its term with rows of the same shape, where one draw is for all."""
    firsts: dict[Shape | None, str] = {}
    drawing = [estimate for estimate in term.estimates if estimate.entry is not None and estimate.entry.drawn_once]
    return {one.name: firsts.setdefault(shapes.get(one.inputs[0]), one.name) for one in drawing}


def _batch_size(tables: Tables) -> int:
    """Examples of the global batch, whatever they have."""
    return sum(tables.ranks.counts(len(next(iter(tables.batch.values())))))


def _sum(estimates: Sequence[tuple[Estimated, float]]) -> Estimated:
    """The instances of a term put together with their shares; their fits are added as they are.

    The count is that of the instance with the fewest examples: where one says nothing, the sum is no estimate.
    """
    value: Tensor | None = None
    constant: Tensor | float = 0.0
    fit: Tensor | None = None
    for one, share in estimates:
        shared, fixed = (one.value, one.constant) if share == 1 else (one.value * share, one.constant * share)
        value = shared if value is None else value + shared
        constant = constant + fixed
        if one.fit is not None:
            fit = one.fit if fit is None else fit + one.fit
    assert value is not None
    return Estimated(value, constant, fit, min(one.count for one, _ in estimates))


def _key(name: str) -> str:
    """A name as a module may have it."""
    return name.replace(".", "_")

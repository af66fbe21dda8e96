"""A batch computed in parts, with the gradient of the whole: for batches whose networks do not fit into memory.

Terms that couple the examples of a batch (contrast, covariances, kernels) are not the mean of those of its parts. So
each part goes through the networks twice: first without a graph, to find what the terms take of each example; then the
terms are computed on the whole batch, and each part goes again, with the gradient that the terms have for its examples.
Memory holds the graph of one part and the rows of the whole batch; time is that of one more forward pass.

Source: Gao, Zhang, Han, Callan 2021, arXiv:2101.06983 (GradCache), for any plan: what does not stay within an example
is computed with the terms, and the parts of a batch share its draws (which are those of the batch at once where nothing
is drawn after what couples examples).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mvib.catalogue.signature import Rows
from mvib.compile.execution import Tables, run_steps
from mvib.compile.model import CompiledModel
from mvib.estimators.draws import rows_shared_by
from mvib.estimators.ranks import Ranks, current_ranks
from mvib.plan.plan import (
    Apply,
    Attack,
    Density,
    PlannedTerm,
    Select,
    SelectDensity,
    Step,
    Transform,
)

_COUPLING_ROWS = (Rows.CENTERED, Rows.STANDARDIZED)


@dataclass(frozen=True, slots=True)
class Division:
    """The steps of a plan in two.

    Attributes:
        within: that compute something of each example from that example.
        across: the rest, which are computed on the whole batch.
        cut: names of what the second, and the terms, take of the first.
    """

    within: tuple[Step, ...]
    across: tuple[Step, ...]
    cut: tuple[str, ...]


def divide(steps: Sequence[Step], terms: Sequence[PlannedTerm]) -> Division:
    """Find the steps that stay within each example."""
    within: list[Step] = []
    across: list[Step] = []
    outside: set[str] = set()
    for step in steps:
        if _is_coupled(step) or not outside.isdisjoint(_needs(step)):
            across.append(step)
            outside.update(_results(step))
        else:
            within.append(step)
    wanted = {name for step in across for name in _needs(step)} | {name for term in terms for name in _takes(term)}
    cut = tuple(name for step in within for name in _results(step) if name in wanted)
    return Division(tuple(within), tuple(across), cut)


def _is_coupled(step: Step) -> bool:
    match step:
        # How many rows are selected is known of the whole batch only.
        case Select() | SelectDensity():
            return True
        case Transform(rows=rows):
            return rows in _COUPLING_ROWS
        case Apply(entry=entry) | Density(entry=entry):
            return entry is not None and entry.crosses
        case _:
            return False


def _needs(step: Step) -> set[str]:
    names = {getattr(step, name) for name in ("source", "density", "target") if getattr(step, name, "")}
    names |= set(getattr(step, "sources", ()))
    if isinstance(step, Attack):
        # The prediction is computed again from within; its own results do not leave it.
        made = {result for inner in step.steps for result in _results(inner)}
        names |= {name for inner in step.steps for name in _needs(inner)} - made
    return names


def _results(step: Step) -> set[str]:
    return {step.result, *(name for name in getattr(step, "parts", ()) if name)}


def _takes(term: PlannedTerm) -> set[str]:
    names: set[str] = set()
    for estimate in term.estimates:
        names |= {*estimate.inputs, estimate.density, estimate.reference, estimate.weight, estimate.label}
        names |= {name for _, name in estimate.variables}
        if estimate.auxiliary is not None:
            names |= {estimate.auxiliary.first, estimate.auxiliary.second}
    return names - {""}


class _Part:
    """Some rows of a batch, as the second of three ranks that share the global one: those before, it, those after."""

    size = 3
    rank = 1

    def __init__(self, rows: slice, *, start: int, total: int, ranks: Ranks) -> None:
        self._own = rows.stop - rows.start
        self._before = start + rows.start
        self._after = total - self._before - self._own
        self._ranks = ranks

    def counts(self, number: int, /) -> tuple[int, ...]:
        """Rows before, of and after this part."""
        assert number == self._own, "draws within an example are one row an example"
        return self._before, number, self._after

    def sum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """Over the parts that the ranks have in work; for normalisation, which sees no more."""
        return self._ranks.sum(x)

    def maximum(self, x: Float[Tensor, "*S"], /) -> Float[Tensor, "*S"]:
        """The same."""
        return self._ranks.maximum(x)

    def first(self, x: Shaped[Tensor, "*S"], /) -> Shaped[Tensor, "*S"]:
        """What rank 0 gives."""
        return self._ranks.first(x)

    def rows(self, x: Shaped[Tensor, "B *E"], /) -> Shaped[Tensor, "N *E"]:
        """Nothing: no step within an example asks for the rows of others."""
        raise AssertionError("a step within an example asked for the rows of others")


@dataclass(frozen=True, slots=True)
class _Taken:
    """Rows that the terms take of a part: a value, or the parameters of a density."""

    tensors: tuple[Tensor, ...]
    have_gradient: tuple[bool, ...]
    density: Any
    places: Tensor | None


class PartedObjective:
    """The objective of a model for batches in parts; leaves the gradients of the whole batch in the parameters."""

    def __init__(
        self, model: CompiledModel, *, parts: int, precision: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        """Divide the plan.

        Args:
            model: to train.
            parts: in how many each batch is computed, at least 1.
            precision: context in which networks run.
        """
        self._model = model
        self._number = parts
        self._precision = precision
        self._division = divide(model.plan.steps, model.plan.terms)

    @property
    def whole(self) -> tuple[str, ...]:
        """Networks that are applied to the whole batch, since they stand behind what couples its examples."""
        steps = [step for step in self._division.across if isinstance(step, Apply | Density)]
        has_weights = (any(True for _ in self._model.networks[step.network].parameters()) for step in steps)
        return tuple(dict.fromkeys(step.network for step, has in zip(steps, has_weights, strict=True) if has))

    @property
    def inexact(self) -> tuple[str, ...]:
        """Networks whose batch normalisation sees a part at a time, so that the gradient is not that of the whole."""
        names = dict.fromkeys(
            step.network for step in _with_inner(self._division.within) if isinstance(step, Apply | Density)
        )
        return tuple(
            name
            for name in names
            if any(isinstance(module, _BatchNorm) for module in self._model.networks[name].modules())
        )

    def __call__(
        self, batch: Mapping[str, Tensor], *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        """Compute loss, estimates and gradients.

        Args:
            batch: data variables by name.
            scale: what is done with the loss before its gradient is taken.

        Returns:
            The loss, the estimates of the terms, and the numbers of examples behind them, all without gradient.
        """
        model, ranks = self._model, self._model.ranks or current_ranks()
        number = len(next(iter(batch.values())))
        counts = ranks.counts(number)
        start, total = sum(counts[: ranks.rank]), sum(counts)
        # As many parts on all ranks, whose normalisation meets in each; and no part of one row, which has no spread.
        slices = _slices(number, max(1, min(self._number, min(counts) // 2)))
        model._check(batch)
        # Every part draws the numbers of the whole batch and keeps its own, from the same state of the generators.
        state = _random_state(batch)
        cached: dict[str, list[_Taken]] = {name: [] for name in self._division.cut}
        for rows in slices:
            _set_random_state(state)
            # The first part shows what has a gradient.
            with torch.set_grad_enabled(rows is slices[0]):
                tables = self._run_part(batch, rows, _Part(rows, start=start, total=total, ranks=ranks), is_trial=True)
            for name, kept in cached.items():
                kept.append(_taken(tables, name))
            del tables
        whole, leaves = self._joined(cached, batch, ranks)
        with self._precision(), rows_shared_by(ranks):
            run_steps(self._division.across, model.networks, whole)
            found = model.objective(whole)
        if found.loss.requires_grad:
            scale(found.loss).backward()  # type: ignore[no-untyped-call]
        after = _random_state(batch)
        for rows in slices:
            _set_random_state(state)
            tables = self._run_part(batch, rows, _Part(rows, start=start, total=total, ranks=ranks), is_trial=False)
            _pass_back(tables, rows, leaves)
        _set_random_state(after)
        terms = {name: value.detach() for name, value in found.terms.items()}
        return found.loss.detach(), terms, found.counts

    def _run_part(self, batch: Mapping[str, Tensor], rows: slice, part: _Part, *, is_trial: bool) -> Tables:
        part_of_batch = {name: value[rows] for name, value in batch.items()}
        tables = Tables(part_of_batch, ranks=part, classes=self._model.classes, is_trial=is_trial)
        with self._precision(), rows_shared_by(part):
            run_steps(self._division.within, self._model.networks, tables)
        return tables

    def _joined(
        self, cached: Mapping[str, list[_Taken]], batch: Mapping[str, Tensor], ranks: Ranks
    ) -> tuple[Tables, dict[str, list[Tensor]]]:
        """The tables of the whole batch, and by name the leaves whose gradients are wanted."""
        whole = Tables(batch, ranks=ranks, classes=self._model.classes)
        leaves: dict[str, list[Tensor]] = {}
        for name, parts in cached.items():
            first = parts[0]
            tensors = [torch.cat(rows) for rows in zip(*(part.tensors for part in parts), strict=True)]
            for tensor, has in zip(tensors, first.have_gradient, strict=True):
                tensor.requires_grad_(has)
            leaves[name] = tensors
            if first.density is None:
                whole.values[name] = leaves[name][0]
            else:
                rows = iter(leaves[name])
                whole.densities[name] = first.density.with_rows(lambda _, rows=rows: next(rows))
            if first.places is not None:
                whole.places[name] = torch.cat([part.places for part in parts if part.places is not None])
        return whole, leaves


def _taken(tables: Tables, name: str) -> _Taken:
    found = _tensors(tables, name)
    density = tables.densities.get(name)
    return _Taken(
        tuple(tensor.detach() for tensor in found),
        tuple(tensor.requires_grad for tensor in found),
        density.with_rows(Tensor.detach) if density is not None else None,
        tables.places.get(name),
    )


def _tensors(tables: Tables, name: str) -> list[Tensor]:
    return [tables.values[name]] if name in tables.values else _rows_of(tables.densities[name])


def _rows_of(density: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def keep(rows: Tensor) -> Tensor:
        found.append(rows)
        return rows

    density.with_rows(keep)
    return found


def _pass_back(tables: Tables, rows: slice, leaves: Mapping[str, Sequence[Tensor]]) -> None:
    """Send the gradients of the loss for the examples of a part through the networks."""
    ends: list[Tensor] = []
    gradients: list[Tensor] = []
    for name, whole in leaves.items():
        for value, leaf in zip(_tensors(tables, name), whole, strict=True):
            if value.requires_grad and leaf.grad is not None:
                ends.append(value)
                gradients.append(leaf.grad[rows])
    if ends:
        torch.autograd.backward(ends, gradients)


def _slices(number: int, parts: int) -> tuple[slice, ...]:
    """Runs of neighbours, as even as they can be."""
    edges = [number * part // parts for part in range(parts + 1)]
    return tuple(slice(start, stop) for start, stop in pairwise(edges))


def _with_inner(steps: Iterable[Step]) -> Iterable[Step]:
    for step in steps:
        yield step
        if isinstance(step, Attack):
            yield from step.steps


def _random_state(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The states of the generators by type of device."""
    device = next(iter(batch.values())).device
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def _set_random_state(states: Mapping[str, Tensor]) -> None:
    setters = {"cpu": torch.set_rng_state, "cuda": torch.cuda.set_rng_state, "mps": torch.mps.set_rng_state}
    for kind, state in states.items():
        setters[kind](state)

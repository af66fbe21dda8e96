"""What only a run shows: the shapes that networks take, which values are tokens with places, the kinds of densities."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mvib.compile.execution import Networks, Tables, run_step
from mvib.compile.model import CompiledModel
from mvib.nn.shapes import Shape
from mvib.plan.plan import Apply, Attack, Density, Draw, Given, Select, SelectDensity, Step

# Enough examples for batch normalisation in training mode.
_ROWS = 4


@dataclass(slots=True)
class Probe:
    """What a run on random data showed.

    Attributes:
        inputs: shapes of what each network takes first, without the batch axis.
        targets: shape of what each decoder predicts first.
        parts: how many variables each channel draws together, 0 for one alone.
        placed: names of values that have places.
        densities: by name one of each density.
    """

    inputs: dict[str, tuple[Shape, ...]] = field(default_factory=dict)
    targets: dict[str, Shape] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    densities: dict[str, Any] = field(default_factory=dict)


def probe(model: CompiledModel) -> Probe:
    """Run the plan of a model once, on a copy of its networks and random data; the model stays as it is."""
    found = Probe()
    with torch.random.fork_rng(devices=[]):
        networks = copy.deepcopy(model.networks).cpu()
        batch = _random_batch(model, networks)
        readouts = [model.plan.representation, *model.plan.predictions.values()]
        known = [r for r in readouts if all(name in batch for name in r.inputs)]
        for steps in (model.plan.steps, *(readout.steps for readout in known)):
            tables = Tables(batch, classes=model.classes)
            for step in steps:
                _take(step, networks, tables, found)
            found.placed |= set(tables.places)
            found.densities |= tables.densities
    return found


def _random_batch(model: CompiledModel, networks: Networks) -> dict[str, Tensor]:
    batch: dict[str, Tensor] = {}
    given = {s.result for s in _every(model.plan.steps) if isinstance(s, Given)}
    for name, (kind, partial) in model.plan.data.items():
        classes, shape = model.classes.get(name), model.shapes.get(name)
        if shape is None and classes is None:
            continue
        if classes is not None:
            batch[name] = torch.arange(_ROWS) % classes
        elif kind in {"label", "tokens"}:
            # The first word of a vocabulary is in every one.
            batch[name] = torch.zeros(_ROWS, *(shape or ()), dtype=torch.int64)
        else:
            assert shape is not None
            batch[name] = torch.rand(_ROWS, *shape, dtype=networks.dtype)
        if partial:
            batch[f"{name}.present"] = torch.ones(_ROWS, dtype=torch.bool)
    assert given <= set(batch)
    return batch


def _every(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step, Attack):
            yield from _every(step.steps)


def _take(step: Step, networks: Networks, tables: Tables, found: Probe) -> None:
    match step:
        case Select():
            # Selection keeps shapes, and of random data it might keep none.
            tables.values[step.result] = tables.values[step.source]
            if step.source in tables.places:
                tables.places[step.result] = tables.places[step.source]
            return
        case SelectDensity():
            tables.densities[step.result] = tables.densities[step.source]
            return
        case Apply():
            sources: tuple[str, ...] = step.sources
        case Draw() | Attack() | Density():
            sources = (step.source,)
        case _:
            run_step(step, networks, tables)
            return
    shapes = tuple(tuple(tables.values[source].shape[1:]) for source in sources)
    found.inputs.setdefault(step.network, shapes)
    if isinstance(step, Density) and step.target:
        value = tables.values.get(step.target, tables.batch.get(step.target))
        if value is not None:
            found.targets.setdefault(step.network, tuple(value.shape[1:]))
    if isinstance(step, Draw):
        found.parts.setdefault(step.network, len(step.parts))
    run_step(step, networks, tables)

"""Runs the steps of a plan: two tables, of tensors and of densities, filled in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mvib.catalogue.signature import Rows
from mvib.estimators import rows
from mvib.estimators.precision import without_autocast
from mvib.estimators.ranks import ALONE, Ranks
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


class MissingDataError(Exception):
    """A batch lacks a data variable that the model needs."""


class UnfitDataError(Exception):
    """A data variable of a batch has another shape or type than the model was compiled for."""


@dataclass(slots=True)
class Tables:
    """What has been computed for one batch.

    Attributes:
        batch: data variables by name, for partial ones also `NAME.present`.
        ranks: the processes that share the global batch.
        classes: number of classes of the label variables by name.
        values: tensors by name.
        densities: densities by name.
        places: of values that are tokens, where each lies: (B, K, 3), row, column, and whether it is visible.
        is_trial: whether networks are only tried out: the statistics of their normalisation layers stay.
    """

    batch: Mapping[str, Tensor]
    ranks: Ranks = ALONE
    classes: Mapping[str, int | None] = field(default_factory=dict)
    values: dict[str, Tensor] = field(default_factory=dict)
    densities: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Tensor] = field(default_factory=dict)
    is_trial: bool = False


class Networks(nn.Module):
    """The networks of a model by their names in the spec.

    Parameter names are `<network>.<parameter>`. It does not know what the networks are for.
    """

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self._keys: dict[str, str] = {}
        self._borrowed: dict[str, str] = {}

    def add(self, name: str, network: nn.Module, *, borrows: str = "") -> None:
        """Add a network; one that `borrows` another's weights runs that one without gradient."""
        if borrows:
            self._borrowed[name] = borrows
            return
        key = name.replace(".", "_")
        while hasattr(self, key):
            key += "_"
        self._keys[name] = key
        self.add_module(key, network)

    def __contains__(self, name: str) -> bool:
        return name in self._keys or name in self._borrowed

    def __getitem__(self, name: str) -> nn.Module:
        network = getattr(self, self._keys[self._borrowed.get(name, name)])
        assert isinstance(network, nn.Module)
        return network

    def run(self, name: str, *inputs: Tensor, context: Mapping[str, Any] | None = None, is_trial: bool = False) -> Any:
        """Apply a network.

        Args:
            name: of the network.
            inputs: what it takes.
            context: what it is called with besides, by keyword: ranks, places of tokens.
            is_trial: whether the statistics of its normalisation layers stay.
        """
        network = self[name]
        is_borrowed = name in self._borrowed
        if not is_borrowed and not is_trial:
            return network(*inputs, **(context or {}))
        # The statistics of its normalisation layers are those of the network's own use.
        buffers = {key: buffer.clone() for key, buffer in network.named_buffers()}
        with torch.set_grad_enabled(torch.is_grad_enabled() and not is_borrowed):
            return functional_call(network, buffers, inputs, dict(context or {}))

    def builder(self, name: str) -> nn.Module:
        """The network itself, or the one in front of a density."""
        network = self[name]
        trunk = getattr(network, "trunk", None)
        return trunk if isinstance(trunk, nn.Module) else network

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        floating = (parameter.dtype for parameter in self.parameters() if parameter.is_floating_point())
        return next(floating, torch.get_default_dtype())


def run_steps(steps: Iterable[Step], networks: Networks, tables: Tables) -> None:
    """Compute every step of a plan in order.

    Args:
        steps: of a plan.
        networks: to apply.
        tables: of the batch; results are added.

    Raises:
        MissingDataError: the batch lacks a data variable.
    """
    for step in steps:
        run_step(step, networks, tables)


def run_step(step: Step, networks: Networks, tables: Tables) -> None:  # noqa: C901 - one line a kind of step
    """Compute one step."""
    values = tables.values
    if isinstance(step, Given):
        values[step.result] = _given(tables.batch, step)
    elif isinstance(step, Attack):
        _attack(step, networks, tables)
    elif isinstance(step, OneHot):
        values[step.result] = _one_hot(values[step.source], tables.classes[step.source], networks.dtype)
    elif isinstance(step, Apply):
        _apply(step, networks, tables)
    elif isinstance(step, Transform):
        values[step.result] = transform_rows(step.rows, values[step.source], tables.ranks)
    elif isinstance(step, Density):
        tables.densities[step.result] = networks.run(
            step.network, values[step.source], context=_context_of_density(step, tables)
        )
    elif isinstance(step, Sample):
        values[step.result] = tables.densities[step.density].sample()
    elif isinstance(step, Mean):
        values[step.result] = tables.densities[step.density].mean
    elif isinstance(step, Draw):
        _draw_view(step, networks, tables)
    elif isinstance(step, Join):
        values[step.result] = torch.cat([values[source].flatten(1) for source in step.sources], dim=1)
    elif isinstance(step, Stop):
        values[step.result] = values[step.source].detach()
        _keep_places(step.result, step.source, tables)
    elif isinstance(step, StopDensity):
        tables.densities[step.result] = tables.densities[step.source].with_rows(Tensor.detach)
    elif isinstance(step, Select):
        mask = _mask(tables.batch, step)
        values[step.result] = values[step.source][mask]
        if step.source in tables.places:
            tables.places[step.result] = tables.places[step.source][mask]
    elif isinstance(step, SelectDensity):
        mask = _mask(tables.batch, step)
        tables.densities[step.result] = tables.densities[step.source].with_rows(lambda rows: rows[mask])
    else:
        raise AssertionError(step)


def _apply(step: Apply, networks: Networks, tables: Tables) -> None:
    inputs = [tables.values[source] for source in step.sources]
    context: dict[str, Any] = {}
    is_placed = step.entry is not None and step.entry.placed
    if step.entry is not None and step.entry.crosses:
        context["ranks"] = tables.ranks
    if step.entry is not None and is_placed:
        places = tuple(tables.places.get(source) for source in step.sources)
        context["places"] = places if step.entry.separate else places[0]
    result = networks.run(step.network, *inputs, context=context, is_trial=tables.is_trial)
    if not is_placed:
        tables.values[step.result] = result
        _keep_places(step.result, step.source, tables)
        return
    value, lying = result
    _put(step.result, value, lying, tables)


def _context_of_density(step: Density, tables: Tables) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if step.entry is None:
        return context
    if step.entry.crosses:
        context["ranks"] = tables.ranks
    if step.entry.placed:
        context["places"] = tables.places.get(step.source)
    if step.entry.aims:
        context["target_places"] = tables.places.get(step.target)
    return context


def _put(name: str, value: Tensor, places: Tensor | None, tables: Tables) -> None:
    tables.values[name] = value
    if places is not None:
        tables.places[name] = places


def _keep_places(name: str, source: str, tables: Tables) -> None:
    """What is computed token by token lies where its tokens lay."""
    places, value = tables.places.get(source), tables.values[name]
    if places is not None and value.dim() > 2 and value.shape[:2] == places.shape[:2]:
        tables.places[name] = places


def _draw_view(step: Draw, networks: Networks, tables: Tables) -> None:
    places = (tables.places.get(step.source),) if step.placed else ()
    drawn = _draw(networks[step.network], tables.values[step.source], *places)
    if not step.parts and not step.placed:
        tables.values[step.result] = drawn
        return
    # A view that stands alone is the first of what is drawn together.
    for name, part in zip(step.parts or (step.result,), drawn, strict=False):
        value, lying = part if step.placed else (part, None)
        _put(name, value, lying, tables)


def _attack(step: Attack, networks: Networks, tables: Tables) -> None:
    source = tables.values[step.source]
    if source.device.type == "meta":
        # Nothing is drawn where there are only shapes.
        tables.values[step.result] = source
        return

    def predict(changed: Tensor) -> Tensor:
        trial = Tables(tables.batch, ranks=tables.ranks, classes=tables.classes, is_trial=True)
        trial.values[step.source] = changed
        run_steps(step.steps, networks, trial)
        return trial.values[step.target]

    changed: Tensor = networks[step.network](source, tables.values[step.target], predict)
    tables.values[step.result] = changed


def _one_hot(labels: Tensor, classes: int | None, dtype: torch.dtype) -> Tensor:
    """One number for each class; none of them is one where the label is missing."""
    assert classes is not None
    return (labels.unsqueeze(-1) == torch.arange(classes, device=labels.device)).to(dtype)


def transform_rows(kind: Rows, value: Tensor, ranks: Ranks) -> Tensor:
    """Rows as an estimator asks for them."""
    match kind:
        case Rows.RAW:
            return rows.raw(value)
        case Rows.UNIT:
            return rows.unit(value)
        case Rows.CENTERED:
            return rows.centered(value, ranks=ranks)
        case Rows.STANDARDIZED:
            return rows.standardized(value, ranks=ranks)
        case _:
            assert_never(kind)


def _given(batch: Mapping[str, Tensor], step: Given) -> Tensor:
    name = step.result
    if name not in batch:
        have = ", ".join(f"`{key}`" for key in batch) or "nothing"
        raise MissingDataError(f"the batch has {have}, and the model needs `{name}`")
    value = batch[name]
    is_label = value.dim() == 1 and not value.is_floating_point()
    if not step.partial or is_label or value.device.type == "meta":
        return value
    # Whatever stands in rows that are missing, a NaN or no token among it, is to reach no network and no gradient.
    present = _present(batch, name).reshape(-1, *[1] * (value.dim() - 1))
    return torch.where(present, value, torch.zeros_like(value))


# Views are drawn outside any compiled graph: their random branches would only break it.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def _draw(channel: nn.Module, source: Tensor, *places: Tensor | None) -> Any:
    # Pixels keep their precision whatever the networks' is.
    with without_autocast(source), torch.set_grad_enabled(source.requires_grad and torch.is_grad_enabled()):
        return channel(source, *places)


def _mask(batch: Mapping[str, Tensor], step: Select | SelectDensity) -> Tensor:
    """Which examples a selection keeps."""
    masks = [_present(batch, name) for name in step.present]
    if step.missing:
        masks.append(~torch.stack([_present(batch, name) for name in step.missing]).all(dim=0))
    return torch.stack(masks).all(dim=0)


def _present(batch: Mapping[str, Tensor], name: str) -> Tensor:
    mask = batch.get(f"{name}.present")
    if mask is not None:
        assert mask.dim() == 1, f"`{name}.present` says of each example whether it has `{name}`"
        return mask.bool()
    value = _given(batch, Given(result=name, partial=False))
    # A label that is missing is negative, and so are tokens; a row of numbers that is missing is NaN throughout.
    if value.is_floating_point():
        return ~value.isnan().flatten(1).all(dim=1)
    return value >= 0 if value.dim() == 1 else (value >= 0).flatten(1).all(dim=1)

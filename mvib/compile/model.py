"""The compiled model: a plan with its networks, as one `torch.nn.Module`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mvib.compile.execution import Networks, Tables, UnfitDataError, run_steps
from mvib.compile.objective import Evaluation, Objective
from mvib.estimators.draws import rows_shared_by
from mvib.estimators.ranks import Ranks, current_ranks
from mvib.nn.distributions import Categorical
from mvib.nn.memory import Remembering
from mvib.nn.momentum import MomentumCopy
from mvib.nn.shapes import Shape, describe
from mvib.plan import Plan
from mvib.plan.plan import Readout
from mvib.semantics.method import Gradient
from mvib.semantics.values import BoundCall, Named, Operation, Scalar, Scheduled, is_constant, value_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a model gives for a batch.

    Attributes:
        loss: what is minimised. Parts that depend on no parameter are left out, so that it is the authors' number.
        terms: estimate of each term by label, in nats (or without unit for a surrogate), constants included.
        variables: every variable of the graph that was computed, `Z[1]`, with its gradient.
        densities: densities of stochastic encoders and decoders by what they are applied to, `q(Z[1])`.
        constant: what the loss leaves out: loss + constant is the sum of the terms' estimates with sign and weight.
        fits: for terms whose estimator fits a density of its own (`club(mlp(64))`), how badly it predicts: -E log q
            in nats. The loss carries its gradient and not its value.
        counts: how many examples of the global batch are behind each term: of a partial variable those that have it.
    """

    loss: Tensor
    terms: dict[str, Tensor]
    variables: dict[str, Tensor]
    densities: dict[str, Any]
    constant: Tensor
    fits: dict[str, Tensor]
    counts: dict[str, int]


class CompiledModel(nn.Module):
    """A method as a module: `model(batch)` gives the loss, the estimates of the terms and the variables.

    It owns the weights, momentum copies and critics. It does not know optimisers, data sets or files.
    """

    def __init__(
        self,
        plan: Plan,
        networks: Networks,
        objective: Objective,
        *,
        shapes: Mapping[str, Shape],
        classes: Mapping[str, int | None],
        steps: int | None,
    ) -> None:
        """Join the parts; `compile_model` makes them.

        Args:
            plan: what is computed.
            networks: with what.
            objective: how the terms are put together.
            shapes: of the values the terms need, without the batch axis.
            classes: number of classes of the label variables by name.
            steps: number of training steps, over which schedules run; None when `set_progress` is called instead.
        """
        super().__init__()
        self.plan = plan
        self.networks = networks
        self.objective = objective
        self.shapes = dict(shapes)
        self.classes = dict(classes)
        self.steps = steps
        self.num_steps_taken = 0
        self.ranks: Ranks | None = None
        self._progress = 0.0
        self._scheduled = tuple(_scheduled_arguments(plan))
        self.set_progress(0.0)

    @property
    def couples_batch(self) -> bool:
        """Whether any term couples the examples of a batch."""
        return self.plan.couples_batch

    @property
    def decoder_targets(self) -> Mapping[str, str]:
        """The data variable that each decoder about data predicts."""
        return self.plan.decoder_targets

    @property
    def progress(self) -> float:
        """Progress of training between 0 and 1."""
        return self._progress

    def forward(self, batch: Tensor | Mapping[str, Tensor]) -> Output:
        """Compute the objective of a batch.

        In a distributed run, each process gives its part of the global batch, and gets the loss of the whole; after
        the gradients of the processes have been averaged they are those of one process with the whole batch. The
        processes are those of torch's default group, or of `ranks` where that is set.

        Args:
            batch: data variables by name, examples first; for a partial variable optionally `NAME.present` (bool, B),
                without which a negative label counts as missing. A single tensor stands for the only data variable.

        Raises:
            MissingDataError: a data variable is not in the batch.
            UnfitDataError: one has another shape or type than the model was compiled for.
        """
        if isinstance(batch, Tensor):
            batch = self._named(batch, tuple(self.plan.data))
        self._check(batch)
        tables = Tables(batch, ranks=self.ranks or current_ranks(), classes=self.classes)
        with rows_shared_by(tables.ranks):
            run_steps(self.plan.steps, self.networks, tables)
            found: Evaluation = self.objective(tables)
        variables = {name: tables.values[name] for name in self.plan.variables}
        return Output(
            loss=found.loss,
            terms=found.terms,
            variables=variables,
            densities=tables.densities,
            constant=found.constant,
            fits=found.fits,
            counts=found.counts,
        )

    def set_progress(self, progress: float) -> None:
        """Set what schedules follow, between 0 and 1."""
        self._progress = min(1.0, max(0.0, progress))
        self.objective.set_progress(self._progress)
        for name, argument, scalar in self._scheduled:
            setattr(self.networks.builder(name), argument, value_at(scalar, self._progress))

    def schedule_values(self) -> dict[str, float]:
        """Current values of everything that follows a schedule, by what it belongs to."""
        values = self.objective.schedule_values()
        for network in self.plan.networks:
            if network.gradient is Gradient.MOMENTUM:
                values[f"{network.name}.momentum"] = self._momentum(network.name)
        for name, argument, scalar in self._scheduled:
            values[f"{name}.{argument}"] = value_at(scalar, self._progress)
        return values

    def after_step(self) -> None:
        """Call after every step of the optimizer: momentum copies move, queues take up the batch, schedules go on."""
        for network in self.plan.networks:
            if network.gradient is Gradient.MOMENTUM:
                copy = self.networks[network.name]
                assert isinstance(copy, MomentumCopy)
                copy.update(self.networks[network.origin], self._momentum(network.name))
        for module in self.networks.modules():
            if isinstance(module, Remembering):
                module.after_step()
        self.objective.after_step()
        self.num_steps_taken += 1
        if self.steps is not None:
            self.set_progress(self.num_steps_taken / self.steps)

    def _momentum(self, name: str) -> float:
        network = next(network for network in self.plan.networks if network.name == name)
        assert network.call is not None
        momentum: Scalar = network.call["momentum"]  # type: ignore[assignment]
        return value_at(momentum, self._progress)

    def encode(self, x: Tensor | Mapping[str, Tensor]) -> Tensor:
        """The representation of unaugmented examples: views are the identity, stochastic encoders give their mean.

        Runs in evaluation mode and leaves the mode as it was.

        Args:
            x: data variables by name, or the only one that the representation needs.

        Returns:
            One row an example; several represented variables side by side.
        """
        readout = self.plan.representation
        if not readout.results:
            raise ValueError("the method has no representation: it has no encoder")
        tables = self._read_out(readout, self._as_batch(x, readout))
        values = [tables.values[name] for name in readout.results]
        return values[0] if len(values) == 1 else torch.cat([value.flatten(1) for value in values], dim=1)

    def predictions(self, batch: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What every decoder about a data variable predicts from unaugmented examples.

        Returns:
            By decoder the mean of its density; for a label the logits of the classes.
        """
        means = {}
        for decoder, readout in self.plan.predictions.items():
            tables = self._read_out(readout, self._as_batch(batch, readout))
            density = tables.densities[readout.results[0]]
            means[decoder] = density.logits if isinstance(density, Categorical) else density.mean
        return means

    def _as_batch(self, x: Tensor | Mapping[str, Tensor], readout: Readout) -> Mapping[str, Tensor]:
        return x if isinstance(x, Mapping) else self._named(x, readout.inputs)

    def _named(self, x: Tensor, needed: Sequence[str]) -> Mapping[str, Tensor]:
        if len(needed) != 1:
            names = ", ".join(f"`{name}`" for name in needed)
            raise ValueError(f"this needs {names}: give a mapping from names to tensors")
        return {needed[0]: x}

    def _read_out(self, readout: Readout, batch: Mapping[str, Tensor]) -> Tables:
        self._check(batch)
        tables = Tables(batch, classes=self.classes)
        with evaluation_mode(self):
            run_steps(readout.steps, self.networks, tables)
        return tables

    def _check(self, batch: Mapping[str, Tensor]) -> None:
        """Data have the shape that the networks were built for, and their precision."""
        dtype = next((p.dtype for p in self.networks.parameters() if p.is_floating_point()), None)
        for name, (kind, _) in self.plan.data.items():
            value, shape = batch.get(name), self.shapes.get(name)
            if value is None or shape is None:
                continue
            found = tuple(value.shape[1:])
            if found != shape:
                raise UnfitDataError(f"`{name}` is {describe(found)}, and the model was compiled for {describe(shape)}")
            if kind == "label" and value.dtype is not torch.int64:
                raise UnfitDataError(f"`{name}` holds {value.dtype}, and a label is an int64; use `.long()`")
            if kind == "tokens" and value.is_floating_point():
                raise UnfitDataError(f"`{name}` holds {value.dtype}, and tokens are whole numbers; use `.long()`")
            if kind in {"image", "vector", "sequence"} and dtype is not None and value.dtype != dtype:
                raise UnfitDataError(f"`{name}` holds {value.dtype}, and the model {dtype}; use `.to({dtype})`")

    def get_extra_state(self) -> Tensor:
        """The number of steps taken, so that a checkpoint holds the place in all schedules."""
        return torch.tensor(self.num_steps_taken, dtype=torch.int64)

    def set_extra_state(self, state: Tensor) -> None:
        """Take up a number of steps from a checkpoint."""
        self.num_steps_taken = int(state)
        if self.steps is not None:
            self.set_progress(self.num_steps_taken / self.steps)


def _scheduled_arguments(plan: Plan) -> Iterator[tuple[str, str, Scalar]]:
    """Network, argument and number of everything in networks that follows a schedule, momentum copies apart."""
    for network in plan.networks:
        call = network.call
        if call is None or network.gradient is not Gradient.TRAINED:
            continue
        net = dict(call.arguments).get("net") if network.is_density else call
        if not isinstance(net, BoundCall):
            continue
        for name, value in net.arguments:
            if isinstance(value, Named | Operation | Scheduled) and not is_constant(value):
                yield network.name, name, value


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every submodule returns to the mode it was in."""
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for submodule, mode in modes:
            submodule.training = mode

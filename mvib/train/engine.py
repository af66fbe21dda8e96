"""Where a run is computed: its device, and the processes that share it. lightning-fabric starts and joins them.

Every process holds the whole model and takes its share of each batch; the estimators, the normalisation layers and the
draws cross processes (`mvib.estimators.ranks`), so that loss, weights and estimates are those of one process with the
whole batch. The first process alone writes.
"""

import gc
import inspect
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException
from torch.nn.parallel import DistributedDataParallel

from mvib.compile import CompiledModel
from mvib.compile.parts import PartedObjective
from mvib.data import Share
from mvib.estimators.ranks import ALONE, Ranks, current_ranks
from mvib.nn.batch_norm import share_batch_norm
from mvib.train.config import Precision, TrainConfig
from mvib.train.device import choose_device, move_model
from mvib.train.errors import FirstProcessFailed, PeerLostError, SettingError
from mvib.train.step import Compute, lowered, run_model

_Result = TypeVar("_Result")
# Each is 0 in the first process, whoever has started it.
_PLACES = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
# What torch says, under several classes, where a process of the group has gone.
_GONE = ("Connection closed by peer", "Connection reset by peer", "Connection refused", "Broken pipe", "timed out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a run is to be computed.

    Attributes:
        device: `cpu`, `cuda`, `mps` or `auto`.
        devices: on each machine, a process each; none for those of `torchrun`, or one.
        nodes: machines; none for those of `torchrun`, or one.
        compile: whether networks and objective are compiled by `torch.compile`.
    """

    device: str = "cpu"
    devices: int | None = None
    nodes: int | None = None
    compile: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the processes of a run agree on after a step.

    Attributes:
        stop: whether one of them was asked to stop.
        save: whether one of them wants a checkpoint.
    """

    stop: bool
    save: bool


class _Objective(nn.Module):
    """The loss of a batch as processes share it: what gradients are averaged over."""

    def __init__(self, model: CompiledModel, *, precision: Precision, device: torch.device) -> None:
        super().__init__()
        self.model = model
        self._precision, self._device = precision, device

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        """The loss, and without gradient the estimates of the terms and the numbers of examples behind them."""
        output = run_model(self.model, batch, precision=self._precision, device=self._device)
        return output.loss, {name: value.detach() for name, value in output.terms.items()}, output.counts


class _AtOnce:
    """A batch in one pass."""

    def __init__(self, objective: nn.Module) -> None:
        self._objective = objective

    def __call__(
        self, batch: Mapping[str, Tensor], *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        try:
            loss, terms, counts = self._objective(batch)
        except TorchDynamoException as error:
            why = str(error).partition("\n")[0]
            raise SettingError(
                f"`torch.compile` cannot compile the method here: {why}", "leave out `--compile`"
            ) from error
        # A method without a term has nothing to train by.
        if loss.requires_grad:
            scale(loss).backward()  # type: ignore[no-untyped-call]
        return loss, terms, counts


class _Joined:
    """A batch in one pass, whose gradients are averaged over the processes while they are computed."""

    def __init__(self, objective: nn.Module, ranks: Ranks, *, device: torch.device, changes: bool) -> None:
        self._objective, self._ranks, self._device = objective, ranks, device
        self._changes = changes
        self._compute: Compute | None = None
        self._ddp: DistributedDataParallel | None = None

    def leave(self) -> None:
        """Drop what holds the group of processes.

        Its last holder ends the threads of the group. Where that is the reducer, it waits for them with Python's lock
        in its hands, and a thread that has a tensor of Python to drop waits for the lock: neither ever ends
        (torch 2.13).
        """
        self._compute = None
        if self._ddp is not None:
            for name in ("reducer", "logger"):
                self._ddp.__dict__.pop(name, None)
        self._ddp = None
        gc.collect()

    def __call__(
        self, batch: Mapping[str, Tensor], *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        if self._compute is not None:
            return self._compute(batch, scale=scale)
        # The first batch shows whether every weight has a gradient, which DDP is to be told.
        found = _Averaged(_AtOnce(self._objective), self._objective, self._ranks)(batch, scale=scale)
        self._ddp = self._wrapped(all(p.grad is not None for p in _trained(self._objective)))
        self._compute = _AtOnce(self._ddp)
        return found

    def _wrapped(self, is_complete: bool) -> DistributedDataParallel:
        # Every process has the same buffers: their statistics are of the whole batch. The argument has a new name.
        parameters = inspect.signature(DistributedDataParallel).parameters
        name = "forward_sync_buffers" if "forward_sync_buffers" in parameters else "broadcast_buffers"
        buffers: dict[str, Any] = {name: False}
        gradients = [parameter.grad for parameter in _trained(self._objective)]
        joined = DistributedDataParallel(
            self._objective,
            device_ids=[self._device] if self._device.type == "cuda" else None,
            find_unused_parameters=self._changes or not is_complete,
            **buffers,
        )
        for parameter, gradient in zip(_trained(self._objective), gradients, strict=True):
            parameter.grad = gradient
        return joined


class _Averaged:
    """A batch whose gradients are averaged over the processes once all are computed."""

    def __init__(self, compute: Compute, model: nn.Module, ranks: Ranks) -> None:
        self._compute, self._model, self._ranks = compute, model, ranks

    def __call__(
        self, batch: Mapping[str, Tensor], *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        found = self._compute(batch, scale=scale)
        if self._ranks.size > 1:
            self._average()
        return found

    @torch.no_grad()
    def _average(self) -> None:
        trained = _trained(self._model)
        # A process whose rows lack a label has no gradient where others have one.
        have = self._ranks.maximum(torch.tensor([float(p.grad is not None) for p in trained], device=trained[0].device))
        shared = [parameter for parameter, has in zip(trained, have.tolist(), strict=True) if has]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared]
        if not gradients:
            return
        mean = self._ranks.sum(torch.cat([gradient.flatten() for gradient in gradients])) / self._ranks.size
        for parameter, gradient in zip(shared, torch.split(mean, [g.numel() for g in gradients]), strict=True):
            parameter.grad = gradient.view_as(parameter)


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


class Engine:
    """The device of this process, and its place among those that share the run.

    Attributes:
        device: of this process.
        ranks: the processes.
    """

    def __init__(self, device: torch.device, *, is_compiled: bool) -> None:
        """Take the device, and the processes that `start_engine` has started."""
        self.device = device
        self.ranks: Ranks = current_ranks()
        self._joined: list[_Joined] = []
        self._is_compiled = is_compiled

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.ranks.rank == 0

    @property
    def share(self) -> Share:
        """Which part of every batch this process takes."""
        return Share(self.ranks.rank, self.ranks.size)

    def place(self, model: CompiledModel) -> CompiledModel:
        """The model on the device; with several processes its batch normalisation is over all of them."""
        if self.ranks.size > 1:
            share_batch_norm(model)
        return move_model(model, self.device)

    def join(self, model: CompiledModel, *, precision: Precision, parts: int) -> Compute:
        """How loss and gradients of a batch are computed, the gradients averaged over the processes.

        Args:
            model: on the device.
            precision: of its networks.
            parts: in how many a batch is computed.
        """
        if parts > 1:
            in_parts = PartedObjective(model, parts=parts, precision=lambda: lowered(precision, self.device))
            return _Averaged(in_parts, model, self.ranks)
        objective: nn.Module = _Objective(model, precision=precision, device=self.device)
        if self._is_compiled:
            objective = torch.compile(objective)  # type: ignore[assignment]
        if self.ranks.size == 1:
            return _AtOnce(objective)
        # A critic is not asked in a batch where nobody has what it scores; decoders are, about no examples.
        is_partial = any(partial for _, partial in model.plan.data.values())
        has_critics = any(estimate.auxiliary for term in model.plan.terms for estimate in term.estimates)
        joined = _Joined(objective, self.ranks, device=self.device, changes=is_partial and has_critics)
        self._joined.append(joined)
        return joined

    def cautions(self, model: CompiledModel, *, parts: int) -> tuple[str, ...]:
        """Sentences on where a batch in parts is not the batch as a whole."""
        names = PartedObjective(model, parts=parts).inexact if parts > 1 else ()
        if not names:
            return ()
        listed = " and ".join(f"`{name}`" for name in names)
        return (
            f"batch normalisation in {listed} sees one of {parts} parts of a batch at a time, so that the gradient is "
            "not that of the whole; `norm: layer`, of `conv` and `mlp`, makes it exact",
        )

    def total(self, examples: int) -> int:
        """The sum over processes of their examples. All are to call it together."""
        return sum(self.ranks.counts(examples))

    def agree(self, *, stop: bool, save: bool) -> Wishes:
        """What all processes do next, from what each of them would. All are to call it together."""
        if self.ranks.size == 1:
            return Wishes(stop, save)
        wishes = torch.tensor([stop, save], dtype=torch.int64, device=self.device)
        dist.all_reduce(wishes)
        return Wishes(*(number > 0 for number in wishes.tolist()))

    def first(self, action: Callable[[], _Result]) -> _Result | None:
        """What the first process does alone; the others wait, and get nothing. All are to call it together.

        Raises:
            FirstProcessFailed: in the others, where it raised an exception.
        """
        if self.ranks.size == 1:
            return action()
        result, problem = None, None
        if self.is_first:
            try:
                result = action()
            except BaseException as error:  # noqa: BLE001 - it is raised again once the others know
                problem = error
        if self.agree(stop=problem is not None, save=False).stop:
            if problem is not None:
                raise problem
            raise FirstProcessFailed
        return result

    @contextmanager
    def alone(self, model: CompiledModel) -> Iterator[None]:
        """Within it, this process computes without the others, which wait for it at their next step."""
        before, model.ranks = model.ranks, ALONE
        try:
            yield
        finally:
            model.ranks = before

    @contextmanager
    def together(self) -> Iterator[None]:
        """Within it, the end of another process is an error with a name; after it, processes part.

        Raises:
            PeerLostError: another process has ended.
        """
        try:
            yield
        except RuntimeError as error:
            if self.ranks.size > 1 and (
                isinstance(error, dist.DistError) or any(words in str(error) for words in _GONE)
            ):
                raise PeerLostError from error
            raise
        finally:
            for joined in self._joined:
                joined.leave()
            if self.ranks.size > 1 and dist.is_initialized():
                dist.destroy_process_group()


def start_engine(placement: Placement) -> Engine:
    """Start the processes of a run, or join those that were started, and choose the device of this one.

    Processes are started by running the program again with its arguments, as lightning-fabric does; under `torchrun`
    or SLURM they are there.

    Raises:
        SettingError: there is no such device here, or not as many, or another number of processes was started.
    """
    device = choose_device(placement.device)
    devices, nodes = _numbers(placement)
    if devices * nodes == 1:
        return Engine(device, is_compiled=placement.compile)
    if device.type == "mps":
        raise SettingError(f"{devices * nodes} devices are asked for, and there is one `mps`", "leave out `--devices`")
    if device.type == "cuda" and torch.cuda.device_count() < devices:
        number = torch.cuda.device_count()
        title = f"{devices} devices are asked for, and this machine has {number}"
        raise SettingError(title, f"write `--devices {number}`")
    strategy = DDPStrategy(process_group_backend="nccl" if device.type == "cuda" else "gloo")
    with _quiet():
        fabric = Fabric(accelerator=device.type, devices=devices, num_nodes=nodes, strategy=strategy)
        fabric.launch()
    return Engine(fabric.device, is_compiled=placement.compile)


def check_share(config: TrainConfig, *, processes: int, compile: bool) -> None:
    """Refuse batches of which a process would have nothing, and what cannot go together.

    Raises:
        SettingError: there are more processes, or parts, than examples in a batch; or a batch in parts is to be
            compiled.
    """
    if compile and config.accumulate > 1:
        raise SettingError("a batch in parts is not compiled", "leave out `--compile`, or `accumulate`")
    shares = processes * config.accumulate
    if config.batch < shares:
        what = f"{processes} processes of {config.accumulate} parts"
        raise SettingError(
            f"a batch of {config.batch} examples has none for some of {what}", f"write `--set train.batch={shares}`"
        )


def is_first_process() -> bool:
    """Whether this process of a run is the one that writes and prints."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank() == 0
    return all(os.environ.get(name, "0") in {"", "0"} for name in _PLACES)


def _numbers(placement: Placement) -> tuple[int, int]:
    """Devices of a machine, and machines: those asked for, or those that `torchrun` has started."""
    started = _started()
    if started is None:
        return placement.devices or 1, placement.nodes or 1
    for asked, there, what in (
        (placement.devices, started[0], "devices"),
        (placement.nodes, started[1], "nodes"),
    ):
        if asked is not None and asked != there:
            raise SettingError(
                f"{asked} {what} are asked for, and `torchrun` started processes for {there}", f"leave out `--{what}`"
            )
    return started


def _started() -> tuple[int, int] | None:
    names = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK", "TORCHELASTIC_RUN_ID")
    if not all(name in os.environ for name in names):
        return None
    world, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    return local, world // local


@contextmanager
def _quiet() -> Iterator[None]:
    """Fabric tells its own story of processes; ours is told by events."""
    loggers = [logging.getLogger(name) for name in ("lightning_fabric", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

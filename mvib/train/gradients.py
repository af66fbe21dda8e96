"""How the gradients of a batch come about: at once, in parts, and averaged over the processes that share it."""

import gc
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException
from torch.nn.parallel import DistributedDataParallel

from mvib.compile import CompiledModel
from mvib.estimators.ranks import Ranks
from mvib.train.config import Precision
from mvib.train.errors import SettingError
from mvib.train.sharding import is_sharded
from mvib.train.step import Compute, run_model


class WholeObjective(nn.Module):
    """The loss of a batch as processes share it: what gradients are averaged over."""

    def __init__(self, model: CompiledModel, *, precision: Precision, device: torch.device) -> None:
        super().__init__()
        self.model = model
        self._precision, self._device = precision, device

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        """The loss, and without gradient the estimates of the terms and the numbers of examples behind them."""
        output = run_model(self.model, batch, precision=self._precision, device=self._device)
        return output.loss, {name: value.detach() for name, value in output.terms.items()}, output.counts


class AtOnce:
    """A batch in one pass."""

    def __init__(self, objective: nn.Module) -> None:
        self._objective = objective

    def __call__(
        self, batch: Mapping[str, Tensor], *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        """Compute loss and estimates, the gradients of the scaled loss being left in the parameters."""
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


class Joined:
    """A batch in one pass, whose gradients are averaged over the processes while they are computed."""

    def __init__(self, objective: nn.Module, ranks: Ranks, *, device: torch.device) -> None:
        self._objective, self._ranks, self._device = objective, ranks, device
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
        """Compute loss and estimates, the gradients of the scaled loss being left in the parameters."""
        if self._compute is not None:
            return self._compute(batch, scale=scale)
        # The first batch shows whether every weight has a gradient, which DDP is to be told.
        found = Averaged(AtOnce(self._objective), self._objective, self._ranks)(batch, scale=scale)
        self._ddp = self._wrapped(all(p.grad is not None for p in _trained(self._objective)))
        self._compute = AtOnce(self._ddp)
        return found

    def _wrapped(self, is_complete: bool) -> DistributedDataParallel:
        # Every process has the same buffers: their statistics are of the whole batch. The argument has a new name.
        parameters = inspect.signature(DistributedDataParallel).parameters
        name = "forward_sync_buffers" if "forward_sync_buffers" in parameters else "broadcast_buffers"
        buffers: dict[str, Any] = {name: False}
        return DistributedDataParallel(
            self._objective,
            device_ids=[self._device] if self._device.type == "cuda" else None,
            find_unused_parameters=not is_complete,
            **buffers,
        )


class Averaged:
    """A batch whose gradients are averaged over the processes once all are computed."""

    def __init__(self, compute: Compute, model: nn.Module, ranks: Ranks) -> None:
        self._compute, self._model, self._ranks = compute, model, ranks

    def __call__(
        self, batch: Mapping[str, Tensor], *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        """Compute loss and estimates, the gradients of the scaled loss being left in the parameters."""
        found = self._compute(batch, scale=scale)
        # Of parted weights FSDP has averaged the gradients.
        trained = [parameter for parameter in _trained(self._model) if not is_sharded(parameter)]
        if self._ranks.size > 1 and trained:
            self._average(trained)
        return found

    @torch.no_grad()
    def _average(self, trained: Sequence[nn.Parameter]) -> None:
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

"""One step of training, whatever the method: loss, gradient, clipping, weights, momentum copies."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.amp import GradScaler

from mvib.compile import CompiledModel, Output
from mvib.train.config import Precision
from mvib.train.sharding import clip_to_norm, put_together, total_norm

Batch = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step found.

    Attributes:
        loss: what was minimised.
        gradient_norm: before clipping; none where it left the range of half precision, and no step was taken.
        terms: the estimate of each term.
        counts: number of examples behind each term.
    """

    loss: float
    gradient_norm: float | None
    terms: Mapping[str, float]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Broken:
    """A step that was not taken, because a number is not finite; `culprit` says which, as the end of a sentence."""

    culprit: str


def run_model(model: CompiledModel, batch: Batch, *, precision: Precision, device: torch.device) -> Output:
    """The objective of a batch, with the networks in the precision asked for. Estimators lift it to float32 again."""
    with lowered(precision, device):
        output: Output = model(batch)
    return output


def lowered(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Within it, networks compute in a precision; weights, and what needs its digits, stay in float32."""
    if precision is Precision.FP32:
        return nullcontext()
    dtype = torch.bfloat16 if precision is Precision.BF16 else torch.float16
    return torch.autocast(device.type, dtype=dtype)


class Compute(Protocol):
    """Loss and estimates of a batch, its gradients being left in the parameters."""

    def __call__(
        self, batch: Batch, *, scale: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, int]]:
        """Compute them; the gradients are those of the scaled loss."""


def take_step(
    model: CompiledModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    *,
    compute: Compute,
    clip: float | None,
    scaler: GradScaler | None = None,
) -> StepResult | Broken:
    """Take one step, unless the loss, an estimate or the gradient is not finite; then the weights stay as they are.

    Args:
        model: that is trained.
        optimizer: of its weights.
        batch: data variables by name.
        compute: loss, estimates and gradients.
        clip: largest norm of the gradient.
        scaler: of the loss in half precision. A gradient that leaves its range is no failure there: the step is left
            out, and the scale falls, until it has fallen to 1.
    """
    optimizer.zero_grad(set_to_none=True)
    scale = scaler.scale if scaler is not None else _unscaled
    loss_of_batch, estimates_of_batch, counts = compute(batch, scale=scale)
    if scaler is not None:
        scaler.unscale_(optimizer)
    trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = total_norm([p.grad for p in trained])
    # One transfer for all numbers, so that a GPU is waited for once a step.
    dtype = torch.promote_types(loss_of_batch.dtype, torch.float32)
    numbers = torch.stack(
        [value.detach().to(dtype) for value in (loss_of_batch, norm, *estimates_of_batch.values())]
    ).tolist()
    loss, gradient_norm, *estimates = numbers
    terms = dict(zip(estimates_of_batch, estimates, strict=True))
    is_beyond_range = scaler is not None and scaler.get_scale() > 1 and not math.isfinite(gradient_norm)
    if not all(map(math.isfinite, (loss, *estimates))) or not (math.isfinite(gradient_norm) or is_beyond_range):
        return Broken(_find_culprit(model, loss, terms))
    if clip is not None and not is_beyond_range:
        clip_to_norm(trained, clip, norm)
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
        scaler.update()
    model.after_step()
    return StepResult(loss=loss, gradient_norm=None if is_beyond_range else gradient_norm, terms=terms, counts=counts)


def _unscaled(loss: Tensor) -> Tensor:
    return loss


def _find_culprit(model: CompiledModel, loss: float, terms: Mapping[str, float]) -> str:
    broken = [f"`{name}` is {_described(value)}" for name, value in terms.items() if not math.isfinite(value)]
    if broken:
        return "the estimate of the term " + " and of ".join(broken)
    if not math.isfinite(loss):
        return f"the loss is {_described(loss)}, though the estimate of every term is finite: a weight is too large"
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(put_together(parameter.grad)).all()):
            return f"the gradient of `{name}` is not finite, though the estimate of every term is"
    return "the norm of the gradient is too large for a number"


def _described(value: float) -> str:
    return "not a number" if math.isnan(value) else "infinite"

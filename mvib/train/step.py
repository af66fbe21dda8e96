"""One step of training, whatever the method: loss, gradient, clipping, weights, momentum copies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mvib.compile import CompiledModel, Output
from mvib.train.config import Precision

Batch = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step found.

    Attributes:
        loss: what was minimised.
        gradient_norm: before clipping.
        terms: the estimate of each term.
        counts: number of examples behind each term.
    """

    loss: float
    gradient_norm: float
    terms: Mapping[str, float]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Broken:
    """A step that was not taken, because a number is not finite; `culprit` says which, as the end of a sentence."""

    culprit: str


def run_model(model: CompiledModel, batch: Batch, *, precision: Precision, device: torch.device) -> Output:
    """The objective of a batch, with the networks in the precision asked for. Estimators lift it to float32 again."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision is Precision.BF16):
        output: Output = model(batch)
    return output


def take_step(
    model: CompiledModel,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    *,
    precision: Precision,
    clip: float | None,
    device: torch.device,
) -> StepResult | Broken:
    """Take one step, unless the loss, an estimate or the gradient is not finite; then the weights stay as they are."""
    optimizer.zero_grad(set_to_none=True)
    output = run_model(model, batch, precision=precision, device=device)
    # A method without a term has nothing to train by.
    if output.loss.requires_grad:
        output.loss.backward()  # type: ignore[no-untyped-call]
    trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in trained])
    # One transfer for all numbers, so that a GPU is waited for once a step.
    numbers = torch.stack([value.detach().float() for value in (output.loss, norm, *output.terms.values())]).tolist()
    loss, gradient_norm, *estimates = numbers
    terms = dict(zip(output.terms, estimates, strict=True))
    if not all(map(math.isfinite, numbers)):
        return Broken(_find_culprit(model, loss, terms))
    if clip is not None:
        torch.nn.utils.clip_grads_with_norm_(trained, clip, norm)
    optimizer.step()
    model.after_step()
    return StepResult(loss=loss, gradient_norm=gradient_norm, terms=terms, counts=output.counts)


def _find_culprit(model: CompiledModel, loss: float, terms: Mapping[str, float]) -> str:
    broken = [f"`{name}` is {_described(value)}" for name, value in terms.items() if not math.isfinite(value)]
    if broken:
        return "the estimate of the term " + " and of ".join(broken)
    if not math.isfinite(loss):
        return f"the loss is {_described(loss)}, though the estimate of every term is finite: a weight is too large"
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            return f"the gradient of `{name}` is not finite, though the estimate of every term is"
    return "the norm of the gradient is too large for a number"


def _described(value: float) -> str:
    return "not a number" if math.isnan(value) else "infinite"

"""What written files do between the lines of a plan: the same as `mvib.compile.execution`, one function each."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


def precision(networks: nn.Module) -> torch.dtype:
    """Precision of the weights."""
    return next((p.dtype for p in networks.parameters() if p.is_floating_point()), torch.get_default_dtype())


def given(batch: Mapping[str, Tensor], name: str) -> Tensor:
    """A variable that some examples lack; whatever stands in their rows reaches no network and no gradient."""
    value = batch[name]
    if value.dim() == 1 and not value.is_floating_point():
        return value
    rows = present(batch, name).reshape(-1, *[1] * (value.dim() - 1))
    return torch.where(rows, value, torch.zeros_like(value))


def present(batch: Mapping[str, Tensor], name: str) -> Tensor:
    """Which examples have a variable (bool, B): as `NAME.present` says; else a missing label is negative, a row NaN."""
    mask = batch.get(f"{name}.present")
    if mask is not None:
        return mask.bool()
    value = batch[name]
    if value.is_floating_point():
        return ~value.isnan().reshape(len(value), -1).all(dim=1)
    return value >= 0 if value.dim() == 1 else (value >= 0).reshape(len(value), -1).all(dim=1)


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """One number for each class; none of them is one where the label is missing."""
    return (labels.unsqueeze(-1) == torch.arange(classes, device=labels.device)).to(dtype)


def draw(channel: nn.Module, source: Tensor, *places: Tensor | None) -> Any:
    """A view of a batch: no gradient passes it, unless its source has one."""
    # Pixels keep their precision whatever the networks' is.
    autocast = torch.autocast(source.device.type, enabled=False)
    with autocast, torch.set_grad_enabled(source.requires_grad and torch.is_grad_enabled()):
        return channel(source, *places)


def on_trial(network: nn.Module, *inputs: Tensor, **context: Any) -> Any:
    """What a network gives; the running statistics of its normalisation layers stay as they are."""
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return functional_call(network, buffers, inputs, context)


def without_gradient(network: nn.Module, *inputs: Tensor, **context: Any) -> Any:
    """What a network gives, cut off from the gradient; its running statistics stay as they are."""
    with torch.no_grad():
        return on_trial(network, *inputs, **context)


def with_frozen_weights(network: nn.Module, *inputs: Tensor, keep_statistics: bool = False) -> Any:
    """What a network gives, with a gradient to its inputs and none to its weights.

    Args:
        network: to run.
        inputs: what it takes.
        keep_statistics: whether the running statistics of its normalisation layers stay as they are.
    """
    frozen = {name: parameter.detach() for name, parameter in network.named_parameters()}
    if keep_statistics:
        frozen |= {name: buffer.clone() for name, buffer in network.named_buffers()}
    return functional_call(network, frozen, inputs)


def nothing(*values: Tensor) -> Tensor:
    """Zero, as a sum over no examples, so that a backward pass finds what it expects."""
    return torch.stack([value[:0].float().sum() for value in values]).sum()

"""Weights that are parted among the processes: fully sharded data parallelism, by torch's `fully_shard` (FSDP2).

Each process keeps its part of every weight, of its gradient and of the optimizer's state. Blocks of residual networks
and transformers are put together for as long as they compute, all other weights for as long as a step does. Numbers
without an axis (learned temperatures and weights) stay whole everywhere.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from mvib.nn.builders.resnet import BasicBlock
from mvib.nn.builders.transformer_blocks import Block

_BLOCKS = (BasicBlock, Block, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


def shard_weights(model: nn.Module, *, device: torch.device) -> None:
    """Part the weights of a model among all processes, in place. All are to call it together.

    Args:
        model: on the device, the same in every process.
        device: of this process.
    """
    # Nothing is changed in place in what the model returns.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    for parameter in model.parameters():
        # Weights of convolutions lie channels-last, and the first axis is parted.
        parameter.data = parameter.data.contiguous()
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    whole = {parameter for parameter in model.parameters() if parameter.ndim == 0}
    for module in model.modules():
        if isinstance(module, _BLOCKS):
            fully_shard(module, mesh=mesh, ignored_params=whole)
    fully_shard(model, mesh=mesh, reshard_after_forward=True, ignored_params=whole)


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process has a part of the tensor alone."""
    return isinstance(tensor, DTensor)


def put_together(tensor: Tensor) -> Tensor:
    """The tensor from the parts of all processes. All are to call it together, for the same tensors in one order."""
    if not isinstance(tensor, DTensor):
        return tensor
    found: Tensor = tensor.full_tensor()
    return found


def part_like(value: Tensor, like: Tensor) -> Tensor:
    """This process's part of a whole tensor, parted as another is. All are to call it together."""
    if not isinstance(like, DTensor):
        return value
    placed: Tensor = distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
    return placed


def parts_like(values: Mapping[str, Tensor], likes: Mapping[str, Any]) -> dict[str, Tensor]:
    """The same of tensors by name; those without a fellow stay as they are."""
    return {name: part_like(value, likes[name]) if name in likes else value for name, value in values.items()}


def total_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, whole and parted ones. All are to call it together."""
    parted = [gradient for gradient in gradients if is_sharded(gradient)]
    if not parted:
        return torch.nn.utils.get_total_norm(gradients)
    norms = [put_together(torch.nn.utils.get_total_norm(parted))]
    rest = [gradient for gradient in gradients if not is_sharded(gradient)]
    if rest:
        norms.append(torch.nn.utils.get_total_norm(rest))
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def clip_to_norm(parameters: Iterable[Tensor], most: float, norm: Tensor) -> None:
    """Scale gradients down to a norm, whole and parted ones alike.

    Args:
        parameters: whose gradients.
        most: the largest norm that is left alone.
        norm: of all of them.
    """
    given = list(parameters)
    for is_parted in (True, False):
        those = [p for p in given if p.grad is not None and is_sharded(p.grad) is is_parted]
        if those:
            torch.nn.utils.clip_grads_with_norm_(those, most, norm, foreach=False if is_parted else None)

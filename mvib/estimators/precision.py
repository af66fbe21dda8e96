"""The precision in which estimates are computed: at least float32, whatever the network runs in."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Return `values` in float32 if they are in half precision or integers, else unchanged (float32, float64)."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def without_autocast(values: Tensor) -> AbstractContextManager[object]:
    """Return a context in which matrix products on the device of `values` keep the precision of their arguments.

    Without it a surrounding `torch.autocast` would carry out the products of an estimator in half precision even
    though its inputs are in float32.
    """
    # A tensor on `meta` has shapes only, and autocast refuses it. A program that is exported runs without autocast, and
    # `torch.export.load` (2.10 to 2.13) cannot read a region of it that `torch.export.save` wrote.
    if values.device.type == "meta" or torch.compiler.is_exporting():
        return nullcontext()
    return torch.autocast(values.device.type, enabled=False)

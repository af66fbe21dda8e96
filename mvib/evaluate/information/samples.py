"""Arrays of samples as rows of a table."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

_FEWEST = 4
# Squares of larger numbers, and their sums, leave single precision, in which critics are trained.
_LARGEST = 1e15


def read_samples(x: Any, y: Any) -> tuple[Tensor, ...]:
    """The samples of one or two variables in float64, (N, D) or (N,); whole numbers in one column stay int64 labels.

    Args:
        x: an array or tensor (N, D) or (N,).
        y: the same with as many rows, or None.

    Raises:
        ValueError: an array is none, or has another shape, too few rows, or a number that is not finite.
    """
    tables = tuple(_read(value, name) for value, name in ((x, "x"), (y, "y")) if value is not None)
    lengths = [len(table) for table in tables]
    if len(set(lengths)) > 1:
        raise ValueError(f"x has {lengths[0]} rows and y {lengths[1]}; row i of both must be from the same example")
    return tables


def _read(value: Any, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name} holds {array.dtype}, and numbers are needed")
        # Torch knows neither other orders of bytes nor more than double precision.
        native = np.float64 if array.dtype.kind == "f" and array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
        value = torch.from_numpy(np.ascontiguousarray(array.astype(native, copy=False)))
    table: Tensor = value.detach().cpu()
    if table.dim() not in {1, 2} or 0 in table.shape[1:]:
        shape = " x ".join(map(str, table.shape)) or "a single number"
        raise ValueError(f"{name} is {shape}; samples are rows of a table, (N, D) or (N,)")
    if len(table) < _FEWEST:
        raise ValueError(f"{name} has {len(table)} rows; at least {_FEWEST} are needed")
    if not table.is_floating_point():
        return table.long() if table.dim() == 1 or table.shape[1] == 1 else table.double()
    finite = torch.isfinite(table)
    if not bool(finite.all()):
        row = int((~finite.reshape(len(table), -1).all(dim=1)).nonzero()[0])
        raise ValueError(f"{name} has a number that is not finite, first in row {row}; remove such rows")
    largest = float(table.abs().max())
    if largest > _LARGEST:
        raise ValueError(f"{name} has a number of size {largest:.1e}, too large to be squared; divide {name} by it")
    return table.double()


def as_table(samples: Tensor) -> Tensor:
    """Samples as a table (N, D) of float64; a label becomes a column of numbers."""
    return samples.double().reshape(len(samples), -1)

"""Nearest neighbours among the rows of a table, and numbers of neighbours within a distance, without gradients.

Every distance is the rounded one: a count within the distance of a neighbour has that neighbour, whatever the method.
"""

# Shape suffixes: N rows, R rows of a block, D dimension, K neighbours.

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, Shaped
from numpy import ndarray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from torch import Tensor

from mvib.estimators.ranks import Ranks

Norm = Literal["max", "euclidean"]
T = TypeVar("T")

# Up to these numbers of dimensions a tree is faster than all distances, measured with 10,000 Gaussian rows.
_MOST_DIMENSIONS_TO_FIND = 16
_MOST_DIMENSIONS_TO_COUNT = 5
_PAIRS_AT_ONCE = 2**20
_ORDERS = {"max": np.inf, "euclidean": 2}
_METRICS = {"max": "chebyshev", "euclidean": "euclidean"}


class TiesWarning(UserWarning):
    """Rows repeat where a continuous variable is wanted, so that what is promised of the estimate does not hold."""


def table(z: Shaped[Tensor, "B *D"], ranks: Ranks) -> Float64[ndarray, "N D"]:
    """Return the rows of all ranks as a table of float64; rows without an axis of their own have one dimension.

    Raises:
        ValueError: numbers that are not finite.
    """
    gathered = ranks.rows(z.detach())
    rows: Float64[ndarray, "N D"] = gathered.double().cpu().numpy().reshape(len(gathered), -1)
    if not np.isfinite(rows).all():
        raise ValueError("rows with NaN or infinity have no neighbours: leave them out, or look for where they arise")
    return rows


def check_number(k: int, num_rows: int) -> None:
    """Refuse to look for more neighbours than there are.

    Raises:
        ValueError: k below 1 or not below the number of rows.
    """
    if not 1 <= k < num_rows:
        raise ValueError(
            f"k is {k}, and each of {num_rows} rows has {num_rows - 1} others: give more rows, or another k"
        )


def nearest(z: Float64[ndarray, "N D"], k: int, norm: Norm) -> tuple[Float64[ndarray, "N K"], Int64[ndarray, "N K"]]:
    """Return distances, ascending, and places of the k nearest other rows of each row.

    Where several rows are equal their distances are right, but a row may stand for itself among the places.
    """
    if z.shape[1] <= _MOST_DIMENSIONS_TO_FIND:
        distances, places = cKDTree(z).query(z, k=k + 1, p=_ORDERS[norm], workers=-1)
        return distances[:, 1:], places[:, 1:]

    def of_block(rows: slice) -> tuple[Float64[ndarray, "R K"], Int64[ndarray, "R K"]]:
        distances = cdist(z[rows], z, _METRICS[norm])
        places = np.argpartition(distances, k, axis=1)[:, : k + 1]
        near = np.take_along_axis(distances, places, axis=1)
        order = np.argsort(near, axis=1)
        return np.take_along_axis(near, order, axis=1)[:, 1:], np.take_along_axis(places, order, axis=1)[:, 1:]

    distances, places = zip(*_each_block(of_block, len(z)), strict=True)
    return np.concatenate(distances), np.concatenate(places)


def count_within(z: Float64[ndarray, "N D"], radius: Float64[ndarray, " N"]) -> Int64[ndarray, " N"]:
    """Return the number of rows at most `radius` away from each row in the max-norm, the row itself included."""
    if z.shape[1] == 1:
        return _count_on_a_line(z[:, 0], radius)
    if z.shape[1] <= _MOST_DIMENSIONS_TO_COUNT:
        counts: Int64[ndarray, " N"] = cKDTree(z).query_ball_point(z, radius, p=np.inf, return_length=True, workers=-1)
        return counts

    def of_block(rows: slice) -> Int64[ndarray, " R"]:
        inside: Int64[ndarray, " R"] = (cdist(z[rows], z, "chebyshev") <= radius[rows, None]).sum(axis=1)
        return inside

    return np.concatenate(_each_block(of_block, len(z)))


def number(value: float, like: Tensor) -> Float[Tensor, ""]:
    """Return what was measured as a tensor on the device of the rows."""
    dtype = torch.float32 if like.device.type == "mps" else torch.float64  # MPS has no float64
    return torch.tensor(value, dtype=dtype, device=like.device)


def _count_on_a_line(x: Float64[ndarray, " N"], radius: Float64[ndarray, " N"]) -> Int64[ndarray, " N"]:
    """Count by bisection in the sorted numbers.

    `searchsorted` for x + radius would be wrong by the neighbour at exactly that distance, since the sum is rounded
    otherwise than the difference.
    """
    ascending = np.sort(x)
    first = _first(lambda places: x - ascending[places] <= radius, len(x))
    past = _first(lambda places: ascending[places] - x > radius, len(x))
    counts: Int64[ndarray, " N"] = past - first
    return counts


def _first(holds: Callable[[Int64[ndarray, " N"]], Bool[ndarray, " N"]], num: int) -> Int64[ndarray, " N"]:
    """Return for each of `num` rows the first place of `num` from which on a condition holds, `num` if nowhere."""
    low, high = np.zeros(num, dtype=np.int64), np.full(num, num, dtype=np.int64)
    while (open_ := low < high).any():
        middle = (low + high) // 2
        true = holds(np.minimum(middle, num - 1))
        high = np.where(open_ & true, middle, high)
        low = np.where(open_ & ~true, middle + 1, low)
    return low


def _each_block(of_block: Callable[[slice], T], num_rows: int) -> list[T]:
    """Return what a function gives for blocks of rows that have few enough pairs to be held at once."""
    size = max(1, _PAIRS_AT_ONCE // num_rows)
    slices = [slice(start, min(start + size, num_rows)) for start in range(0, num_rows, size)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # distances are computed without the interpreter's lock
        return list(threads.map(of_block, slices))

"""Data sets as tensors in memory, minibatches of them, and the known random views of an example.

Knows tensors, files and random numbers; knows nothing of methods, objectives or models.
"""

from mvib.data.arrays import source_from_arrays
from mvib.data.batches import (
    count_batches,
    held_out_part,
    iterate_in_order,
    shuffled_batches,
    training_part,
    whole,
)
from mvib.data.binding import bind_columns
from mvib.data.columns import Column, ColumnKind, DataSource
from mvib.data.errors import DataError
from mvib.data.partial import mask_name
from mvib.data.sources import load_source

__all__ = [
    "Column",
    "ColumnKind",
    "DataError",
    "DataSource",
    "bind_columns",
    "count_batches",
    "held_out_part",
    "iterate_in_order",
    "load_source",
    "mask_name",
    "shuffled_batches",
    "source_from_arrays",
    "training_part",
    "whole",
]

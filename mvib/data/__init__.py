"""Data sets in memory and on disk, minibatches of them, and the known random views of an example.

Knows tensors, files and random numbers; knows nothing of methods, objectives or models.
"""

from mvib.data.arrays import source_from_arrays
from mvib.data.bad_items import BadItem, BadItems
from mvib.data.batches import count_batches, held_out_part, training_part
from mvib.data.binding import bind_columns
from mvib.data.classes import match_classes
from mvib.data.columns import Column, ColumnKind, DataSource
from mvib.data.errors import DataError, WorkerEndedError
from mvib.data.loading import BatchLoader, Loading, Share
from mvib.data.origin import Origin, PartOrigin
from mvib.data.partial import mask_name
from mvib.data.rows import Rows, StoredRows, add_rows, read_batch
from mvib.data.source_text import with_absolute_paths, with_option
from mvib.data.sources import load_source, source_from_object

__all__ = [
    "BadItem",
    "BadItems",
    "BatchLoader",
    "Column",
    "ColumnKind",
    "DataError",
    "DataSource",
    "Loading",
    "Origin",
    "PartOrigin",
    "Rows",
    "Share",
    "StoredRows",
    "WorkerEndedError",
    "add_rows",
    "bind_columns",
    "count_batches",
    "held_out_part",
    "load_source",
    "mask_name",
    "match_classes",
    "read_batch",
    "source_from_arrays",
    "source_from_object",
    "training_part",
    "with_absolute_paths",
    "with_option",
]

"""Arrays as a data source, in memory or mapped from disk: what kind each one is, and which examples are held out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.columns import ColumnKind, DataSource
from mvib.data.errors import DataError
from mvib.data.rows import MappedRows, Rows, chunks
from mvib.data.table import RawColumn, Table, check_lengths, finish_table, label_column

Array = npt.NDArray[np.generic]
_CHANNEL_COUNTS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredArray:
    """An array of a .npy file: its values as far as they are asked for, and where it lies."""

    array: Array
    path: Path


AnyArray = Array | StoredArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Parts:
    """One column's arrays; without a test array a part of `train` is still to be held out."""

    train: AnyArray
    test: AnyArray | None


def source_from_arrays(arrays: Mapping[str, npt.ArrayLike | Tensor], *, name: str = "arrays") -> DataSource:
    """Makes a data source of arrays or tensors, whose first axis is the examples.

    An array is called NAME, or NAME_train and NAME_test. Its kind follows from its shape and dtype:

    * one axis, integers or booleans: a label (any integers; their sorted values become 0..K-1, negative ones are
      missing labels); one axis of floats is a vector of one number;
    * two axes: a vector;
    * three axes: one-channel images (N, height, width) where the dtype is uint8, otherwise a sequence (N, time, D);
    * four axes: images, channels first or last: last where that axis alone is 1 to 4 long, or stands behind two
      others of one length; a note says so of other numbers of channels.

    Integers of images are scaled from 0..255 to [0, 1] where the dtype is uint8; everything but labels becomes float32.

    Args:
        arrays: arrays by name. Where no array has a test part, a fifth of the examples is held out, stratified by the
            first label column.
        name: how messages call the source.

    Returns:
        The source, one column per name.

    Raises:
        DataError: an array has an unusable dtype, shape or value, or the arrays do not belong together.
    """
    return finish_table(table_from_arrays(arrays, name=name))


def table_from_arrays(arrays: Mapping[str, npt.ArrayLike | Tensor | StoredArray], *, name: str, skip: int = 0) -> Table:
    """The same before a part is held out; arrays of files stay there.

    Args:
        arrays: by name.
        name: how messages call the source.
        skip: how many examples with numbers that are not finite may be left out.

    Raises:
        DataError: as `source_from_arrays`.
    """
    if not arrays:
        raise DataError(f"{name} holds no arrays", "give at least one array whose first axis is the examples")
    parts = _pair_parts({key: _as_array(key, value) for key, value in arrays.items()})
    check_lengths(
        {key: len(_values(part.train)) for key, part in parts.items()},
        {key: None if part.test is None else len(_values(part.test)) for key, part in parts.items()},
    )
    bad = BadItems(skip, remedy="; one that is NaN throughout is missing, where the variable is declared `partial`")
    bad_train: set[int] = set()
    bad_test: set[int] = set()
    for key, part in parts.items():
        for array, suffix, places in ((part.train, "", bad_train), (part.test, "_test", bad_test)):
            for place in () if array is None else _find_unusable(_values(array)):
                why = "holds a number that is not finite, or beyond those of float32"
                bad.add(BadItem(f"{name}:{key}{suffix}[{place}]", why))
                places.add(place)
    bad.check()
    return Table(
        name=name,
        columns={key: _column(key, part) for key, part in parts.items()},
        bad_train=frozenset(bad_train),
        bad_test=frozenset(bad_test),
        bad=bad,
        notes=tuple(note for key, part in parts.items() for note in _note_channels(key, part.train)),
    )


def _as_array(key: str, value: npt.ArrayLike | Tensor | StoredArray) -> AnyArray:
    if isinstance(value, StoredArray):
        _check_form(key, value.array)
        return value
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        array = (value.float() if value.dtype is torch.bfloat16 else value).numpy()
    else:
        array = np.asarray(value)
    _check_form(key, array)
    return array


def _check_form(key: str, array: Array) -> None:
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"the array `{key}` holds `{array.dtype}` values", "store numbers: integers, booleans or real floats"
        )
    if not 1 <= array.ndim <= 4:
        raise DataError(
            f"the array `{key}` has {array.ndim} axes", "give it one to four axes, the first of them the examples"
        )
    if 0 in array.shape[1:]:
        raise DataError(f"the examples of the array `{key}` hold no numbers: {array.shape}", "leave it out")


def _find_unusable(array: Array) -> list[int]:
    """Places of examples that as float32 are neither finite nor NaN throughout."""
    if array.dtype.kind != "f":
        return []
    found: list[int] = []
    for places in chunks(len(array), array.shape[1:]):
        with np.errstate(over="ignore"):
            rows = np.asarray(array[places[0] : places[-1] + 1]).astype(np.float32).reshape(len(places), -1)
        usable = np.isfinite(rows).all(axis=1) | np.isnan(rows).all(axis=1)
        found += places[~usable].tolist()
    return found


def _values(array: AnyArray) -> Array:
    return array.array if isinstance(array, StoredArray) else array


def _pair_parts(arrays: Mapping[str, AnyArray]) -> dict[str, _Parts]:
    parts: dict[str, _Parts] = {}
    for key in arrays:
        stem = key.removesuffix("_train").removesuffix("_test")
        if stem in parts:
            continue
        train_names = [other for other in (stem, f"{stem}_train") if other in arrays]
        if not train_names:
            raise DataError(
                f"there is `{key}` but no training array for it", f"add `{stem}_train`, or call `{key}` just `{stem}`"
            )
        if len(train_names) == 2:
            raise DataError(
                f"both `{stem}` and `{stem}_train` are given",
                f"leave one of them out: `{stem}` is the training array of `{stem}_test`",
            )
        test = arrays.get(f"{stem}_test")
        array = arrays[train_names[0]]
        shape = _values(array).shape[1:]
        if test is not None and _values(test).shape[1:] != shape:
            raise DataError(
                f"`{stem}_test` has examples of shape {_values(test).shape[1:]}, `{train_names[0]}` of shape {shape}",
                "store training and test examples of one shape",
            )
        if test is not None and (_values(test).dtype == np.uint8) != (_values(array).dtype == np.uint8):
            raise DataError(
                f"`{stem}_test` holds `{_values(test).dtype}` values, `{train_names[0]}` `{_values(array).dtype}`",
                "store both as bytes, which are scaled to [0, 1], or both as floats",
            )
        parts[stem] = _Parts(train=array, test=test)
    return parts


def _column(key: str, part: _Parts) -> RawColumn:
    array = _values(part.train)
    if array.ndim == 1 and array.dtype.kind in "biu":
        test = None if part.test is None else _values(part.test).astype(np.int64)
        return label_column(array.astype(np.int64), test, description=f"array `{key}`")
    kind, train = _features(part.train)
    is_scaled = kind is ColumnKind.IMAGE and array.dtype == np.uint8
    return RawColumn(
        kind=kind,
        train=train,
        test=None if part.test is None else _features(part.test)[1],
        description=f"array `{key}`{', bytes divided by 255' if is_scaled else ''}",
    )


def _note_channels(key: str, array: AnyArray) -> tuple[str, ...]:
    shape = _values(array).shape
    if len(shape) != 4:
        return ()
    channels, *sides = (shape[3], *shape[1:3]) if has_channels_last(shape) else shape[1:]
    if channels in _CHANNEL_COUNTS:
        return ()
    return (f"`{key}` is taken for images of {sides[0]}x{sides[1]} pixels with {channels} channels",)


def _features(given: AnyArray) -> tuple[ColumnKind, Rows]:
    array = _values(given)
    kind = _kind(array)
    is_bytes = array.dtype == np.uint8
    channels_last = array.ndim == 4 and has_channels_last(array.shape)
    # A single number becomes a row of one, a grey image gets its channel.
    add_axis = 1 if array.ndim == 1 or (array.ndim == 3 and is_bytes) else None
    if isinstance(given, StoredArray):
        return kind, MappedRows(given.path, channels_last=channels_last, add_axis=add_axis)
    with np.errstate(over="ignore"):
        # Examples with numbers beyond float32 are bad, and left out.
        numbers = np.ascontiguousarray(array).astype(np.float32)
    if channels_last:
        numbers = np.ascontiguousarray(np.moveaxis(numbers, -1, 1))
    if kind is ColumnKind.IMAGE and is_bytes:
        numbers = numbers / np.float32(255.0)
    return kind, torch.from_numpy(numbers if add_axis is None else np.expand_dims(numbers, add_axis))


def _kind(array: Array) -> ColumnKind:
    if array.ndim <= 2:
        return ColumnKind.VECTOR
    if array.ndim == 3 and array.dtype != np.uint8:
        return ColumnKind.SEQUENCE
    return ColumnKind.IMAGE


def has_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether images of a shape (N, ..., ..., ...) have their channels last.

    They are there where the last axis alone is 1 to 4 long; where that tells nothing, behind two axes of one length.
    """
    first, middle, last = shape[1:]
    if (first in _CHANNEL_COUNTS) != (last in _CHANNEL_COUNTS):
        return last in _CHANNEL_COUNTS
    return first == middle != last

"""Arrays in memory as a data source: what kind each one is, and which examples are held out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mvib.data.columns import Column, ColumnKind, DataSource
from mvib.data.errors import DataError
from mvib.data.split import split_indices

Array = npt.NDArray[np.generic]
_CHANNEL_COUNTS = (1, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Parts:
    """One column's arrays; without a test array a part of `train` is still to be held out."""

    train: Array
    test: Array | None


def source_from_arrays(arrays: Mapping[str, npt.ArrayLike | Tensor], *, name: str = "arrays") -> DataSource:
    """Makes a data source of arrays or tensors, whose first axis is the examples.

    An array is called NAME, or NAME_train and NAME_test. Its kind follows from its shape and dtype:

    * one axis, integers or booleans: a label (any integers; their sorted values become 0..K-1, negative ones are
      missing labels); one axis of floats is a vector of one number;
    * two axes: a vector;
    * three axes: one-channel images (N, height, width) where the dtype is uint8, otherwise a sequence (N, time, D);
    * four axes: images, channels first or last.

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
    if not arrays:
        raise DataError(f"{name} holds no arrays", "give at least one array whose first axis is the examples")
    parts = _pair_parts({key: _as_array(key, value) for key, value in arrays.items()})
    _check_lengths(parts)
    if any(part.test is None for part in parts.values()):
        parts = _hold_out(parts)
    return DataSource(name=name, columns={key: _column(key, part) for key, part in parts.items()})


def _as_array(key: str, value: npt.ArrayLike | Tensor) -> Array:
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        array = (value.float() if value.dtype is torch.bfloat16 else value).numpy()
    else:
        array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"the array `{key}` holds `{array.dtype}` values", "store numbers: integers, booleans or real floats"
        )
    if not 1 <= array.ndim <= 4:
        raise DataError(
            f"the array `{key}` has {array.ndim} axes", "give it one to four axes, the first of them the examples"
        )
    if array.dtype.kind == "f" and not _is_finite_or_missing(array):
        raise DataError(
            f"the array `{key}` holds values that are not finite",
            "remove or replace the examples with NaN or infinity; one that is NaN throughout is missing, where the "
            "variable is declared `partial`",
        )
    return array


def _is_finite_or_missing(array: Array) -> bool:
    """Whether every example is finite, or NaN throughout."""
    rows = array.reshape(len(array), -1)
    return bool((np.isfinite(rows).all(axis=1) | np.isnan(rows).all(axis=1)).all())


def _pair_parts(arrays: Mapping[str, Array]) -> dict[str, _Parts]:
    parts: dict[str, _Parts] = {}
    for key, array in arrays.items():
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
        if test is not None and test.shape[1:] != array.shape[1:]:
            raise DataError(
                f"`{stem}_test` has examples of shape {test.shape[1:]}, `{train_names[0]}` of shape {array.shape[1:]}",
                "store training and test examples of one shape",
            )
        parts[stem] = _Parts(train=array, test=test)
    return parts


def _check_lengths(parts: Mapping[str, _Parts]) -> None:
    train = {key: len(part.train) for key, part in parts.items()}
    test = {key: 0 if part.test is None else len(part.test) for key, part in parts.items()}
    for what, lengths in (("training", train), ("test", test)):
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"`{key}` {length}" for key, length in lengths.items())
            raise DataError(
                f"the arrays differ in the number of {what} examples: {listed}",
                "give every array the same examples in the same order",
            )
    has_test = next(iter(parts.values())).test is not None
    fewest = next(iter(train.values()))
    if fewest < (1 if has_test else 2) or (has_test and next(iter(test.values())) < 1):
        raise DataError("there are too few examples", "give at least one training and one test example")


def _hold_out(parts: Mapping[str, _Parts]) -> dict[str, _Parts]:
    labels = [part.train.astype(np.int64) for part in parts.values() if _is_label(part.train)]
    num_examples = len(next(iter(parts.values())).train)
    train, test = split_indices(num_examples, labels[0] if labels else None)
    return {key: _Parts(train=part.train[train], test=part.train[test]) for key, part in parts.items()}


def _column(key: str, part: _Parts) -> Column:
    assert part.test is not None
    if _is_label(part.train):
        return _label_column(key, part.train.astype(np.int64), part.test.astype(np.int64))
    kind, train = _features(part.train)
    _, test = _features(part.test)
    return Column(kind=kind, train=train, test=test, description=f"array `{key}`")


def _is_label(array: Array) -> bool:
    return array.ndim == 1 and array.dtype.kind in "biu"


def _label_column(key: str, train: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> Column:
    values = np.unique(np.concatenate((train, test)))
    values = values[values >= 0]
    if len(values) < 2:
        raise DataError(
            f"the label array `{key}` has {len(values)} class" + ("es" if len(values) == 0 else ""),
            "labels need at least two different values; negative ones stand for a missing label",
        )
    unknown = np.setdiff1d(test[test >= 0], train)
    if len(unknown) > 0:
        raise DataError(
            f"the test labels of `{key}` hold classes that no training example has: {unknown[:5].tolist()}",
            "give each class at least one training example",
        )
    return Column(
        kind=ColumnKind.LABEL,
        train=torch.from_numpy(_class_indices(train, values)),
        test=torch.from_numpy(_class_indices(test, values)),
        classes=len(values),
        description=f"array `{key}`, classes {values[0]} to {values[-1]}",
    )


def _class_indices(labels: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.where(labels >= 0, np.searchsorted(values, labels), -1).astype(np.int64)


def _features(array: Array) -> tuple[ColumnKind, Tensor]:
    numbers = np.ascontiguousarray(array).astype(np.float32)
    is_bytes = array.dtype == np.uint8
    match array.ndim:
        case 1:
            return ColumnKind.VECTOR, torch.from_numpy(numbers[:, None])
        case 2:
            return ColumnKind.VECTOR, torch.from_numpy(numbers)
        case 3 if not is_bytes:
            return ColumnKind.SEQUENCE, torch.from_numpy(numbers)
        case 3:
            return ColumnKind.IMAGE, torch.from_numpy(numbers[:, None] / 255.0)
    if _channels_last(array.shape):
        numbers = np.ascontiguousarray(np.moveaxis(numbers, -1, 1))
    return ColumnKind.IMAGE, torch.from_numpy(numbers / 255.0 if is_bytes else numbers)


def _channels_last(shape: tuple[int, ...]) -> bool:
    first, last = shape[1], shape[-1]
    if (first in _CHANNEL_COUNTS) != (last in _CHANNEL_COUNTS):
        return last in _CHANNEL_COUNTS
    return last < first

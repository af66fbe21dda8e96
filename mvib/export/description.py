"""`encoder.json`: what the encoder takes and gives, of which run it is, and the files that belong to it."""

import math
from typing import Any

import torch

from mvib.compile.example import LabelShape
from mvib.data import Column, ColumnKind, Rows
from mvib.export.encoder import Encoder
from mvib.train import Run
from mvib.train.examples import example_shapes, fingerprint
from mvib.version import __version__

FORMAT = 2
# As many training examples are looked at for the range of their numbers, fewer where they are large.
_NUM_SEEN = 1000
_MOST_NUMBERS = 1 << 22
_NORMALISATION = "none: no mean is subtracted, and nothing is divided by a deviation"
_AXES = {
    ColumnKind.IMAGE: ("channels", "height", "width"),
    ColumnKind.VECTOR: ("features",),
    ColumnKind.SEQUENCE: ("time", "features"),
    ColumnKind.TOKENS: ("time",),
}


def describe_export(
    run: Run, encoder: Encoder, *, identity: str, weights: str, is_training_data: bool
) -> dict[str, Any]:
    """What stands in the description, ready for JSON, apart from the files.

    Args:
        run: that is exported.
        encoder: of it.
        identity: of the run.
        weights: a checksum of the weights of the encoder.
        is_training_data: whether the examples are those that the run was trained on.
    """
    method = run.analysis.method
    assert method is not None
    columns = run.examples.columns
    return {
        "format": FORMAT,
        "method": method.name,
        "run": identity,
        "weights": weights,
        "inputs": [_describe_input(name, encoder, columns[name]) for name in encoder.inputs],
        "representation": {
            "width": encoder.width,
            "type": _type_name(encoder.dtype),
            "about": "of the example itself: random views are the identity, networks are in evaluation mode",
            "variables": _describe_variables(encoder),
        },
        "data": {
            name: {"classes": shape.classes} if isinstance(shape, LabelShape) else {"shape": list(columns[name].shape)}
            for name, shape in example_shapes(columns).items()
        },
        "examples": {
            "source": run.config.data,
            "fingerprint": fingerprint(columns),
            # Otherwise what is said of the examples, and was seen of the inputs, is of data that the export was given.
            "trained_on": is_training_data,
            "train": run.examples.num_train,
            "test": run.examples.num_held_out,
            # The rows hold the numbers of the classes, from 0 in this order.
            "labels": {
                name: {"classes": column.classes, "names": list(column.class_names)}
                for name, column in run.examples.labels.items()
            },
        },
        "versions": {"mvib": __version__, "torch": str(torch.__version__)},
    }


def _describe_input(name: str, encoder: Encoder, column: Column) -> dict[str, Any]:
    train = column.train
    return {
        "name": name,
        "kind": str(column.kind),
        "shape": list(encoder.input_shapes[name]),
        "axes": list(_AXES.get(column.kind, ())),
        "type": _type_name(encoder.input_types[name]),
        "about": column.description,
        "preparation": "" if isinstance(train, torch.Tensor) else train.preparation,
        "normalisation": _NORMALISATION,
        "seen": _describe_numbers(train),
    }


def _describe_numbers(rows: Rows) -> dict[str, float | int | None]:
    """Range and spread of training examples, by which a user sees whether others are prepared alike."""
    number = min(_NUM_SEEN, len(rows), max(1, _MOST_NUMBERS // max(1, math.prod(rows.shape[1:]))))
    places = torch.linspace(0, len(rows) - 1, number, dtype=torch.float64).round().long()
    values = rows[places].double()
    # Missing examples are NaN throughout.
    values = values[values.isfinite()]
    if len(values) == 0:
        return {"least": None, "greatest": None, "mean": None, "deviation": None, "examples": number}
    found = {
        "least": values.min(),
        "greatest": values.max(),
        "mean": values.mean(),
        "deviation": values.std(correction=0),
    }
    rounded = {name: float(f"{float(value):.6g}") for name, value in found.items()}
    return {**{name: value if math.isfinite(value) else None for name, value in rounded.items()}, "examples": number}


def _describe_variables(encoder: Encoder) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = []
    start = 0
    for variable in encoder.variables:
        stop = start + math.prod(variable.shape)
        described.append(
            {
                "name": variable.name,
                "columns": [start, stop],
                "shape": list(variable.shape),
                "is": "the mean of a stochastic encoder" if variable.is_mean else "what a deterministic encoder gives",
            }
        )
        start = stop
    return described


def _type_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

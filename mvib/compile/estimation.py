"""Estimators on their own: an information quantity of samples, without a spec."""

from collections.abc import Mapping
from typing import Any

import torch

from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import Form, Interface
from mvib.compile.networks import import_object
from mvib.diagnostics import nearest
from mvib.estimators import rows


def estimate_from_samples(name: str, x: Any, y: Any, arguments: Mapping[str, Any]) -> float:
    """The estimate of a quantity from rows of one or two variables; see `mvib.estimate`."""
    entries = {n: e for n, e in load_catalogue().estimators.items() if e.interface is Interface.ROWS}
    if name not in entries:
        meant = nearest(name, entries)
        known = ", ".join(sorted(entries))
        raise ValueError(
            f"no estimator `{name}` works on samples alone; there are {known}"
            + (f"; did you mean `{meant}`?" if meant else "")
        )
    entry = entries[name]
    num_variables = 1 if entry.forms == (Form.ENTROPY,) else 2
    given = [value for value in (x, y) if value is not None]
    if len(given) != num_variables:
        raise ValueError(f"`{name}` takes the samples of {num_variables} variable(s), and {len(given)} are given")
    known_arguments = {argument.name for argument in entry.arguments}
    unknown = sorted(set(arguments) - known_arguments)
    if unknown:
        raise ValueError(
            f"`{name}` has no argument `{unknown[0]}`; it has {', '.join(sorted(known_arguments)) or 'none'}"
        )
    tensors = [torch.as_tensor(value) for value in given]
    for tensor in tensors:
        if tensor.dim() != 2 or tensor.shape[0] < 2 or tensor.shape[0] != tensors[0].shape[0]:
            raise ValueError("samples are rows of a table (N, D) with N at least 2, and as many of each variable")
    transform = getattr(rows, entry.rows.value)
    floating = [tensor if tensor.is_floating_point() else tensor.double() for tensor in tensors]
    python_names = {"lambda": "lambda_"}
    value = import_object(entry.implementation)(
        *(transform(tensor) for tensor in floating), **{python_names.get(k, k): v for k, v in arguments.items()}
    )
    return float(value)

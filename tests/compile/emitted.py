"""What the tests of written files share: run the text as a module that may import torch and numpy only."""

import builtins
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import mvib
from mvib.compile import CompiledModel, LabelShape
from mvib.compile.emission import emit_source
from mvib.plan import build_plan

CLASSES = 10
ALLOWED = {"torch", "numpy"} | sys.stdlib_module_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A compiled model and the module of the file that was written from it, with a batch."""

    model: CompiledModel
    text: str
    batch: dict[str, Tensor]
    make: type[nn.Module]


def run_text(text: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """The names of the file, run where only torch, numpy and the standard library can be imported."""

    def import_allowed(name: str, *args: Any, **kwargs: Any) -> Any:
        assert name.partition(".")[0] in ALLOWED, f"the file imports {name}"
        return builtins.__import__(name, *args, **kwargs)

    module = types.ModuleType("written_file")
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_allowed}
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(text, "written_file.py", "exec"), module.__dict__)
    return vars(module)


def random_data(kind: str, rows: int) -> Tensor:
    """Data of a type of the language."""
    match kind:
        case "image":
            return torch.rand(rows, 1, 8, 8, dtype=torch.float64)
        case "vector":
            return torch.randn(rows, 20, dtype=torch.float64)
        case "sequence":
            return torch.randn(rows, 8, 6, dtype=torch.float64)
        case "tokens":
            return torch.arange(rows * 6).reshape(rows, 6) % CLASSES
        case "label":
            return torch.arange(rows) % CLASSES
        case _:
            raise AssertionError(kind)


def written(spec: mvib.Specification, monkeypatch: pytest.MonkeyPatch, *, rows: int = 12, seed: int = 0) -> Pair:
    """Compile a spec in float64, write it, and run what was written."""
    torch.manual_seed(seed)
    plan = build_plan(spec.method, spec.graph, spec.analysis.readings)
    batch = {name: random_data(kind, rows) for name, (kind, _) in plan.data.items()}
    shapes: dict[str, Any] = {
        name: LabelShape(CLASSES) if plan.data[name][0] == "label" else tuple(value.shape)
        for name, value in batch.items()
    }
    for name, (_, is_partial) in plan.data.items():
        if is_partial:
            batch[f"{name}.present"] = torch.arange(rows) % 3 > 0
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(seed)
        model = mvib.compile(spec, shapes)
    finally:
        torch.set_default_dtype(default)
    text = emit_source(spec.analysis, model)
    names = run_text(text, monkeypatch)
    make = next(v for v in names.values() if isinstance(v, type) and "num_steps_taken" in _constants(v))
    return Pair(model=model, text=text, batch=batch, make=make)


def _constants(found: type) -> set[str]:
    """Attributes that `__init__` of a class of the file sets."""
    init = vars(found).get("__init__")
    is_written = found.__module__ == "written_file" and isinstance(init, types.FunctionType)
    return set(init.__code__.co_names) if is_written and isinstance(init, types.FunctionType) else set()


def built(pair: Pair, seed: int) -> nn.Module:
    """The module of the file in float64, with weights from a seed."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(seed)
        return pair.make()
    finally:
        torch.set_default_dtype(default)

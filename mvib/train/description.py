"""What a run folder says of its run: the resolved spec, and the content of `config.json`."""

import hashlib
import platform
from typing import Any

import torch
from torch import nn

from mvib.compile import CompiledModel
from mvib.driver import parse_overrides
from mvib.semantics.inherit import apply_overrides
from mvib.semantics.method import Method
from mvib.syntax.formatter import format_spec
from mvib.train.config import TrainConfig, settings_text
from mvib.train.course import Course
from mvib.train.examples import ARRAYS, Examples, fingerprint, held_out_fingerprints
from mvib.version import __version__


def describe_run(
    method: Method,
    config: TrainConfig,
    course: Course,
    examples: Examples,
    model: CompiledModel,
    *,
    device: torch.device,
    processes: int,
) -> dict[str, Any]:
    """What `config.json` holds, ready for JSON: settings, versions, shapes and sizes."""
    trained, untrained = count_parameters(model)
    return {
        "method": method.name,
        "spec_sha256": hashlib.sha256(resolved_text(method, config).encode()).hexdigest(),
        "data": config.data,
        "epochs": config.epochs,
        "seed": config.seed,
        "settings": settings_text(method.settings) | {"data": config.data, "epochs": config.epochs},
        "steps": course.steps,
        "batches": course.batches,
        "device": str(device),
        "processes": processes,
        "threads": torch.get_num_threads(),
        "examples": {"train": examples.num_train, "held_out": examples.num_held_out},
        "data_notes": list(examples.notes),
        "left_out": [str(item) for item in examples.bad],
        "fingerprint": fingerprint(examples.columns),
        "held_out_fingerprints": held_out_fingerprints(examples),
        "shapes": {
            name: {
                "kind": str(column.kind),
                "shape": list(column.shape),
                "classes": column.classes,
                "class_names": list(column.class_names),
            }
            for name, column in examples.columns.items()
        },
        "parameters": {"trained": trained, "untrained": untrained},
        "versions": {"mvib": __version__, "torch": str(torch.__version__), "python": platform.python_version()},
    }


def count_parameters(module: nn.Module) -> tuple[int, int]:
    """How many numbers are trained, and how many are not (momentum copies, frozen networks)."""
    counts = {True: 0, False: 0}
    for parameter in module.parameters():
        counts[parameter.requires_grad] += parameter.numel()
    return counts[True], counts[False]


def resolved_text(method: Method, config: TrainConfig) -> str:
    """The spec of a run in the canonical layout: inheritance and overrides applied, epochs and data included."""
    changed = {}
    if config.epochs != method.settings["epochs"]:
        changed["train.epochs"] = str(config.epochs)
    if config.data not in {method.settings["data"], ARRAYS}:
        changed["train.data"] = f'"{config.data}"'
    overrides, unreadable = parse_overrides(changed)
    if unreadable:
        # A path that no string of the language can hold; `config.json` has it.
        overrides, _ = parse_overrides({name: value for name, value in changed.items() if name != "train.data"})
    spec, _ = apply_overrides(method.spec, overrides)
    return format_spec(spec)

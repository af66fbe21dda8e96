"""The encoder as weights in a safetensors file, with the spec and a description that `load_encoder` reads."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor

from mvib.compile.compiler import compile_model
from mvib.compile.example import Example, ExampleError, LabelShape
from mvib.diagnostics import SpecError
from mvib.driver import analyse
from mvib.export.encoder import Encoder
from mvib.export.errors import ExportError
from mvib.reading import parse_json
from mvib.source import SourceFile
from mvib.version import __version__

FORMAT = 1
WEIGHTS = "encoder.safetensors"
DESCRIPTION = "encoder.json"
SPEC = "spec.mvib"

Shapes = Mapping[str, tuple[int, ...] | LabelShape]

_LONGEST_FILE = 1 << 24
_MOST_NUMBERS = 1 << 26


def pack_weights(encoder: Encoder) -> bytes:
    """The content of the weights file; the same weights give the same bytes."""
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in encoder.state_dict().items()}
    return save_tensors(tensors)


def describe_encoder(encoder: Encoder, *, method: str, shapes: Shapes) -> dict[str, Any]:
    """What stands in the description, ready for JSON.

    Args:
        encoder: that is exported.
        method: name of its method.
        shapes: of all data variables of the method, with a batch axis.
    """
    return {
        "format": FORMAT,
        "method": method,
        "inputs": [
            {
                "name": name,
                "shape": list(encoder.input_shapes[name]),
                "type": str(encoder.input_types[name]).removeprefix("torch."),
            }
            for name in encoder.inputs
        ],
        "width": encoder.width,
        "data": {
            name: {"classes": shape.classes} if isinstance(shape, LabelShape) else {"shape": list(shape[1:])}
            for name, shape in shapes.items()
        },
        "versions": {"mvib": __version__, "torch": str(torch.__version__)},
    }


def load_encoder(folder: str | Path, *, plugins: tuple[str, ...] = ()) -> Encoder:
    """Read an encoder that `mvib export --format safetensors` wrote. Nothing is unpickled or imported.

    Args:
        folder: with `encoder.safetensors`, `encoder.json` and `spec.mvib`.
        plugins: entry points that the spec may use; they are imported.

    Returns:
        The encoder on the CPU, in evaluation mode; `encoder(x)` gives one row an example.

    Raises:
        ExportError: a file is missing, damaged, or not of the same encoder.
    """
    path = Path(folder)
    description = _read_description(path / DESCRIPTION)
    try:
        text = _read_text(path / SPEC)
        analysis = analyse(SourceFile(str(path / SPEC), text), plugins=plugins)
        if not analysis.is_sound:
            raise SpecError(analysis.diagnostics)
        # The made-up weights are replaced at once: nobody else's random numbers are to change for them.
        with torch.random.fork_rng(devices=[]):
            model = compile_model(analysis, _read_shapes(description, path / DESCRIPTION))
    except (SpecError, ExampleError) as error:
        raise _damaged(path / SPEC, str(error)) from error
    encoder = Encoder(model)
    _load_weights(encoder, path / WEIGHTS)
    return encoder


def _load_weights(encoder: Encoder, file: Path) -> None:
    if not file.is_file():
        raise ExportError(f"there is no file `{file}`", "`mvib export RUN` writes one")
    try:
        found: dict[str, Tensor] = load_file(file)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise _damaged(file, str(error)) from error
    expected = encoder.state_dict()
    for name in sorted(set(expected) ^ set(found)):
        raise _damaged(file, f"it {'has no' if name in expected else 'holds'} `{name}`, unlike the encoder of the spec")
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise _damaged(file, f"the shape of `{name}` is {tuple(found[name].shape)} and not {tuple(value.shape)}")
    encoder.load_state_dict(found)


def _read_description(file: Path) -> dict[str, Any]:
    try:
        value = parse_json(_read_text(file))
    except (ValueError, RecursionError) as error:
        raise _damaged(file, str(error)) from error
    if not isinstance(value, dict) or not isinstance(value.get("format"), int):
        raise _damaged(file, "it does not say its format")
    if value["format"] > FORMAT:
        raise ExportError(
            f"`{file}` has format {value['format']}, and this version of mvib reads up to {FORMAT}", "use a newer mvib"
        )
    return value


def _read_shapes(description: Mapping[str, Any], file: Path) -> dict[str, Example]:
    shapes: dict[str, Example] = {}
    try:
        for name, found in description["data"].items():
            if "classes" in found:
                shapes[str(name)] = LabelShape(int(found["classes"]))
            else:
                shapes[str(name)] = (1, *(int(size) for size in found["shape"]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _damaged(file, f"the shapes of the data cannot be read ({error})") from error
    # A description of a few bytes is not to ask for a network that no machine holds.
    for name, shape in shapes.items():
        numbers = shape.classes if isinstance(shape, LabelShape) else math.prod(shape)  # type: ignore[arg-type]
        if not 1 <= numbers <= _MOST_NUMBERS:
            raise _damaged(file, f"an example of `{name}` has {numbers:,} numbers, and 1 to {_MOST_NUMBERS:,} are read")
    return shapes


def _read_text(file: Path) -> str:
    try:
        if file.stat().st_size > _LONGEST_FILE:
            raise _damaged(file, f"it is longer than {_LONGEST_FILE:,} bytes")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, why: str) -> ExportError:
    return ExportError(f"`{file}` cannot be used: {why}", "export the run again")

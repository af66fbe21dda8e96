"""The encoder as weights in a safetensors file, with the spec and a description that `load_encoder` reads."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from mvib.compile.compiler import compile_representation
from mvib.compile.example import Example, ExampleError, LabelShape
from mvib.diagnostics import SpecError
from mvib.driver import analyse
from mvib.export.encoder import Encoder
from mvib.export.files import SPEC, WEIGHTS
from mvib.export.folder import DESCRIPTION, damaged, read_description, read_files, read_listed
from mvib.source import SourceFile

_MOST_NUMBERS = 1 << 26


def pack_weights(encoder: Encoder) -> bytes:
    """The content of the weights file; the same weights give the same bytes."""
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in encoder.state_dict().items()}
    return save_tensors(tensors)


def load_encoder(folder: str | Path, *, plugins: tuple[str, ...] = ()) -> Encoder:
    """Read an encoder that `mvib export --format safetensors` wrote. Nothing is unpickled or imported.

    Args:
        folder: with `encoder.safetensors`, `encoder.json` and `spec.mvib`.
        plugins: entry points that the spec may use; they are imported.

    Returns:
        The encoder on the CPU, in evaluation mode; `encoder(x)` gives one row an example.

    Raises:
        ExportError: a file is missing or damaged, or does not have the checksum that the description lists.
    """
    path = Path(folder)
    description = read_description(path, follows_links=True)
    files = read_files(description, path / DESCRIPTION)
    try:
        text = read_listed(path, SPEC, files, follows_links=True).decode()
        analysis = analyse(SourceFile(str(path / SPEC), text), plugins=plugins)
        if not analysis.is_sound:
            raise SpecError(analysis.diagnostics)
        shapes = _read_shapes(description, path / DESCRIPTION)
        weights = _read_weights(path / WEIGHTS, read_listed(path, WEIGHTS, files, follows_links=True))
        # The made-up weights are replaced at once: nobody else's random numbers are to change for them.
        with torch.random.fork_rng(devices=[]):
            # Of shapes alone first: a spec of a few bytes is not to take memory that its weights do not.
            with torch.device("meta"):
                _check_weights(path / WEIGHTS, weights, Encoder(compile_representation(analysis, shapes)))
            encoder = Encoder(compile_representation(analysis, shapes))
    except (SpecError, ExampleError, UnicodeDecodeError) as error:
        raise damaged(path / SPEC, str(error)) from error
    except (RuntimeError, MemoryError) as error:
        # What torch says where it finds no memory has no class of its own.
        why = (str(error).strip().splitlines() or ["there is no memory for it"])[0][:300]
        raise damaged(path / SPEC, f"its networks cannot be built: {why}") from error
    encoder.load_state_dict(weights)
    return encoder


def _read_weights(file: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return load_tensors(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise damaged(file, str(error)) from error


def _check_weights(file: Path, found: Mapping[str, Tensor], encoder: Encoder) -> None:
    expected = encoder.state_dict()
    for name in sorted(set(expected) ^ set(found)):
        raise damaged(file, f"it {'has no' if name in expected else 'holds'} `{name}`, unlike the encoder of the spec")
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise damaged(file, f"the shape of `{name}` is {tuple(found[name].shape)} and not {tuple(value.shape)}")


def _read_shapes(description: Mapping[str, Any], file: Path) -> dict[str, Example]:
    shapes: dict[str, Example] = {}
    try:
        for name, found in description["data"].items():
            if "classes" in found:
                shapes[str(name)] = LabelShape(int(found["classes"]))
            else:
                shapes[str(name)] = (1, *(int(size) for size in found["shape"]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise damaged(file, f"the shapes of the data cannot be read ({error})") from error
    # A description of a few bytes is not to ask for a network that no machine holds.
    for name, shape in shapes.items():
        numbers = shape.classes if isinstance(shape, LabelShape) else math.prod(shape)  # type: ignore[arg-type]
        if not 1 <= numbers <= _MOST_NUMBERS:
            raise damaged(file, f"an example of `{name}` has {numbers:,} numbers, and 1 to {_MOST_NUMBERS:,} are read")
    return shapes

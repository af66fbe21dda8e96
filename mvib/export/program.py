"""The encoder as a program: for torch (`torch.export`) and for ONNX, with a batch of any size."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mvib.data.optional import import_optional
from mvib.export.encoder import Encoder
from mvib.export.errors import ExportError

REPRESENTATION = "representation"
# A batch of one would be taken for a constant.
_EXAMPLES = 3


def export_program(encoder: Encoder) -> torch.export.ExportedProgram:
    """Trace the encoder.

    Args:
        encoder: on the CPU.

    Raises:
        ExportError: it cannot be traced for batches of any size.
    """
    sizes = tuple({0: torch.export.Dim.DYNAMIC} for _ in encoder.inputs)
    try:
        with _quiet(), torch.no_grad():
            return torch.export.export(encoder, encoder.example(_EXAMPLES), dynamic_shapes=(sizes,), strict=False)
    except Exception as error:
        # torch names no class for what it cannot trace.
        raise _cannot("a torch program", error) from error


def program_to_bytes(program: torch.export.ExportedProgram) -> bytes:
    """The content of a `.pt2` file.

    Raises:
        ExportError: torch has no form for something in it.
    """
    stream = io.BytesIO()
    try:
        with _quiet():
            torch.export.save(program, stream)
    except Exception as error:
        # As above.
        raise _cannot("a torch program", error) from error
    return stream.getvalue()


def program_from_bytes(content: bytes) -> torch.nn.Module:
    """The program of a `.pt2` file that was just written, as a module; mvib reads no other.

    Raises:
        ExportError: torch cannot read what it wrote.
    """
    try:
        with _quiet():
            return torch.export.load(io.BytesIO(content)).module()
    except Exception as error:
        # As above.
        raise _cannot("a torch program that torch can read", error) from error


def program_to_onnx(program: torch.export.ExportedProgram, encoder: Encoder) -> bytes:
    """The content of an `.onnx` file: inputs named after the data variables, one output `representation`.

    Raises:
        mvib.data.DataError: `onnx` or `onnxscript` is not installed.
        ExportError: ONNX lacks an operation, or the encoder has more than 2 GB of weights.
    """
    for package, minimum in (("onnx", "1.17"), ("onnxscript", "0.3")):
        import_optional(package, needed_for="ONNX", minimum=minimum)
    try:
        with _quiet(), torch.no_grad():
            found: Any = torch.onnx.export(
                program,
                input_names=list(encoder.inputs),
                output_names=[REPRESENTATION],
                dynamo=True,
                verbose=False,
            )
            content: bytes = found.model_proto.SerializeToString()
    except Exception as error:
        raise _cannot("ONNX", error) from error
    return content


class OnnxEncoder:
    """An ONNX file as onnxruntime runs it, on the CPU."""

    def __init__(self, content: bytes) -> None:
        """Open a file.

        Args:
            content: of the file.

        Raises:
            mvib.data.DataError: `onnxruntime` is not installed.
            ExportError: it cannot read the file.
        """
        runtime = import_optional("onnxruntime", needed_for="the check of an ONNX file", minimum="1.18")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # onnxruntime's errors have no class in common but this.
            raise _cannot("ONNX that onnxruntime can read", error) from error

    def __call__(self, *data: Tensor) -> Tensor:
        """The representation of a batch."""
        names = [value.name for value in self._session.get_inputs()]
        fed = {name: value.numpy() for name, value in zip(names, data, strict=True)}
        (found,) = self._session.run([REPRESENTATION], fed)
        return torch.from_numpy(found)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of torch about torch, which tell a user of this command nothing."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _cannot(what: str, error: Exception) -> ExportError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    remedy = "take `--format safetensors`, which every encoder can be written as"
    return ExportError(f"the encoder cannot be written as {what}: {lines[0][:300].rstrip('.')}", remedy)

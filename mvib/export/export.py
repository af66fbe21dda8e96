"""A run taken away: the files of each format, written only once all of them are made and compared with the model."""

import copy
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mvib.diagnostics import nearest
from mvib.evaluate import represent
from mvib.export.agreement import check_agreement
from mvib.export.encoder import Encoder
from mvib.export.errors import ExportError
from mvib.export.program import OnnxEncoder, export_program, program_to_bytes, program_to_onnx
from mvib.export.table import Array, arrays_to_npy, arrays_to_parquet
from mvib.export.weights import DESCRIPTION, SPEC, WEIGHTS, describe_encoder, pack_weights
from mvib.train import Run
from mvib.train.description import resolved_text
from mvib.train.examples import example_shapes
from mvib.writing import write_whole

FORMATS: Mapping[str, str] = {
    "safetensors": "encoder.safetensors with its spec, and load_encoder.py",
    "torch": "encoder.pt2, a torch.export program that needs torch alone",
    "onnx": "encoder.onnx, checked with onnxruntime where that is installed",
    "npy": "representation-train.npy and -test.npy, and the labels",
    "parquet": "representation.parquet, training and test part with the labels",
}
LOADER = "load_encoder.py"
_DATA_FORMATS = {"npy", "parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What was written.

    Attributes:
        folder: where to.
        files: names of the files, with their sizes in bytes.
        differences: by exported encoder, the largest difference from the model as a share of the largest number.
        notes: what a user should know.
    """

    folder: Path
    files: Mapping[str, int]
    differences: Mapping[str, float]
    notes: tuple[str, ...]


def read_formats(text: str) -> tuple[str, ...]:
    """Names of formats as the command line gives them, `safetensors,onnx`.

    Raises:
        ExportError: there is no such format.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = ", ".join(FORMATS)
    for name in names:
        if name not in FORMATS:
            meant = nearest(name, FORMATS)
            raise ExportError(f"there is no format `{name}`", f"{f'did you mean `{meant}`? ' if meant else ''}{known}")
    if not names:
        raise ExportError("no format is named", f"there are {known}")
    return names


def export_run(run: Run, folder: str | Path, *, formats: Sequence[str] = ("safetensors", "torch")) -> Export:
    """Write the encoder of a run, or what it makes of the data, in some formats.

    Every exported encoder is compared with the model on held-out examples, in batches of several sizes; nothing is
    written unless all agree to 1e-5.

    Args:
        run: trained; it stays as it is.
        folder: is made where it is not there; files of the same names are replaced.
        formats: names from `FORMATS`.

    Raises:
        ExportError: no such format, or the encoder cannot be written in one.
        mvib.data.DataError: a format needs a package that is not installed.
        OSError: something cannot be written.
    """
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise ExportError(f"`{path}` is a file", "name a folder: `-o exported`")
    names = read_formats(",".join(formats))
    maker = _Maker(run)
    for name in names:
        maker.make(name)
    path.mkdir(parents=True, exist_ok=True)
    for file, content in maker.files.items():
        write_whole(path / file, content)
    return Export(
        folder=path,
        files={file: len(content) for file, content in maker.files.items()},
        differences=maker.differences,
        notes=tuple(maker.notes),
    )


class _Maker:
    """Contents of files by their names, format by format."""

    def __init__(self, run: Run) -> None:
        self.files: dict[str, bytes] = {}
        self.differences: dict[str, float] = {}
        self.notes: list[str] = list(run.notes)
        self._run = run
        self._encoder: Encoder | None = None
        self._program: torch.export.ExportedProgram | None = None

    def make(self, name: str) -> None:
        """The files of one format."""
        if name in _DATA_FORMATS:
            self._make_table(name)
            return
        self._describe()
        match name:
            case "safetensors":
                self._make_weights()
            case "torch":
                self._check("the torch program", self._traced().module())
                self.files["encoder.pt2"] = program_to_bytes(self._traced())
            case "onnx":
                self._make_onnx()
            case _:
                raise AssertionError(name)

    @property
    def encoder(self) -> Encoder:
        """On the CPU, and made once."""
        if self._encoder is None:
            model = self._run.model
            is_elsewhere = any(parameter.device.type != "cpu" for parameter in model.parameters())
            self._encoder = Encoder(copy.deepcopy(model).cpu() if is_elsewhere else model)
        return self._encoder

    def _traced(self) -> torch.export.ExportedProgram:
        if self._program is None:
            self._program = export_program(self.encoder)
        return self._program

    def _describe(self) -> None:
        method = self._run.analysis.method
        assert method is not None
        shapes = example_shapes(self._run.examples.columns)
        description = describe_encoder(self.encoder, method=method.name, shapes=shapes)
        self.files[DESCRIPTION] = (json.dumps(description, indent=2) + "\n").encode()
        self.files[LOADER] = Path(__file__).with_name("loader.txt").read_bytes()

    def _make_weights(self) -> None:
        method = self._run.analysis.method
        assert method is not None
        self.files[SPEC] = resolved_text(method, self._run.config).encode()
        self.files[WEIGHTS] = pack_weights(self.encoder)

    def _make_onnx(self) -> None:
        content = program_to_onnx(self._traced(), self.encoder)
        if importlib.util.find_spec("onnxruntime") is None:
            self.notes.append("encoder.onnx was not checked: onnxruntime is not installed")
        else:
            self._check("the ONNX file", OnnxEncoder(content))
        self.files["encoder.onnx"] = content

    def _check(self, what: str, encode: object) -> None:
        assert callable(encode)
        examples = {name: self._run.examples.columns[name].test for name in self.encoder.inputs}
        self.differences[what] = check_agreement(what, encode, self.encoder, examples)

    def _make_table(self, name: str) -> None:
        examples = self._run.examples
        parts: dict[str, Array] = {
            part: represent(self._run.model, {key: getattr(column, part) for key, column in examples.columns.items()})
            for part in ("train", "test")
        }
        labels = {
            key: {part: getattr(column, part)[:].cpu().numpy() for part in parts}
            for key, column in examples.labels.items()
        }
        if name == "npy":
            self.files |= arrays_to_npy(parts, labels)
        else:
            self.files["representation.parquet"] = arrays_to_parquet(parts, labels)

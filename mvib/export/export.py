"""A run taken away: the files of each format, written only once all of them are made and compared with the model."""

import copy
import hashlib
import importlib.util
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mvib.compile import CompiledModel
from mvib.data import DataError, Rows, mask_name
from mvib.diagnostics import nearest
from mvib.evaluate import represent
from mvib.evaluate.evaluation import find_read
from mvib.export.agreement import check_agreement
from mvib.export.description import describe_export
from mvib.export.encoder import Encoder
from mvib.export.errors import ExportError
from mvib.export.files import LOADER, LOADER_FORM, ONNX, PROGRAM, SPEC, TABLE, WEIGHTS
from mvib.export.folder import (
    DESCRIPTION,
    Before,
    files_to_json,
    find_kept,
    held_folder,
    list_file,
    look_before,
    move_stage,
    staged,
    write_stage,
)
from mvib.export.program import OnnxEncoder, export_program, program_from_bytes, program_to_bytes, program_to_onnx
from mvib.export.table import Array, arrays_to_npy, arrays_to_parquet
from mvib.export.weights import load_encoder, pack_weights
from mvib.inside import check_inside, read_inside
from mvib.train import Run
from mvib.train.description import resolved_text
from mvib.train.examples import fingerprint
from mvib.train.folder import RunFolder, read_config_file

FORMATS: Mapping[str, str] = {
    "safetensors": "encoder.safetensors with its spec, and load_encoder.py",
    "torch": "encoder.pt2, a torch.export program that needs torch alone",
    "onnx": "encoder.onnx, checked with onnxruntime where that is installed",
    "npy": "representation-train.npy and -test.npy, what their rows are, and the labels",
    "parquet": "representation.parquet, training and test part with what their rows are and the labels",
}
FOLDER = "export"
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


def export_run(
    run: Run,
    folder: str | Path | None = None,
    *,
    formats: Sequence[str] = ("safetensors", "torch"),
    plugins: tuple[str, ...] = (),
) -> Export:
    """Write the encoder of a run, or what it makes of the data, in some formats.

    Every exported encoder is read back from the files that are to stay, and compared with `model.encode` on held-out
    rows of the data, in batches of several sizes; nothing stays unless all agree to 1e-5. A folder holds the export of
    one run: what the same run with the same weights wrote into it before stays. Encoders among it are made again, for
    a folder may hold anybody's.

    Args:
        run: trained; it stays as it is.
        folder: is made where it is not there; none for `export` in the folder of the run.
        formats: names from `FORMATS`.
        plugins: entry points that the spec of the run uses.

    Raises:
        ExportError: no such format, the encoder cannot be written in one, or the folder holds something else.
        mvib.data.DataError: a format needs a package that is not installed.
        mvib.train.FolderError: another export writes into the folder.
        mvib.inside.NotPlainError: the folder of the run holds a link in the place of its export.
        OSError: something cannot be written.
    """
    path = _place(run, folder)
    names = read_formats(",".join(formats))
    identity = _identity(run)
    with held_folder(path):
        return _export_into(path, names, _Maker(run, plugins), identity=identity)


def _export_into(path: Path, names: Sequence[str], maker: "_Maker", *, identity: str) -> Export:
    before = look_before(path, identity=identity)
    for name in names:
        maker.make(name)
    description = maker.describe(identity)
    again = _make_again(maker, path, before, is_same=before.description.get("weights") == description["weights"])
    kept = find_kept(path, before, written=maker.forms, is_same=_what_is_same(before.description, description))
    lost = _find_lost(path, before, description, written=maker.forms, kept=kept)
    listed = {name: before.files[name] for name in kept}
    listed |= {name: list_file(maker.forms_of[name], content) for name, content in maker.files.items()}
    description["files"] = files_to_json(listed)
    contents = maker.files | {DESCRIPTION: (json.dumps(description, indent=2, allow_nan=False) + "\n").encode()}
    with staged(path) as stage:
        write_stage(stage, contents)
        maker.check(stage)
        move_stage(stage, path, before, kept=kept)
    notes = [f"made again, for an earlier export of this run had it: {', '.join(again)}"] if again else []
    if kept:
        notes.append(f"kept from an earlier export of this run, and not computed again: {', '.join(sorted(kept))}")
    if lost:
        notes.append(f"removed, for they were damaged or of other weights of this run: {', '.join(lost)}")
    return Export(
        folder=path,
        files={file: len(content) for file, content in contents.items()},
        differences=maker.differences,
        notes=(*maker.notes, *notes),
    )


def _find_lost(
    folder: Path, before: Before, now: Mapping[str, Any], *, written: Collection[str], kept: Collection[str]
) -> list[str]:
    """Names of files of an earlier export that go, and are not written anew.

    Raises:
        ExportError: there are representations among them that are of other data, and nothing else is wrong with them.
    """
    lost = {name: file.form for name, file in before.files.items() if file.form not in written and name not in kept}
    earlier, has_rows = before.description, not _DATA_FORMATS.isdisjoint(lost.values())
    if has_rows and earlier.get("weights") == now["weights"] and earlier.get("examples") != now["examples"]:
        raise ExportError(
            f"`{folder}` holds representations of other data, and `{DESCRIPTION}` describes one data set",
            "name another folder with `-o`, or the data that they are of with `--data`",
        )
    return sorted(lost)


def _make_again(maker: "_Maker", folder: Path, before: Before, *, is_same: bool) -> tuple[str, ...]:
    """Make the encoders of an earlier export again: what lies there may be anybody's, and is not vouched for.

    Returns:
        Their formats.

    Raises:
        ExportError: one cannot be made here.
    """
    earlier = {file.form for file in before.files.values()}
    again = tuple(name for name in FORMATS if name in earlier - maker.forms - _DATA_FORMATS and is_same)
    for name in again:
        try:
            maker.make(name)
        except DataError as error:
            raise ExportError(
                f"`{folder}` holds `{name}` of this run, which cannot be made again here: {error}",
                "name another folder with `-o`, or remove that one",
            ) from error
    return again


def _place(run: Run, folder: str | Path | None) -> Path:
    if folder is not None:
        return Path(folder)
    if run.folder is None:
        raise ExportError("the run has no folder to write its export into", "name one")
    path = run.folder / FOLDER
    check_inside(run.folder, path)
    return path


def _identity(run: Run) -> str:
    """By what the folder of an export is known to be of a run: a hash of its config, or of what would stand in it."""
    if run.folder is not None:
        config = RunFolder(run.folder).config
        content = read_inside(run.folder, config)
    else:
        assert run.analysis.method is not None
        content = f"{resolved_text(run.analysis.method, run.config)}\n{fingerprint(run.examples.columns)}".encode()
    return hashlib.sha256(content).hexdigest()


def _is_trained_on(run: Run) -> bool:
    """Whether the examples of a run are those that it was trained on; its user may have named others."""
    if run.folder is None:
        return True
    saved = read_config_file(RunFolder(run.folder))
    return bool(fingerprint(run.examples.columns) == saved["fingerprint"])


def _what_is_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, bool]:
    """By format of the data, whether it would be written now as it was: with the same weights, and of the same data."""
    is_same = all(before.get(name) == now[name] for name in ("weights", "examples"))
    return dict.fromkeys(_DATA_FORMATS, is_same)


class _Maker:
    """Contents of files by their names, format by format."""

    def __init__(self, run: Run, plugins: tuple[str, ...]) -> None:
        self.files: dict[str, bytes] = {}
        self.forms_of: dict[str, str] = {}
        self.differences: dict[str, float] = {}
        self.notes: list[str] = list(run.notes)
        self._run = run
        self._plugins = plugins
        # A copy on the CPU, where what is exported runs too.
        self._model = _on_cpu(run.model)
        self._encoder = Encoder(self._model)
        self._program: torch.export.ExportedProgram | None = None

    @property
    def forms(self) -> frozenset[str]:
        """The formats that there are files of, and the loader."""
        return frozenset(self.forms_of.values())

    def make(self, name: str) -> None:
        """The files of one format."""
        if name in _DATA_FORMATS:
            self._make_table(name)
            return
        self._add(LOADER_FORM, LOADER, Path(__file__).with_name("loader.txt").read_bytes())
        match name:
            case "safetensors":
                method = self._run.analysis.method
                assert method is not None
                self._add(name, SPEC, resolved_text(method, self._run.config).encode())
                self._add(name, WEIGHTS, pack_weights(self._encoder))
            case "torch":
                self._add(name, PROGRAM, program_to_bytes(self._traced()))
            case "onnx":
                self._add(name, ONNX, program_to_onnx(self._traced(), self._encoder))
            case _:
                raise AssertionError(name)

    def describe(self, identity: str) -> dict[str, Any]:
        """The description, without its files."""
        weights = hashlib.sha256(self.files.get(WEIGHTS) or pack_weights(self._encoder)).hexdigest()
        is_training_data = _is_trained_on(self._run)
        return describe_export(
            self._run, self._encoder, identity=identity, weights=weights, is_training_data=is_training_data
        )

    def check(self, folder: Path) -> None:
        """Compare every encoder in a folder, read as a user will read it, with the model.

        Raises:
            ExportError: one computes something else.
        """
        if WEIGHTS in self.files:
            self._compare("the weights file", load_encoder(folder, plugins=self._plugins))
        if PROGRAM in self.files:
            self._compare("the torch program", program_from_bytes((folder / PROGRAM).read_bytes()))
        if ONNX not in self.files:
            return
        if importlib.util.find_spec("onnxruntime") is None:
            self.notes.append(f"{ONNX} was not checked: onnxruntime is not installed")
        else:
            self._compare("the ONNX file", OnnxEncoder((folder / ONNX).read_bytes()))

    def _compare(self, what: str, encode: Callable[..., torch.Tensor]) -> None:
        inputs = self._encoder.inputs
        columns = self._run.examples.columns
        names = [*inputs, *(mask for name in inputs if (mask := mask_name(name)) in columns)]
        examples = {name: columns[name].test for name in names}
        self.differences[what] = check_agreement(what, encode, self._model, inputs, examples)

    def _add(self, form: str, file: str, content: bytes) -> None:
        self.files[file] = content
        self.forms_of[file] = form

    def _traced(self) -> torch.export.ExportedProgram:
        if self._program is None:
            self._program = export_program(self._encoder)
        return self._program

    def _make_table(self, name: str) -> None:
        examples = self._run.examples
        parts: dict[str, Array] = {}
        unread: dict[str, frozenset[int]] = {}
        for part in ("train", "test"):
            columns: dict[str, Rows] = {key: getattr(column, part) for key, column in examples.columns.items()}
            parts[part] = represent(self._run.model, columns)
            unread[part] = frozenset(np.flatnonzero(~find_read(columns)).tolist())
            # Training does with another picture of the class; here it would stand under the name of the bad one.
            parts[part][sorted(unread[part])] = float("nan")
        if number := sum(map(len, unread.values())):
            note = f"{number} example{'s' if number > 1 else ''} of the data cannot be read: NaN in the representation"
            self.notes += [] if note in self.notes else [note]
        if examples.tuning is not None:
            number = examples.tuning.num_held_out
            note = f"the {number} training examples that were left out to choose settings by are not among the rows"
            self.notes += [] if note in self.notes else [note]
        labels = {
            key: {part: getattr(column, part)[:].cpu().numpy() for part in parts}
            for key, column in examples.labels.items()
        }
        if name == "npy":
            for file, content in arrays_to_npy(parts, labels, examples.origin, unread).items():
                self._add(name, file, content)
        else:
            self._add(name, TABLE, arrays_to_parquet(parts, labels, examples.origin, unread))


def _on_cpu(model: CompiledModel) -> CompiledModel:
    is_elsewhere = any(parameter.device.type != "cpu" for parameter in model.parameters())
    return copy.deepcopy(model).cpu() if is_elsewhere else model

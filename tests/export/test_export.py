import hashlib
import importlib.util
import io
import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import Tensor

from mvib.cli.export import command
from mvib.cli.report import command as report
from mvib.compile import CompiledModel
from mvib.data import DataError
from mvib.export import Encoder, ExportError, export_run, load_encoder
from mvib.export.agreement import TOLERANCE, check_agreement
from mvib.export.export import read_formats
from mvib.export.table import arrays_to_npy
from mvib.train import Run, train_method
from tests.data.pictures import write_classes
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays

SETTINGS: dict[str, str | float] = {"train.epochs": 1}
TWO = """method Two
data    A: vector, B: vector
encoder f: A -> R = mlp(8)
encoder g: B ~> S = gaussian(mlp(8), dim: 8)
decoder d: S ~> A = gaussian(mlp(8))
minimize H(A | S) by d
maximize I(R; S) by infonce()
represent R, S
train { data: digits  epochs: 1  batch: 16 }
"""


def has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def two_vectors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {"A": torch.randn(40, 4, generator=generator), "B": torch.randn(40, 5, generator=generator)}


@pytest.fixture(scope="module")
def run() -> Run:
    return train_method(analysis_of(CONTRASTIVE, SETTINGS), data=arrays())


@pytest.fixture(scope="module")
def folder(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported")
    found = export_run(run, path, formats=("safetensors", "torch"))
    assert sorted(found.files) == sorted(file.name for file in path.iterdir())
    assert all(difference <= 1e-5 for difference in found.differences.values())
    return path


def images(number: int) -> Tensor:
    return torch.rand(number, 1, 4, 4, generator=torch.Generator().manual_seed(number))


@pytest.mark.parametrize("size", [1, 5, 33])
def test_weights_give_the_representation_of_the_model(run: Run, folder: Path, size: int) -> None:
    x = images(size)
    torch.testing.assert_close(load_encoder(folder)(x), run.encode(x).flatten(1), rtol=0, atol=1e-6)


def test_what_is_loaded_has_what_the_representation_needs_and_no_more(run: Run, folder: Path) -> None:
    names = set(load_file(folder / "encoder.safetensors"))
    assert names
    assert all(name.startswith("networks.f.") for name in names)
    assert any(name.startswith("networks.g.") for name in run.model.state_dict())


def test_loading_draws_no_random_number_of_the_caller(folder: Path) -> None:
    state = torch.get_rng_state()
    load_encoder(folder)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_program_takes_batches_of_any_size_without_the_spec(run: Run, folder: Path) -> None:
    encode = runpy.run_path(str(folder / "load_encoder.py"))["load_program"]()
    for size in (1, 2, 19):
        x = images(size)
        torch.testing.assert_close(encode(x), run.encode(x).flatten(1), rtol=0, atol=1e-5)


def test_the_loader_loads_from_its_own_folder(run: Run, folder: Path) -> None:
    x = images(3)
    encode = runpy.run_path(str(folder / "load_encoder.py"))["load"]()
    torch.testing.assert_close(encode(x), run.encode(x).flatten(1), rtol=0, atol=1e-6)


@pytest.mark.skipif(not (has("onnxscript") and has("onnxruntime")), reason="needs onnx, onnxscript, onnxruntime")
def test_onnx_gives_the_representation_for_batches_of_any_size(run: Run, tmp_path: Path) -> None:
    found = export_run(run, tmp_path, formats=("onnx",))
    assert found.differences["the ONNX file"] <= 1e-5
    encode = runpy.run_path(str(tmp_path / "load_encoder.py"))["load_onnx"]()
    for size in (1, 2, 19):
        x = images(size)
        np.testing.assert_allclose(encode(x.numpy()), run.encode(x).flatten(1).numpy(), rtol=0, atol=1e-5)


def test_several_variables_are_given_in_their_order(tmp_path: Path) -> None:
    run = train_method(analysis_of(TWO), data=two_vectors())
    export_run(run, tmp_path)
    description = json.loads((tmp_path / "encoder.json").read_text())
    assert [value["name"] for value in description["inputs"]] == ["A", "B"]
    assert description["representation"]["width"] == 8 + 8
    assert description["representation"]["variables"] == [
        {"name": "R", "columns": [0, 8], "shape": [8], "is": "what a deterministic encoder gives"},
        {"name": "S", "columns": [8, 16], "shape": [8], "is": "the mean of a stochastic encoder"},
    ]
    data = {name: rows[:6] for name, rows in two_vectors().items()}
    expected = run.encode(data)
    for encode in (load_encoder(tmp_path), runpy.run_path(str(tmp_path / "load_encoder.py"))["load_program"]()):
        torch.testing.assert_close(encode(data["A"], data["B"]), expected, rtol=0, atol=1e-5)


def test_the_mean_of_a_stochastic_encoder_is_exported(tmp_path: Path) -> None:
    run = train_method(analysis_of(BOTTLENECK, SETTINGS), data=arrays())
    export_run(run, tmp_path)
    encode = load_encoder(tmp_path)
    assert torch.equal(encode(images(4)), encode(images(4)))


def test_arrays_hold_the_representation_of_both_parts_with_labels(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("npy",))
    column, label = run.examples.columns["X"], run.examples.labels["label"]
    for part, x, y in (("train", column.train[:], label.train[:]), ("test", column.test[:], label.test[:])):
        rows = np.load(tmp_path / f"representation-{part}.npy", allow_pickle=False)
        np.testing.assert_allclose(rows, run.encode(x).flatten(1).numpy(), rtol=0, atol=1e-5)
        assert np.array_equal(np.load(tmp_path / f"label-label-{part}.npy", allow_pickle=False), y.numpy())


@pytest.mark.skipif(not has("pyarrow"), reason="needs pyarrow")
def test_a_table_holds_the_representation_and_the_labels(run: Run, tmp_path: Path) -> None:
    parquet = importlib.import_module("pyarrow.parquet")
    export_run(run, tmp_path, formats=("parquet",))
    table = parquet.read_table(tmp_path / "representation.parquet").to_pydict()
    column = run.examples.columns["X"]
    expected = run.encode(torch.cat([column.train[:], column.test[:]])).flatten(1)
    np.testing.assert_allclose(np.array(table["representation"]), expected.numpy(), rtol=0, atol=1e-5)
    assert table["part"] == ["train"] * len(column.train) + ["test"] * len(column.test)
    assert table["row"] == [*range(len(column.train)), *range(len(column.test))]
    assert table["data_part"] == ["train"] * len(table["row"])
    origin = run.examples.origin
    assert origin is not None
    assert table["data_row"] == [*origin.train.rows.tolist(), *origin.test.rows.tolist()]
    assert "name" not in table
    assert [value % 3 for value in table["data_row"]] == table["label"]


def test_a_picture_that_cannot_be_read_has_no_row_of_another(tmp_path: Path) -> None:
    write_classes(tmp_path / "pictures", number=12)
    text = CONTRASTIVE.replace("conv(4, 8)", "mlp(8)")
    data = f"folder:{tmp_path / 'pictures'},cache=no,skip=2"
    run = train_method(analysis_of(text, {"train.epochs": 1}), data=data)
    place, origin = 2, run.examples.origin
    assert origin is not None
    assert origin.train.name is not None
    name = origin.train.name(int(origin.train.rows[place]))
    (tmp_path / "pictures" / name).write_bytes(b"no picture")
    found = export_run(run, tmp_path / "out", formats=("npy",))
    assert "1 example of the data cannot be read: NaN in the representation" in found.notes
    rows = np.load(tmp_path / "out" / "representation-train.npy", allow_pickle=False)
    assert np.flatnonzero(np.isnan(rows).all(axis=1)).tolist() == [place]
    assert np.isnan(rows).any(axis=1).sum() == 1
    lines = [json.loads(line) for line in (tmp_path / "out" / "rows-train.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines if line.get("unread")] == [name]
    if has("pyarrow"):
        export_run(run, tmp_path / "table", formats=("parquet",))
        parquet = importlib.import_module("pyarrow.parquet")
        table = parquet.read_table(tmp_path / "table" / "representation.parquet").to_pydict()
        assert [name for name, unread in zip(table["name"], table["unread"], strict=True) if unread] == [name]


def test_files_of_labels_do_not_collide() -> None:
    labels = {name: {"train": np.zeros(1)} for name in ("类", "1", "A", "a", "4")}
    files = arrays_to_npy({"train": np.zeros((1, 2))}, labels)
    names = ["label--1", "label-1", "label-3", "label--4", "label-4"]
    assert list(files)[2:] == [f"{name}-train.npy" for name in names]


def test_names_of_labels_cannot_leave_the_folder() -> None:
    labels = {name: {"train": np.zeros(1)} for name in ("../../etc/passwd", "a b", "a/b", "")}
    files = arrays_to_npy({"train": np.zeros((1, 2))}, labels)
    assert list(files) == [
        "representation-train.npy",
        "rows-train.jsonl",
        "label-etc-passwd-train.npy",
        "label-2-train.npy",
        "label-3-train.npy",
        "label-4-train.npy",
    ]
    assert np.load(io.BytesIO(files["label-2-train.npy"]), allow_pickle=False).shape == (1,)


def test_a_difference_is_found(run: Run) -> None:
    encoder, rows = Encoder(run.model), {"X": images(4)}
    wrong: tuple[tuple[Callable[[Tensor], Tensor], str], ...] = (
        (lambda x: encoder(x) + 1e-3, "differs from the model by"),
        (lambda x: encoder(x)[:1], "gives the shape"),
        (lambda x: encoder(x) * float("nan"), "differs from the model by nan"),
        # Right for one batch size alone, and on other rows than the first.
        (lambda x: encoder(x) if len(x) < 32 else encoder(x).flip(0), "for a batch of 32 examples"),
        (lambda x: encoder(x) if len(x) > 1 else encoder(x) + 1, "for a batch of 1 examples"),
        (lambda x: x / (1 // 0), "cannot take a batch of 1 examples: integer division or modulo by zero"),
    )
    for encode, why in wrong:
        with pytest.raises(ExportError, match=why):
            check_agreement("it", encode, run.model, ("X",), rows)
    assert check_agreement("it", encoder, run.model, ("X",), rows) == 0.0


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e-6])
def test_a_difference_is_found_in_a_small_representation(
    run: Run, monkeypatch: pytest.MonkeyPatch, scale: float
) -> None:
    right = CompiledModel.encode
    monkeypatch.setattr(CompiledModel, "encode", lambda self, x: scale * right(self, x))
    rows = {"X": images(4)}
    assert check_agreement("it", lambda x: run.model.encode({"X": x}), run.model, ("X",), rows) == 0.0
    with pytest.raises(ExportError, match="differs from the model by"):
        check_agreement("it", lambda x: 1.01 * run.model.encode({"X": x}) + 1e-30, run.model, ("X",), rows)


@pytest.mark.parametrize("form", ["safetensors", "torch", "onnx"])
@pytest.mark.parametrize("is_there", [False, True])
def test_what_disagrees_with_the_model_leaves_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, is_there: bool
) -> None:
    if form == "onnx" and not (has("onnxscript") and has("onnxruntime")):
        pytest.skip("needs onnx, onnxscript, onnxruntime")
    place = tmp_path / "deep" / "new"
    before: dict[str, bytes] = {}
    if is_there:
        export_run(run, place, formats=("npy", form))
        before = {file.name: file.read_bytes() for file in place.iterdir()}
    # What an encoder gives is no longer what `encode` of the model gives, which the user has evaluated.
    right = CompiledModel.encode
    monkeypatch.setattr(CompiledModel, "encode", lambda self, x: right(self, x) * 1.01)
    with pytest.raises(
        ExportError, match=r"differs from the model by .*e-0.*, where 1e-05 is allowed; nothing was written"
    ):
        export_run(run, place, formats=("npy", form))
    if is_there:
        assert {file.name: file.read_bytes() for file in place.iterdir()} == before
    else:
        assert not (tmp_path / "deep").exists()


def test_a_batch_normalisation_is_compared_in_evaluation_mode(tmp_path: Path) -> None:
    text = CONTRASTIVE.replace("conv(4, 8)", "mlp(16, 8, norm: batch)")
    run = train_method(analysis_of(text, SETTINGS), data=arrays())
    run.model.train()
    found = export_run(run, tmp_path)
    assert run.model.training
    assert max(found.differences.values()) <= 1e-6
    torch.testing.assert_close(load_encoder(tmp_path)(images(1)), run.encode(images(1)).flatten(1), rtol=0, atol=1e-6)


PARTIAL = """method Missing
data    A: vector partial, B: vector
encoder f: A -> R = mlp(8)
encoder g: B -> S = mlp(8)
maximize I(R; S) by infonce()
represent R, S
train { data: digits  epochs: 1  batch: 16 }
"""


def test_missing_examples_of_the_data_are_compared_too(tmp_path: Path) -> None:
    data = two_vectors()
    data["A"][::3] = float("nan")
    run = train_method(analysis_of(PARTIAL), data=data)
    assert run.examples.columns["A"].test[:].isnan().any()
    formats = ("safetensors", "torch", *(("onnx",) if has("onnxscript") and has("onnxruntime") else ()))
    found = export_run(run, tmp_path, formats=formats)
    assert found.differences["the weights file"] == 0.0
    assert len(found.differences) == len(formats)
    assert load_encoder(tmp_path)(data["A"][:4], data["B"][:4]).isfinite().all()


def test_what_cannot_be_traced_leaves_no_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.export, "export", lambda *_, **__: 1 / 0)
    with pytest.raises(ExportError, match="cannot be written as a torch program: division by zero"):
        export_run(run, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("name", "formats"), [("onnx", "onnx"), ("onnxscript", "onnx"), ("pyarrow", "parquet")])
def test_a_package_that_is_missing_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, formats: str
) -> None:
    if name == "onnxscript" and not has("onnx"):
        pytest.skip("needs onnx")
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(DataError, match=f"needs the package `{name}`.*pip install"):
        export_run(run, tmp_path, formats=(formats,))


def relist(folder: Path) -> None:
    """Let the list of files be of what lies there, as somebody can who wants an encoder to be taken for another."""
    description = json.loads((folder / "encoder.json").read_text())
    for name, entry in description["files"].items():
        content = (folder / name).read_bytes()
        entry |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "encoder.json").write_text(json.dumps(description))


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "copied"


def test_weights_of_another_encoder_are_said_to_be(copied: Path) -> None:
    weights = load_file(copied / "encoder.safetensors")
    save_file({**weights, "more": torch.zeros(1)}, copied / "encoder.safetensors")
    relist(copied)
    with pytest.raises(ExportError, match="it holds `more`, unlike the encoder of the spec"):
        load_encoder(copied)
    save_file({name: value.new_zeros(3, 3, 3) for name, value in weights.items()}, copied / "encoder.safetensors")
    relist(copied)
    with pytest.raises(ExportError, match=r"the shape of .* is \(3, 3, 3\) and not"):
        load_encoder(copied)
    for name, content in (
        ("encoder.safetensors", b"\x80\x04cos\nsystem\n"),
        ("spec.mvib", b"method"),
        ("spec.mvib", b"\xff"),
    ):
        (copied / name).write_bytes(content)
        relist(copied)
        with pytest.raises(ExportError, match=f"{name}` cannot be used"):
            load_encoder(copied)


def test_networks_that_no_memory_holds_are_said_to_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_none(*_: object) -> None:
        raise RuntimeError("[enforce fail] can't allocate memory: you tried to allocate 4398046511104 bytes\nat ...")

    monkeypatch.setattr("mvib.export.weights.compile_representation", compile_none)
    with pytest.raises(
        ExportError, match=r"spec\.mvib` cannot be used: its networks cannot be built: .* bytes; export"
    ):
        load_encoder(folder)


def test_a_spec_of_a_few_bytes_takes_no_memory_that_its_weights_do_not(copied: Path, folder: Path) -> None:
    text = (copied / "spec.mvib").read_text()
    # A projector of 4 TB: its weights are in no export, and are not made.
    (copied / "spec.mvib").write_text(text.replace("mlp(16, 8)", "mlp(1000000, 1000000, 8)"))
    relist(copied)
    assert (copied / "spec.mvib").read_text() != text
    assert torch.equal(load_encoder(copied)(images(2)), load_encoder(folder)(images(2)))
    # An encoder of 360 GB is seen not to be that of the weights before it is made.
    (copied / "spec.mvib").write_text(text.replace("conv(4, 8)", "conv(100000, 100000, 8)"))
    relist(copied)
    with pytest.raises(ExportError, match=r"encoder\.safetensors` cannot be used: "):
        load_encoder(copied)


def test_one_row_near_zero_does_not_say_how_large_a_difference_is() -> None:
    class Narrow:
        def encode(self, batch: dict[str, Tensor]) -> Tensor:
            return batch["X"]

    rows = torch.ones(60, 1)
    rows[0] = 1e-7
    model = cast(CompiledModel, Narrow())
    assert check_agreement("it", lambda x: x + 1e-6, model, ("X",), {"X": rows}) < TOLERANCE
    with pytest.raises(ExportError, match="differs from the model by"):
        check_agreement("it", lambda x: x + 1e-6, model, ("X",), {"X": rows / 100})


def test_a_damaged_description_is_said_to_be(copied: Path, folder: Path) -> None:
    description = json.loads((folder / "encoder.json").read_text())
    files = description["files"]
    for changed, message in (
        ({**description, "format": 99}, "use a newer mvib"),
        ({**description, "format": 1}, "export the run again"),
        ({**description, "format": True}, "does not say its format"),
        ({**description, "data": {"X": {"shape": [1, 10**6, 10**6]}}}, "has 1,000,000,000,000 numbers"),
        ({**description, "data": {"X": {"shape": "wide"}}}, "the shapes of the data cannot be read"),
        ({**description, "files": [1]}, "its list of files cannot be read"),
        ({**description, "files": {**files, "../spec.mvib": files["spec.mvib"]}}, "is no name of a file beside it"),
        ({**description, "files": {}}, "`encoder.json` does not list it"),
        ({"data": {}}, "does not say its format"),
        ([1], "does not say its format"),
    ):
        (copied / "encoder.json").write_text(json.dumps(changed))
        with pytest.raises(ExportError, match=message):
            load_encoder(copied)
    (copied / "encoder.json").write_bytes(b"\xff")
    with pytest.raises(ExportError, match="cannot be used"):
        load_encoder(copied)
    with pytest.raises(ExportError, match="there is no file"):
        load_encoder(copied / "nowhere")


@pytest.mark.parametrize(
    ("name", "loader"), [("encoder.safetensors", "load"), ("spec.mvib", "load"), ("encoder.pt2", "load_program")]
)
def test_a_file_without_its_checksum_is_not_loaded(copied: Path, name: str, loader: str) -> None:
    load = runpy.run_path(str(copied / "load_encoder.py"))[loader]
    assert load() is not None
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Exception, match=r"checksum|is not the file that encoder\.json lists"):
        load()


@pytest.mark.skipif(not (has("onnxscript") and has("onnxruntime")), reason="needs onnx, onnxscript, onnxruntime")
def test_an_onnx_file_without_its_checksum_is_not_loaded(run: Run, tmp_path: Path) -> None:
    export_run(run, tmp_path, formats=("onnx",))
    load = runpy.run_path(str(tmp_path / "load_encoder.py"))["load_onnx"]
    assert load() is not None
    with (tmp_path / "encoder.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"encoder\.onnx is not the file that encoder\.json lists"):
        load()


def test_an_export_may_lie_behind_links(copied: Path, tmp_path: Path, run: Run) -> None:
    # As the caches of model hubs are made.
    linked, blobs = tmp_path / "linked", tmp_path / "blobs"
    linked.mkdir()
    blobs.mkdir()
    for number, file in enumerate(sorted(path for path in copied.iterdir() if path.is_file())):
        file.rename(blobs / str(number))
        (linked / file.name).symlink_to(blobs / str(number))
    expected = run.encode(images(2)).flatten(1)
    beside = runpy.run_path(str(linked / "load_encoder.py"))
    for encode in (load_encoder(linked), beside["load"](), beside["load_program"]()):
        torch.testing.assert_close(encode(images(2)), expected, rtol=0, atol=1e-5)


def test_formats_are_read() -> None:
    assert read_formats(" npy, torch,npy") == ("npy", "torch")
    with pytest.raises(ExportError, match="there is no format `onxx`; did you mean `onnx`"):
        read_formats("onxx")
    with pytest.raises(ExportError, match="no format is named"):
        read_formats(",")


def test_the_command_writes_and_says_what(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    train_method(analysis_of(CONTRASTIVE, SETTINGS), data=f"npz:{tmp_path}/data.npz", out=tmp_path / "run")
    done = CliRunner().invoke(command, [str(tmp_path / "run"), "--json", "--format", "safetensors,npy"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["folder"] == str(tmp_path / "run" / "export")
    assert "representation-test.npy" in found["files"]
    wrong = CliRunner().invoke(command, [str(tmp_path / "run"), "--format", "pickle"])
    assert (wrong.exit_code, wrong.exception.__class__) == (3, SystemExit)
    assert "there is no format `pickle`" in wrong.stderr
    nowhere = CliRunner().invoke(command, [str(tmp_path / "nothing")])
    assert nowhere.exit_code == 2
    taken = CliRunner().invoke(command, [str(tmp_path / "run"), "-o", str(tmp_path / "data.npz")])
    assert "is a file" in taken.stderr


def test_names_of_folders_reach_no_terminal(tmp_path: Path) -> None:
    run = tmp_path / "x\x1b[31m\u202ey"
    train_method(analysis_of(CONTRASTIVE, SETTINGS), data=arrays(), out=run)
    np.savez(tmp_path / "data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    made = CliRunner().invoke(command, [str(run), "--format", "safetensors", "--data", f"npz:{tmp_path}/data.npz"])
    reported = CliRunner().invoke(report, [str(run)])
    for done in (made, reported):
        assert done.exit_code == 0, done.output
        assert "x\\u001b[31m\\u202ey" in done.output
        assert not set("\x1b\u202e") & set(done.output)

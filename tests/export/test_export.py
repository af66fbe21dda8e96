import importlib.util
import io
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import Tensor

from mvib.cli.export import command
from mvib.data import DataError
from mvib.export import Encoder, ExportError, export_run, load_encoder
from mvib.export.agreement import check_agreement
from mvib.export.export import read_formats
from mvib.export.table import arrays_to_npy
from mvib.train import Run, train_method
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
    assert description["width"] == 8 + 8
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


def test_names_of_labels_cannot_leave_the_folder() -> None:
    labels = {name: {"train": np.zeros(1)} for name in ("../../etc/passwd", "a b", "a/b", "")}
    files = arrays_to_npy({"train": np.zeros((1, 2))}, labels)
    assert list(files) == [
        "representation-train.npy",
        "label-etc-passwd-train.npy",
        "label-2-train.npy",
        "label-3-train.npy",
        "label-4-train.npy",
    ]
    assert np.load(io.BytesIO(files["label-2-train.npy"]), allow_pickle=False).shape == (1,)


def test_a_difference_is_found_and_nothing_is_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder(run.model)
    with pytest.raises(ExportError, match="differs from the model by"):
        check_agreement("it", lambda x: encoder(x) + 1e-3, encoder, {"X": images(4)})
    with pytest.raises(ExportError, match="gives the shape"):
        check_agreement("it", lambda x: encoder(x)[:1], encoder, {"X": images(4)})
    with pytest.raises(ExportError, match="differs from the model by nan"):
        check_agreement("it", lambda x: encoder(x) * float("nan"), encoder, {"X": images(4)})
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


def test_damaged_files_are_said_to_be(folder: Path, tmp_path: Path) -> None:
    def copy(**changed: bytes) -> Path:
        for file in folder.iterdir():
            (tmp_path / file.name).write_bytes(changed.get(file.stem, file.read_bytes()))
        return tmp_path

    weights = load_file(folder / "encoder.safetensors")
    copy()
    save_file({**weights, "more": torch.zeros(1)}, tmp_path / "encoder.safetensors")
    with pytest.raises(ExportError, match="it holds `more`, unlike the encoder of the spec"):
        load_encoder(tmp_path)
    save_file({name: value.new_zeros(3, 3, 3) for name, value in weights.items()}, tmp_path / "encoder.safetensors")
    with pytest.raises(ExportError, match=r"the shape of .* is \(3, 3, 3\) and not"):
        load_encoder(tmp_path)
    (tmp_path / "encoder.safetensors").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ExportError, match="cannot be used"):
        load_encoder(tmp_path)
    copy(spec=b"method")
    with pytest.raises(ExportError, match=r"spec\.mvib` cannot be used"):
        load_encoder(tmp_path)
    description = json.loads((folder / "encoder.json").read_text())
    for changed, message in (
        ({**description, "format": 99}, "use a newer mvib"),
        ({**description, "data": {"X": {"shape": [1, 10**6, 10**6]}}}, "has 1,000,000,000,000 numbers"),
        ({**description, "data": {"X": {"shape": "wide"}}}, "the shapes of the data cannot be read"),
        ({"data": {}}, "does not say its format"),
        ([1], "does not say its format"),
    ):
        copy()
        (tmp_path / "encoder.json").write_text(json.dumps(changed))
        with pytest.raises(ExportError, match=message):
            load_encoder(tmp_path)
    with pytest.raises(ExportError, match="cannot be used"):
        load_encoder(tmp_path / "nowhere")


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

"""Run folders that were cut off, altered or written by a later version are refused in words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mvib.train import FolderError, load_run, train_method
from mvib.train.checkpoint import pack_checkpoint, read_checkpoint
from tests.train.small import CONTRASTIVE, analysis_of, arrays


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=1, out=folder)
    return folder


def cut_checkpoint(folder: Path) -> None:
    path = folder / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def empty_checkpoint(folder: Path) -> None:
    (folder / "checkpoint.safetensors").write_bytes(b"")


def pickle_checkpoint(folder: Path) -> None:
    (folder / "checkpoint.safetensors").write_bytes(b"\x80\x04cposix\nsystem\n(X\x04\x00\x00\x00exittR.")


def remove_checkpoint(folder: Path) -> None:
    (folder / "checkpoint.safetensors").unlink()


def rewrite_checkpoint(folder: Path, header: str | None) -> None:
    path = folder / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata={"mvib": header} if header is not None else None)


def drop_header(folder: Path) -> None:
    rewrite_checkpoint(folder, None)


def later_checkpoint(folder: Path) -> None:
    rewrite_checkpoint(folder, '{"format": 2}')


def empty_header(folder: Path) -> None:
    rewrite_checkpoint(folder, '{"format": 1}')


def count_that_is_no_number(folder: Path) -> None:
    path = folder / "checkpoint.safetensors"
    found = read_checkpoint(path)
    tensors = {f"model.{name}": value for name, value in found.model.items()}
    (name,) = (name for name in tensors if name.endswith("_extra_state"))
    path.write_bytes(pack_checkpoint({**tensors, name: torch.tensor(float("nan"))}, found.place))


def remove_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def cut_config(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text()[:-20])


def later_config(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 7}))


def config_without_data(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "data": 3}))


def config_is_a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def alter_spec(folder: Path) -> None:
    path = folder / "spec.mvib"
    path.write_text(path.read_text().replace("conv(4, 8)", "conv(4, 6)"))


def deepen_spec(folder: Path) -> None:
    path = folder / "spec.mvib"
    path.write_text(path.read_text().replace("mlp(16, 8)", "mlp(16, 16, 8)"))


def break_spec(folder: Path) -> None:
    (folder / "spec.mvib").write_text("method")


def cut_metrics(folder: Path) -> None:
    (folder / "metrics.jsonl").write_text('{"epoch": 1')


def empty_metrics(folder: Path) -> None:
    (folder / "metrics.jsonl").write_text("")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_checkpoint, r"the checkpoint `.*checkpoint.safetensors` cannot be used: .*; train again, or name another"),
        (empty_checkpoint, "the checkpoint .* cannot be used"),
        (pickle_checkpoint, "the checkpoint .* cannot be used"),
        (remove_checkpoint, "there is no checkpoint"),
        (drop_header, "it does not say where the training was"),
        (empty_header, "its header cannot be read"),
        (later_checkpoint, "has format 2, and this version of mvib reads up to 1; use a newer mvib"),
        (count_that_is_no_number, "`_extra_state` is torch.float32 and not torch.int64"),
        (remove_config, "is no run folder: it has no `config.json`"),
        (cut_config, r"config.json` cannot be used: "),
        (later_config, "has format 7, and this version of mvib reads up to 1"),
        (config_without_data, "`data` is missing or makes no sense"),
        (config_is_a_list, "it holds no JSON object"),
        (alter_spec, r"it is not of this spec: the shape of `.*` is \(8,.* and not \(6,"),
        (deepen_spec, "it is not of this spec: it has no `"),
        (break_spec, r"spec.mvib` cannot be used: .*; `mvib check"),
        (cut_metrics, r"metrics.jsonl` cannot be used"),
        (empty_metrics, "it does not have one line for every epoch"),
    ],
)
def test_damage_is_named(damage: Callable[[Path], None], message: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    damage(tmp_path / "run")
    with pytest.raises(FolderError, match=message):
        load_run(tmp_path / "run", data=arrays())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"there is no run folder `.*missing`; `mvib train` writes one"):
        load_run(tmp_path / "missing")


def test_a_run_on_arrays_needs_its_data(whole: Path) -> None:
    with pytest.raises(FolderError, match="was trained on arrays, which its folder does not hold; give its data"):
        load_run(whole)

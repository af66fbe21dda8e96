"""What stops a run, and what is left when it does."""

import ast
import errno
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import mvib
from mvib.cli.main import main
from mvib.compile import CompiledModel, Output
from mvib.train import FolderError, NonFiniteError, SettingError, load_run, train_method
from mvib.train.checkpoint import read_checkpoint
from mvib.train.config import Precision
from mvib.train.engine import Engine, start_engine
from mvib.train.errors import SingularError
from mvib.train.events import Event, PartSkipped
from mvib.train.monitors import Monitoring
from mvib.train.processes import Placement
from mvib.train.step import Broken, take_step
from mvib.train.writing import write_json
from mvib.writing import write_whole
from tests.train.small import CONTRASTIVE, analysis_of, arrays, metrics

EXPLODING: dict[str, str | float] = {"train.optimizer": "sgd(lr: 1e37, momentum: 0)", "train.schedule": "constant()"}


def test_a_loss_that_is_not_finite_names_the_term_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(
        NonFiniteError, match=r"after 1 steps the estimate of the term `agree` is not a number; the last"
    ):
        train_method(analysis_of(CONTRASTIVE, EXPLODING), data=arrays(), out=tmp_path / "run")
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoint.safetensors")
    assert checkpoint.place.step == 0
    assert all(bool(torch.isfinite(value).all()) for value in checkpoint.model.values() if value.is_floating_point())
    assert load_run(tmp_path / "run", data=arrays()).history == ()


def test_weights_that_are_not_finite_never_reach_a_checkpoint(tmp_path: Path) -> None:
    # One step an epoch: the weights are broken by the step, and no loss has seen them yet.
    settings = {**EXPLODING, "train.optimizer": "sgd(lr: 1e38, momentum: 0)", "train.batch": 64}
    with pytest.raises(NonFiniteError, match=r"not finite|not a number"):
        train_method(analysis_of(CONTRASTIVE, settings), data=arrays(), out=tmp_path / "run")
    assert read_checkpoint(tmp_path / "run" / "checkpoint.safetensors").place.step == 0


class Objective(nn.Module):
    """A loss of one weight, in the place of a compiled model."""

    def __init__(self, start: float, power: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([start]))
        self.power = power

    def forward(self, batch: dict[str, Tensor]) -> Output:
        value = (self.weight**self.power).sum()
        return Output(
            loss=value,
            terms={"first": torch.zeros(()), "second": value.detach()},
            variables={},
            densities={},
            constant=torch.zeros(()),
            fits={},
            counts={"first": 1, "second": 1},
        )

    def after_step(self) -> None:
        raise AssertionError("a broken step was taken")


@pytest.mark.parametrize(
    ("start", "power", "culprit"),
    [
        (0.0, -1.0, "the estimate of the term `second` is infinite"),
        (0.0, 0.5, "the gradient of `weight` is not finite, though the estimate of every term is"),
    ],
)
def test_a_broken_step_is_not_taken_and_its_culprit_is_named(start: float, power: float, culprit: str) -> None:
    model = Objective(start, power)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    engine = start_engine(Placement())
    compiled = cast(CompiledModel, model)
    compute = engine.join(compiled, precision=Precision.FP32, parts=1)
    result = take_step(compiled, optimizer, {}, compute=compute, clip=1.0)
    assert result == Broken(culprit)
    assert model.weight.item() == start


def test_a_folder_with_a_run_is_not_written_over(tmp_path: Path) -> None:
    train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=1, out=tmp_path)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(
        FolderError, match="holds a run already; name another folder, or go on with that run: `--resume"
    ):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(FolderError, match="is a file; name a folder"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run")


def test_a_mistake_in_the_settings_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a batch of 999 examples"):
        train_method(analysis_of(CONTRASTIVE, {"train.batch": 999}), data=arrays(), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    write_whole(path, b"old")

    def fail(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=r"No space left on device: '.*checkpoint.safetensors'"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_holds_null_for_what_is_not_finite(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": float("nan"), "y": [1.0, float("-inf")], "z": {"w": float("inf")}})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"x": None, "y": [1.0, None], "z": {"w": None}}


@pytest.mark.parametrize("package", ["train", "evaluate"])
def test_nothing_is_pickled(package: str) -> None:
    folder = Path(mvib.__file__).parent / package
    names = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).partition(".")[0])
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names.add(f"{node.value.id}.{node.attr}")
    assert "torch" in names or "numpy" in names
    assert not names & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch.load", "torch.save"}


WHITENED = """method Whitened
data    X: image
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f: X[i] -> Z[i] = mlp(64, 24)
minimize H(Z[1] | Z[2]) by whitened_mse(eps: 0)
represent Z
train { data: digits  epochs: 1  batch: 32  optimizer: sgd(lr: 1e-2) }
"""
LAYER = """method Layer
data    X: image
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f: X[i] -> H[i] = mlp(64, 24)
encoder w: H[i] -> Z[i] = whiten(method: cholesky, eps: 0)
maximize I(Z[1]; Z[2]) by infonce()
represent Z
train { data: digits  epochs: 1  batch: 32  optimizer: sgd(lr: 1e-2) }
"""


@pytest.mark.parametrize("text", [WHITENED, LAYER, LAYER.replace("cholesky", "zca")])
def test_too_few_rows_to_be_whitened_are_a_reason_with_a_remedy(text: str, tmp_path: Path) -> None:
    why = (
        r"after 0 steps a batch of training cannot be used: the covariance of 20 rows in 24 dimensions has no inverse: "
        r"give .*a larger `eps`, or more rows .*; the last good checkpoint is"
    )
    with pytest.raises(SingularError, match=why):
        train_method(analysis_of(text, {"train.batch": 20}), data=arrays(), out=tmp_path / "run")
    train_method(analysis_of(text), data=arrays(number=160))


def test_a_held_out_part_of_too_few_rows_is_said_once_and_ends_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # 64 rows are trained on, and 16 are held out.
    told: list[Event] = []
    run = train_method(analysis_of(WHITENED), data=arrays(), epochs=2, out=tmp_path / "run", on_event=told.append)
    skipped = [event for event in told if isinstance(event, PartSkipped) and "held-out" in event.what]
    assert [event.what for event in skipped] == ["the held-out estimate of epoch 1"]
    assert "a batch of the held-out part cannot be used: the covariance of 16 rows in 24" in skipped[0].why
    for line in metrics(tmp_path / "run"):
        assert line["held_out"]["loss"] is None
        assert set(line["held_out"]["terms"].values()) == {None}
        assert line["held_out"]["terms"].keys() == line["terms"].keys()
        assert math.isfinite(line["loss"])
    assert run.summary["steps"] == 4
    few = arrays()
    np.savez(tmp_path / "few.npz", image=few["image"].numpy(), label=few["label"].numpy())
    (tmp_path / "whitened.mvib").write_text(WHITENED)
    command = ["train", str(tmp_path / "whitened.mvib"), "--data", f"npz:{tmp_path / 'few.npz'}"]
    assert main([*command, "--out", str(tmp_path / "told")]) == 0
    assert "the held-out estimate of epoch 1 is left out: a batch of the held-out part" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["look", "end_epoch"])
def test_what_monitors_cannot_write_is_told_to_the_other_processes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[OSError] = []
    first = Engine.first

    def fail(self: Monitoring, *arguments: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    def listen(self: Engine, action: Callable[[], Any]) -> Any:
        try:
            return first(self, action)
        except OSError as error:
            heard.append(error)
            raise

    monkeypatch.setattr(Monitoring, name, fail)
    # It has the others leave where the first fails; without it they wait.
    monkeypatch.setattr(Engine, "first", listen)
    with pytest.raises(OSError, match="no room") as found:
        train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=1, out=tmp_path / "run")
    assert heard == [found.value]


def test_the_command_says_so_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "whitened.mvib").write_text(WHITENED)
    spec, out = str(tmp_path / "whitened.mvib"), str(tmp_path / "run")
    assert main(["train", spec, "--set", "train.batch=20", "--out", out]) == 3
    assert "the covariance of 20 rows in 24 dimensions has no inverse" in capsys.readouterr().err

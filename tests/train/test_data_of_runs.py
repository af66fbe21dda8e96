"""Runs on data that are not in memory: trained, interrupted, resumed and evaluated by the text in their folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mvib.cli.main import main
from mvib.train import Interrupted, load_run, train_method
from mvib.train.events import Event, Noted, PartSkipped, StepTaken
from tests.data.pictures import write_classes, write_picture
from tests.train.small import CONTRASTIVE, analysis_of, metrics

TWO = """method Two
data    A: image, T: vector
encoder f: A -> R = conv(4, 8)
encoder g: T -> S = mlp(8, 8)
term agree: maximize I(R; S) by infonce(temperature: 0.5)
represent R
train { epochs: 1  batch: 8  optimizer: adamw(lr: 1e-2) }
"""
PAIR = """method Pair
data    A: vector, B: vector
encoder f: A -> R = mlp(8, 4)
encoder g: B -> S = mlp(8, 4)
term agree: maximize I(R; S) by infonce(temperature: 0.5)
represent R
train { data: "synthetic:n=100,noise=0"  epochs: 1  batch: 16  optimizer: adamw(lr: 1e-2) }
"""

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classes(tmp_path_factory.mktemp("pictures"), number=30)


def test_a_run_on_a_folder_goes_on_to_the_same_bits(tmp_path: Path, pictures: Path) -> None:
    analysis = analysis_of(CONTRASTIVE)
    data = f"folder:{pictures},cache=no"
    whole = train_method(analysis, data=data, epochs=2, out=tmp_path / "whole", workers=2)

    def stop(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train_method(analysis, data=data, epochs=2, out=tmp_path / "part", workers=1, on_event=stop)
    resumed = train_method(analysis, resume=tmp_path / "part", workers=0)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "part")


def test_the_folder_of_a_run_names_its_data(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    shutil.copytree(pictures, "data")
    write_picture(Path("data/cat/wide.png"), width=20)
    (tmp_path / "data/dog/03.png").write_bytes(b"")
    arguments = ["train", "small.mvib", "--data", "folder:data", "--epochs", "1", "--out", "run"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "differ in size" in error
    assert "--image-size" in error
    assert main([*arguments, "--image-size", "8"]) == 2
    assert "dog/03.png` is empty" in capsys.readouterr().err
    assert main([*arguments, "--image-size", "8", "--skip-bad", "1"]) == 0
    assert "dog/03.png` is left out: it is empty" in capsys.readouterr().err
    config = json.loads(Path("run/config.json").read_text())
    assert config["data"] == f"folder:{tmp_path}/data,size=8,skip=1"
    assert config["left_out"] == ["`data/dog/03.png` is empty"]
    assert json.loads(Path("run/summary.json").read_text())["left_out"] == 1
    # The text in the folder is enough, from anywhere.
    monkeypatch.chdir("/")
    assert main(["eval", f"{tmp_path}/run", "--probe", "knn"]) == 0
    assert f"bad items of the data are left out (1), the first: `{tmp_path}/data/dog/03.png`" in capsys.readouterr().out


def test_data_of_several_files(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two.mvib").write_text(TWO)
    np.save("t.npy", np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32))
    one = ["--data", f"A=folder:{pictures}", "--data", "T=npy:t.npy"]
    other = ["--data", f"A=folder:{pictures},T=npy:t.npy"]
    for name, data in (("one", one), ("other", other)):
        assert main(["train", "two.mvib", *data, "--out", name, "--quiet"]) == 0
    assert metrics(Path("one")) == metrics(Path("other"))
    run = load_run("one")
    assert set(run.examples.labels) == {"label"}


def test_what_is_known_of_a_law_is_told(tmp_path: Path) -> None:
    events: list[Event] = []
    train_method(analysis_of(PAIR), out=tmp_path / "run", on_event=events.append)
    (note,) = [event.text for event in events if isinstance(event, Noted)]
    assert "I(view1; view2) = 2.773" in note
    assert "I(view1; label | view2) = 0," in note
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data_notes"] == [note]


def test_a_picture_that_breaks_during_a_run_is_told(tmp_path: Path, pictures: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(pictures, root)
    whole = (root / "cat" / "05.png").read_bytes()
    (root / "cat" / "05.png").write_bytes(whole[:-60])
    events: list[Event] = []
    data = f"folder:{root},cache=no,skip=1"
    train_method(analysis_of(CONTRASTIVE), data=data, epochs=1, on_event=events.append, workers=1)
    told = [event for event in events if isinstance(event, PartSkipped)]
    assert [event.what for event in told] == [f"`{root}/cat/05.png`"]


def test_flags_without_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    assert main(["train", "small.mvib", "--image-size", "8"]) == 2
    assert "`digits` takes no `--image-size`" in capsys.readouterr().err
    assert main(["train", "--resume", "run", "--skip-bad", "8"]) == 2
    assert "--skip-bad is for the data" in capsys.readouterr().err

"""`mvib train` and `mvib eval` as a user meets them: words, files and exit codes."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

import mvib.cli.training_view
from mvib.cli.main import main
from mvib.train.events import Event, StepTaken
from tests.train.small import BOTTLENECK, CONTRASTIVE, arrays

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    np.savez("data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    return "small.mvib"


def train(*arguments: str) -> int:
    return main(["train", *arguments])


def test_a_run_writes_its_files_and_says_which(spec: str, capsys: Capture) -> None:
    assert train(spec, "--data", "npz:data.npz", "--out", "run") == 0
    out, err = capsys.readouterr()
    assert out.startswith("Contrastive on npz:")
    for word in (
        "agree: ",
        "knn (label)",
        "linear (label)",
        "untrained",
        "effective rank",
        "written to run: checkpoint",
    ):
        assert word in out
    assert "note: classifier" not in out
    assert err.startswith("Contrastive on npz:")
    assert [line.split()[1] for line in err.splitlines()[1:]] == ["1/4", "2/4", "3/4", "4/4"]
    assert "examples/s" in err
    assert json.loads(Path("run/summary.json").read_text())["probes"]["trained"]["results"]


def test_settings_from_outside_are_recorded(spec: str) -> None:
    arguments = ("--set", "temperature=0.3", "--backbone", "conv(4)", "--epochs", "1", "--quiet", "--out", "run")
    assert train(spec, "--data", "npz:data.npz", *arguments) == 0
    config = json.loads(Path("run/config.json").read_text())
    assert config["overrides"] == {"train.backbone": "conv(4)", "train.epochs": "1", "temperature": "0.3"}
    text = Path("run/spec.mvib").read_text()
    assert "param temperature = 0.3" in text
    assert "epochs: 1" in text


def test_quiet_prints_the_folder_alone(spec: str, capsys: Capture) -> None:
    assert train(spec, "--data", "npz:data.npz", "--epochs", "1", "--quiet") == 0
    out, err = capsys.readouterr()
    assert err == ""
    folder = Path(out.strip())
    assert folder.parent == Path("runs")
    assert folder.name.startswith("contrastive-data-")
    assert (folder / "checkpoint.safetensors").is_file()


def test_the_summary_may_be_json(spec: str, capsys: Capture) -> None:
    assert train(spec, "--data", "npz:data.npz", "--epochs", "1", "--format", "json", "--out", "run") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["folder"] == "run"
    assert set(summary["probes"]) == {"protocol", "trained", "untrained"}


def test_eval_repeats_what_train_found_from_the_folder_alone(spec: str, capsys: Capture) -> None:
    Path(spec).write_text(BOTTLENECK)
    assert train(spec, "--data", "npz:data.npz", "--out", "run") == 0
    Path(spec).unlink()
    capsys.readouterr()
    assert main(["eval", "run", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found.pop("run"), found.pop("notes")) == ("run", [])
    assert found == json.loads(Path("run/summary.json").read_text())["probes"]
    assert main(["eval", "run", "--probe", "knn"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Bottleneck after 2 epochs on npz:")
    assert "protocol: knn: majority of the 5 nearest" in out
    assert "linear" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "name a spec: a file, `-` for standard input, or a bundled name (vicreg)"),
        (["missing.mvib"], 2, "there is no spec `missing.mvib`"),
        (["small.mvib", "--set", "train.batsh=3"], 1, "did you mean `batch`"),
        (["small.mvib", "--backbone", "conf(3)"], 1, "did you mean `conv`"),
        (["small.mvib", "--epochs", "0"], 2, "0 is not in the range x>=1"),
        (["small.mvib", "--set", "train.epochs=0"], 1, "at least 1"),
        (["small.mvib", "--data", "digit"], 2, "did you mean `digits`?"),
        (["small.mvib", "--data", "npz:none.npz"], 2, "there is no file `none.npz`"),
        (["small.mvib", "--data", "npz:data.npz", "--set", "train.batch=500"], 2, "write `--set train.batch=64`"),
        (["small.mvib", "--resume", "none"], 2, "there is no run folder `none`"),
        (["--resume", "none"], 2, "there is no run folder `none`"),
        (["--resume", "none", "--epochs", "3"], 2, "leave out --set, --backbone and --epochs"),
        (["small.mvib", "--resume", "a", "--out", "b"], 2, "leave out --out"),
        (["small.mvib", "--data", "npz:data.npz", "--out", "small.mvib"], 2, "`small.mvib` is a file"),
        (["small.mvib", "--data", "npz:data.npz", "--out", "small.mvib/run"], 3, "the run has failed: Not a directory"),
    ],
)
def test_mistakes_have_words_and_a_code(
    arguments: list[str], code: int, message: str, spec: str, capsys: Capture
) -> None:
    assert train(*arguments) == code
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert "Traceback" not in err


def test_a_run_that_breaks_has_code_three_and_keeps_its_checkpoint(spec: str, capsys: Capture) -> None:
    exploding = ("--set", "train.optimizer=sgd(1e37, momentum: 0)", "--set", "train.schedule=constant()")
    assert train(spec, "--data", "npz:data.npz", "--out", "run", *exploding) == 3
    err = capsys.readouterr().err
    assert "error: the run has failed: after 1 steps the estimate of the term `agree` is not a number" in err
    assert "the last good checkpoint is `run/checkpoint.safetensors`, of step 0" in err
    assert main(["eval", "run"]) == 0


def test_control_c_leaves_a_checkpoint_and_the_run_goes_on(
    spec: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(lines: object, event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == 6:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(mvib.cli.training_view.Lines, "__call__", press)
            assert train(spec, "--data", "npz:data.npz", "--out", "run") == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "interrupted after 6 steps; its checkpoint is in `run`; go on with `mvib train --resume run`" in (
        capsys.readouterr().err
    )
    assert train("--resume", "run") == 0
    assert "from step 6 on" in capsys.readouterr().err
    assert len(Path("run/metrics.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "there is no run folder `none`"),
        (["."], "is no run folder: it has no `config.json`"),
        (["none", "--probe", "kmn"], "did you mean `knn`?"),
    ],
)
def test_eval_says_what_is_wrong(arguments: list[str], message: str, spec: str, capsys: Capture) -> None:
    assert main(["eval", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_probes_after_training_are_those_asked_for(spec: str, capsys: Capture) -> None:
    train_briefly = (spec, "--data", "npz:data.npz", "--epochs", "1", "--monitor", "none")
    assert train(*train_briefly, "--out", "none", "--probe", "none") == 0
    assert "untrained" not in capsys.readouterr().out
    assert "probes" not in json.loads(Path("none/summary.json").read_text())
    assert train(*train_briefly, "--out", "some", "--probe", "rankme,classifier", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)["probes"]
    assert [one["probe"] for one in found["trained"]["measures"]] == ["rankme"]
    assert found["trained"]["results"] == []
    assert json.loads(Path("some/summary.json").read_text())["probes"] == found
    assert train(*train_briefly, "--out", "wrong", "--probe", "knm") == 2
    assert "did you mean `knn`?" in capsys.readouterr().err
    assert not Path("wrong").exists()
    np.savez("alone.npz", image=arrays()["image"].numpy())
    assert train(spec, "--data", "npz:alone.npz", "--epochs", "1", "--out", "alone", "--probe", "knn,rankme") == 0
    out = capsys.readouterr().out
    assert "rankme" in out
    assert "knn" not in out


def test_data_without_labels_train_and_have_no_probes(spec: str, capsys: Capture) -> None:
    np.savez("plain.npz", image=arrays()["image"].numpy())
    assert train(spec, "--data", "npz:plain.npz", "--epochs", "1", "--out", "run") == 0
    assert "knn" not in capsys.readouterr().out
    assert main(["eval", "run"]) == 0
    assert "note: knn: the data have no label" in capsys.readouterr().out

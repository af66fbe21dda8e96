import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import mvib.cli.sweep_run
from mvib.cli.sweep import command
from mvib.cli.sweep_choice import NothingChosenError, choose
from mvib.cli.sweep_grid import GridPoint, read_grid, split_values
from mvib.cli.sweep_outcome import Outcome
from mvib.cli.sweep_table import sweep_lines, sweep_to_json
from mvib.evaluate import evaluate_model
from mvib.train import NonFiniteError, train_method
from tests.train.small import BOTTLENECK, arrays


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    np.savez(tmp_path / "data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    text = BOTTLENECK.replace("1e-3 *", "beta *").replace("\ndata ", "\nparam beta = 1e-3\ndata ", 1)
    (tmp_path / "b.mvib").write_text(text)
    return [
        str(tmp_path / "b.mvib"),
        "--data",
        f"npz:{tmp_path}/data.npz",
        "--out",
        str(tmp_path / "out"),
        "--set",
        "train.epochs=1",
    ]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_values_are_parted_outside_of_brackets_and_strings() -> None:
    assert list(split_values('1, conv(8, 16), "a,b", [1,2]')) == ["1", "conv(8, 16)", '"a,b"', "[1,2]"]


def test_every_combination_is_a_point_and_seeds_lie_together() -> None:
    grid = read_grid(["a=1,2", "train.lr=3"], seeds=2)
    assert [str(point) for point in grid] == [
        "a=1 train.lr=3 seed=0",
        "a=1 train.lr=3 seed=1",
        "a=2 train.lr=3 seed=0",
        "a=2 train.lr=3 seed=1",
    ]
    assert grid[3].overrides == {"a": "2", "train.lr": "3", "train.seed": "1"}
    assert read_grid([], seeds=1) == (GridPoint((), 0),)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["a=1", "a=2"], "given twice"),
        (["train.seed=1,2"], "--seeds"),
        (["a=1,,2"], "empty value"),
        (["a=" + ",".join(map(str, range(200))), "b=" + ",".join(map(str, range(200)))], "40,000 runs"),
        (["a"], "NAME=VALUE"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        read_grid(settings, seeds=1)


def test_a_sweep_is_tabulated_and_goes_on_where_it_stopped(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    train = mvib.cli.sweep_run._train

    def watched(*arguments: object) -> object:
        trained.append(str(arguments[1]))
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(mvib.cli.sweep_run, "_train", watched)
    done = invoke(*files, "--set", "beta=1e-4,1e-2", "--seeds", "2", "--format", "json")
    assert done.exit_code == 0, done.output
    assert len(trained) == 4
    points = json.loads(done.stdout)["points"]
    assert [point["settings"]["beta"] for point in points] == ["1e-4", "1e-2"]
    assert all(len(point["tuning"]["knn (label)"]["values"]) == 2 for point in points)
    folders = [Path(run["folder"]) for point in points for run in point["runs"]]
    assert len(set(folders)) == 4

    # One is not probed yet, one is broken, one was never begun; the fourth is done.
    trained.clear()
    (folders[0] / "sweep.json").unlink()
    (folders[1] / "sweep.json").write_text('{"format"')
    for checkpoint in [*folders[1].rglob("*.safetensors")]:
        checkpoint.write_bytes(b"cut off")
    again = invoke(*files, "--set", "beta=1e-4,1e-2", "--seeds", "2", "--format", "json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == json.loads(done.stdout)
    assert trained == ["train.epochs=1 beta=1e-4 seed=0", "train.epochs=1 beta=1e-4 seed=1"]
    assert folders[1].with_name(f"{folders[1].name}.broken-1").is_dir()

    # One that was done and has lost its checkpoints is trained again where it is chosen.
    trained.clear()
    settings = json.loads(done.stdout)["chosen"]["settings"]
    (chosen,) = (Path(p["runs"][0]["folder"]) for p in points if p["settings"] == settings)
    for checkpoint in chosen.glob("checkpoint*"):
        checkpoint.unlink()
    healed = invoke(*files, "--set", "beta=1e-4,1e-2", "--seeds", "2", "--format", "json")
    assert healed.exit_code == 0, healed.output
    assert json.loads(healed.stdout) == json.loads(done.stdout)
    assert len(trained) == 1
    assert "it cannot go on and begins again" in healed.stderr

    # Another value and another seed leave the finished ones alone.
    trained.clear()
    more = invoke(*files, "--set", "beta=1e-4,1", "--seeds", "1", "--format", "csv")
    assert more.exit_code == 0, more.output
    assert trained == ["train.epochs=1 beta=1 seed=0"]
    rows = list(csv.DictReader(more.stdout.splitlines()))
    assert [row["beta"] for row in rows] == ["1e-4", "1"]
    assert float(rows[0]["tuning knn (label)"]) == points[0]["tuning"]["knn (label)"]["values"][0]


def test_a_run_that_fails_stops_no_other_and_is_repeated(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    train = train_method

    def failing(analysis: object, **options: object) -> object:
        overrides = options.get("overrides") or {}
        if isinstance(overrides, dict) and overrides.get("beta") == "1":
            raise NonFiniteError("the loss", step=3, checkpoint=None, checkpoint_step=-1)
        return train(analysis, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(mvib.cli.sweep_run, "train_method", failing)
    done = invoke(*files, "--set", "beta=1,2")
    assert done.exit_code == 3
    assert "1 of 2 runs failed" in done.stderr
    assert "0 of 1" in done.stdout
    monkeypatch.setattr(mvib.cli.sweep_run, "train_method", train)
    again = invoke(*files, "--set", "beta=1,2")
    assert again.exit_code == 0, again.output
    assert "beta=2 seed=0: finished before" in again.stderr


def test_a_wrong_value_is_found_before_anything_is_trained(files: list[str], tmp_path: Path) -> None:
    done = invoke(*files, "--set", "beta=1,nonsense(3)")
    assert done.exit_code == 1
    assert "nothing was trained" in done.stderr
    assert not (tmp_path / "out").exists()
    # What only the data show stops one combination, and not the others.
    batches = invoke(*files, "--set", "train.batch=16,5000")
    assert batches.exit_code == 3
    assert "a batch of 5000 examples is asked for" in batches.stderr
    assert "1 of 2 runs failed" in batches.stderr
    unknown = invoke(*files, "--probe", "knnn")
    assert (unknown.exit_code, "did you mean `knn" in unknown.stderr) == (2, True)


def write_data(files: list[str], *, shift: float) -> None:
    """Other images with the same labels in the place of those of the sweep."""
    path = files[2].removeprefix("npz:")
    np.savez(path, image=arrays()["image"].numpy() + np.float32(shift), label=arrays()["label"].numpy())


def test_a_finished_run_is_trained_again_where_its_data_have_changed(files: list[str]) -> None:
    first = invoke(*files, "--format", "json")
    (run,) = json.loads(first.stdout)["points"][0]["runs"]
    folder = Path(run["folder"])
    before = (folder / "checkpoint.safetensors").read_bytes()
    assert "finished before" in invoke(*files).stderr
    write_data(files, shift=0.5)
    again = invoke(*files)
    assert again.exit_code == 0, again.output
    assert "seed=0: finished before, on data that have changed since" in again.stderr
    assert f"it cannot go on and begins again; what there was is in {folder}.broken-1 (the data" in again.stderr
    assert (folder.with_name(f"{folder.name}.broken-1") / "checkpoint.safetensors").read_bytes() == before
    assert (folder / "checkpoint.safetensors").read_bytes() != before
    assert invoke(*files).stderr.endswith("seed=0: finished before\n")


def test_the_held_out_part_chooses_nothing_and_is_shown_of_the_chosen_alone(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []

    def watched(model: object, columns: Any, labels: object, **options: Any) -> object:
        judged.append(len(columns["X"].test))
        return evaluate_model(model, columns, labels, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("mvib.cli.sweep_run.evaluate_model", watched)
    done = invoke(*files[:-1], "train.epochs=20", "--set", "beta=1e-4,10", "--format", "json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    # A fifth of 64 training examples is left out; 16 are held out.
    assert judged == [13, 13, 16]
    assert found["judged_by"] == 13
    few = "13 examples are few to choose by: one is 8% of the accuracy"
    few += "; leave out more, by `--set train.tuning=0.5` at most"
    assert found["notes"] == [few]
    config = json.loads((Path(found["points"][0]["runs"][0]["folder"]) / "config.json").read_text())
    assert config["examples"] == {"train": 51, "held_out": 16}
    assert config["settings"]["tuning"] == 0.2
    best = max(found["points"], key=lambda point: point["tuning"]["knn (label)"]["mean"])
    assert found["chosen"]["settings"] == best["settings"]
    assert found["chosen"]["by"] == "knn (label)"
    assert set(found["chosen"]["held_out"]) == {"knn (label)", "linear (label)", "effective rank", "loss"}
    text = invoke(*files[:-1], "train.epochs=20", "--set", "beta=1e-4,10").stdout
    assert text.startswith("on the tuning split: ")
    assert f"\njudged by 13 examples of it\nnote: {few}\n\n" in text
    assert few in invoke(*files[:-1], "train.epochs=20", "--set", "beta=1e-4,10", "--format", "csv").stderr
    assert f"chosen by knn (label) on the tuning split: train.epochs=20 beta={best['settings']['beta']}\n" in text
    assert "\non the held-out part: knn (label) " in text


def test_a_sweep_without_a_tuning_split_is_refused(files: list[str]) -> None:
    done = invoke(*files, "--set", "train.tuning=0")
    assert done.exit_code == 2
    assert "leaves out none: write --set train.tuning=0.2" in done.stderr
    other = invoke(*files, "--set", "train.tuning=0.5", "--format", "json")
    assert other.exit_code == 0, other.output


def test_a_sweep_is_refused_by_several_processes(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "2"), ("RANK", "0"), ("TORCHELASTIC_RUN_ID", "t")):
        monkeypatch.setenv(name, value)
    done = invoke(*files)
    assert (done.exit_code, "a sweep trains in one process" in done.stderr) == (2, True)


def outcome(beta: str, seed: int, value: float | None, why: str = "", *, name: str = "knn (a|b)") -> Outcome:
    metrics = {} if why else {name: value}
    point = GridPoint((("beta", beta),), seed)
    return Outcome(point=point, folder=Path("f"), metrics=metrics, judged_by=0 if why else 100 - seed, why=why)


def outcomes() -> list[Outcome]:
    return [outcome("1", 0, 0.5), outcome("1", 1, 0.7), outcome("2", 0, None), outcome("2", 1, 0, "it broke")]


def test_the_largest_mean_of_complete_combinations_is_chosen() -> None:
    assert choose(outcomes()).settings == "beta=1"
    best = [outcome("1", 0, 0.5), outcome("2", 0, 0.9), outcome("3", 0, 0.9), outcome("4", 0, 1.0, "it broke")]
    assert choose(best).settings == "beta=2"
    with pytest.raises(NothingChosenError, match="no run has finished"):
        choose([outcome("1", 0, 0, "it broke")])
    for name in ("alpha-req alpha", "effective rank"):
        with pytest.raises(NothingChosenError, match="of which more is better"):
            choose([outcome("1", 0, 1.0, name=name)])


def test_tables_show_mean_and_spread() -> None:
    choice = choose(outcomes())
    choice = replace(
        choice, runs=tuple(replace(run, held_out={"knn (a|b)": 0.25 + run.point.seed / 2}) for run in choice.runs)
    )
    lines = list(sweep_lines(outcomes(), choice, form="markdown"))
    assert lines[0].startswith("on the tuning split: ")
    assert lines[1:] == [
        "judged by 99 examples of it",
        "",
        "| beta | seeds | knn (a\\|b) |",
        "| --- | --- | --- |",
        "| 1 | 2 | 0.6 ± 0.14 |",
        "| 2 | 1 of 2 | - |",
        "",
        "chosen by knn (a|b) on the tuning split: beta=1",
        "on the held-out part: knn (a|b) 0.5 ± 0.35",
    ]
    assert list(sweep_lines(outcomes(), choice, form="text"))[4].split() == ["1", "2", "0.6", "±", "0.14"]
    rows = list(csv.DictReader(sweep_lines(outcomes(), choice, form="csv")))
    assert [(row["beta"], row["chosen"], row["tuning knn (a|b)"], row["held-out knn (a|b)"]) for row in rows] == [
        ("1", "yes", "0.6", "0.5"),
        ("2", "", "", ""),
    ]
    found = sweep_to_json(outcomes(), choice)
    cell = found["points"][0]["tuning"]["knn (a|b)"]
    assert cell == {"mean": pytest.approx(0.6), "std": pytest.approx(0.02**0.5), "values": [0.5, 0.7]}
    assert found["chosen"]["settings"] == {"beta": "1"}
    assert found["chosen"]["held_out"]["knn (a|b)"]["values"] == [0.25, 0.75]
    assert list(sweep_lines(outcomes(), None, form="text", why_not="so"))[-1] == "nothing is chosen: so"
    assert sweep_to_json(outcomes(), None)["chosen"] is None

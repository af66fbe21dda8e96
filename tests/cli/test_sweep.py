import csv
import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

import mvib.cli.sweep_run
from mvib.cli.sweep import command
from mvib.cli.sweep_grid import GridPoint, read_grid, split_values
from mvib.cli.sweep_table import Outcome, sweep_lines, sweep_to_json
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
    assert all(len(point["metrics"]["knn (label)"]["values"]) == 2 for point in points)
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
    assert json.loads(again.stdout)["points"] == points
    assert trained == ["train.epochs=1 beta=1e-4 seed=0", "train.epochs=1 beta=1e-4 seed=1"]
    assert folders[1].with_name(f"{folders[1].name}.broken-1").is_dir()

    # Another value and another seed leave the finished ones alone.
    trained.clear()
    more = invoke(*files, "--set", "beta=1e-4,1", "--seeds", "1", "--format", "csv")
    assert more.exit_code == 0, more.output
    assert trained == ["train.epochs=1 beta=1 seed=0"]
    rows = list(csv.DictReader(more.stdout.splitlines()))
    assert [row["beta"] for row in rows] == ["1e-4", "1"]
    assert float(rows[0]["knn (label)"]) == points[0]["metrics"]["knn (label)"]["values"][0]


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


def outcomes() -> list[Outcome]:
    def outcome(beta: str, seed: int, value: float | None, why: str = "") -> Outcome:
        metrics = {} if why else {"knn (a|b)": value}
        return Outcome(point=GridPoint((("beta", beta),), seed), folder=Path("f"), metrics=metrics, why=why)

    return [outcome("1", 0, 0.5), outcome("1", 1, 0.7), outcome("2", 0, None), outcome("2", 1, 0, "it broke")]


def test_tables_show_mean_and_spread() -> None:
    assert list(sweep_lines(outcomes(), form="markdown")) == [
        "| beta | seeds | knn (a\\|b) |",
        "| --- | --- | --- |",
        "| 1 | 2 | 0.6 ± 0.14 |",
        "| 2 | 1 of 2 | - |",
    ]
    assert list(sweep_lines(outcomes(), form="text"))[1].split() == ["1", "2", "0.6", "±", "0.14"]
    assert list(sweep_lines(outcomes(), form="csv"))[2] == "2,1,,"
    cell = sweep_to_json(outcomes())["points"][0]["metrics"]["knn (a|b)"]
    assert cell == {"mean": pytest.approx(0.6), "std": pytest.approx(0.02**0.5), "values": [0.5, 0.7]}

"""Monitors: what they read off, that they leave training alone, and the alarm when a representation collapses."""

import csv
import json
import math
from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mvib.cli.main import main
from mvib.data import mask_name
from mvib.train import SettingError, train_method
from mvib.train.events import CollapseSeen, Event
from mvib.train.examples import load_examples
from mvib.train.monitors import MONITORS, read_monitors
from mvib.train.monitors import sinks as sinks_module
from mvib.train.monitors.collapse import find_kind
from mvib.train.monitors.kernel import label_kernel, matrix_readings, relative_kernel
from mvib.train.monitors.monitoring import due_steps
from mvib.train.monitors.probes import Labelled, neighbour_accuracy, score_linear
from mvib.train.monitors.reading import entry_from_json, entry_to_json
from mvib.train.monitors.sample import take_sample
from mvib.train.monitors.sinks import check_sinks
from mvib.train.monitors.spectrum import effective_rank, rankme, thin_out
from tests.train.small import BOTTLENECK, CONTRASTIVE, METHODS, analysis_of, arrays, metrics

PARTS = ("train", "test")

COLLAPSING = """method Collapsing
data    X: image
view    X[i: 1..2] ~ noise(X, std: 1)
encoder f: X[i] -> Z[i] = mlp(16, 16)
term agree: minimize H(Z[1] | Z[2]) by mse()  # allow: collapsed-optimum because the alarm is to be seen
represent Z
train { data: digits  epochs: 16  batch: 16  optimizer: adamw(lr: 1e-1) }
"""


def looks(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "monitors.jsonl").read_text().splitlines()]


def values(look: Mapping[str, Any]) -> dict[str, float]:
    return {name: reading["value"] for name, reading in look["readings"].items()}


@pytest.mark.parametrize("name", METHODS)
def test_monitors_change_no_bit_of_the_training(name: str, tmp_path: Path) -> None:
    train_method(analysis_of(METHODS[name]), data=arrays(), out=tmp_path / "on")
    train_method(analysis_of(METHODS[name]), data=arrays(), out=tmp_path / "off", monitors=())
    weights = [(tmp_path / folder / "checkpoint.safetensors").read_bytes() for folder in ("on", "off")]
    assert weights[0] == weights[1]
    assert metrics(tmp_path / "on") == metrics(tmp_path / "off")
    assert not (tmp_path / "off" / "monitors.jsonl").exists()
    last = looks(tmp_path / "on")[-1]
    assert [look["step"] for look in looks(tmp_path / "on")] == [0, metrics(tmp_path / "on")[-1]["step"]]
    assert all(isinstance(value, float) for value in values(last).values())
    assert entry_to_json(entry_from_json(last)) == last


def test_every_term_has_its_bound_and_information_its_direction(tmp_path: Path) -> None:
    train_method(analysis_of(BOTTLENECK), data=arrays(), out=tmp_path / "run")
    last = looks(tmp_path / "run")[-1]
    assert {label: term["bound"] for label, term in last["terms"].items()} == {
        "label": "lower bound",
        "rate": "upper bound",
        "pixels": "upper bound",
    }
    readings = last["readings"]
    assert readings["I(Z; Y)"]["bound"] == "lower bound"
    assert readings["I(Z; Y)"]["value"] <= math.log(3)
    assert readings["I(X; Z)"]["bound"] == "surrogate"
    assert "I(Z1; Z2)" not in readings
    assert "no two views" in " ".join(last["notes"])


TWO_SIZES = """method TwoSizes
data    X: image
view    X[i: 1..2] ~ augment(X)
view    P[i] ~ patches(X[i], size: 2)
view    V ~ split(P[1], ratio: 0.5)
encoder f: V -> R[1], P[2] -> R[2] = vit(width: 8, depth: 1, heads: 2)
encoder g: R[i] -> Z[i] = first()
term agree: maximize I(Z[1]; Z[2]) by infonce()
represent R[2]
train { data: digits  epochs: 1  batch: 16  optimizer: adamw(lr: 1e-3) }
"""


def test_views_of_two_sizes_are_not_compared(tmp_path: Path) -> None:
    train_method(analysis_of(TWO_SIZES), data=arrays(), out=tmp_path)
    found = values(looks(tmp_path)[-1])
    assert "I(Z1; Z2)" not in found
    assert "uniformity" in found


def test_some_monitors_alone(tmp_path: Path) -> None:
    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", monitors=("rank", "knn"))
    last = looks(tmp_path / "run")[-1]
    assert set(last["readings"]) == {"effective rank", "RankMe", "knn"}
    assert (last["terms"], last["spectrum"], last["variances"]) == ({}, [], [])


def test_terms_are_of_batches_of_all_classes(tmp_path: Path) -> None:
    parts = [arrays(number=number) for number in (64, 48)]
    in_order = parts[1]["label"].argsort(stable=True)
    data = {
        f"{name}_{part}": rows[in_order] if part == "test" else rows
        for part, arrays_of_part in zip(PARTS, parts, strict=True)
        for name, rows in arrays_of_part.items()
    }
    train_method(analysis_of(CONTRASTIVE), data=data, out=tmp_path)
    # The sample is the whole held-out part, and its batches those of the metrics.
    found, expected = looks(tmp_path)[-1], metrics(tmp_path)[-1]
    assert found["rows"] == 48
    assert found["terms"]["agree"]["value"] == pytest.approx(expected["held_out"]["terms"]["agree"], rel=1e-6)


PARTIAL = """method Partial
data    A: vector, B: vector partial
encoder f: A -> Z = mlp(16, 8)
encoder g: B -> U = mlp(16, 8)
term agree: maximize I(Z; U) by infonce(temperature: 0.1)
represent Z
train { data: digits  epochs: 1  batch: 16  optimizer: adamw(lr: 1e-3) }
"""


def test_examples_without_a_partial_variable_are_watched(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(100, 6, generator=generator)
    labels = torch.arange(100) % 2
    lacking = torch.where(labels[:, None] == 1, torch.nan, rows[:, :4])
    data = {"A": rows, "B": lacking, "Y": labels}
    train_method(analysis_of(PARTIAL), data=data, out=tmp_path)
    last = looks(tmp_path)[-1]
    # A fifth is held out; of those of class 1 none has B, and the probes are about both classes.
    assert last["rows"] == 20
    assert {"knn", "linear", "I(Z; Y)", "I(X; Z)"} <= set(last["readings"])
    assert all(math.isfinite(value) for value in values(last).values())


def test_what_cannot_be_read_is_left_out_of_the_sample() -> None:
    analysis = analysis_of(PARTIAL)
    assert analysis.method is not None
    generator = torch.Generator().manual_seed(0)
    rows = {"A": torch.randn(20, 6, generator=generator), "B": torch.randn(20, 4, generator=generator)}
    lacking = {name: values.clone() for name, values in rows.items()}
    lacking["B"][3] = torch.nan
    data = {f"{name}_{part}": (rows if part == "train" else lacking)[name] for name in rows for part in PARTS}
    examples = load_examples(analysis.method, data)
    # As a picture is that has gone bad since the data were read: the mask of B says that there is one.
    for name, place in (("A", 5), ("B", 7)):
        part = examples.columns[name].test
        assert isinstance(part, torch.Tensor)
        part[place] = torch.nan
    sample = take_sample(examples, device=torch.device("cpu"))
    assert sample.num_held_out == 18
    assert all(bool(values.isfinite().all()) for values in sample.held_out.values() if values.is_floating_point())
    assert torch.equal(sample.held_out["B"].eq(0).all(dim=1), ~sample.held_out[mask_name("B")])


def test_a_run_that_goes_on_has_every_look_once(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(event: Event) -> None:
        if getattr(event, "step", 0) == 13:
            raise Stopped

    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "whole")
    with pytest.raises(Stopped):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", on_event=stop, sinks=("csv",))
    line = (tmp_path / "run" / "monitors.jsonl").read_text()
    # A look after a step that the checkpoint does not have, and a line cut off.
    late = json.loads(line.splitlines()[0]) | {"step": 14}
    (tmp_path / "run" / "monitors.jsonl").write_text(line + json.dumps(late) + "\n" + line[:20])
    resumed = tmp_path / "run"
    train_method(analysis_of(CONTRASTIVE), data=arrays(), resume=resumed, sinks=("csv",))
    assert looks(resumed) == looks(tmp_path / "whole")
    rows = list(csv.reader((resumed / "scalars.csv").read_text().splitlines()))
    assert rows[0] == ["step", "name", "value"]
    assert len({(step, name) for step, name, _ in rows}) == len(rows)


@pytest.mark.parametrize("steps", [1, 16, 60, 200, 500, 1000, 10**6])
def test_a_fixed_number_of_looks(steps: int) -> None:
    due = due_steps(steps)
    assert {0, steps} <= due
    assert len(due) <= 21
    assert len(due) - 1 <= max(1, steps // 60)


def test_the_ranks_of_spectra() -> None:
    assert effective_rank(torch.ones(7)) == pytest.approx(7)
    assert effective_rank(torch.tensor([3.0, 0.0, 0.0])) == pytest.approx(1)
    assert effective_rank(torch.zeros(3)) == rankme(torch.zeros(3)) == 0
    assert rankme(torch.ones(7, dtype=torch.float64)) == pytest.approx(7, rel=1e-5)
    thinned = thin_out(torch.arange(1000.0))
    assert (len(thinned), thinned[0], thinned[-1]) == (64, 999, 0)


def test_matrix_information_of_a_copy_and_of_a_constant() -> None:
    labels = torch.arange(60) % 4
    rows = torch.eye(4)[labels] * 5
    found = {
        reading.name: reading.value
        for reading in matrix_readings(
            {"Z": relative_kernel(torch.ones(60, 3)), "Y": label_kernel(labels), "V": relative_kernel(rows * 100)},
            (("Z", "Y"), ("V", "Y")),
            known={},
        )
    }
    for order in (1, 2):
        assert found[f"S{order}(Y)"] == pytest.approx(math.log(4))
        assert found[f"S{order}(Z)"] == pytest.approx(0, abs=1e-9)
        assert found[f"I{order}(Z; Y)"] == pytest.approx(0, abs=1e-9)
    # The classes are apart by little more than a bandwidth, so that some of log 4 is not seen, and none is invented.
    assert 0.5 < found["I1(V; Y)"] <= math.log(4) + 1e-9
    # The scale of the rows is no information.
    assert torch.allclose(relative_kernel(rows), relative_kernel(rows * 100))


def test_the_probes_and_their_lower_bound() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 3
    told = torch.eye(3)[labels] + 0.05 * torch.randn(120, 3, generator=generator)
    noise = torch.randn(120, 3, generator=generator)
    for rows, accuracy, information in ((told, 1.0, math.log(3)), (noise, 1 / 3, 0.0)):
        labelled = Labelled(
            train=rows[:60], train_labels=labels[:60], held_out=rows[60:], held_out_labels=labels[60:], classes=3
        )
        score = score_linear(labelled)
        # Of 60 rows a third is told by chance, with a standard deviation of 0.06.
        assert score.accuracy == pytest.approx(accuracy, abs=0.25)
        assert neighbour_accuracy(labelled) == pytest.approx(accuracy, abs=0.25)
        assert score.information <= math.log(3)
        assert score.information == pytest.approx(information, abs=0.3)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("complete", 3 + 1e-5 * torch.randn(64, 16, generator=torch.Generator().manual_seed(0))),
        ("dimensional", torch.linspace(-1, 1, 64)[:, None] * torch.ones(16)),
        ("cluster", torch.eye(16)[torch.arange(64) % 3]),
        (None, torch.randn(64, 16, generator=torch.Generator().manual_seed(0))),
    ],
)
def test_the_kinds_of_collapse(kind: str | None, rows: torch.Tensor) -> None:
    rank = effective_rank(torch.linalg.svdvals(rows - rows.mean(dim=0)))
    found = find_kind(rows, rank=rank, classes=None)
    assert (found.kind if found else None) == kind
    if kind == "cluster":
        assert found is not None
        assert "64 rows fall on 3 points" in found.why
        # A method that predicts three classes may well put them on three points.
        assert find_kind(rows, rank=rank, classes=3) is None


def test_a_collapse_is_told_once_with_its_step_and_its_term(tmp_path: Path) -> None:
    seen: list[CollapseSeen] = []
    train_method(
        analysis_of(COLLAPSING),
        data=arrays(),
        out=tmp_path / "run",
        on_event=lambda event: seen.append(event) if isinstance(event, CollapseSeen) else None,
    )
    assert seen
    assert len({event.kind for event in seen}) == len(seen)
    assert {event.term for event in seen} == {"agree"}
    assert seen[0].step > 0
    alarms = looks(tmp_path / "run")[-1]["alarms"]
    assert alarms[0]["kind"] == seen[-1].kind
    assert alarms[0]["since"] == seen[-1].step
    assert looks(tmp_path / "run")[0]["alarms"] == []


def test_names_of_monitors() -> None:
    assert read_monitors("all") == tuple(MONITORS)
    assert read_monitors("none") == ()
    assert read_monitors("knn, rank") == ("knn", "rank")
    with pytest.raises(SettingError, match=r"no monitor `knm`.*did you mean `knn`"):
        read_monitors("knm")
    with pytest.raises(SettingError, match="no monitor is named"):
        read_monitors(",")


def test_a_sink_of_a_plug_in_is_imported_only_when_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint(name="mine", value="tests.train.test_monitors:Kept", group="mvib.sinks")

    def installed(*, group: str, name: str = "mine") -> EntryPoints:
        return EntryPoints([point]) if (group, name) == ("mvib.sinks", "mine") else EntryPoints()

    monkeypatch.setattr(sinks_module, "entry_points", installed)
    with pytest.raises(SettingError, match=r"not allowed.*--plugin mine"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", sinks=("mine",))
    assert not (tmp_path / "run").exists()
    with pytest.raises(SettingError, match=r"no sink `cvs`.*did you mean `csv`"):
        check_sinks(("cvs",))
    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", sinks=("mine",), plugins=("mine",))
    text = (tmp_path / "run" / "mine.txt").read_text()
    assert "held_out/knn" in text
    assert "train/loss" in text
    assert text.endswith("closed\n")


class Kept:
    """A sink as a plug-in gives it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "mine.txt"

    def begin(self, step: int) -> None:
        self._path.write_text(f"{step}\n")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        with self._path.open("a") as stream:
            stream.writelines(f"{step} {name} {value}\n" for name, value in values.items())

    def close(self) -> None:
        with self._path.open("a") as stream:
            stream.write("closed\n")


def test_the_command_takes_monitors_and_sinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.mvib").write_text(CONTRASTIVE)
    np.savez("data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    train = ["train", "small.mvib", "--data", "npz:data.npz", "--epochs", "1", "--quiet"]
    assert main([*train, "--out", "a", "--monitor", "rank", "--sink", "csv"]) == 0
    assert set(looks(Path("a"))[-1]["readings"]) == {"effective rank", "RankMe"}
    assert "held_out/RankMe" in Path("a/scalars.csv").read_text()
    capsys.readouterr()
    assert main([*train, "--out", "b", "--monitor", "ranc"]) == 2
    assert main([*train, "--out", "b", "--sink", "cvs"]) == 2
    assert not Path("b").exists()
    assert "did you mean `rank`?" in (errors := capsys.readouterr().err)
    assert "did you mean `csv`?" in errors

"""Protocols on representations and on a model, and what the command line makes of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mvib.cli.eval import command
from mvib.data.rows import StoredRows
from mvib.evaluate import ProbeError, evaluate_model
from mvib.evaluate.evaluation import protocol_of, read_probes
from mvib.evaluate.protocols import PROTOCOLS, Material, Measure, measure_protocol
from mvib.evaluate.protocols.model_material import encode_views
from mvib.evaluate.similarity import compare_representations
from mvib.train import Run, train_method
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays

CLASSIFIERS = ("knn-tuned", "lbfgs", "sgd", "few-1", "few-10")
VIEWS = CONTRASTIVE.replace("represent R", "represent Z")
SETTINGS: dict[str, str | float] = {"train.epochs": 1}


def blobs(*, spread: float = 0.3, number: int = 120, seed: int = 0) -> Material:
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 3

    def features() -> np.ndarray[tuple[int, ...], np.dtype[np.floating]]:
        return 3 * np.eye(3, 4)[labels] + spread * rng.standard_normal((number, 4))

    # Classes of a data set need not be 0, 1, 2.
    named = labels * 5 + 2
    return Material(train_features=features(), train_labels=named, test_features=features(), test_labels=named)


def only(measures: list[Measure]) -> Measure:
    (measure,) = measures
    return measure


@pytest.fixture(scope="module")
def run() -> Run:
    return train_method(analysis_of(VIEWS, SETTINGS), data=arrays())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_that_are_apart_are_read_off(name: str) -> None:
    found = only(measure_protocol(PROTOCOLS[name], blobs(spread=0.1), about="label", num_seeds=2))
    assert found.value is not None
    assert found.value > 0.98
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]
    assert found.num_seeds == 2


@pytest.mark.parametrize("name", ["knn-tuned", "lbfgs", "sgd"])
def test_what_is_chosen_does_not_depend_on_the_held_out_part(name: str) -> None:
    material = blobs(spread=2.0)
    other = Material(
        train_features=material.train_features,
        train_labels=material.train_labels,
        test_features=material.test_features[::-1] * 3,
        test_labels=np.roll(material.test_labels, 1),
    )
    notes = [only(measure_protocol(PROTOCOLS[name], one)).note for one in (material, other)]
    assert notes[0] == notes[1]
    assert notes[0].endswith("chosen")


def test_the_same_seeds_give_the_same_numbers() -> None:
    for name in (*CLASSIFIERS, "clusters", "retrieval"):
        first, second = (measure_protocol(PROTOCOLS[name], blobs(spread=2.0), num_seeds=2) for _ in range(2))
        assert first == second


@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if name not in {"lidar", "fine-tune"}])
def test_a_representation_that_is_broken_is_said_to_be(name: str) -> None:
    material = blobs()
    broken = material.test_features.copy()
    broken[0, 0] = np.nan
    found = measure_protocol(
        PROTOCOLS[name],
        Material(
            train_features=material.train_features,
            train_labels=material.train_labels,
            test_features=broken,
            test_labels=material.test_labels,
        ),
    )
    assert [one.metric for one in found] == list(PROTOCOLS[name].metrics)
    assert {(one.value, one.note) for one in found} == {(None, "the representation holds values that are not finite")}


@pytest.mark.parametrize("name", ["lbfgs", "sgd", "few-10", "clusters"])
def test_one_class_cannot_be_separated(name: str) -> None:
    material = blobs()
    same = np.zeros(len(material.train_labels), dtype=np.int64)
    found = measure_protocol(
        PROTOCOLS[name],
        Material(
            train_features=material.train_features,
            train_labels=same,
            test_features=material.test_features,
            test_labels=same,
        ),
    )
    assert {one.note for one in found} == {"all labelled training examples are of one class"}


def test_views_are_those_of_the_method_and_follow_the_seed(run: Run) -> None:
    tensors = {"X": run.examples.columns["X"].test}
    state = torch.get_rng_state()
    views = encode_views(run.model, tensors, seed=0, num_views=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert views is not None
    # Three rounds of two views each.
    assert views.shape == (len(run.examples.columns["X"].test), 6, 8)
    again, other = (encode_views(run.model, tensors, seed=seed, num_views=5) for seed in (0, 1))
    assert np.array_equal(views, again)  # type: ignore[arg-type]
    assert not np.array_equal(views, other)  # type: ignore[arg-type]
    assert not np.array_equal(views[:, 0], views[:, 2])


class Watched(StoredRows):
    """Rows that remember which of them were read."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows
        self.read_places: list[int] = []

    row_shape = (1, 4, 4)

    def __len__(self) -> int:
        return len(self.rows)

    def fetch(self, indices: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> torch.Tensor:
        self.read_places.extend(indices.tolist())
        return self.rows[torch.from_numpy(indices)]

    def take(self, indices: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> "Watched":
        raise NotImplementedError

    def add_to(self, digest: object) -> None:
        raise NotImplementedError


def test_views_are_of_examples_of_all_classes_though_they_lie_in_order_of_class(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mvib.evaluate.protocols.model_material.LIDAR_EXAMPLES", 30)
    of_seeds = []
    for seed in (0, 1):
        rows = Watched(arrays(number=90)["image"])
        views = encode_views(run.model, {"X": rows}, seed=seed, num_views=2)
        assert views is not None
        assert len(views) == 30
        # Thirds stand for classes, as a folder of three classes is read.
        counts = np.bincount(np.array(rows.read_places) // 30, minlength=3)
        assert counts.sum() == 30
        assert counts.min() >= 5
        of_seeds.append(rows.read_places)
    assert of_seeds[0] != of_seeds[1]


def test_all_protocols_of_a_model_leave_it_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mvib.evaluate.protocols.fine_tuning.EPOCHS", 1)
    monkeypatch.setattr("mvib.evaluate.protocols.classifiers.SGD_EPOCHS", 3)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    gradients = [parameter.requires_grad for parameter in run.model.parameters()]
    found = evaluate_model(run.model, run.examples.columns, run.examples.labels, probes=tuple(PROTOCOLS))
    assert [one.protocol for one in found.measures if one.value is None] == []
    assert {one.protocol for one in found.measures} == set(PROTOCOLS)
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())
    assert gradients == [parameter.requires_grad for parameter in run.model.parameters()]


def test_a_method_without_views_has_no_lidar() -> None:
    run = train_method(analysis_of(BOTTLENECK, SETTINGS), data=arrays())
    found = evaluate_model(run.model, run.examples.columns, run.examples.labels, probes=("lidar",))
    assert only(list(found.measures)).note == "the method has no views of what it represents"


def test_fine_tuning_trains_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mvib.evaluate.protocols.fine_tuning.EPOCHS", 40)
    monkeypatch.setattr("mvib.evaluate.protocols.fine_tuning.RATES", (1e-2,))
    run = train_method(analysis_of(BOTTLENECK, SETTINGS), data=arrays())
    found = evaluate_model(run.untrained(), run.examples.columns, run.examples.labels, probes=("fine-tune",))
    measure = only(list(found.measures))
    assert measure.value is not None
    assert measure.value > 0.5


def test_every_protocol_is_in_words_and_all_names_them() -> None:
    names = read_probes("all")
    assert set(PROTOCOLS) < set(names)
    assert len(names) == len(set(names))
    assert all(len(protocol_of(name)) > 40 for name in names)
    with pytest.raises(ProbeError, match="did you mean `rankme`"):
        read_probes("rankm")


def test_runs_are_compared_on_as_many_examples() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 3))
    found = compare_representations({"a": rows, "b": rows * 2, "c": np.ones((20, 2))})
    assert found.values[0][1] == pytest.approx(1.0)
    assert found.values[2] == [None, None, None]
    with pytest.raises(ProbeError, match="20 in `a` and 19 in `b`"):
        compare_representations({"a": rows, "b": rows[1:]})
    with pytest.raises(ProbeError, match="not finite"):
        compare_representations({"a": rows, "b": rows * np.inf})


def test_the_command_prints_protocols_and_compares_runs(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", image=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    folders = [str(tmp_path / f"run{seed}") for seed in (0, 1)]
    for seed, folder in enumerate(folders):
        analysis = analysis_of(VIEWS, {**SETTINGS, "train.seed": seed})
        train_method(analysis, data=f"npz:{tmp_path}/data.npz", out=folder)
    options = ["--probe", "knn,retrieval,rankme,few-10,cka", "--seeds", "2", "--format", "json"]
    done = CliRunner().invoke(command, [*folders, *options])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert [one["run"] for one in found["runs"]] == folders
    assert found["similarity"]["cka"][0][0] == pytest.approx(1.0)
    measures = found["runs"][0]["trained"]["measures"]
    assert [(one["probe"], one["metric"]) for one in measures] == [
        *(("retrieval", metric) for metric in ("recall@1", "recall@5", "recall@10", "mAP")),
        ("rankme", "rank"),
        ("few-10", "accuracy"),
    ]
    assert set(measures[0]) == {"probe", "about", "metric", "value", "std", "interval", "interval_of", "seeds", "note"}
    assert measures[-1]["seeds"] == 2
    text = CliRunner().invoke(command, [*folders, "--probe", "cka"])
    assert text.exit_code == 0, text.output
    assert "cka 1" in text.output
    alone = CliRunner().invoke(command, [folders[0], "--probe", "cka"])
    assert (alone.exit_code, "one is named" in alone.stderr) == (2, True)
    changed = arrays()
    np.savez(tmp_path / "other.npz", image=changed["image"].numpy(), label=(changed["label"].numpy() + 1) % 3)
    train_method(analysis_of(VIEWS, SETTINGS), data=f"npz:{tmp_path}/other.npz", out=tmp_path / "other")
    apart = CliRunner().invoke(command, [folders[0], str(tmp_path / "other"), "--probe", "cka"])
    assert (apart.exit_code, "differ in `image` and `label`; give both" in apart.stderr) == (2, True)
    table = CliRunner().invoke(command, [folders[0], "--probe", "rankme,retrieval"])
    assert "retrieval mAP (label)" in table.output
    assert "protocol: intervals: 95%" in table.output

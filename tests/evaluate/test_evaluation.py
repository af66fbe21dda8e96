from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mvib.evaluate import Comparison, Evaluation, evaluate_model
from mvib.evaluate.comparison import comparison_notes, comparison_rows, comparison_to_json
from mvib.evaluate.evaluation import represent_both
from mvib.evaluate.probes import Probe, Score, Split
from mvib.evaluate.protocols.material import Places
from mvib.train import Run, train_method
from tests.data.pictures import write_classes
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays

PROBES = ("knn", "linear", "classifier")


@pytest.fixture(scope="module")
def bottleneck() -> Run:
    settings: dict[str, str | float] = {"train.epochs": 60, "train.optimizer": "adamw(lr: 2e-2)"}
    return train_method(analysis_of(BOTTLENECK, settings), data=arrays())


def evaluate(run: Run, *, trained: bool) -> Evaluation:
    model = run.model if trained else run.untrained()
    return evaluate_model(model, run.examples.columns, run.examples.labels, probes=PROBES)


def test_a_label_that_is_plain_to_see_is_read_off(bottleneck: Run) -> None:
    evaluation = evaluate(bottleneck, trained=True)
    assert [(result.probe, result.about) for result in evaluation.results] == [
        ("knn", "label"),
        ("linear", "label"),
        ("classifier", "c"),
    ]
    assert all(result.score.accuracy is not None and result.score.accuracy > 0.9 for result in evaluation.results)
    assert evaluation.spread is not None
    assert evaluation.spread.dimensions == 4
    assert evaluation.note == ""


def test_evaluation_does_not_change_the_model(bottleneck: Run) -> None:
    bottleneck.model.train()
    before = {name: value.clone() for name, value in bottleneck.model.state_dict().items()}
    first, second = (evaluate(bottleneck, trained=True) for _ in range(2))
    assert first == second
    assert bottleneck.model.training
    assert all(torch.equal(value, before[name]) for name, value in bottleneck.model.state_dict().items())


def test_labels_of_the_data_are_probed_though_the_method_has_none() -> None:
    run = train_method(analysis_of(CONTRASTIVE, {"train.epochs": 1}), data=arrays())
    results = evaluate(run, trained=True).results
    assert [(result.probe, result.about) for result in results] == [("knn", "label"), ("linear", "label")]


def test_examples_without_a_label_are_left_out_of_probes() -> None:
    data = arrays()
    data["label"][::2] = -1
    run = train_method(analysis_of(CONTRASTIVE, {"train.epochs": 1}), data=data)
    assert all(result.score.accuracy is not None for result in evaluate(run, trained=True).results)


def test_a_collapsed_representation_is_said_to_be(bottleneck: Run) -> None:
    model = bottleneck.untrained()
    with torch.no_grad():
        for parameter in model.networks.parameters():
            parameter.zero_()
    evaluation = evaluate_model(model, bottleneck.examples.columns, bottleneck.examples.labels, probes=PROBES)
    assert evaluation.note == "the representation has collapsed: it is the same for every example"
    assert evaluation.spread is not None
    assert evaluation.spread.effective_rank == 0


def test_a_broken_representation_is_said_to_be_and_gives_no_numbers(bottleneck: Run) -> None:
    model = bottleneck.untrained()
    with torch.no_grad():
        for parameter in model.networks.parameters():
            parameter.fill_(float("nan"))
    broken = evaluate_model(model, bottleneck.examples.columns, bottleneck.examples.labels, probes=PROBES)
    comparison = Comparison(probes=PROBES, trained=broken, untrained=evaluate(bottleneck, trained=False))
    assert {row[1] for row in comparison_rows(comparison)[1:]} == {"-"}
    assert comparison_notes(comparison)[-1] == "trained: the representation holds values that are not finite"
    assert comparison_to_json(comparison)["trained"]["spread"] is None


def test_both_networks_stand_side_by_side(bottleneck: Run) -> None:
    comparison = Comparison(
        probes=PROBES, trained=evaluate(bottleneck, trained=True), untrained=evaluate(bottleneck, trained=False)
    )
    rows = comparison_rows(comparison)
    assert rows[0] == ("", "trained", "untrained")
    assert [row[0] for row in rows[1:4]] == ["knn (label)", "linear (label)", "classifier (c)"]
    assert set(comparison_to_json(comparison)["protocol"]) == {"data", *PROBES, "spread"}


def test_a_probe_with_nothing_to_judge_has_a_note(bottleneck: Run) -> None:
    results = tuple(r for r in evaluate(bottleneck, trained=True).results if r.probe != "classifier")
    without = replace(evaluate(bottleneck, trained=True), results=results)
    comparison = Comparison(probes=PROBES, trained=without, untrained=without)
    assert comparison_notes(comparison) == ["classifier: no decoder of the spec predicts a label"]
    assert "classifier" not in comparison_to_json(comparison)["protocol"]


def test_features_are_those_of_encode(bottleneck: Run) -> None:
    evaluation = evaluate(bottleneck, trained=True)
    features = bottleneck.encode(bottleneck.examples.columns["X"].test[:]).numpy()
    assert evaluation.spread is not None
    assert evaluation.spread.std == pytest.approx(float(np.mean(features.std(axis=0))), rel=1e-5)


def test_an_example_that_another_stands_in_for_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_classes(tmp_path / "pictures", number=20, channels=1)
    for name in ("cat/03.png", "cat/08.png", "dog/11.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:60])
    spec = analysis_of(CONTRASTIVE, {"train.epochs": 1, "train.batch": 8})
    splits: list[Split] = []
    drawn: list[Places] = []

    def score(_: Probe, split: Split) -> Score:
        splits.append(split)
        return Score(accuracy=0.5)

    def draw(*_: object, seed: int, places: Places) -> None:
        drawn.append(places)

    monkeypatch.setattr("mvib.evaluate.evaluation.score_probe", score)
    monkeypatch.setattr("mvib.evaluate.evaluation.encode_views", draw)
    for cache in ("no", "yes"):
        run = train_method(spec, data=f"folder:{folder},cache={cache},skip=3")
        found = represent_both(run.model, run.examples.columns)
        assert found.num_unread == (3 if cache == "no" else 0)
        evaluate_model(run.model, run.examples.columns, run.examples.labels, probes=("knn", "lidar"))
        assert sum(len(one) for one in (splits[-1].train_labels, splits[-1].test_labels)) == 37
        rows = np.concatenate([splits[-1].train_features, splits[-1].test_features])
        assert len(np.unique(rows, axis=0)) == 37
        assert len(drawn[-1]) == len(splits[-1].test_labels)

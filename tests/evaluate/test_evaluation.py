from dataclasses import replace

import numpy as np
import pytest
import torch

from mvib.evaluate import Comparison, Evaluation, evaluate_model
from mvib.evaluate.comparison import comparison_notes, comparison_rows, comparison_to_json
from mvib.train import Run, train_method
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

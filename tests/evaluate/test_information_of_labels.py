"""Labels reach the estimators that tell them from rows, and what cannot be a label is said."""

import math

import numpy as np
import pytest
import torch

import mvib
from mvib.estimators.v_information import v_information


def classes(num: int = 400) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=(num, 3)), generator.integers(0, 3, num)
    x[:, 0] += 2 * labels
    return x, labels


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_whole_numbers_are_labels_to_a_probe(shape: tuple[int, ...]) -> None:
    x, labels = classes()
    measured = mvib.estimate("v_information", x, labels.reshape(shape), resamples=0)
    expected = v_information(torch.from_numpy(x), torch.from_numpy(labels.reshape(shape)))
    assert measured.value == expected.item()
    assert measured < math.log(3)


def test_the_names_of_classes_do_not_matter() -> None:
    x, labels = classes()
    renamed = np.array([7, -2, 40])[labels]
    # The folds are stratified in the order of the names.
    assert mvib.estimate("v_information", x, renamed, resamples=0) == pytest.approx(
        mvib.estimate("v_information", x, labels, resamples=0), abs=0.05
    )


def test_a_label_has_no_more_information_than_its_entropy() -> None:
    labels = np.repeat([0, 1], 200)
    x = labels[:, None] + 1e-3 * np.random.default_rng(0).normal(size=(400, 1))
    assert mvib.estimate("v_information", x, labels, resamples=0) <= math.log(2)


def test_real_numbers_are_rows_to_a_probe() -> None:
    x, labels = classes()
    measured = mvib.estimate("v_information", x, labels[:, None] + 0.5, resamples=0)
    expected = v_information(torch.from_numpy(x), torch.from_numpy(labels[:, None] + 0.5))
    assert measured.value == expected.item()


def test_a_class_that_halves_do_not_have_leaves_the_estimate_without_an_interval() -> None:
    x, _ = classes()
    rare = np.where(np.arange(400) < 6, 1, 0)
    measured = mvib.estimate("v_information", x, rare)
    assert measured.interval is None
    assert "no interval" in measured.promise.remarks[0]
    assert "fewer than the 5 folds" in measured.promise.remarks[0]


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_labels_of_logits(shape: tuple[int, ...]) -> None:
    x, labels = classes()
    measured = mvib.estimate("cross_entropy", x, labels.reshape(shape), resamples=0)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(x), torch.from_numpy(labels))
    assert measured.value == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("shift", [1, -1])
def test_labels_beyond_the_logits_are_refused(shift: int) -> None:
    x, labels = classes()
    row = int((labels == (2 if shift == 1 else 0)).argmax())
    with pytest.raises(ValueError, match=rf"the labels of y are 0 to 2; row {row} has {labels[row] + shift}"):
        mvib.estimate("cross_entropy", x, labels + shift)


def test_real_numbers_are_no_labels() -> None:
    x, labels = classes()
    with pytest.raises(ValueError, match="takes labels for y: whole numbers"):
        mvib.estimate("cross_entropy", x, labels.astype(float))

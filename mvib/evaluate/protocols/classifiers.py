"""Classifiers of a frozen representation whose hyperparameters are chosen on the tuning split."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.evaluate.protocols.material import Labels, Material, Rows, draw_few, few_note, split_for_tuning
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found, mean_of

NEIGHBOURS = (1, 5, 20, 100, 200)
TEMPERATURE = 0.07
PENALTIES = tuple(10.0**k for k in range(-6, 3))
FEW_PENALTY = 1e-2
LBFGS_ITERATIONS = 200
SGD_RATES = (0.01, 0.1, 1.0)
SGD_EPOCHS = 100
SGD_BATCH = 256
SGD_MOMENTUM = 0.9
# Rows whose neighbours are looked for together, and similarities in memory at a time (512 MiB).
_ROWS, _BLOCK = 1024, 1 << 26

# From training features and labels, and the features in question, to classes.
Classify = Callable[[Rows, Labels, Rows], Labels]


def find_tuned_neighbours(material: Material, seed: int) -> Mapping[str, Found]:
    """Weighted nearest neighbours with the number of them chosen on the tuning split."""
    fitted, _ = split_for_tuning(material.train_labels, seed=seed)
    counts = [k for k in NEIGHBOURS if k <= len(fitted)]
    return _tuned(material, [_neighbours(k) for k in counts], [f"{k} neighbours" for k in counts], seed=seed)


def find_lbfgs(material: Material, seed: int) -> Mapping[str, Found]:
    """Logistic regression by full-batch L-BFGS with the penalty chosen on the tuning split."""
    _check_classes(material.train_labels)
    choices = [_lbfgs(penalty) for penalty in PENALTIES]
    return _tuned(material, choices, [f"penalty {penalty:g}" for penalty in PENALTIES], seed=seed)


def find_sgd(material: Material, seed: int) -> Mapping[str, Found]:
    """A linear classifier by SGD with the learning rate chosen on the tuning split."""
    _check_classes(material.train_labels)
    choices = [_sgd(rate, seed=seed) for rate in SGD_RATES]
    return _tuned(material, choices, [f"learning rate {rate:g}" for rate in SGD_RATES], seed=seed)


def find_few(share: float) -> Callable[[Material, int], Mapping[str, Found]]:
    """Logistic regression on a share of the labels, nothing chosen: there are too few of them to split."""

    def find(material: Material, seed: int) -> Mapping[str, Found]:
        places = draw_few(material.train_labels, share=share, seed=seed)
        labels = material.train_labels[places]
        _check_classes(labels)
        predicted = _lbfgs(FEW_PENALTY, scaled_by=material.train_features)(
            material.train_features[places], labels, material.test_features
        )
        return {"accuracy": mean_of(predicted == material.test_labels)}

    return find


def _check_classes(labels: Labels) -> None:
    if len(np.unique(labels)) < 2:
        raise CannotMeasureError("all labelled training examples are of one class")


def _tuned(material: Material, choices: Sequence[Classify], names: Sequence[str], *, seed: int) -> Mapping[str, Found]:
    """The accuracy of the choice that is best on the tuning split, fitted again to the whole training part."""
    features, labels = material.train_features, material.train_labels
    fitted, tuning = split_for_tuning(labels, seed=seed)
    if len(fitted) == 0 or not choices:
        raise CannotMeasureError("there are too few labelled examples to choose by")
    scores = [
        float((classify(features[fitted], labels[fitted], features[tuning]) == labels[tuning]).mean())
        for classify in choices
    ]
    # Of equals the first.
    best = int(np.argmax(scores))
    predicted = choices[best](features, labels, material.test_features)
    note = "; ".join(filter(None, [f"{names[best]} chosen", few_note(len(tuning))]))
    return {"accuracy": mean_of(predicted == material.test_labels, note)}


def _neighbours(count: int) -> Classify:
    def classify(features: Rows, labels: Labels, asked: Rows) -> Labels:
        classes, places = np.unique(labels, return_inverse=True)
        known, query = (F.normalize(torch.from_numpy(rows).double(), dim=1) for rows in (features, asked))
        found = []
        for part in torch.split(query, max(1, min(_ROWS, _BLOCK // len(known)))):
            similarity, nearest = (part @ known.T).topk(min(count, len(labels)), dim=1)
            votes = torch.zeros(len(part), len(classes), dtype=torch.float64)
            weights = ((similarity - 1) / TEMPERATURE).exp()
            votes.scatter_add_(1, torch.from_numpy(places)[nearest], weights)
            found.append(votes.argmax(dim=1))
        predicted: Labels = classes[torch.cat(found).numpy()]
        return predicted

    return classify


def _lbfgs(penalty: float, *, scaled_by: Rows | None = None) -> Classify:
    def classify(features: Rows, labels: Labels, asked: Rows) -> Labels:
        classes, places = np.unique(labels, return_inverse=True)
        if len(classes) == 1:
            return np.full(len(asked), classes[0])
        known, query = (
            _standardised(rows, by=features if scaled_by is None else scaled_by) for rows in (features, asked)
        )
        weight, bias = fit_regression(known, torch.from_numpy(places), num_classes=len(classes), penalty=penalty)
        predicted: Labels = classes[(query @ weight.T + bias).argmax(dim=1).numpy()]
        return predicted

    return classify


def fit_regression(known: Tensor, targets: Tensor, *, num_classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights and biases of a multinomial logistic regression, by full-batch L-BFGS from 0.

    Args:
        known: (N, D), float64.
        targets: classes from 0, (N,).
        num_classes: how many there are.
        penalty: penalty/2 times the sum of the squared weights is added to the mean cross-entropy.
    """
    weight = torch.zeros(num_classes, known.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(num_classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=LBFGS_ITERATIONS, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(known @ weight.T + bias, targets) + penalty / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _sgd(rate: float, *, seed: int) -> Classify:
    def classify(features: Rows, labels: Labels, asked: Rows) -> Labels:
        classes, places = np.unique(labels, return_inverse=True)
        known, query = (_standardised(rows, by=features) for rows in (features, asked))
        targets = torch.from_numpy(places)
        generator = torch.Generator().manual_seed(seed)
        weight = torch.zeros(len(classes), known.shape[1], dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(len(classes), dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([weight, bias], lr=rate, momentum=SGD_MOMENTUM)
        batches = -(-len(targets) // SGD_BATCH)
        for epoch in range(SGD_EPOCHS):
            order = torch.randperm(len(targets), generator=generator)
            for number, batch in enumerate(torch.split(order, SGD_BATCH)):
                progress = (epoch * batches + number) / (SGD_EPOCHS * batches)
                optimizer.param_groups[0]["lr"] = rate / 2 * (1 + math.cos(math.pi * progress))
                optimizer.zero_grad()
                F.cross_entropy(known[batch] @ weight.T + bias, targets[batch]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        with torch.no_grad():
            predicted: Labels = classes[(query @ weight.T + bias).argmax(dim=1).numpy()]
        return predicted

    return classify


def _standardised(features: Rows, *, by: Rows) -> Tensor:
    """By the mean and the standard deviation of others; a feature that never changes there becomes 0."""
    mean, scale = standardisation(by)
    return torch.from_numpy((features.astype(np.float64) - mean) / scale)


def standardisation(by: Rows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation of each feature; infinite where it never changes."""
    rows = by.astype(np.float64)
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    # Below this share of the scale a spread is rounding.
    scale: npt.NDArray[np.float64] = np.where(std > 1e-6 * np.abs(rows).max(axis=0, initial=0.0), std, np.inf)
    return mean, scale

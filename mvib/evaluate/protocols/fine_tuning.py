"""Fine-tuning: the whole encoder trained on with a linear classifier, for a short while."""

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mvib.evaluate.protocols.classifiers import FEW_PENALTY, fit_regression, standardisation
from mvib.evaluate.protocols.material import Material, Places, Trainable, few_note, split_for_tuning
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found, mean_of

EPOCHS = 10
BATCH = 128
RATES = (1e-4, 1e-3)
WEIGHT_DECAY = 1e-4


def find_fine_tuned(material: Material, seed: int) -> Mapping[str, Found]:
    """Accuracy of the encoder and a linear classifier trained together, with the rate chosen on the tuning split."""
    if material.trainable is None:
        raise CannotMeasureError("there is no model to train")
    labels = material.train_labels
    if len(np.unique(labels)) < 2:
        raise CannotMeasureError("all labelled training examples are of one class")
    fitted, tuning = split_for_tuning(labels, seed=seed)
    if len(fitted) == 0:
        raise CannotMeasureError("there are too few labelled examples to choose by")
    scores = []
    for rate in RATES:
        model = _train(material, material.trainable(), fitted, rate=rate, seed=seed)
        scores.append(float((model.predict(tuning, is_test=False) == labels[tuning]).mean()))
    best = RATES[int(np.argmax(scores))]
    model = _train(material, material.trainable(), np.arange(len(labels)), rate=best, seed=seed)
    predicted = model.predict(np.arange(len(material.test_labels)), is_test=True)
    note = "; ".join(filter(None, [f"learning rate {best:g} chosen", few_note(len(tuning))]))
    return {"accuracy": mean_of(predicted == material.test_labels, note)}


class _FineTuned:
    """The encoder and a linear classifier, which begins as the regression on the frozen representation.

    From 0 it would spend a short training on finding what the regression finds at once (Kumar et al. 2022).
    """

    def __init__(self, encoder: Trainable, material: Material, places: Places) -> None:
        rows = material.train_features[places]
        self.encoder = encoder
        self.classes, targets = np.unique(material.train_labels[places], return_inverse=True)
        mean, scale = (torch.from_numpy(values) for values in standardisation(rows))
        known = (torch.from_numpy(rows).double() - mean) / scale
        weight, bias = fit_regression(
            known, torch.from_numpy(targets), num_classes=len(self.classes), penalty=FEW_PENALTY
        )
        device = encoder.parameters[0].device if encoder.parameters else torch.device("cpu")
        self.mean, self.scale, self.weight, self.bias = (v.float().to(device) for v in (mean, scale, weight, bias))
        self.weight.requires_grad = self.bias.requires_grad = True

    def logits(self, places: Places, *, is_test: bool) -> Tensor:
        encode = self.encoder.encode_test if is_test else self.encoder.encode_train
        return (encode(places).float() - self.mean) / self.scale @ self.weight.T + self.bias

    @torch.no_grad()
    def predict(self, places: Places, *, is_test: bool) -> Places:
        parts = [
            self.logits(places[start : start + 512], is_test=is_test).argmax(dim=1).cpu().numpy()
            for start in range(0, len(places), 512)
        ]
        predicted: Places = self.classes[np.concatenate(parts)]
        return predicted


def _train(material: Material, encoder: Trainable, places: Places, *, rate: float, seed: int) -> _FineTuned:
    model = _FineTuned(encoder, material, places)
    targets_N = np.searchsorted(model.classes, material.train_labels)
    optimizer = torch.optim.AdamW([*encoder.parameters, model.weight, model.bias], lr=rate, weight_decay=WEIGHT_DECAY)
    generator = np.random.default_rng(seed)
    steps, taken = EPOCHS * -(-len(places) // BATCH), 0
    for _ in range(EPOCHS):
        order = generator.permutation(places)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            optimizer.param_groups[0]["lr"] = rate / 2 * (1 + math.cos(math.pi * taken / steps))
            optimizer.zero_grad()
            targets = torch.from_numpy(targets_N[batch]).to(model.weight.device)
            F.cross_entropy(model.logits(batch, is_test=False), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            taken += 1
    return model

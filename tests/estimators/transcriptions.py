"""Formulas of papers and of their official code, written out example by example."""

from collections.abc import Sequence

import torch
from torch import Tensor


def total(terms: Sequence[Tensor]) -> Tensor:
    """The sum of scalars."""
    return torch.stack(list(terms)).sum()


# ---- predicted classes -----------------------------------------------------------------------------------------------


def predicted(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """The probabilities of the classes for one example."""
    exponentials = (logits / temperature - (logits / temperature).max()).exp()
    return exponentials / exponentials.sum()


def swapped_prediction(logits: Tensor, codes: Tensor, *, temperature: float) -> Tensor:
    """SwAV, eq. 2: minus the sum over prototypes of the code times the log of the prediction."""
    losses = [
        -code[k] * predicted(row, temperature)[k].log()
        for row, code in zip(logits, codes, strict=True)
        for k in range(len(row))
    ]
    return total(losses) / len(logits)


def vat(clean: Tensor, perturbed: Tensor, *, temperature: float = 1.0) -> Tensor:
    """The relative entropy of the predictions of both, as vat_tf adds it up."""
    losses = []
    for one, other in zip(clean, perturbed, strict=True):
        p, q = predicted(one, temperature), predicted(other, temperature)
        losses += [p[k] * (p[k] / q[k]).log() for k in range(len(p))]
    return total(losses) / len(clean)


def mean_entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """MSN: the entropy of the mean prediction."""
    predictions = [predicted(row, temperature) for row in logits]
    means = [total([row[k] for row in predictions]) / len(predictions) for k in range(logits.shape[1])]
    return total([-p * p.log() for p in means])


def entropy_minimisation(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """Grandvalet and Bengio: the mean entropy of the predictions."""
    return total([-p * p.log() for row in logits for p in predicted(row, temperature)]) / len(logits)


# ---- differences -----------------------------------------------------------------------------------------------------


def distance(a: Tensor, b: Tensor) -> Tensor:
    """The absolute difference of two numbers."""
    return a - b if a > b else b - a


def mean_absolute(z1: Tensor, z2: Tensor) -> Tensor:
    """SimMIM's, where every pixel is masked."""
    return total([distance(a, b) for a, b in zip(z1.flatten(), z2.flatten(), strict=True)]) / z1.numel()


def huber(z1: Tensor, z2: Tensor, *, beta: float) -> Tensor:
    """Girshick's smooth L1, with a width."""
    losses = []
    for a, b in zip(z1.flatten(), z2.flatten(), strict=True):
        d = distance(a, b)
        losses.append(d**2 / (2 * beta) if d < beta else d - beta / 2)
    return total(losses) / len(losses)

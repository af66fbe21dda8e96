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


# ---- contrasts -------------------------------------------------------------------------------------------------------


def unit(row: Tensor) -> Tensor:
    return row / (row @ row).sqrt()


def contrast(anchor: Tensor, positive: Tensor, others: Sequence[Tensor], *, temperature: float) -> Tensor:
    """Minus the log of the share of the positive among itself and others."""
    scores = [anchor @ row / temperature for row in (positive, *others)]
    return -(scores[0].exp() / total([score.exp() for score in scores])).log()


def one_direction(queries: Tensor, keys: Tensor, *, temperature: float) -> Tensor:
    """MoCo v3's contrastive loss of one direction, without its factor 2 temperature."""
    q, k = [unit(row) for row in queries], [unit(row) for row in keys]
    losses = [
        contrast(q[i], k[i], [k[j] for j in range(len(k)) if j != i], temperature=temperature) for i in range(len(q))
    ]
    return total(losses) / len(losses)


def first_of_both_views(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """NT-Xent of the rows of the first view alone."""
    return with_extra(z1, z2, z1, temperature=temperature)


def with_extra(anchors: Tensor, views: Tensor, extra: Tensor, *, temperature: float) -> Tensor:
    """C-SimCLR's contrast of one direction: all rows of the other view, and those of the own of other examples."""
    a, b, c = ([unit(row) for row in rows] for rows in (anchors, views, extra))
    losses = []
    for i in range(len(a)):
        others = [row for j in range(len(a)) if j != i for row in (b[j], c[j])]
        losses.append(contrast(a[i], b[i], others, temperature=temperature))
    return total(losses) / len(losses)


def within_domains(
    z1: Tensor, z2: Tensor, domain: Sequence[int], *, negatives: str = "own_view", temperature: float
) -> Tensor:
    """A direction with candidates of one domain; with one positive and those of the own view that is DCoDR's loss."""
    a, b = [unit(row) for row in z1], [unit(row) for row in z2]
    losses = []
    for i in range(len(a)):
        others = []
        for j in range(len(a)):
            if j != i and domain[j] == domain[i]:
                others += [a[j]] if negatives != "other_view" else []
                others += [b[j]] if negatives != "own_view" else []
        losses.append(contrast(a[i], b[i], others, temperature=temperature))
    return total(losses) / len(losses)


def sup_con(views: Sequence[Tensor], labels: Sequence[int], *, temperature: float, base: float) -> Tensor:
    """L_out: for each row of all views minus the mean log share of each other row of its label among all others."""
    u = [unit(row) for view in views for row in view]
    names = [label for _ in views for label in labels]
    losses = [0 * total(list(u[0]))]
    for a in range(len(u)):
        positives = [p for p in range(len(u)) if p != a and names[p] == names[a]]
        for p in positives:
            others = [u[b] for b in range(len(u)) if b not in (a, p)]
            losses.append(contrast(u[a], u[p], others, temperature=temperature) / len(positives))
    return temperature / base * total(losses) / len(u)

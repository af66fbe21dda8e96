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


def amdim(a: Tensor, b: Tensor, *, clip: float, penalty: float) -> Tensor:
    """The loss of one vector and a table of locations for each image, with its regulariser."""
    num, locations, width = b.shape
    raw = [[[a[i] @ b[j, t] / width**0.5 for t in range(locations)] for j in range(num)] for i in range(num)]
    losses = []
    for i in range(num):
        clipped = [[clip * (r / clip).tanh() for r in image] for image in raw[i]]
        negatives = [score.exp() for j in range(num) if j != i for score in clipped[j]]
        for score in clipped[i]:
            losses.append(total([score.exp(), *negatives]).log() - score)
    squares = [r**2 for image in raw for row in image for r in row]
    return total(losses) / len(losses) + penalty * total(squares) / len(squares)


def info_cl(samples: Sequence[Tensor], means: Sequence[Tensor], *, bandwidth: float) -> Tensor:
    """Minus InfoCL's lower bound, over the rows of all views."""
    z, m = [row for view in samples for row in view], [row for view in means for row in view]
    losses = [total([(-((a - b) @ (a - b)) / bandwidth).exp() for b in m]).log() for a in z]
    return total(losses) / len(losses)


# ---- second moments --------------------------------------------------------------------------------------------------


def vibcreg_entropy(z: Tensor, *, std: float, cov: float) -> Tensor:
    """VIbCReg's variance and covariance terms of one view, as solo-learn has them."""
    num, dimension = z.shape
    means = [total(list(column)) / num for column in z.T]
    columns = [[value - means[d] for value in z[:, d]] for d in range(dimension)]
    squares = [total([value**2 for value in column]) for column in columns]
    losses = []
    for d in range(dimension):
        spread = (squares[d] / (num - 1) + 1e-4).sqrt()
        losses.append(std / dimension * (1 - spread if spread < 1 else 0 * spread))
        for e in range(dimension):
            if e != d:
                product = total([a * b for a, b in zip(columns[d], columns[e], strict=True)])
                losses.append(cov / dimension**2 * product**2 / (squares[d] * squares[e]))
    return total(losses)


def rate(rows: Sequence[Tensor], *, scale: float) -> Tensor:
    """log det(I + scale Z'Z) by eigenvalues."""
    z = torch.stack(list(rows))
    eigenvalues: Tensor = torch.linalg.eigvalsh(torch.eye(z.shape[1], dtype=z.dtype) + scale * z.T @ z)
    return total([value.log() for value in eigenvalues])


def rate_of_labels(z: Tensor, labels: Sequence[int], *, eps2: float) -> Tensor:
    """MCR2's compression term."""
    rates = []
    for name in set(labels):
        mine = [unit(row) for row, label in zip(z, labels, strict=True) if label == name]
        rates.append(len(mine) / (2 * len(z)) * rate(mine, scale=z.shape[1] / (len(mine) * eps2)))
    return total(rates)


def u_mae_uniformity(z: Tensor) -> Tensor:
    u = [unit(row) for row in z]
    return total([(a @ b) ** 2 for a in u for b in u]) / len(u) ** 2


def ti_co_contrast(z: Tensor, before: Tensor, *, beta: float) -> tuple[Tensor, Tensor]:
    """TiCo's second term before its weight, and the matrix that it leaves behind, which has no gradient."""
    u = [unit(row) for row in z]
    matrix = beta * before
    for row in u:
        matrix = matrix + (1 - beta) / len(u) * torch.outer(row, row).detach()
    return total([row @ matrix @ row for row in u]) / len(u), matrix


def big_bang(
    z: Tensor, covariance: Tensor, mean: Tensor, *, forgetting: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """CorInfoMax's log-determinant of one view, and the running covariance and mean that it leaves behind."""
    u = [unit(row) for row in z]
    new_mean = forgetting * mean
    for row in u:
        new_mean = new_mean + (1 - forgetting) / len(u) * row
    new = forgetting * covariance
    for row in u:
        new = new + (1 - forgetting) / len(u) * torch.outer(row - new_mean, row - new_mean)
    eigenvalues: Tensor = torch.linalg.eigvalsh(new + eps * torch.eye(len(new), dtype=new.dtype))
    return total([value.log() for value in eigenvalues]) / len(new), new.detach(), new_mean.detach()

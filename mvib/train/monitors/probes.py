"""Online probes: small, fast and the same at every step."""

# Shape suffixes: N training rows, M held-out rows, D dimension, C classes.

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

NEIGHBOURS = 5
_PENALTY = 0.1
_STEPS = 15

KNN_PROTOCOL = f"majority of the {NEIGHBOURS} nearest of at most 256 training examples, cosine similarity"
LINEAR_PROTOCOL = (
    f"logistic regression on at most 256 training examples, standardised features, L2 penalty with C = {_PENALTY}, "
    f"at most {_STEPS} steps of L-BFGS"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Features and labels of training and of held-out examples that have a label."""

    train: Float[Tensor, "N D"]
    train_labels: Int[Tensor, " N"]
    held_out: Float[Tensor, "M D"]
    held_out_labels: Int[Tensor, " M"]
    classes: int


@torch.no_grad()
def neighbour_accuracy(rows: Labelled) -> float:
    """Share of the held-out rows whose nearest training rows have their class."""
    similarity = F.normalize(rows.held_out, dim=1) @ F.normalize(rows.train, dim=1).T
    nearest = similarity.topk(min(NEIGHBOURS, len(rows.train)), dim=1).indices
    votes = F.one_hot(rows.train_labels[nearest], rows.classes).sum(dim=1)
    return float((votes.argmax(dim=1) == rows.held_out_labels).double().mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearScore:
    """What a linear probe found.

    Attributes:
        accuracy: on the held-out rows.
        information: lower bound on I(Z; Y) in nats: H(Y) of the held-out labels less the cross-entropy of the probe.
    """

    accuracy: float
    information: float


def score_linear(rows: Labelled) -> LinearScore:
    """Fit a logistic regression to the training rows and judge it by the held-out ones."""
    mean, std = rows.train.mean(dim=0), rows.train.std(dim=0, correction=0)
    scale = torch.where(std > 1e-6 * rows.train.abs().max(), std, torch.inf)
    train, held_out = (((part - mean) / scale).double() for part in (rows.train, rows.held_out))
    weight = torch.zeros(train.shape[1], rows.classes, dtype=torch.float64, device=train.device, requires_grad=True)
    bias = torch.zeros(rows.classes, dtype=torch.float64, device=train.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(train @ weight + bias, rows.train_labels)
        loss = loss + weight.square().sum() / (2 * _PENALTY * len(train))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits = held_out @ weight + bias
        shares = torch.bincount(rows.held_out_labels, minlength=rows.classes).double() / len(held_out)
        entropy = float(torch.special.entr(shares).sum())
        accuracy = float((logits.argmax(dim=1) == rows.held_out_labels).double().mean())
        return LinearScore(
            accuracy=accuracy, information=entropy - float(F.cross_entropy(logits, rows.held_out_labels))
        )

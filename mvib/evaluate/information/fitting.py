"""Training of what an estimator brings with it: a critic, a conditional density, a temperature."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from mvib.compile.estimator import Estimated

_LEARNING_RATE = 1e-3
_MOST_STEPS = 4000

# A critic learns a few hundred rows by heart within a hundred steps, so it is looked at more often than that.
_STEPS_BETWEEN_CHECKS = 10
_PATIENCE = 40
_FEWEST_KEPT = 100

Evaluate = Callable[[Sequence[Tensor]], Estimated]


def fit(
    networks: nn.Module, evaluate: Evaluate, samples: Sequence[Tensor], *, batch: int, after_step: Callable[[], None]
) -> None:
    """Train networks until the estimate on rows kept aside is best.

    A critic is trained to raise the estimate, a conditional density to predict: Adam, at most 4,000 steps. A fifth of
    the rows (of few rows, up to a half) is kept aside; the weights that were best on it are taken, and 400 steps
    without better ones are the end.

    Args:
        networks: all that is trained.
        evaluate: the estimate of a batch of rows.
        samples: rows to train on.
        batch: rows a step.
        after_step: called after every step.
    """
    num = len(samples[0])
    # A few rows would not tell a critic that has learnt theirs by chance from one that has learnt something.
    num_kept = max(num // 5, min(_FEWEST_KEPT, num // 2))
    kept = [table[:num_kept] for table in samples]
    rest = [table[num_kept:] for table in samples]
    optimizer = torch.optim.Adam(networks.parameters(), lr=_LEARNING_RATE)
    best, weights, waited = _score(networks, evaluate, kept), copy.deepcopy(networks.state_dict()), 0
    batches = _batches(rest, batch)
    for step in range(1, _MOST_STEPS + 1):
        optimizer.zero_grad()
        _loss(evaluate(next(batches))).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        after_step()
        if step % _STEPS_BETWEEN_CHECKS:
            continue
        score = _score(networks, evaluate, kept)
        if score > best:
            best, weights, waited = score, copy.deepcopy(networks.state_dict()), 0
        else:
            waited += 1
            if waited == _PATIENCE:
                break
    networks.load_state_dict(weights)
    networks.eval()


def _score(networks: nn.Module, evaluate: Evaluate, kept: Sequence[Tensor]) -> float:
    """How good the networks are on rows that were kept aside; minus infinity where that is not a number."""
    networks.eval()
    with torch.no_grad():
        score = -float(_loss(evaluate(kept)))
    networks.train()
    return -math.inf if math.isnan(score) else score


def _loss(estimated: Estimated) -> Tensor:
    return estimated.fit if estimated.fit is not None else -estimated.value


def _batches(samples: Sequence[Tensor], batch: int) -> Iterator[list[Tensor]]:
    num = len(samples[0])
    size = min(batch, num)
    while True:
        order = torch.randperm(num)
        for start in range(0, num - size + 1, size):
            chosen = order[start : start + size]
            yield [table[chosen] for table in samples]

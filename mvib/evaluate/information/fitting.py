"""Training of what an estimator brings with it: a critic, a conditional density, a temperature."""

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from mvib.compile.estimator import Estimated

_BATCH = 256
_LEARNING_RATE = 1e-3
_MOST_STEPS = 4000
_STEPS_BETWEEN_CHECKS = 100
_PATIENCE = 8

Evaluate = Callable[[Sequence[Tensor]], Estimated]


def fit(networks: nn.Module, evaluate: Evaluate, samples: Sequence[Tensor], *, after_step: Callable[[], None]) -> None:
    """Train networks until the estimate on rows kept aside is best.

    A critic is trained to raise the estimate, a conditional density to predict: Adam, batches of 256, at most 4,000
    steps; a fifth of the rows is kept aside, and the weights that were best on it are taken.

    Args:
        networks: all that is trained.
        evaluate: the estimate of a batch of rows.
        samples: rows to train on.
        after_step: called after every step.
    """
    num_kept = max(2, len(samples[0]) // 5)
    kept = [table[:num_kept] for table in samples]
    rest = [table[num_kept:] for table in samples]
    optimizer = torch.optim.Adam(networks.parameters(), lr=_LEARNING_RATE)
    best, weights, waited = -float("inf"), copy.deepcopy(networks.state_dict()), 0
    batches = _batches(rest)
    for step in range(1, _MOST_STEPS + 1):
        optimizer.zero_grad()
        _loss(evaluate(next(batches))).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        after_step()
        if step % _STEPS_BETWEEN_CHECKS:
            continue
        networks.eval()
        with torch.no_grad():
            score = -float(_loss(evaluate(kept)))
        networks.train()
        if score > best:
            best, weights, waited = score, copy.deepcopy(networks.state_dict()), 0
        else:
            waited += 1
            if waited == _PATIENCE:
                break
    networks.load_state_dict(weights)
    networks.eval()


def _loss(estimated: Estimated) -> Tensor:
    return estimated.fit if estimated.fit is not None else -estimated.value


def _batches(samples: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    num = len(samples[0])
    size = min(_BATCH, num)
    while True:
        order = torch.randperm(num)
        for start in range(0, num - size + 1, size):
            chosen = order[start : start + size]
            yield [table[chosen] for table in samples]

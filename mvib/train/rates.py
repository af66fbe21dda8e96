"""The learning rate over training, step by step."""

import math
from typing import assert_never

from mvib.train.config import ConstantRate, CosineRate, Rate


def learning_rate_factor(rate: Rate, *, step: int, steps: int) -> float:
    """The learning rate of a step over its peak.

    With W warm-up steps the first one runs at 1/W of the peak and the W-th at the peak: no step is lost at rate 0.
    The cosine is that of Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, without restarts; it would reach
    `final` at the step after the last.

    Args:
        rate: the schedule.
        step: of which step, from 0.
        steps: how many steps the training has.

    Returns:
        The factor, in (0, 1].
    """
    warmup = rate.warmup * steps
    if step < warmup:
        return min(1.0, (step + 1) / warmup)
    match rate:
        case ConstantRate():
            return 1.0
        case CosineRate(final=final):
            position = (step - warmup) / (steps - warmup)
            return final + (1 - final) * (1 + math.cos(math.pi * position)) / 2
        case _:
            assert_never(rate)

import math

import pytest

from mvib.train.config import ConstantRate, CosineRate, Rate
from mvib.train.rates import learning_rate_factor


@pytest.mark.parametrize(
    ("rate", "step", "factor"),
    [
        (CosineRate(warmup=0.1, final=0.0), 0, 0.1),
        (CosineRate(warmup=0.1, final=0.0), 4, 0.5),
        (CosineRate(warmup=0.1, final=0.0), 9, 1.0),
        (CosineRate(warmup=0.1, final=0.0), 10, 1.0),
        (CosineRate(warmup=0.1, final=0.0), 55, 0.5),
        (CosineRate(warmup=0.1, final=0.0), 99, (1 + math.cos(math.pi * 89 / 90)) / 2),
        (CosineRate(warmup=0.0, final=0.2), 0, 1.0),
        (CosineRate(warmup=0.0, final=0.2), 50, 0.6),
        (CosineRate(warmup=1.0, final=0.0), 99, 1.0),
        (ConstantRate(warmup=0.0), 0, 1.0),
        (ConstantRate(warmup=0.5), 24, 0.5),
        (ConstantRate(warmup=0.5), 99, 1.0),
    ],
)
def test_factor_at_named_steps_of_a_hundred(rate: Rate, step: int, factor: float) -> None:
    assert learning_rate_factor(rate, step=step, steps=100) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_factor_is_positive_and_at_most_one_in_short_trainings(steps: int, warmup: float) -> None:
    factors = [learning_rate_factor(CosineRate(warmup=warmup, final=0.0), step=s, steps=steps) for s in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)

"""The sampling error of an estimate, whatever the estimator: the spread of its values on halves of the sample."""

from collections.abc import Callable, Sequence

import torch
from scipy import stats
from torch import Tensor

Measure = Callable[[Sequence[Tensor]], float]


def half_sample_interval(
    measure: Measure,
    samples: Sequence[Tensor],
    value: float,
    *,
    level: float,
    resamples: int,
    generator: torch.Generator,
    grows: bool = False,
) -> tuple[float, float]:
    """Interval for the mean of an estimator over samples of this size, from its values on random halves of one.

    A half and its complement are two samples without a row in common. For an estimate whose variance falls as 1/N,
    half their difference has the variance of the estimate on the whole, so its spread over several draws is the
    standard error (the delete-half jackknife). What the size of a sample does to an estimate is in both halves, and
    drops out. Rows are never repeated, so estimators of nearest neighbours and of densities bear it, which a bootstrap
    would break.

    The bias of the estimator is not in the interval. The value on another sample of this size lies in it less often
    than `level` says, since that has an error of its own: for it the interval is to be wider by the root of 2. Where
    the variance falls faster than 1/N (distances of laws that are equal, dependence of variables that are independent,
    a coding rate of rows spread evenly) the interval is too wide.

    Args:
        measure: the estimate of some rows of each variable.
        samples: all rows.
        value: the estimate on all rows.
        level: probability, such as 0.95.
        resamples: number of halves, at least 2; a half and its complement count as two, and give one degree of freedom.
        generator: for the draw of the halves.
        grows: whether the estimate grows in proportion to N, so that its variance does too.

    Raises:
        ValueError: half of the rows cannot be measured; says why.

    Source: Shao, Wu 1989, Annals of Statistics 17(3), 1176, theorem 1 (delete-d jackknife).
    """
    num = len(samples[0])
    num_draws = -(-resamples // 2)
    squares = 0.0
    for _ in range(num_draws):
        order = torch.randperm(num, generator=generator)
        # In the order of the sample: an estimator that pairs neighbouring rows sees them so in the whole too.
        halves = (order[: num // 2].sort().values, order[num // 2 : 2 * (num // 2)].sort().values)
        first, second = (measure([table[half] for table in samples]) for half in halves)
        squares += ((first - second) / 2) ** 2
    spread = (squares / num_draws) ** 0.5
    if grows:
        # A value in proportion to the number of rows is half as large on a half, and so is its error.
        spread *= 2
    reach = float(stats.t.ppf((1 + level) / 2, df=num_draws)) * spread
    return value - reach, value + reach

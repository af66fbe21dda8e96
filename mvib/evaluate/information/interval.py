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
) -> tuple[float, float]:
    """Interval around an estimate from its values on random halves drawn without replacement.

    For an estimate whose variance falls as 1/N, the variance of its values on halves of one sample is that of the
    estimate on the whole sample (the delete-half jackknife). Rows are never repeated, so estimators of nearest
    neighbours and of densities bear it, which a bootstrap would break. The bias of the estimator is not in it.

    Args:
        measure: the estimate of some rows of each variable.
        samples: all rows.
        value: the estimate on all rows.
        level: probability, such as 0.95.
        resamples: number of halves, at least 2; a half and its complement count as two.
        generator: for the draw of the halves.

    Source: Shao, Wu 1989, Annals of Statistics 17(3), 1176, theorem 1 (delete-d jackknife).
    """
    num = len(samples[0])
    values: list[float] = []
    while len(values) < resamples:
        order = torch.randperm(num, generator=generator)
        for half in (order[: num // 2], order[num // 2 : 2 * (num // 2)]):
            # In the order of the sample: an estimator that pairs neighbouring rows sees them so in the whole too.
            chosen = half.sort().values
            values.append(measure([table[chosen] for table in samples]))
    spread = float(torch.tensor(values, dtype=torch.float64).std())
    reach = float(stats.t.ppf((1 + level) / 2, df=len(values) - 1)) * spread
    return value - reach, value + reach

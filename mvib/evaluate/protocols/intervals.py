"""95% intervals of numbers that several seeds find on the same held-out examples."""

# Shape suffixes: R bootstrap samples, M held-out examples.

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from scipy import stats

LEVEL = 0.95
RESAMPLES = 1000
INTERVAL_PROTOCOL = (
    f"intervals: {LEVEL:.0%}; of a number that is made of held-out examples by {RESAMPLES:,} bootstrap samples of "
    "them, the same for all seeds, each moved by a value of Student's t for the mean over seeds; with one seed, and "
    "where nothing is drawn, of the examples only; of any other number by Student's t over seeds, and none for one seed"
)

Numbers = npt.NDArray[np.float64]
# From how often every held-out example is in each of several bootstrap samples, to the number of each sample.
Resampled = Callable[[Float[Numbers, "R M"]], Float[Numbers, " R"]]

# Counts in memory at a time.
_BLOCK = 1 << 22


def example_interval(resampled: Sequence[Resampled], values: Numbers, *, num_examples: int) -> tuple[float, float]:
    """An interval of the mean over seeds that covers other held-out examples and, of several seeds, other seeds.

    The deviations of bootstrap samples from their mean, so that a number which is biased for small samples (NMI) stays
    in its own interval. To each is added a value of Student's t, scaled to the standard error of the mean over seeds:
    two or three seeds that were drawn again would cover far too little. What seeds and examples change together is
    counted on both sides; taken off one, simulated intervals of two or three seeds covered 90% to 94%.

    Args:
        resampled: by seed, the number of bootstrap samples; of the same examples.
        values: by seed, the number of the examples as they are.
        num_examples: how many there are, at least 1.

    Returns:
        The same for the same numbers: the samples are drawn from a fixed seed.
    """
    generator = np.random.default_rng(0)
    found_R = np.concatenate(
        [np.mean([one(counts) for one in resampled], axis=0) for counts in _samples(generator, num_examples)]
    )
    deviations_R = found_R - found_R.mean()
    if len(values) > 1:
        # Its quantiles in a random order: the tails of few draws would be a matter of chance.
        places = (generator.permutation(RESAMPLES) + 0.5) / RESAMPLES
        deviations_R += stats.t.ppf(places, df=len(values) - 1) * _standard_error(values)
    low, high = values.mean() + np.quantile(deviations_R, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def seed_interval(values: Numbers) -> tuple[float, float] | None:
    """Student's t interval of the mean over seeds; none for one."""
    if len(values) < 2:
        return None
    half = float(stats.t.ppf((1 + LEVEL) / 2, df=len(values) - 1)) * _standard_error(values)
    return float(values.mean()) - half, float(values.mean()) + half


def _standard_error(values: Numbers) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def _samples(generator: np.random.Generator, num_examples: int) -> Iterator[Float[Numbers, "R M"]]:
    """How often each example is in every bootstrap sample, some samples at a time."""
    size = max(1, _BLOCK // num_examples)
    for start in range(0, RESAMPLES, size):
        number = min(size, RESAMPLES - start)
        drawn = generator.integers(num_examples, size=(number, num_examples))
        drawn += num_examples * np.arange(number)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=number * num_examples)
        yield counts.reshape(number, num_examples).astype(np.float64)

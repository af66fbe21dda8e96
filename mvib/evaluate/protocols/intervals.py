"""95% intervals of numbers that several seeds find on the same held-out examples."""

# Shape suffixes: S seeds, R bootstrap samples, M held-out examples, G quantiles of a distribution.

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from scipy import stats

LEVEL = 0.95
RESAMPLES = 1000
INTERVAL_PROTOCOL = (
    f"intervals: {LEVEL:.0%}; of a mean over held-out examples (accuracy, recall, mAP) that of Clopper and Pearson, "
    "with the number of examples that gives its variance; of another number that is made of held-out examples (NMI, "
    f"ARI) by {RESAMPLES:,} bootstrap samples of them, the same for all seeds; both widened over seeds by Student's t "
    "for the mean over seeds; with one seed, and where nothing is drawn, of the examples only; of any other number by "
    "Student's t over seeds, and none for one seed"
)

Numbers = npt.NDArray[np.float64]
# From how often every held-out example is in each of several bootstrap samples, to the number of each sample.
Resampled = Callable[[Float[Numbers, "R M"]], Float[Numbers, " R"]]

# Counts in memory at a time.
_BLOCK = 1 << 22
_QUANTILES = 100
_TAIL = (1 - LEVEL) / 2


def mean_interval(scores_SM: Float[Numbers, "S M"]) -> tuple[float, float]:
    """An interval of a mean of scores that covers other held-out examples and, of several seeds, other seeds.

    Of right and wrong answers by one seed, and by seeds that agree, it is that of Clopper and Pearson: near 1 a
    bootstrap of a few mistakes, or of none, covers hardly half of what it says. Scores between 0 and 1 vary less than
    that; they count as the number of right and wrong answers whose mean has the variance of theirs, found with a score
    of 0 and one of 1 beside them, so that a few imperfect scores are not taken for a known variance. Of several seeds a
    value of Student's t, scaled to the standard error of the mean over seeds, is added to each limit: to the beta
    distributions whose quantiles the limits are. What seeds and examples change together is counted on both sides.

    Args:
        scores_SM: in [0, 1]; each row is of one seed, all of the same examples.

    Source: Clopper and Pearson 1934, in the form of beta quantiles. Differs from it: the counts are no integers.
    """
    values_S, means_M = scores_SM.mean(axis=1), scores_SM.mean(axis=0)
    number = _effective_number(means_M)
    right = number * float(values_S.mean())
    wrong = number - right

    def lower(places: Numbers) -> Numbers:
        return np.asarray(stats.beta.ppf(places, right, wrong + 1)) if right > 0 else np.zeros_like(places)

    def upper(places: Numbers) -> Numbers:
        return np.asarray(stats.beta.ppf(places, right + 1, wrong)) if wrong > 0 else np.ones_like(places)

    if len(values_S) == 1:
        return float(lower(np.array(_TAIL))), float(upper(np.array(1 - _TAIL)))
    places_G = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    of_seeds_G = stats.t.ppf(places_G, df=len(values_S) - 1) * _standard_error(values_S)
    return (
        float(np.quantile(lower(places_G)[:, None] + of_seeds_G, _TAIL)),
        float(np.quantile(upper(places_G)[:, None] + of_seeds_G, 1 - _TAIL)),
    )


def _effective_number(means_M: Float[Numbers, " M"]) -> float:
    """How many right and wrong answers have a mean of this variance: no fewer than there are examples."""
    size = len(means_M) + 2
    centre = (float(means_M.sum()) + 1) / size
    spread = float(np.square(means_M - centre).sum()) + centre**2 + (1 - centre) ** 2
    return len(means_M) * max(1.0, size * centre * (1 - centre) / spread)


def example_interval(resampled: Sequence[Resampled], values: Numbers, *, num_examples: int) -> tuple[float, float]:
    """The same of any number that is made of examples, by the bootstrap; where nothing varies it is a point.

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
    low, high = values.mean() + np.quantile(deviations_R, [_TAIL, 1 - _TAIL])
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

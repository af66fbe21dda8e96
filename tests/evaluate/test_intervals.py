"""Intervals of protocols: that they cover what they say, found by simulation, and that they agree with known ones."""

import math
import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from mvib.evaluate import Comparison, Evaluation
from mvib.evaluate.comparison import comparison_notes, measure_to_json
from mvib.evaluate.protocols import PROTOCOLS, Material, measure_protocol
from mvib.evaluate.protocols.clusters import adjusted_rand, count_pairs, normalized_mutual_information
from mvib.evaluate.protocols.intervals import mean_interval, seed_interval
from mvib.evaluate.protocols.measuring import mean_of
from tests.bounded import within_cpu_seconds

Numbers = npt.NDArray[np.float64]
NUM_RUNS = 400


def answers(rng: np.random.Generator, *, num_seeds: int, num_examples: int, of_seeds: float) -> Numbers:
    """Right and wrong answers: examples are easy or hard, seeds lucky or not, about 0.7 in the mean."""
    ease_M = rng.uniform(0.4, 1.0, size=num_examples)
    luck_S = of_seeds * rng.standard_normal(num_seeds)
    return (rng.random((num_seeds, num_examples)) < ease_M + luck_S[:, None]).astype(np.float64)


# Luck is small beside its limits, so that the mean over all seeds and examples is 0.7 but for a thousandth.
@pytest.mark.parametrize(("num_seeds", "of_seeds"), [(1, 0.0), (2, 0.05), (3, 0.0), (3, 0.02), (3, 0.05), (10, 0.05)])
def test_intervals_cover_other_examples_and_other_seeds(num_seeds: int, of_seeds: float) -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(NUM_RUNS):
        low, high = mean_interval(answers(rng, num_seeds=num_seeds, num_examples=150, of_seeds=of_seeds))
        covered += low <= 0.7 <= high
    # Three standard errors of a share of 0.95 among 400 are 0.033; wide intervals are allowed, narrow ones are not.
    assert covered / NUM_RUNS >= 0.95 - 0.033


def test_an_interval_of_examples_alone_would_leave_out_the_draw() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(NUM_RUNS):
        given = answers(rng, num_seeds=3, num_examples=150, of_seeds=0.05)
        low, high = mean_interval(given.mean(axis=0, keepdims=True))
        covered += low <= 0.7 <= high
    # Otherwise the test above would show nothing.
    assert covered / NUM_RUNS < 0.85


# Of right and wrong answers of one seed, or of three that agree, coverage is a sum over numbers of right ones: no draw.
@pytest.mark.parametrize("num_seeds", [1, 3])
@pytest.mark.parametrize("num_examples", [50, 100, 360])
def test_intervals_cover_near_one(num_seeds: int, num_examples: int) -> None:
    rights = np.arange(num_examples + 1)
    answers_of = (np.arange(num_examples) < rights[:, None]).astype(np.float64)
    bounds = np.array([mean_interval(np.repeat(row[None], num_seeds, axis=0)) for row in answers_of])
    for accuracy in (0.7, 0.9, 0.99, 0.998):
        weights = stats.binom.pmf(rights, num_examples, accuracy)
        covered = float(weights @ ((bounds[:, 0] <= accuracy) & (accuracy <= bounds[:, 1])))
        # Clopper and Pearson cover at least what they say; sums over a grid of quantiles are right to a thousandth.
        assert covered >= 0.95 - (0.0 if num_seeds == 1 else 0.005)


@pytest.mark.parametrize("num_examples", [50, 100, 360])
@pytest.mark.parametrize("accuracy", [0.7, 0.9, 0.99, 0.998])
def test_intervals_of_seeds_that_err_apart_cover_near_one(accuracy: float, num_examples: int) -> None:
    rng = np.random.default_rng(0)
    number, covered = 150, 0
    for _ in range(number):
        low, high = mean_interval((rng.random((3, num_examples)) < accuracy).astype(np.float64))
        covered += low <= accuracy <= high
    # What seeds and examples change together is counted twice, so that nearly all cover; 98% to 100% were found.
    assert covered / number >= 0.95


def test_scores_between_right_and_wrong_have_narrower_intervals_that_cover() -> None:
    rng = np.random.default_rng(0)
    number, covered, widths = 300, 0, []
    for _ in range(number):
        # Their mean is 0.9 and their standard deviation 0.09, that of right and wrong answers 0.3.
        scores = rng.beta(9, 1, size=(1, 100))
        low, high = mean_interval(scores)
        covered += low <= 0.9 <= high
        widths.append(high - low)
    # Three standard errors of a share of 0.95 among 300 are 0.038.
    assert covered / number >= 0.95 - 0.038
    # 0.036 by the normal, and half as much again for the two scores beside them; 0.13 for right and wrong answers.
    assert 0.035 < np.mean(widths) < 0.06


def test_answers_that_are_all_right_leave_room_for_wrong_ones() -> None:
    # 0.025 ** (1 / 360)
    assert mean_interval(np.ones((1, 360))) == pytest.approx((0.98981, 1.0), abs=1e-5)
    found = measure_protocol(PROTOCOLS["retrieval"], clustered(number=60, seed=0, spread=0.01))
    assert [one.value for one in found] == pytest.approx([1.0] * len(found))
    for one in found:
        assert one.interval is not None
        assert one.interval[0] < 0.95


def test_an_interval_over_examples_is_about_that_of_the_normal() -> None:
    low, high = mean_interval(np.repeat([[1.0, 0.0]], [700, 300], axis=1))
    half = 1.96 * math.sqrt(0.7 * 0.3 / 1000)
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.003)


def test_an_interval_over_seeds_is_students() -> None:
    # t(0.975, 2) = 4.3026527
    students = pytest.approx((2 - 4.3026527 / math.sqrt(3), 2 + 4.3026527 / math.sqrt(3)), rel=1e-7)
    assert seed_interval(np.array([1.0, 2.0, 3.0])) == students
    assert seed_interval(np.array([1.0])) is None


def test_where_all_examples_are_alike_the_interval_is_that_of_the_seeds() -> None:
    values = np.array([0.2, 0.3, 0.4])
    found = mean_interval(np.repeat(values[:, None], 50, axis=1))
    # The 2.5% quantile of a thousand values of Student's t.
    assert found == pytest.approx(seed_interval(values), abs=0.005)


def test_nmi_and_ari_of_counts_are_those_of_sklearn() -> None:
    rng = np.random.default_rng(0)
    for num_classes, num_clusters, noise in (
        (3, 3, 0.3),
        (2, 5, 0.0),
        (4, 2, 1.0),
        (1, 3, 0.5),
        (3, 1, 0.5),
        (1, 1, 0.0),
    ):
        labels = rng.integers(num_classes, size=60)
        clusters = np.where(rng.random(60) < noise, rng.integers(num_clusters, size=60), labels % num_clusters)
        counts = count_pairs(labels, clusters, np.ones((1, 60)))
        expected = normalized_mutual_info_score(labels, clusters)
        assert normalized_mutual_information(counts)[0] == pytest.approx(expected, abs=1e-12)
        assert adjusted_rand(counts)[0] == pytest.approx(adjusted_rand_score(labels, clusters), abs=1e-12)


def test_weights_of_examples_count_them_so_often() -> None:
    rng = np.random.default_rng(0)
    labels, clusters = rng.integers(5, size=40), 3 + rng.integers(7, size=40)
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=3).astype(np.float64)
    counts = count_pairs(labels, clusters, weights)
    for score, expected in (
        (normalized_mutual_information, normalized_mutual_info_score),
        (adjusted_rand, adjusted_rand_score),
    ):
        repeated = [row.astype(int) for row in weights]
        by_sklearn = [expected(np.repeat(labels, row), np.repeat(clusters, row)) for row in repeated]
        assert score(counts) == pytest.approx(by_sklearn, abs=1e-12)


def test_many_classes_take_no_gigabytes() -> None:
    rng = np.random.default_rng(0)
    labels, clusters = rng.integers(1000, size=(2, 2000))
    # A block of bootstrap samples, as the interval takes them; a table of all pairs would have a million cells each.
    weights = np.ones((200, 2000))
    tracemalloc.start()
    normalized_mutual_information(count_pairs(labels, clusters, weights))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * weights.nbytes


def clustered(*, number: int, seed: int, spread: float = 1.2) -> Material:
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % 3
    train, test = (2 * np.eye(3, 4)[labels] + spread * rng.standard_normal((number, 4)) for _ in range(2))
    return Material(train_features=train, train_labels=labels, test_features=test, test_labels=labels)


@pytest.mark.parametrize("num_seeds", [1, 3])
def test_nmi_and_ari_have_intervals_over_examples(num_seeds: int) -> None:
    few, many = (
        measure_protocol(PROTOCOLS["clusters"], clustered(number=number, seed=0), num_seeds=num_seeds)
        for number in (60, 960)
    )
    for small, large in zip(few, many, strict=True):
        widths = []
        for one in (small, large):
            assert one.interval is not None
            assert one.value is not None
            assert one.interval[0] < one.value < one.interval[1]
            assert one.interval_of == ("examples" if num_seeds == 1 else "examples and seeds")
            widths.append(one.interval[1] - one.interval[0])
        # Sixteen times the examples: a quarter of the width. Starts of k-means change little here.
        assert 1 / 8 < widths[1] / widths[0] < 1 / 2.5


def test_nmi_of_new_examples_lies_in_the_interval() -> None:
    """New held-out examples of one representation, whose clusters stay."""
    covered, values = 0, []
    intervals = []
    for seed in range(60):
        found = measure_protocol(PROTOCOLS["clusters"], clustered(number=150, seed=seed))[0]
        assert found.value is not None
        assert found.interval is not None
        values.append(found.value)
        intervals.append(found.interval)
    expected = float(np.mean(values))
    covered = sum(low <= expected <= high for low, high in intervals)
    # Three standard errors of a share of 0.95 among 60 are 0.085.
    assert covered / 60 >= 0.95 - 0.085


def test_intervals_stay_within_the_limits_of_the_metric() -> None:
    found = [mean_of(np.repeat([1.0, 0.0], [share, 100 - share])) for share in (95, 100)]
    assert seed_interval(np.array([one.value for one in found])) == pytest.approx((0.657, 1.293), abs=0.001)
    (measure,) = measure_protocol(PROTOCOLS["few-10"], clustered(number=60, seed=0, spread=0.4), num_seeds=2)
    assert measure.interval is not None
    assert measure.interval[1] <= 1


def test_one_seed_of_what_is_drawn_is_said_to_cover_examples_only() -> None:
    def note(num_seeds: int) -> list[str]:
        material = clustered(number=60, seed=0)
        measures = tuple(
            one
            for name in ("few-10", "retrieval", "rankme")
            for one in measure_protocol(PROTOCOLS[name], material, num_seeds=num_seeds)
        )
        assert {measure_to_json(one)["interval_of"] for one in measures if one.protocol == "retrieval"} == {"examples"}
        assert [one.interval_of for one in measures if one.protocol == "rankme"] == [""]
        found = Evaluation(results=(), spread=None, note="", measures=measures)
        return comparison_notes(Comparison(probes=("few-10", "retrieval", "rankme"), trained=found, untrained=found))

    assert note(1) == [
        "the intervals of few-10 are of the held-out examples only: what the draw changes, one seed does not show; "
        "`--seeds 5`"
    ]
    assert note(2) == []


def test_many_examples_take_no_long() -> None:
    correct = np.random.default_rng(0).random((5, 20_000)) < 0.7
    # It takes half a second; without blocks it would take gigabytes.
    with within_cpu_seconds(10):
        low, high = mean_interval(correct.astype(np.float64))
    assert 0.69 < low < high < 0.71

"""Every number of a protocol against a closed form, in float64."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from mvib.evaluate.protocols.classifiers import find_tuned_neighbours
from mvib.evaluate.protocols.clusters import find_clusters
from mvib.evaluate.protocols.material import Material, draw_few, split_for_tuning
from mvib.evaluate.protocols.measuring import (
    CannotMeasureError,
    Found,
    Protocol,
    mean_of,
    measure_protocol,
)
from mvib.evaluate.protocols.retrieval import average_precision, find_retrieval
from mvib.evaluate.protocols.similarity import linear_cka
from mvib.evaluate.protocols.spectra import alpha_req, lidar, rankme

Matrix = npt.NDArray[np.float64]


def orthonormal(rows: int, columns: int, *, seed: int = 0, centred: bool = False) -> Matrix:
    matrix = np.random.default_rng(seed).standard_normal((rows, columns))
    if centred:
        matrix -= matrix.mean(axis=0)
    return np.linalg.qr(matrix)[0]


def with_singular_values(values: list[float], *, rows: int = 40, centred: bool = False) -> Matrix:
    size = len(values)
    matrix: Matrix = orthonormal(rows, size, centred=centred) @ np.diag(values) @ orthonormal(size, size, seed=1).T
    return matrix


def entropy_rank(shares: Matrix) -> float:
    return math.exp(-float((shares * np.log(shares)).sum()))


def test_rankme_of_equal_directions_is_their_number() -> None:
    assert rankme(with_singular_values([2.0] * 5)) == pytest.approx(5.0, rel=1e-5)


def test_rankme_is_the_formula_with_its_epsilon() -> None:
    values = np.array([4.0, 2.0, 1.0, 1.0])
    assert rankme(with_singular_values(values.tolist())) == pytest.approx(entropy_rank(values / 8 + 1e-7), rel=1e-12)


def test_rankme_is_not_centred_and_has_no_scale() -> None:
    rows = with_singular_values([1.0] * 3)
    assert rankme(rows * 1e3) == pytest.approx(rankme(rows), rel=1e-12)
    assert rankme(np.ones((10, 4))) == pytest.approx(1.0, abs=1e-4)
    assert rankme(np.zeros((10, 4))) == 0.0


def test_lidar_is_the_entropy_of_the_ratios_of_variances() -> None:
    # Two views at mu + w and mu - w: with axes for directions both covariances are diagonal.
    rng = np.random.default_rng(0)
    signs = rng.permutation(np.repeat([[1.0], [-1.0]], 8, axis=0)).ravel()
    means = np.zeros((16, 2))
    means[:, 0], means[:, 1] = 3.0 * signs, 2.0 * np.tile([1.0, -1.0], 8) * signs
    means[:, 1] = 2.0 * np.tile([1.0, -1.0], 8)
    means[:, 0] = 3.0 * np.repeat([1.0, -1.0], 8)
    within = np.array([0.5, 0.25])
    views = np.stack([means + within, means - within], axis=1)
    # Along the first and second axis the views move together, so within has one direction (rank 1) and delta.
    delta = 1e-2
    between = np.diag([9.0, 4.0]) * 16 / 15
    inside = 2 * np.outer(within, within) + delta * np.eye(2)
    values = np.linalg.eigvals(np.linalg.solve(inside, between)).real
    assert lidar(views, delta=delta) == pytest.approx(entropy_rank(values / values.sum() + 1e-7), rel=1e-10)


def test_lidar_of_white_noise_within_is_the_rank_between() -> None:
    # Views at +-e_k from each mean: the covariance within is a multiple of 1.
    width, scale = 4, 0.1
    means = with_singular_values([5.0] * 3 + [0.0], rows=30, centred=True)
    moves = scale * np.concatenate([np.eye(width), -np.eye(width)])
    assert lidar(means[:, None] + moves) == pytest.approx(3.0, rel=1e-4)


def test_lidar_falls_where_views_of_an_example_differ_along_a_direction() -> None:
    means = with_singular_values([5.0, 5.0], rows=30, centred=True)
    noise = np.array([[0.1, 0.0], [-0.1, 0.0], [0.0, 0.1], [0.0, -0.1]])
    loud = noise * np.array([1.0, 100.0]) @ np.eye(2)
    assert lidar(means[:, None] + loud) < lidar(means[:, None] + noise)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("size", [5, 30, 120])
def test_the_decay_of_a_power_law_is_its_exponent(alpha: float, size: int) -> None:
    values = [float(j) ** (-alpha / 2) for j in range(1, size + 1)]
    rows = with_singular_values(values, rows=200, centred=True)
    assert alpha_req(rows) == pytest.approx(alpha, rel=1e-9)
    assert alpha_req(rows * 7 + 100) == pytest.approx(alpha, rel=1e-6)


def test_the_decay_is_fitted_as_the_authors_fit_it() -> None:
    values = np.sort(np.random.default_rng(3).uniform(0.1, 3.0, size=60))[::-1]
    rows = with_singular_values(np.sqrt(values).tolist(), rows=100, centred=True)
    # Transcribed: weighted least squares of log lambda on -log j and 1 with the weights 1 / j.
    ranks = np.arange(11, 61)
    x = np.stack([-np.log(ranks), np.ones(len(ranks))], axis=1)
    w = 1.0 / ranks[:, None]
    expected = np.linalg.solve(x.T @ (x * w), (w * x).T @ np.log(values[ranks - 1]))[0]
    assert alpha_req(rows) == pytest.approx(expected, rel=1e-9)


def test_a_single_direction_has_no_decay() -> None:
    with pytest.raises(CannotMeasureError, match="fewer than two directions"):
        alpha_req(with_singular_values([1.0]))


def test_cka_is_one_for_rotations_scales_and_shifts() -> None:
    x = np.random.default_rng(0).standard_normal((50, 6))
    assert linear_cka(x, 3 * x @ orthonormal(6, 6) + 5) == pytest.approx(1.0, rel=1e-12)


def test_cka_of_directions_that_are_orthogonal_is_zero() -> None:
    both = orthonormal(40, 6, centred=True)
    assert linear_cka(both[:, :3], both[:, 3:]) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("rows", [8, 60])
def test_cka_is_the_quotient_of_norms_however_it_is_computed(rows: int) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((rows, 12)), rng.standard_normal((rows, 10))
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    expected = np.linalg.norm(b.T @ a) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-12)


def test_cka_of_half_the_directions() -> None:
    # k of n equal orthonormal directions: k / sqrt(k n).
    both = orthonormal(40, 4, centred=True)
    assert linear_cka(both[:, :1], both) == pytest.approx(1 / math.sqrt(4), rel=1e-12)
    assert linear_cka(np.ones((5, 2)), np.eye(5)) is None


@pytest.mark.parametrize("scale", [1e-38, 1.0, 1e38])
def test_cka_of_a_point_with_rounding_is_none_at_every_scale(scale: float) -> None:
    rng = np.random.default_rng(0)
    apart = rng.standard_normal((50, 4))
    point = (scale * (3 + 1e-7 * rng.standard_normal((50, 4)))).astype(np.float64)
    assert linear_cka(point, apart) is None
    assert linear_cka(scale * apart, apart) == pytest.approx(1.0, rel=1e-12)


def test_average_precision_is_that_of_the_textbook() -> None:
    ranking = np.array([[True, False, True, False, False], [False, True, False, False, True]])
    assert average_precision(ranking) == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 5) / 2], rel=1e-12)


def points(angles: list[float]) -> Matrix:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_retrieval_ranks_by_the_angle() -> None:
    material = Material(
        train_features=points([0.0, 0.1, 0.2, 0.3]) * np.array([[1.0], [9.0], [0.1], [1.0]]),
        train_labels=np.array([1, 0, 1, 0]),
        test_features=points([-0.1, 0.4, 0.0]),
        test_labels=np.array([0, 0, 7]),
    )
    found = find_retrieval(material, 0)
    assert found["recall@1"].value == 0.5
    assert found["recall@5"].value == 1.0
    # Places 2 and 4 of the first ranking, 1 and 3 of the second; the third has no answer.
    assert found["mAP"].value == pytest.approx(((1 / 2 + 2 / 4) / 2 + (1 + 2 / 3) / 2) / 2, rel=1e-12)
    assert found["mAP"].note == "1 held-out examples are of classes that the training part lacks"


def test_clusters_that_are_the_classes_score_one_and_mixed_ones_about_zero() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    labels = np.arange(60) % 3
    features = centres[labels] + 0.1 * np.random.default_rng(0).standard_normal((60, 2))
    material = Material(train_features=features, train_labels=labels, test_features=features, test_labels=labels)
    found = find_clusters(material, 0)
    assert (found["NMI"].value, found["ARI"].value) == pytest.approx((1.0, 1.0))
    # Each cluster holds a third of each of three classes.
    mixed = np.arange(60) // 3 % 3
    material = Material(train_features=features, train_labels=labels, test_features=features, test_labels=mixed)
    assert find_clusters(material, 0)["NMI"].value == pytest.approx(0.0, abs=0.02)


def test_the_tuning_split_is_a_fifth_of_the_training_part_and_nearly_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], [50, 20, 3])
    fitted, tuning = split_for_tuning(labels, seed=0)
    assert sorted([*fitted, *tuning]) == list(range(73))
    # Of 73 that is 15.
    assert np.bincount(labels[tuning]).tolist() == [10, 4, 1]
    assert tuning.tolist() != split_for_tuning(labels, seed=1)[1].tolist()
    assert len(split_for_tuning(np.array([0, 1]), seed=0)[1]) == 1


@pytest.mark.parametrize(("per_class", "classes"), [(1, 100), (2, 50), (4, 25), (4, 1), (500, 2)])
def test_many_small_classes_are_no_reason_for_a_small_tuning_split(per_class: int, classes: int) -> None:
    labels = np.repeat(np.arange(classes), per_class)
    fitted, tuning = split_for_tuning(labels, seed=0)
    assert len(tuning) == round(0.2 * len(labels))
    assert per_class == 1 or set(labels[fitted]) == set(range(classes))
    assert np.bincount(labels[tuning], minlength=classes).max() <= -(-per_class // 5)
    assert all(np.array_equal(a, b) for a, b in zip(split_for_tuning(labels, seed=0), (fitted, tuning), strict=True))


def test_a_class_of_one_example_keeps_it_where_others_suffice() -> None:
    labels = np.array([0] * 50 + [1] * 20 + list(range(2, 12)))
    for seed in range(20):
        fitted, tuning = split_for_tuning(labels, seed=seed)
        assert len(tuning) == 16
        assert set(labels[fitted]) == set(range(12))


def test_neighbours_of_a_few_rows_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    train, test = rng.standard_normal((2, 100, 3))
    labels = (train[:, 0] > 0).astype(np.int64)
    material = Material(train_features=train, train_labels=labels, test_features=test, test_labels=labels)
    found = []
    for block in (1 << 26, 250):
        monkeypatch.setattr("mvib.evaluate.protocols.classifiers._BLOCK", block)
        found.append(find_tuned_neighbours(material, 0)["accuracy"])
    assert found[0].value == found[1].value
    assert found[0].scores == pytest.approx(found[1].scores)


def test_a_choice_by_few_examples_is_said_to_be() -> None:
    def note(number: int) -> str:
        labels = np.arange(number) % 2
        features = np.eye(2)[labels]
        material = Material(train_features=features, train_labels=labels, test_features=features, test_labels=labels)
        return find_tuned_neighbours(material, 0)["accuracy"].note

    assert note(50) == "1 neighbours chosen; 10 examples are few to choose by: one is 10% of the accuracy"
    assert note(100) == "1 neighbours chosen"


def test_few_labels_are_a_share_of_each_class_and_at_least_one() -> None:
    labels = np.repeat([0, 1], [300, 20])
    assert np.bincount(labels[draw_few(labels, share=0.01, seed=0)]).tolist() == [3, 1]
    assert np.bincount(labels[draw_few(labels, share=0.1, seed=0)]).tolist() == [30, 2]


def test_seeds_are_averaged_and_spread() -> None:
    protocol = Protocol(
        name="p",
        text="",
        needs_labels=False,
        is_seeded=True,
        metrics=("a", "b"),
        find=lambda _, seed: {"a": Found(float(seed)), "b": mean_of(np.array([seed == 0, True]), f"seed {seed}")},
    )
    material = Material(
        train_features=np.ones((2, 2)),
        train_labels=np.zeros(2, dtype=np.int64),
        test_features=np.ones((2, 2)),
        test_labels=np.zeros(2, dtype=np.int64),
    )
    first, second = measure_protocol(protocol, material, num_seeds=2)
    assert (first.value, first.num_seeds) == (0.5, 2)
    assert first.std == pytest.approx(math.sqrt(0.5))
    assert (second.value, second.note) == (0.75, "seed 0; seed 1")
    # Two seeds that differ by a half say nothing of a share.
    assert second.interval == (0.0, 1.0)

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import digamma
from torch import Tensor

from mvib.estimators import neighbours
from mvib.estimators.kozachenko_leonenko import kozachenko_leonenko
from mvib.estimators.ksg import Variant, ksg
from mvib.estimators.neighbours import TiesWarning, count_within, nearest
from mvib.estimators.sliced import sliced
from mvib.estimators.v_information import v_information

VARIANTS: tuple[Variant, ...] = (1, 2, "mixed")
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def normal(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    return torch.randn(num, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def correlated(num: int, dimension: int, rho: float, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    x = normal(num, dimension, seed=seed)
    return x, rho * x + math.sqrt(1 - rho**2) * normal(num, dimension, seed=seed + 1000)


def gaussian_information(dimension: int, rho: float) -> float:
    return -dimension / 2 * math.log(1 - rho**2)


def whole_numbers(num: int, classes: int, *, seed: int = 0) -> Tensor:
    return torch.randint(classes, (num,), generator=torch.Generator().manual_seed(seed))


# Definitions of the papers, one row after the other


def distance(z: Tensor, i: int, j: int) -> float:
    return float((z[i] - z[j]).abs().max())


def ksg_of_the_paper(x: Tensor, y: Tensor, k: int, variant: Variant) -> float:
    num, total = len(x), 0.0
    for i in range(num):
        others = [j for j in range(num) if j != i]
        near = sorted(others, key=lambda j: max(distance(x, i, j), distance(y, i, j)))[:k]
        epsilon = max(distance(x, i, near[-1]), distance(y, i, near[-1]))  # half of the paper's
        if variant == 1:
            numbers = [sum(distance(z, i, j) < epsilon for j in others) for z in (x, y)]
            total += digamma(k) - sum(digamma(n + 1) for n in numbers)
        elif variant == 2:
            sides = [max(distance(z, i, j) for j in near) for z in (x, y)]
            numbers = [sum(distance(z, i, j) <= side for j in others) for z, side in zip((x, y), sides, strict=True)]
            total += digamma(k) - 1 / k - sum(digamma(n) for n in numbers)
        else:
            if epsilon == 0:
                found = sum(max(distance(x, i, j), distance(y, i, j)) == 0 for j in range(num))
                numbers = [sum(distance(z, i, j) == 0 for j in range(num)) for z in (x, y)]
            else:
                found = k
                numbers = [sum(distance(z, i, j) < epsilon for j in range(num)) for z in (x, y)]
            total += digamma(found) + math.log(num) - digamma(num) - sum(digamma(n) for n in numbers)
    return float(digamma(num) + total / num)


@each_variant
@pytest.mark.parametrize("widths", [(1, 1), (2, 1), (7, 3), (12, 9)], ids=["line", "tree", "count", "brute force"])
@pytest.mark.parametrize("k", [1, 4])
def test_ksg_is_the_definition(variant: Variant, widths: tuple[int, int], k: int) -> None:
    x = normal(40, widths[0])
    y = x[:, :1] + normal(40, widths[1], seed=1)
    assert ksg(x, y, k=k, variant=variant).item() == pytest.approx(ksg_of_the_paper(x, y, k, variant), abs=1e-12)


@pytest.mark.parametrize("variant", [1, "mixed"])
def test_ksg_of_numbers_that_lie_on_a_grid_is_the_definition(variant: Variant) -> None:
    # The distances of a grid tie again and again, so that < and <= differ; no pair of rows repeats. Variant 2 depends
    # on which of the rows at one distance are the neighbours.
    grid = torch.arange(49)
    x, y = (0.1 * places.double()[:, None] for places in (grid // 7, grid % 7))
    assert ksg(x, y, k=3, variant=variant).item() == pytest.approx(ksg_of_the_paper(x, y, 3, variant), abs=1e-12)


def test_mixed_ksg_of_a_mixture_is_the_definition() -> None:
    x, y = normal(60, 1), whole_numbers(60, 3).double()[:, None]
    x[::2] = whole_numbers(30, 2, seed=1).double()[:, None]  # atoms and a density
    expected = ksg_of_the_paper(x, y, 3, "mixed")
    assert ksg(x, y, variant="mixed").item() == pytest.approx(expected, abs=1e-12)


def test_mixed_ksg_of_discrete_variables_is_nearly_the_plug_in() -> None:
    x = whole_numbers(2000, 4)
    y = torch.where(normal(2000, 1)[:, 0] > 0, x, whole_numbers(2000, 4, seed=1))
    table = torch.bincount(4 * x + y, minlength=16).double().reshape(4, 4) / 2000
    plug_in = (table * (table / (table.sum(1, keepdim=True) * table.sum(0))).log()).sum().item()
    # psi(n) is log n - 1 / 2n, and cells have at least about 60 rows.
    assert ksg(x, y, variant="mixed").item() == pytest.approx(plug_in, abs=1 / (2 * 60))


def test_kozachenko_leonenko_is_the_definition() -> None:
    for dimension in (1, 2, 20):
        z = normal(30, dimension)
        logs = {
            norm: sum(math.log(torch.sort(torch.linalg.norm(z - row, ord=order, dim=1)).values[3]) for row in z) / 30
            for norm, order in (("max", math.inf), ("euclidean", 2))
        }
        ball = math.pi ** (dimension / 2) / math.gamma(1 + dimension / 2)
        psi = digamma(30) - digamma(3)
        found = kozachenko_leonenko(z).item()
        assert found == pytest.approx(psi + dimension * (math.log(2) + logs["max"]), abs=1e-10)
        found = kozachenko_leonenko(z, norm="euclidean").item()
        assert found == pytest.approx(psi + math.log(ball) + dimension * logs["euclidean"], abs=1e-10)


@pytest.mark.parametrize("dimension", [1, 3, 8, 20])
def test_trees_and_all_distances_find_and_count_the_same(dimension: int, monkeypatch: pytest.MonkeyPatch) -> None:
    z = normal(200, dimension).numpy().round(1)  # with ties
    z[:, 0] += np.arange(200)  # and distinct rows, so that places are unique
    radius = np.abs(normal(200, 1).numpy()[:, 0]).round(1) + 1
    found = []
    for most in (0, 100):
        monkeypatch.setattr(neighbours, "_MOST_DIMENSIONS_TO_FIND", most)
        monkeypatch.setattr(neighbours, "_MOST_DIMENSIONS_TO_COUNT", most)
        monkeypatch.setattr(neighbours, "_PAIRS_AT_ONCE", 200 * 64 + most)
        found.append((nearest(z, 3, "max")[0], nearest(z, 3, "euclidean")[0], count_within(z, radius)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_the_neighbour_at_a_distance_is_within_it() -> None:
    # x + (y - x) is not y for some of these: a count in the sorted numbers must compare differences.
    x = normal(500, 1).numpy()
    distances = np.abs(x - x.T)
    for k in (1, 5):
        radius = np.sort(distances, axis=1)[:, k]
        assert (count_within(x, radius) == k + 1).all()
        assert (count_within(x, np.nextafter(radius, 0)) == k).all()


# Closed forms


@each_variant
@pytest.mark.parametrize(("dimension", "rho"), [(1, 0.0), (1, 0.8), (2, 0.6)])
def test_ksg_of_gaussians(variant: Variant, dimension: int, rho: float) -> None:
    # The catalogue of the paper has a standard deviation of about 0.04 with 1,000 rows of one dimension, 0.02 without
    # dependence: 4,000 have half of it. Four of them, and the bias of two dimensions, 0.02 at most.
    x, y = correlated(4000, dimension, rho)
    assert ksg(x, y, variant=variant).item() == pytest.approx(gaussian_information(dimension, rho), abs=0.1)


def test_ksg_of_a_uniform_strip() -> None:
    # y = x + u on [0, 1] and [0, w]: I = h(y) - log w with h(y) = w / 2 for w <= 1.
    draws = torch.rand(4000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, y = draws[:, :1], draws[:, :1] + 0.25 * draws[:, 1:]
    # -log p(y) is 0 for most y and its spread below 0.3; the estimator's own is at most about 1 a row: 4 / sqrt(4000).
    assert ksg(x, y).item() == pytest.approx(0.125 - math.log(0.25), abs=4 / math.sqrt(4000))


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("dimension", [1, 2])
def test_entropy_of_a_gaussian(norm: str, dimension: int) -> None:
    # The variance of a row is that of -log p, D / 2, and of the log-volume of its ball, psi'(3) = 0.39.
    found = kozachenko_leonenko(normal(4000, dimension), norm=norm).item()  # type: ignore[arg-type]
    error = math.sqrt((dimension / 2 + 0.395) / 4000)
    assert found == pytest.approx(dimension / 2 * math.log(2 * math.pi * math.e), abs=4 * error)


def test_sliced_information_of_one_dimension_is_that_of_ksg() -> None:
    x, y = correlated(300, 1, 0.8)
    # Projections of a line are its two directions, under which distances stay.
    assert sliced(x, y, slices=3).item() == pytest.approx(ksg(x, y).item(), abs=1e-12)


def test_sliced_information_of_gaussians() -> None:
    # In two dimensions the correlation of u'x and v'y is rho cos(t), t uniform: the mean of -log(1 - rho^2 cos^2 t) / 2
    # is -log((1 + sqrt(1 - rho^2)) / 2).
    x, y = correlated(2000, 2, 0.9)
    expected = -math.log((1 + math.sqrt(1 - 0.81)) / 2)
    # The information of a slice is between 0 and 0.83, and so has a spread below 0.42, in 100 slices; ksg has 0.02.
    assert sliced(x, y, slices=100).item() == pytest.approx(expected, abs=4 * 0.042)
    assert sliced(x, y, slices=100) < gaussian_information(2, 0.9)


def test_sliced_information_of_full_projections_is_that_of_rotated_variables() -> None:
    x, y = correlated(1000, 2, 0.8)
    # Each slice has the error of ksg, about 0.04, and its bias in two dimensions.
    assert sliced(x, y, slices=4, dim=2).item() == pytest.approx(gaussian_information(2, 0.8), abs=0.15)


@pytest.mark.parametrize("probe", ["linear", "mlp"])
def test_v_information_of_gaussians(probe: str) -> None:
    x, y = correlated(2000, 2, 0.8)
    found = v_information(x, y, probe=probe).item()  # type: ignore[arg-type]
    # The log density ratio has variance 2 rho^2 / 2 a dimension about; networks lose some 0.05 to the held-out rows.
    assert found == pytest.approx(gaussian_information(2, 0.8), abs=4 * 0.8 * math.sqrt(2 / 2000) + 0.1)


def test_v_information_of_a_label_that_a_line_tells_apart() -> None:
    label = whole_numbers(1000, 3)
    x = 20 * torch.nn.functional.one_hot(label).double() + normal(1000, 3)
    # The penalty of the probe keeps it from certainty.
    assert v_information(x, label).item() == pytest.approx(math.log(3), abs=0.02)


def test_v_information_depends_on_the_family() -> None:
    x = normal(2000, 2)
    label = (x[:, 0] * x[:, 1] > 0).long()
    assert abs(v_information(x, label).item()) < 0.02  # no line tells more than nothing
    assert v_information(x, label, probe="mlp").item() > 0.3  # of log 2


def test_v_information_does_not_reward_what_does_not_generalise() -> None:
    # 40 columns of noise fit 100 labels well, in training.
    assert v_information(normal(100, 40), whole_numbers(100, 2)).item() < 0


def test_what_cannot_be_known_is_no_information() -> None:
    assert v_information(normal(50, 2), torch.zeros(50)).item() == 0


# Invariances


@each_variant
def test_ksg_is_invariant_to_shifts_a_common_scale_and_exchange(variant: Variant) -> None:
    # Of multiples of 2^-20 a factor of two and a whole shift are exact, so that no order changes.
    x, y = ((z * 2**20).round() / 2**20 for z in correlated(200, 2, 0.7))
    reference = ksg(x, y, variant=variant)
    assert ksg(8 * x + 3, 8 * y - 5, variant=variant) == reference
    assert ksg(y, x, variant=variant).item() == pytest.approx(reference.item(), abs=1e-12)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_entropy_by_neighbours_scales_exactly(norm: str) -> None:
    z = normal(200, 3)
    reference = kozachenko_leonenko(z, norm=norm).item()  # type: ignore[arg-type]
    scaled = kozachenko_leonenko(-7 * z + 2, norm=norm).item()  # type: ignore[arg-type]
    assert scaled == pytest.approx(reference + 3 * math.log(7), abs=1e-10)


def test_sliced_information_is_the_same_for_the_same_seed() -> None:
    x, y = correlated(200, 3, 0.7)
    assert sliced(x, y, slices=5) == sliced(x, y, slices=5)
    assert sliced(x, y, slices=5) != sliced(x, y, slices=5, seed=1)
    # A shift is rounded otherwise.
    assert sliced(x + 4, y - 1, slices=5).item() == pytest.approx(sliced(x, y, slices=5).item(), abs=1e-3)


def test_linear_v_information_is_invariant_to_affine_maps_of_columns() -> None:
    x, y = correlated(200, 3, 0.7)
    factors = torch.tensor([2.0, 30.0, 0.1], dtype=torch.float64)
    assert v_information(x * factors + 4, y / factors).item() == pytest.approx(v_information(x, y).item(), abs=1e-9)
    label = (y[:, 0] > 0).long()
    # A solver stops at a tolerance of 1e-4.
    assert v_information(x * factors + 4, label).item() == pytest.approx(v_information(x, label).item(), abs=1e-4)


# Inputs that cannot be measured


@each_variant
def test_what_is_measured_has_no_gradient_and_takes_any_precision(variant: Variant) -> None:
    x, y = correlated(60, 2, 0.7)
    value = ksg(x.half().requires_grad_(), y.bfloat16(), variant=variant)
    assert (value.dtype, value.shape, value.requires_grad) == (torch.float64, (), False)


@each_variant
def test_one_number_a_row_needs_no_axis(variant: Variant) -> None:
    x, y = correlated(60, 1, 0.7)
    assert ksg(x[:, 0], y, variant=variant) == ksg(x, y, variant=variant)


@pytest.mark.parametrize("variant", [1, 2])
def test_repeated_rows_are_told_apart_by_the_same_noise(variant: Variant) -> None:
    x, y = correlated(100, 1, 0.7)
    x, y = (torch.cat((z, z[:2])) for z in (x, y))
    with pytest.warns(TiesWarning, match=r"3.9% of the rows repeat.*variant: mixed"):
        value = ksg(x, y, variant=variant)
    assert value.isfinite()
    with pytest.warns(TiesWarning):
        assert value == ksg(x, y, variant=variant)


@pytest.mark.parametrize("variant", [1, 2])
def test_many_repeated_rows_are_refused(variant: Variant) -> None:
    x, y = correlated(100, 1, 0.7)
    x, y = (torch.cat((z, z[:40])) for z in (x, y))
    with pytest.raises(ValueError, match=r"57% of the rows repeat.*take its `variant: mixed`"):
        ksg(x, y, variant=variant)


@pytest.mark.parametrize("variant", [1, 2])
def test_a_discrete_variable_is_warned_of(variant: Variant) -> None:
    labels = torch.arange(400) % 2
    x = labels[:, None] + 1e-3 * normal(400, 1)
    with pytest.warns(TiesWarning, match="equal in one of the variables"):
        ksg(x, labels, variant=variant)
    assert ksg(x, labels, variant="mixed").item() == pytest.approx(math.log(2), abs=0.01)


@each_variant
def test_rounding_that_is_finer_than_the_neighbours_is_no_tie(variant: Variant) -> None:
    x, y = correlated(400, 1, 0.7)
    rounded = (z.mul(1e4).round() / 1e4 for z in (x, y))
    # No warning, and what the numbers themselves have.
    assert ksg(*rounded, variant=variant).item() == pytest.approx(ksg(x, y, variant=variant).item(), abs=0.01)


@pytest.mark.parametrize("variant", [1, 2])
def test_rows_that_noise_does_not_tell_apart_are_refused(variant: Variant) -> None:
    constant = torch.ones(20, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="take its `variant: mixed`"):
        ksg(constant, constant, variant=variant)
    assert ksg(constant, constant, variant="mixed").item() == pytest.approx(math.log(20) - digamma(20))


def test_entropy_of_repeated_rows_is_refused() -> None:
    z = torch.cat((normal(20, 2), torch.zeros(4, 2)))
    with pytest.raises(ValueError, match=r"repeats more than 3 times.*add a little noise.*larger k"):
        kozachenko_leonenko(z)
    assert kozachenko_leonenko(z, k=4).isfinite()


@pytest.mark.parametrize("k", [0, 5, 6])
def test_more_neighbours_than_rows_are_refused(k: int) -> None:
    z = normal(5, 2)
    estimates: tuple[Callable[[], Tensor], ...] = (
        lambda: ksg(z, z, k=k),
        lambda: kozachenko_leonenko(z, k=k),
        lambda: sliced(z, z, k=k),
    )
    for estimate in estimates:
        with pytest.raises(
            ValueError, match=f"k is {k}, and each of 5 rows has 4 others: give more rows, or another k"
        ):
            estimate()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused(bad: float) -> None:
    z = normal(20, 2)
    broken = z.clone()
    broken[3, 1] = bad
    estimates: tuple[Callable[[], Tensor], ...] = (
        lambda: ksg(z, broken),
        lambda: kozachenko_leonenko(broken),
        lambda: sliced(broken, z),
        lambda: v_information(broken, z),
    )
    for estimate in estimates:
        with pytest.raises(ValueError, match="NaN or infinity"):
            estimate()


def test_slices_must_fit() -> None:
    z = normal(20, 2)
    with pytest.raises(ValueError, match="dimension 3 of rows of dimension 2: give a smaller `dim`"):
        sliced(normal(20, 4), z, dim=3)
    with pytest.raises(ValueError, match="at least one"):
        sliced(z, z, slices=0)


def test_predictions_that_cannot_be_measured_are_refused() -> None:
    x = normal(20, 2)
    with pytest.raises(ValueError, match=r"class 1 has 2 row\(s\), fewer than the 5 folds: give fewer folds"):
        v_information(x, torch.tensor([0] * 18 + [1] * 2))
    with pytest.raises(ValueError, match="30 folds of 20 rows"):
        v_information(x, x, folds=30)
    with pytest.raises(ValueError, match="column to be predicted is constant"):
        v_information(x, torch.ones(20, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"singular: give more rows, or fewer columns"):
        v_information(x, normal(20, 30))


def test_label_may_be_lifted_to_floats() -> None:
    x, label = normal(100, 2), whole_numbers(100, 2)
    expected = v_information(x, label)
    assert v_information(x, label.float()) == expected
    assert v_information(x, label[:, None]) == expected
    assert v_information(x, label.double()[:, None]) != expected  # a column of floats is real

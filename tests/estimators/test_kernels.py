import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor

from mvib.estimators import kernels
from mvib.estimators.hsic import hsic
from mvib.estimators.kde import kde, kde_information
from mvib.estimators.kernels import squared_distances
from mvib.estimators.mmd import mmd
from mvib.estimators.pairwise import constant, pairwise
from mvib.estimators.ranks import ALONE

Views = tuple[Tensor, Tensor]
Estimator = Callable[[Tensor], Tensor]


def normal(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    return torch.randn(num, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(dimension: int) -> Tensor:
    matrix: Tensor = torch.linalg.qr(normal(dimension, dimension, seed=9))[0]
    return matrix


def all_distances(a: Tensor, b: Tensor) -> Tensor:
    return (a[:, None] - b[None]).square().sum(dim=-1)


def assert_equal(value: Tensor, expected: Tensor | float, tolerance: float = 1e-10) -> None:
    # Both sides are sums of a few thousand numbers of order 1 in double precision.
    torch.testing.assert_close(value, torch.as_tensor(expected, dtype=value.dtype), rtol=tolerance, atol=tolerance)


def gradient(estimator: Estimator, z: Tensor) -> Tensor:
    z = z.detach().clone().requires_grad_()
    return torch.autograd.grad(estimator(z), z)[0]


def assert_same_function(estimator: Estimator, reference: Estimator, z: Tensor) -> None:
    assert_equal(estimator(z), reference(z))
    assert_equal(gradient(estimator, z), gradient(reference, z))


# Everything that is differentiated, of one variable: the other is fixed.
OTHER = normal(7, 3, seed=5)
DIFFERENTIABLE: dict[str, Estimator] = {
    "pairwise": lambda z: pairwise(z, sigma=0.7),
    "pairwise lower": lambda z: pairwise(z, sigma=0.7, bound="lower"),
    "kde": lambda z: kde(z),
    "kde leave one out": lambda z: kde(z, estimate="leave_one_out"),
    "kde of a number": lambda z: kde(z, bandwidth=0.4),
    "kde information": lambda z: kde_information(z, OTHER.to(z.dtype)),
    "hsic": lambda z: hsic(z, OTHER.to(z.dtype), sigma=1.3),
    "hsic unbiased": lambda z: hsic(z, OTHER.to(z.dtype), sigma=1.3, form="unbiased"),
    "cka": lambda z: hsic(z, OTHER.to(z.dtype), sigma=1.3, normalized=True),
    "linear hsic": lambda z: hsic(z, OTHER.to(z.dtype), kernel="linear"),
    "linear hsic unbiased": lambda z: hsic(z, OTHER.to(z.dtype), kernel="linear", form="unbiased"),
    "linear cka": lambda z: hsic(z, OTHER.to(z.dtype), kernel="linear", normalized=True),
    "mmd": lambda z: mmd(z, OTHER[:5].to(z.dtype)),
    "mmd v": lambda z: mmd(z, OTHER[:5].to(z.dtype), form="v"),
}
each = pytest.mark.parametrize("name", DIFFERENTIABLE)


# The authors' formulas


@pytest.mark.parametrize(("bound", "factor"), [("upper", 2), ("lower", 8)])
def test_pairwise_is_the_formula(bound: str, factor: int) -> None:
    def reference(z: Tensor) -> Tensor:
        noise = 3 / 2 * math.log(2 * math.pi * math.e * 0.7**2)
        return noise - torch.exp(-all_distances(z, z) / (factor * 0.7**2)).mean(dim=1).log().mean()

    assert_same_function(lambda z: pairwise(z, sigma=0.7, bound=bound), reference, normal(8, 3))  # type: ignore[arg-type]


def test_pairwise_gives_the_authors_numbers(reference_views: Views) -> None:
    sigma = math.sqrt(0.5)
    # Half of the last printed digit.
    assert pairwise(reference_views[0], sigma=sigma).item() == pytest.approx(5.902398, abs=5.1e-7)
    assert pairwise(reference_views[0], sigma=sigma, bound="lower").item() == pytest.approx(5.071345, abs=5.1e-7)


@pytest.mark.parametrize("estimate", ["resubstitution", "leave_one_out"])
@pytest.mark.parametrize("bandwidth", ["scott", 0.4])
def test_kde_is_the_mean_log_density(estimate: str, bandwidth: float | str) -> None:
    def reference(z: Tensor) -> Tensor:
        num, dimension = z.shape
        scott = z.std(dim=0) * num ** (-1 / (dimension + 4))
        width = scott if isinstance(bandwidth, str) else torch.full_like(scott, bandwidth)
        kernel = torch.exp(-all_distances(z / width, z / width) / 2) / (width * math.sqrt(2 * math.pi)).prod()
        if estimate == "leave_one_out":
            return -((kernel.sum(dim=1) - kernel.diagonal()) / (num - 1)).log().mean()
        return -kernel.mean(dim=1).log().mean()

    # The variance is kept above 1e-12, which moves the bandwidth of unit columns by as much.
    assert_same_function(lambda z: kde(z, bandwidth=bandwidth, estimate=estimate), reference, normal(20, 2))  # type: ignore[arg-type]


def test_information_by_kde_is_a_sum_of_entropies() -> None:
    a, b = normal(20, 2), normal(20, 1, seed=1)
    entropies = kde(a) + kde(b) - kde(torch.cat((a, b), dim=1))
    assert_equal(kde_information(a, b), entropies)


def hsic_of_matrices(k: Tensor, l_: Tensor, form: str) -> Tensor:
    n = len(k)
    if form == "biased":
        h = torch.eye(n, dtype=k.dtype) - 1 / n
        return (k @ h @ l_ @ h).trace() / (n - 1) ** 2
    off = 1 - torch.eye(n, dtype=k.dtype)
    k, l_ = k * off, l_ * off
    ones = torch.ones(n, dtype=k.dtype)
    return (
        (k @ l_).trace()
        + (ones @ k @ ones) * (ones @ l_ @ ones) / ((n - 1) * (n - 2))
        - 2 / (n - 2) * ones @ k @ l_ @ ones
    ) / (n * (n - 3))


@pytest.mark.parametrize("form", ["biased", "unbiased"])
@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
@pytest.mark.parametrize("dimension", [3, 60], ids=["narrow", "wide"])  # the linear kernel takes the smaller side
@pytest.mark.parametrize("normalized", [False, True])
def test_hsic_is_the_formula(form: str, kernel: str, dimension: int, normalized: bool) -> None:
    other = normal(7, dimension + 1, seed=2)

    def reference(z: Tensor) -> Tensor:
        if kernel == "gaussian":
            k, l_ = (torch.exp(-all_distances(x, x) / (2 * 4.0**2)) for x in (z, other))
        else:
            k, l_ = z @ z.T, other @ other.T
        value = hsic_of_matrices(k, l_, form)
        return value / (hsic_of_matrices(k, k, form) * hsic_of_matrices(l_, l_, form)).sqrt() if normalized else value

    assert_same_function(
        lambda z: hsic(z, other, kernel=kernel, sigma=4.0, form=form, normalized=normalized),  # type: ignore[arg-type]
        reference,
        normal(7, dimension),
    )


def test_hsic_gives_the_authors_numbers(reference_views: Views) -> None:
    value = hsic(*reference_views, sigma=1.0)
    assert value.item() == pytest.approx(0.161947, abs=5.1e-7)
    assert value.item() * (5 / 6) ** 2 == pytest.approx(0.112463, abs=5.1e-7)
    assert hsic(*reference_views, kernel="linear", normalized=True).item() == pytest.approx(0.937461, abs=5.1e-7)


@pytest.mark.parametrize("form", ["u", "v"])
def test_mmd_is_the_formula_with_means_over_rows(form: str) -> None:
    drawn = normal(5, 3, seed=1) + 3

    def reference(z: Tensor) -> Tensor:
        def own(x: Tensor) -> Tensor:
            k, num = torch.exp(-all_distances(x, x) / (2 * 1.3**2)), len(x)
            return (k.sum() - k.trace()) / (num * (num - 1)) if form == "u" else k.mean()

        return own(z) + own(drawn) - 2 * torch.exp(-all_distances(z, drawn) / (2 * 1.3**2)).mean()

    assert_same_function(lambda z: mmd(z, drawn, sigma=1.3, form=form), reference, normal(8, 3) + 3)  # type: ignore[arg-type]


def test_default_bandwidth_of_mmd_is_that_of_the_example_of_its_code() -> None:
    # pixyz, examples: sigma2 = z_dim / 2 with exp(-|x - y|^2 / sigma2).
    z, drawn = normal(8, 6), normal(5, 6, seed=1)
    assert_equal(mmd(z, drawn), mmd(z, drawn, sigma=math.sqrt(6 / 2 / 2)))


@pytest.mark.parametrize("num", [6, 7])
def test_median_is_over_distinct_rows_and_has_no_gradient(num: int) -> None:
    a, b = normal(num, 3), normal(num, 2, seed=1)
    sigma = torch.pdist(a).median().item()
    both = torch.cat((a, torch.zeros(num, 2, dtype=a.dtype)), dim=1), torch.cat((a, b * 0), dim=1)
    assert_equal(hsic(*both), hsic(*both, sigma=sigma))
    assert_equal(gradient(lambda z: hsic(z, a), a), gradient(lambda z: hsic(z, a, sigma=sigma), a))
    assert_equal(mmd(b, a[:, :2], sigma="median"), mmd(b, a[:, :2], sigma=torch.pdist(a[:, :2]).median().item()))


def test_median_of_many_rows_is_near_that_of_all() -> None:
    # 1024 of them or fewer: the standard error of the median of 2-dimensional normal distances is then some percent.
    z = normal(3000, 2)
    found = kernels.bandwidth("median", z, ALONE)
    assert float(found) == pytest.approx(float(torch.pdist(z).median()), rel=0.1)


# What they promise


def test_pairwise_bounds_enclose_the_entropy_of_the_mixture() -> None:
    # The entropy by Monte Carlo, whose standard error is below 0.01 with 20,000 draws of a log-density of spread ~1.
    means = 1.5 * normal(6, 2)
    draws = means[torch.arange(20_000) % 6] + normal(20_000, 2, seed=1)
    log_density = (-all_distances(draws, means) / 2).logsumexp(dim=1) - math.log(6) - math.log(2 * math.pi)
    entropy = -log_density.mean().item()
    assert pairwise(means, bound="lower").item() < entropy + 0.03
    assert pairwise(means, bound="upper").item() > entropy - 0.03


@pytest.mark.parametrize("bound", ["upper", "lower"])
def test_pairwise_is_exact_for_one_point_and_for_points_far_apart(bound: str) -> None:
    noise = 3 / 2 * math.log(2 * math.pi * math.e * 0.25)
    one_point = torch.ones(5, 3, dtype=torch.float64)
    far_apart = 1000 * torch.arange(5, dtype=torch.float64)[:, None].expand(5, 3)
    assert_equal(pairwise(one_point, sigma=0.5, bound=bound), noise)  # type: ignore[arg-type]
    assert_equal(pairwise(far_apart, sigma=0.5, bound=bound), noise + math.log(5))  # type: ignore[arg-type]
    assert constant(one_point, sigma=0.5) == pytest.approx(noise)


def test_lower_pairwise_bound_is_below_the_upper_one() -> None:
    for seed in range(5):
        z = normal(9, 4, seed=seed)
        assert pairwise(z, bound="lower") <= pairwise(z, bound="upper")


@pytest.mark.parametrize(
    ("estimate", "bias"), [("resubstitution", -0.0112), ("leave_one_out", 0.0)], ids=lambda v: str(v)
)
def test_kde_entropy_of_a_gaussian(estimate: str, bias: float) -> None:
    # The mean of -log p has the standard deviation sqrt(1/2) / sqrt(1000) = 0.022; three of them, with the bias of the
    # reference (1.408 against 1.4189).
    values = kde(normal(1000, 1), estimate=estimate)  # type: ignore[arg-type]
    assert values.item() == pytest.approx(0.5 * math.log(2 * math.pi * math.e) + bias, abs=3 * 0.0224)


def test_kde_includes_the_row_itself_or_not() -> None:
    z = normal(200, 2)
    assert kde(z, estimate="resubstitution") < kde(z, estimate="leave_one_out")


def test_kde_scales_as_an_entropy_does() -> None:
    z = normal(20, 2)
    factors = torch.tensor([3.0, 0.2], dtype=torch.float64)
    # The least variance of 1e-12 is not scaled.
    assert_equal(kde(z * factors + 4), kde(z) + math.log(0.6), tolerance=1e-9)
    other = normal(20, 3, seed=1)
    assert_equal(kde_information(z * factors + 4, other), kde_information(z, other), tolerance=1e-9)
    assert_equal(kde_information(other, z), kde_information(z, other))


def test_information_by_kde_of_a_copy_does_not_exceed_the_log_of_the_number() -> None:
    z = 1000 * normal(12, 2)
    assert_equal(kde_information(z, z, bandwidth=0.1), math.log(12))


def test_hsic_of_independent_variables_vanishes_when_unbiased() -> None:
    values = torch.stack(
        [hsic(normal(30, 2, seed=s), normal(30, 2, seed=1000 + s), sigma=1.0, form="unbiased") for s in range(200)]
    )
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(200)
    assert hsic(normal(30, 2), normal(30, 2), sigma=1.0, form="unbiased") > 10 * values.std()


def test_gaussian_hsic_sees_what_correlation_does_not() -> None:
    # A parabola of a symmetric variable is uncorrelated with it: exactly, where each number comes with its negative.
    x = torch.cat((normal(50, 1), -normal(50, 1)))
    assert_equal(hsic(x, x.square(), kernel="linear"), 0.0)
    assert hsic(x, x.square(), normalized=True) > 0.1


def test_cka_of_a_variable_with_itself_is_one() -> None:
    z = normal(9, 3)
    for kernel in ("gaussian", "linear"):
        for form in ("biased", "unbiased"):
            assert_equal(hsic(z, z, kernel=kernel, form=form, normalized=True), 1.0)


def test_linear_cka_is_invariant_to_rotation_and_scale() -> None:
    a, b = normal(9, 3), normal(9, 4, seed=1)
    reference = hsic(a, b, kernel="linear", normalized=True)
    assert_equal(hsic(7 * a @ rotation(3), b / 3 + 1, kernel="linear", normalized=True), reference)


@pytest.mark.parametrize("kernel", ["gaussian", "linear"])
@pytest.mark.parametrize("form", ["biased", "unbiased"])
def test_hsic_is_invariant_to_shifts_rotations_and_exchange(kernel: str, form: str) -> None:
    a, b = normal(9, 3), normal(9, 4, seed=1)

    def estimate(x: Tensor, y: Tensor) -> Tensor:
        return hsic(x, y, kernel=kernel, form=form)  # type: ignore[arg-type]

    assert_equal(estimate(a @ rotation(3) + 5, b), estimate(a, b))
    assert_equal(estimate(b, a), estimate(a, b))


@pytest.mark.parametrize("bound", ["upper", "lower"])
def test_pairwise_is_invariant_to_shifts_and_rotations(bound: str) -> None:
    z = normal(9, 3)
    assert_equal(pairwise(z @ rotation(3) + 5, bound=bound), pairwise(z, bound=bound))  # type: ignore[arg-type]


def test_mmd_of_draws_of_the_prior_vanishes_when_unbiased() -> None:
    values = torch.stack([mmd(normal(40, 3, seed=s), normal(30, 3, seed=1000 + s)) for s in range(200)])
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(200)
    assert mmd(normal(40, 3) + 2, normal(30, 3, seed=1)) > 5 * values.std()


def test_mmd_of_the_same_rows_is_zero_over_all_pairs() -> None:
    z = normal(9, 3)
    assert_equal(mmd(z, z, form="v"), 0.0)


def test_default_bandwidth_of_mmd_has_a_gradient_in_many_dimensions() -> None:
    z, drawn = 2 * normal(32, 512).float(), normal(32, 512, seed=1).float()
    assert gradient(lambda x: mmd(x, drawn), z).norm() > 1e-8


# Numbers and sizes


@each
def test_gradients_are_those_of_the_value(name: str) -> None:
    z = normal(7, 3, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(DIFFERENTIABLE[name], z)


@each
def test_blocks_of_rows_give_what_all_rows_give(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    z = normal(7, 3, seed=3)
    at_once, its_gradient = DIFFERENTIABLE[name](z), gradient(DIFFERENTIABLE[name], z)
    monkeypatch.setattr(kernels, "_PAIRS_AT_ONCE", 24)  # two rows of codes and draws, three of codes
    assert_equal(DIFFERENTIABLE[name](z), at_once)
    assert_equal(gradient(DIFFERENTIABLE[name], z), its_gradient)


@each
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_single(name: str, dtype: torch.dtype) -> None:
    z = normal(7, 3, seed=3).to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = DIFFERENTIABLE[name](z)
    assert half.dtype == torch.float32
    exact = DIFFERENTIABLE[name](z.double())
    other_is_rounded_too = 3e-2 if "hsic" in name or "cka" in name or name in {"mmd", "mmd v", "kde information"} else 0
    torch.testing.assert_close(half.double(), exact, rtol=1e-5 + other_is_rounded_too, atol=1e-5 + other_is_rounded_too)
    assert gradient(DIFFERENTIABLE[name], z).isfinite().all()


@each
def test_collapse_and_far_rows_have_finite_gradients(name: str) -> None:
    for z in (torch.full((7, 3), 0.3), 1e4 * normal(7, 3, seed=3).float()):
        assert DIFFERENTIABLE[name](z).isfinite()
        assert gradient(DIFFERENTIABLE[name], z).isfinite().all()


def test_default_bandwidths_survive_collapse() -> None:
    z = torch.full((7, 3), 0.3)
    assert hsic(z, OTHER.float(), normalized=True).item() == pytest.approx(0, abs=1e-6)
    assert gradient(lambda x: hsic(x, OTHER.float(), normalized=True), z).isfinite().all()


def test_far_from_the_origin_little_is_lost() -> None:
    # In single precision numbers near 1000 are rounded by 3e-5; without a shift their squares would be by 0.06.
    z = normal(7, 3, seed=3).float()
    for name in ("pairwise", "kde", "hsic", "linear hsic"):
        estimator = DIFFERENTIABLE[name]
        torch.testing.assert_close(estimator(z + 1000), estimator(z), rtol=1e-3, atol=1e-3)


def test_distances_of_a_row_to_itself_are_exactly_zero() -> None:
    z = 1000 * normal(5, 3).float()
    assert (squared_distances(z[2:4], z, diagonal=2).diagonal(2) == 0).all()


def test_scale_may_be_a_tensor_of_a_schedule() -> None:
    z, half = normal(7, 3), torch.tensor(0.5, dtype=torch.float64)
    assert_equal(pairwise(z, sigma=half), pairwise(z, sigma=0.5))
    assert_equal(torch.as_tensor(constant(z, sigma=half)), constant(z, sigma=0.5))
    assert_equal(kde(z, bandwidth=half), kde(z, bandwidth=0.5))
    assert_equal(hsic(z, z, sigma=half), hsic(z, z, sigma=0.5))
    assert_equal(mmd(z, z + 1, sigma=half), mmd(z, z + 1, sigma=0.5))


@pytest.mark.parametrize(("form", "least"), [("biased", 2), ("unbiased", 4)])
def test_too_few_rows_for_hsic_are_refused(form: str, least: int) -> None:
    z = normal(least, 3)
    assert hsic(z, z, sigma=1.0, form=form).isfinite()  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"{form} HSIC needs at least {least} rows and has {least - 1}: enlarge"):
        hsic(z[1:], z[1:], sigma=1.0, form=form)  # type: ignore[arg-type]


def test_one_row_has_no_unbiased_mmd() -> None:
    with pytest.raises(ValueError, match="at least 2 rows of each kind: enlarge the batch, or take form: v"):
        mmd(normal(1, 3), normal(2, 3))
    assert mmd(normal(1, 3), normal(2, 3), form="v").isfinite()


def test_memory_stays_that_of_a_block() -> None:
    # 2^30 pairs would be 4 GB in a matrix. One block of rows stands for the others: it is what autograd keeps.
    sizes = []
    z = torch.zeros(2**15, 1)
    block = kernels._PAIRS_AT_ONCE // len(z)

    def statistics(start: int, stop: int) -> Tensor:
        sizes.append(stop - start)
        return torch.ones(1)

    assert kernels.sum_over_rows(statistics, range(len(z)), num_columns=len(z)).item() == len(z) / block
    assert set(sizes) == {block}


# ---- kernels that are nearly the same for all pairs -------------------------------------------------------------


def unbiased_alignment(a: Tensor, b: Tensor, sigma: float) -> float:
    """From matrices, in float64, without the products that lose what distances have in common."""
    kernels = []
    for z in (a.double(), b.double()):
        kernel = (-all_distances(z, z) / (2 * sigma**2)).exp()
        kernels.append(kernel - torch.diag(kernel.diagonal()))

    def criterion(k: Tensor, m: Tensor) -> float:
        n = len(k)
        means = k.sum() * m.sum() / ((n - 1) * (n - 2))
        return float((k * m).sum() + means - 2 * (k.sum(dim=0) @ m.sum(dim=0)) / (n - 2))

    k, m = kernels
    return criterion(k, m) / math.sqrt(criterion(k, k) * criterion(m, m))


@pytest.mark.parametrize(("dimension", "sigma"), [(16, 1.0), (32, 1.0), (64, 3.0), (128, 100.0), (128, 8.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unbiased_alignment_of_rows_far_apart_or_near(dimension: int, sigma: float, dtype: torch.dtype) -> None:
    a = normal(64, dimension)
    b = a + 0.3 * normal(64, dimension, seed=1)
    found = hsic(a.to(dtype), b.to(dtype), sigma=sigma, form="unbiased", normalized=True)
    expected = unbiased_alignment(a, b, sigma)
    # Rows within 1% of the bandwidth have kernels that differ from the fifth digit on, which the matrices round off.
    assert found.item() == pytest.approx(expected, rel=1e-4 if dtype == torch.float32 else 1e-8)


@pytest.mark.parametrize("kernel", ["linear", "gaussian"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_alignment_with_rows_that_are_all_equally_far_apart_is_zero(
    kernel: Literal["linear", "gaussian"], dtype: torch.dtype
) -> None:
    a = torch.eye(16, dtype=dtype, requires_grad=True)
    b = normal(16, 3).to(dtype)
    value = hsic(a, b, kernel=kernel, form="unbiased", normalized=True)
    assert value.item() == 0
    assert not torch.autograd.grad(value, a)[0].any()


def test_alignment_of_what_is_not_a_number_is_none() -> None:
    a = normal(8, 3)
    a[0, 0] = math.nan
    assert hsic(a, normal(8, 3, seed=1), normalized=True).isnan()


@pytest.mark.parametrize("estimate", [kde, lambda z: kde_information(z, z)])
def test_a_kernel_density_of_one_row_is_refused(estimate: Estimator) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        estimate(normal(1, 3))

"""Matrix-based Renyi entropies: reference code, printed numbers, limits, and gradients at equal eigenvalues."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mvib.estimators.matrix_entropy import matrix_entropy
from mvib.estimators.matrix_mi import matrix_mi
from mvib.estimators.renyi import Kernel, conditional_entropy, renyi

Loss = Callable[[Tensor, Tensor], Tensor]


def random_matrix(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    return torch.randn(num, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_views(num: int, dimension: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    z1 = random_matrix(num, dimension, seed=seed)
    z2 = 0.8 * z1 + 0.6 * random_matrix(num, dimension, seed=seed + 1)
    return z1.requires_grad_(), z2.requires_grad_()


# ---- the definition --------------------------------------------------------------------------------------------


def kernel_by_pairs(z: Tensor, kernel: Kernel, sigma: float) -> Tensor:
    """Entry by entry."""
    entries = [
        F.cosine_similarity(a, b, dim=0) if kernel == "linear" else (-(a - b).square().sum() / (2 * sigma**2)).exp()
        for a in z
        for b in z
    ]
    return torch.stack(entries).reshape(len(z), len(z))


def spectral_entropy(a: Tensor, order: float) -> Tensor:
    """By eigenvalues, those that are zero dropped."""
    a = a / a.trace()
    values: Tensor = torch.linalg.eigvalsh(a)
    values = values[values > 1e-12]
    if order == 1:
        return -(values * values.log()).sum()
    return (values**order).sum().log() / (1 - order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    order: float
    kernel: Kernel


CASES = tuple(Case(order=order, kernel=kernel) for order in (0.5, 1, 2, 3.5) for kernel in ("linear", "gaussian"))
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kernel}, order {case.order}")
SIGMA = 1.3


def ours(case: Case) -> tuple[Loss, ...]:
    arguments = {"order": case.order, "kernel": case.kernel, "sigma": SIGMA}
    return tuple(
        lambda z1, z2, f=f: f(z1, z2, **arguments)
        for f in (lambda z1, _, **given: renyi(z1, **given), renyi, matrix_mi, conditional_entropy)
    )


def theirs(case: Case) -> tuple[Loss, ...]:
    def entropies(z1: Tensor, z2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kernel1, kernel2 = (kernel_by_pairs(z, case.kernel, SIGMA) for z in (z1, z2))
        first, second, joint = (spectral_entropy(a, case.order) for a in (kernel1, kernel2, kernel1 * kernel2))
        return first, second, joint

    def information(z1: Tensor, z2: Tensor) -> Tensor:
        first, second, joint = entropies(z1, z2)
        return first + second - joint

    return (
        lambda z1, z2: entropies(z1, z2)[0],
        lambda z1, z2: entropies(z1, z2)[2],
        information,
        lambda z1, z2: entropies(z1, z2)[2] - entropies(z1, z2)[1],
    )


# 12 x 2 takes the product of features, 9 x 4 the product of kernels, 5 x 7 and 4 x 4 the side of the rows.
@each_case
@pytest.mark.parametrize(("num", "dimension"), [(12, 2), (9, 4), (5, 7), (4, 4)])
def test_value_and_gradient_are_those_of_the_definition(case: Case, num: int, dimension: int) -> None:
    views = random_views(num, dimension)
    for our, their in zip(ours(case), theirs(case), strict=True):
        values = our(*views), their(*views)
        assert values[0].shape == ()
        # Order 1/2 takes the root of eigenvalues, which are good to 10^-16.
        torch.testing.assert_close(*values, rtol=1e-9, atol=1e-7 if case.order < 1 else 1e-10)
        if case.order >= 1:  # below 1, and with zero eigenvalues, it is infinite across the null space
            gradients = [torch.autograd.grad(value, views, materialize_grads=True) for value in values]
            torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


@each_case
def test_gradient_is_that_of_finite_differences(case: Case) -> None:
    for estimator in ours(case):
        assert torch.autograd.gradcheck(estimator, random_views(3, 4, seed=1))
        if case.order >= 1:
            assert torch.autograd.gradcheck(estimator, random_views(6, 2, seed=1))


def test_the_default_bandwidth_follows_the_dimension() -> None:
    z = random_matrix(6, 16)
    torch.testing.assert_close(renyi(z, kernel="gaussian"), renyi(z, kernel="gaussian", sigma=1.0))


def assert_printed(value: Tensor, printed: float) -> None:
    torch.testing.assert_close(value.item(), printed, rtol=0, atol=5.1e-7)  # half of the last printed digit


@pytest.mark.parametrize(
    ("order", "first", "second", "joint"),
    [(1, 1.235665, 1.113201, 1.643079), (2, 1.124449, 0.961802, 1.528594)],
)
def test_printed_entropies(
    reference_views: tuple[Tensor, Tensor], order: float, first: float, second: float, joint: float
) -> None:
    z1, z2 = reference_views
    assert_printed(renyi(z1, order=order, kernel="linear"), first)
    assert_printed(renyi(z2, order=order, kernel="linear"), second)
    assert_printed(renyi(z1, z2, order=order, kernel="linear"), joint)
    torch.testing.assert_close(
        matrix_mi(z1, z2, order=order, kernel="linear").item(), first + second - joint, rtol=0, atol=2e-6
    )
    torch.testing.assert_close(
        conditional_entropy(z1, z2, order=order, kernel="linear").item(), joint - second, rtol=0, atol=2e-6
    )


def test_printed_uniformity_of_u_mae(reference_views: tuple[Tensor, Tensor]) -> None:
    assert_printed((-renyi(reference_views[0], kernel="linear")).exp(), 0.324831)


@pytest.mark.parametrize("kernel", ["linear", "gaussian"])
def test_blocks_of_rows_give_the_same(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    views = random_views(9, 4)

    def total(z1: Tensor, z2: Tensor) -> Tensor:
        joint, single = renyi(z1, z2, kernel=kernel, sigma=SIGMA), renyi(z2, kernel=kernel, sigma=SIGMA)
        return matrix_mi(z1, z2, kernel=kernel, sigma=SIGMA) + 2 * joint + single

    whole = total(*views)
    expected = torch.autograd.grad(whole, views)
    monkeypatch.setattr("mvib.estimators.kernel_sums._PAIRS_AT_ONCE", 20)  # two rows at a time
    torch.testing.assert_close(total(*views), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(torch.autograd.grad(total(*views), views), expected, rtol=1e-12, atol=1e-12)


# ---- known values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [0.3, 0.5, 1, 1.5, 2, 7])
def test_rows_that_share_nothing_have_log_n_nats_and_equal_rows_none(order: float) -> None:
    z = 3 * torch.eye(5, 8, dtype=torch.float64)
    assert renyi(z, order=order, kernel="linear").item() == pytest.approx(math.log(5))
    assert renyi(z.repeat(4, 1), order=order, kernel="linear").item() == pytest.approx(
        math.log(5)
    )  # the same on the other side
    assert renyi(1e3 * z, order=order, kernel="gaussian").item() == pytest.approx(math.log(5))
    for kernel in ("linear", "gaussian"):
        same = torch.ones(6, 3, dtype=torch.float64, requires_grad=True)
        value = renyi(same, order=order, kernel=kernel)
        (gradient,) = torch.autograd.grad(value, same)
        assert value.item() == pytest.approx(0, abs=1e-12)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_equal_eigenvalues_have_a_finite_gradient(order: float) -> None:
    a = (torch.eye(6, dtype=torch.float64) / 6).requires_grad_()
    (gradient,) = torch.autograd.grad(matrix_entropy(a, order=order), a)
    # The uniform spectrum has the greatest entropy, whatever the trace.
    torch.testing.assert_close(gradient, torch.zeros(6, 6, dtype=torch.float64), rtol=0, atol=1e-10)


def test_order_one_is_the_limit_of_its_neighbours() -> None:
    z = random_matrix(9, 5)
    below, at, above = (renyi(z, order=order, kernel="linear").item() for order in (1 - 1e-5, 1, 1 + 1e-5))
    assert below > at > above
    assert (below + above) / 2 == pytest.approx(at, abs=1e-8)


def test_entropy_falls_with_the_order() -> None:
    z = random_matrix(9, 5)
    values = [renyi(z, order=order, kernel="linear").item() for order in (0.2, 0.7, 1, 1.4, 2, 3, 10)]
    assert values == sorted(values, reverse=True)


@settings(deadline=None)
@given(num=st.integers(2, 8), dimension=st.integers(1, 6), order=st.sampled_from([1, 2]), seed=st.integers(0, 2**31))
def test_a_joint_has_at_least_the_entropy_of_its_parts(num: int, dimension: int, order: float, seed: int) -> None:
    z1, z2 = random_matrix(num, dimension, seed=seed), random_matrix(num, 3, seed=seed + 1)
    joint = renyi(z1, z2, order=order, kernel="linear")
    rounding = 1e-10
    assert joint >= max(renyi(z1, order=order, kernel="linear"), renyi(z2, order=order, kernel="linear")) - rounding
    assert conditional_entropy(z1, z2, order=order) >= -rounding
    if order == 1:
        assert matrix_mi(z1, z2, order=1, kernel="linear") >= -rounding
        assert (
            matrix_mi(z1, z2, order=1, kernel="linear")
            <= min(renyi(z1, order=1, kernel="linear"), renyi(z2, order=1, kernel="linear")) + rounding
        )


def test_information_of_order_two_may_be_negative_and_is_left_so() -> None:
    values = [
        matrix_mi(random_matrix(4, 2, seed=s), random_matrix(4, 2, seed=s + 1000), kernel="linear") for s in range(200)
    ]
    assert min(values) < -1e-3


def test_the_joint_of_three_variables() -> None:
    z1, z2, z3 = (random_matrix(30, 2, seed=seed) for seed in range(3))
    product = kernel_by_pairs(z1, "linear", 1) * kernel_by_pairs(z2, "linear", 1) * kernel_by_pairs(z3, "linear", 1)
    for order in (1, 2):
        torch.testing.assert_close(renyi(z1, z2, z3, order=order, kernel="linear"), spectral_entropy(product, order))


# ---- invariances, precision ------------------------------------------------------------------------------------


@each_case
def test_entropies_do_not_depend_on_axes_or_order(case: Case) -> None:
    z1, z2 = (z.detach() for z in random_views(7, 4))
    rotation: Tensor = torch.linalg.qr(random_matrix(4, 4, seed=5)).Q
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    for estimator in ours(case):
        expected = estimator(z1, z2)
        tolerance = 1e-7 if case.order < 1 else 1e-10  # roots of eigenvalues that are zero but for rounding
        torch.testing.assert_close(estimator(z1 @ rotation, z2), expected, rtol=0, atol=tolerance)
        torch.testing.assert_close(estimator(z1[order], z2[order]), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(matrix_mi(z1, z2, order=case.order), matrix_mi(z2, z1, order=case.order))


def test_a_linear_kernel_ignores_norms_and_a_gaussian_one_shifts() -> None:
    z = random_matrix(7, 4)
    norms = random_matrix(7, 1, seed=1).abs() + 0.1
    torch.testing.assert_close(renyi(z * norms, kernel="linear"), renyi(z, kernel="linear"))
    torch.testing.assert_close(renyi(z + 50, kernel="gaussian"), renyi(z, kernel="gaussian"))


@each_case
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(case: Case, dtype: torch.dtype) -> None:
    views = tuple(z.detach().to(dtype).requires_grad_() for z in random_views(16, 8))
    for estimator in ours(case):
        value = estimator(*views)
        assert value.dtype == torch.float32
        gradients = torch.autograd.grad(value, views, materialize_grads=True)
        assert all(gradient.isfinite().all() for gradient in gradients)
        lifted = estimator(*(z.detach().double() for z in views))
        # float32; below order 1 by its roots.
        tolerance = 1e-2 if case.order < 1 else 2e-5
        torch.testing.assert_close(value.double(), lifted, rtol=tolerance, atol=tolerance)


def test_a_far_away_batch_keeps_its_digits() -> None:
    z = random_matrix(32, 4).float()
    near, far = renyi(z, kernel="gaussian"), renyi((z * 2**10).round() / 2**10 + 2**10, kernel="gaussian")
    torch.testing.assert_close(near, far, rtol=1e-3, atol=0)  # the shift leaves 13 bits after the point


@each_case
def test_shapes_alone_are_enough(case: Case) -> None:
    for estimator in ours(case):
        assert estimator(*(z.to("meta") for z in random_views(6, 4))).shape == ()


def test_all_compile_into_one_graph() -> None:
    def total(z1: Tensor, z2: Tensor) -> Tensor:
        return torch.stack([estimator(z1, z2) for case in CASES for estimator in ours(case)]).sum()

    views = random_views(6, 4)
    compiled = torch.compile(total, fullgraph=True, backend="eager")(*views)
    torch.testing.assert_close(compiled, total(*views))


def test_few_rows_of_many_dimensions_never_form_the_large_matrix() -> None:
    # (2^18)^2 numbers would take 256 GB.
    z1, z2 = (torch.randn(3, 2**18, generator=torch.Generator().manual_seed(k)) for k in range(2))
    for order in (1, 2):
        assert renyi(z1, order=order, kernel="linear").isfinite()
        assert renyi(z1, z2, order=order, kernel="linear").isfinite()
        assert matrix_mi(z1, z2, order=order, kernel="linear").isfinite()


# ---- rounding, and rows without a direction --------------------------------------------------------------------


@pytest.mark.parametrize("scale", [30.0, 1e4, 1e5])
def test_no_entropy_of_order_two_exceeds_the_log_of_the_number_of_rows(scale: float) -> None:
    """Rows far apart in float32, whose norms do not cancel to the last digit."""
    z = scale * random_matrix(64, 8).float()
    assert renyi(z, sigma=1.0) <= math.log(64) + 1e-6
    assert matrix_mi(z, z, kernel="gaussian", sigma=1.0) <= math.log(64) + 1e-6


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7, 1e-9, -1e-7])
@pytest.mark.parametrize("kernel", ["linear", "gaussian"])
def test_orders_near_one_tend_to_it(distance: float, kernel: Kernel) -> None:
    z = random_matrix(64, 8).float().requires_grad_()
    near, at_one = (renyi(z, order=order, kernel=kernel) for order in (1 + distance, 1.0))
    # The derivative with respect to the order is minus half the variance of log p, here less than 2.
    torch.testing.assert_close(near, at_one, rtol=0, atol=2 * abs(distance) + 2e-6)
    slopes = [torch.autograd.grad(value, z)[0] for value in (near, at_one)]
    torch.testing.assert_close(*slopes, rtol=0, atol=(10 * abs(distance) + 1e-4) * slopes[1].abs().max().item())


@pytest.mark.parametrize("order", [0.9, 0.90000001, 1.1, 1.10000001, 60.0])
def test_orders_are_joined_without_a_step(order: float) -> None:
    a = random_matrix(6, 6)
    a = a @ a.T
    torch.testing.assert_close(matrix_entropy(a, order=order), spectral_entropy(a, order), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", [0.5, 0.95, 1, 1.05, 2, 3])
def test_gradient_of_a_matrix_of_any_trace(order: float) -> None:
    z = random_matrix(5, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: matrix_entropy(z @ z.T, order=order), (z,))


@pytest.mark.parametrize("order", [0.5, 1, 1.05, 2, 3])
@pytest.mark.parametrize("num_variables", [1, 2])
def test_rows_without_a_direction_are_left_out(order: float, num_variables: int) -> None:
    for num, dimension in ((16, 4), (4, 16), (16, 40)):
        variables = [random_matrix(num, dimension, seed=k) for k in range(num_variables)]
        variables[0][:3] = 0
        with_zeros = renyi(*variables, order=order, kernel="linear")
        without = renyi(*(z[3:] for z in variables), order=order, kernel="linear")
        torch.testing.assert_close(with_zeros, without, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("order", [0.5, 1, 1.05, 2, 3])
@pytest.mark.parametrize("shape", [(16, 4), (4, 16), (16, 40)])
def test_collapsed_rows_have_no_entropy(order: float, shape: tuple[int, int]) -> None:
    z = torch.zeros(shape, requires_grad=True)
    for value in (
        renyi(z, order=order, kernel="linear"),
        renyi(z, z, order=order, kernel="linear"),
        renyi(z, order=order),
        matrix_mi(z, z, order=order),
    ):
        (gradient,) = torch.autograd.grad(value, z)
        assert value.item() == pytest.approx(0, abs=1e-6)
        assert not gradient.any()


@pytest.mark.parametrize("order", [0.5, 1, 1.5, 2])
@pytest.mark.parametrize("kernel", ["linear", "gaussian"])
def test_what_is_not_a_number_stays_so(order: float, kernel: Kernel) -> None:
    z = random_matrix(16, 4)
    z[0, 0] = math.nan
    try:
        value = renyi(z, order=order, kernel=kernel)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined] # eigenvalues are not found
        return
    assert value.isnan()


def test_gradient_of_nearly_collapsed_rows_in_float32() -> None:
    z = 1e-4 * random_matrix(64, 8)
    exact, found = (
        torch.autograd.grad(renyi(point, order=1), point)[0]
        for point in (z.float().double().requires_grad_(), z.float().requires_grad_())
    )
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-3 * exact.abs().max().item())

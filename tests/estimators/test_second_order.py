"""Estimators from means and covariances: the authors' formulas, Gaussian closed forms, and both sides of a batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mvib.estimators import logdet as by_logdet
from mvib.estimators import rows
from mvib.estimators import tcr as by_tcr
from mvib.estimators.cca import cca
from mvib.estimators.cross_correlation import cross_correlation
from mvib.estimators.gram import gram, off_diagonal_square_sum, pair_moments, second_moment, smaller_side
from mvib.estimators.ldmi import ldmi
from mvib.estimators.log_determinant import log_det_one_plus
from mvib.estimators.logdet import logdet
from mvib.estimators.tcr import tcr
from mvib.estimators.variance_covariance import variance_covariance
from mvib.estimators.whitened_mse import information, whitened_mse
from tests.estimators.transcriptions import rate_of_labels

Loss = Callable[[Tensor, Tensor], Tensor]


def random_matrix(num: int, dimension: int, *, seed: int = 0) -> Tensor:
    return torch.randn(num, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(num=st.integers(1, 12), dimension=st.integers(1, 30), seed=st.integers(0, 2**31))
def test_both_sides_of_a_cross_product_give_the_same_sum(num: int, dimension: int, seed: int) -> None:
    a, b = random_matrix(num, dimension, seed=seed), random_matrix(num, dimension, seed=seed + 1)
    for left, right in ((a, b), (a, a)):
        product = left.T @ right
        expected = product.square().sum() - product.diagonal().square().sum()
        torch.testing.assert_close(off_diagonal_square_sum(left, right), expected, rtol=1e-10, atol=1e-10)


def test_few_examples_of_many_dimensions_never_form_the_large_matrix() -> None:
    # 2^20 squared numbers would take 4 TB.
    c = rows.centered(torch.randn(3, 2**20, generator=torch.Generator().manual_seed(0)))
    assert variance_covariance(c).isfinite()
    s = rows.standardized(c)
    assert cross_correlation(s, s).isfinite()


def test_uncorrelated_spread_columns_have_the_largest_entropy() -> None:
    c = torch.tensor([[2.0, 2], [2, -2], [-2, 2], [-2, -2]], dtype=torch.float64)
    assert variance_covariance(c).item() == 0
    assert variance_covariance(0.1 * c).item() < 0  # not spread
    assert variance_covariance(c[:, [0, 0]]).item() < 0  # redundant


def test_collapse_costs_the_whole_hinge_with_a_finite_gradient() -> None:
    z = torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    estimate = variance_covariance(rows.centered(z), std=25, gamma=1, eps=1e-4)
    (gradient,) = torch.autograd.grad(estimate, z)
    assert estimate.item() == pytest.approx(-25 * (1 - 0.01))
    assert gradient.isfinite().all()


def test_correlations_see_no_scale_and_the_hinge_does() -> None:
    c = rows.centered(random_matrix(9, 5))
    scale = torch.tensor([1.0, 2, 3, 4, 5], dtype=torch.float64)
    free, scaled = (variance_covariance(z, std=0, normalize=True) for z in (c, c * scale))
    torch.testing.assert_close(free, scaled, rtol=1e-12, atol=1e-12)
    assert variance_covariance(0.1 * c, normalize=True) < variance_covariance(c, normalize=True) < 0
    doubled = torch.cat([c[:, :1], c[:, :1]], dim=1)
    # Both entries off the diagonal of a 2 x 2 matrix are one.
    assert variance_covariance(doubled, std=0, cov=1, normalize=True).item() == pytest.approx(-0.5)


@pytest.mark.parametrize(("num", "dimension"), [(5, 3), (3, 5)])
def test_correlations_of_a_collapsed_batch_have_finite_gradients(num: int, dimension: int) -> None:
    z = random_matrix(num, dimension)
    z[:, 0] = 2.0
    for collapsed in (z.requires_grad_(), torch.ones(num, dimension, dtype=torch.float64, requires_grad=True)):
        value = variance_covariance(rows.centered(collapsed), normalize=True)
        assert value.isfinite()
        assert torch.autograd.grad(value, collapsed)[0].isfinite().all()


def test_printed_values_of_vibcreg(reference_views: tuple[Tensor, Tensor]) -> None:
    c1, c2 = map(rows.centered, reference_views)
    redundancy = -sum(float(variance_covariance(c, std=0, cov=1, normalize=True)) for c in (c1, c2))
    assert redundancy == pytest.approx(0.173899, abs=5e-7)
    entropies = sum(float(variance_covariance(c, cov=200, normalize=True)) for c in (c1, c2))
    distance = float((reference_views[0] - reference_views[1]).square().mean())
    assert 25 * distance - entropies == pytest.approx(50.738350, abs=5e-6)  # the rounding of eight digits


def test_entropy_surrogate_is_invariant_to_shifts_and_rotations_of_sign() -> None:
    z = random_matrix(9, 5)
    reference = variance_covariance(rows.centered(z))
    signs = torch.tensor([1.0, -1, 1, -1, -1], dtype=torch.float64)
    torch.testing.assert_close(variance_covariance(rows.centered(z * signs + 7)), reference, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("num", "dimension"), [(9, 4), (4, 19)])
def test_cross_correlation_is_invariant_to_affine_maps_of_columns(num: int, dimension: int) -> None:
    z1, z2 = random_matrix(num, dimension), random_matrix(num, dimension, seed=1)
    scale, shift = random_matrix(1, dimension, seed=2).abs() + 1, random_matrix(1, dimension, seed=3)

    def estimate(a: Tensor, b: Tensor) -> Tensor:
        return cross_correlation(rows.standardized(a, eps=1e-14), rows.standardized(b, eps=1e-14))

    torch.testing.assert_close(estimate(z1 * scale + shift, z2 / scale), estimate(z1, z2), rtol=1e-9, atol=1e-9)


def test_cross_correlation_of_identical_decorrelated_views_is_the_best() -> None:
    z = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    s = rows.standardized(z, eps=1e-14)
    assert cross_correlation(s, s).item() == pytest.approx(0, abs=1e-12)
    assert cross_correlation(s, -s).item() == pytest.approx(-8)


def test_weights_may_be_tensors() -> None:
    z = rows.standardized(random_matrix(6, 4))
    other = rows.standardized(random_matrix(6, 4, seed=1))
    weight = torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(cross_correlation(z, other, lambda_=weight), cross_correlation(z, other, lambda_=0.3))
    torch.testing.assert_close(variance_covariance(z, std=weight, cov=weight), variance_covariance(z, std=0.3, cov=0.3))


# ---- the authors' formulas -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    ours: Loss
    theirs: Loss


def random_views(num: int, dimension: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    z1 = random_matrix(num, dimension, seed=seed)
    z2 = 0.8 * z1 + 0.6 * random_matrix(num, dimension, seed=seed + 1) + 0.3
    return z1.requires_grad_(), z2.requires_grad_()


def eye_like(z: Tensor) -> Tensor:
    return torch.eye(z.shape[1], dtype=z.dtype)


def covariance(z1: Tensor, z2: Tensor, *, lost: int) -> Tensor:
    return (z1 - z1.mean(0)).T @ (z2 - z2.mean(0)) / (len(z1) - lost)


def gaussian_entropy(covariance: Tensor) -> Tensor:
    """The textbook's, by eigenvalues."""
    eigenvalues: Tensor = torch.linalg.eigvalsh(2 * math.pi * math.e * covariance)
    return 0.5 * eigenvalues.log().sum()


def noisy_entropy(z: Tensor, *, beta: float) -> Tensor:
    return gaussian_entropy(z.T @ z / len(z) + eye_like(z) / beta)


def corinfomax_tracker(z1: Tensor, z2: Tensor, *, eps: float) -> Tensor:
    """What the official code of CorInfoMax tracks, from the covariances of one batch; D / 4 of it."""
    dimension, ridge = z1.shape[1], eps * eye_like(z1)
    r1, r2, r12 = covariance(z1, z1, lost=0), covariance(z2, z2, lost=0), covariance(z1, z2, lost=0)
    error1 = r1 - r12 @ torch.linalg.inv(r2 + ridge) @ r12.T
    error2 = r2 - r12.T @ torch.linalg.inv(r1 + ridge) @ r12
    entropy1, entropy2, *conditional = (gaussian_entropy(r + ridge) for r in (r1, r2, error1, error2))
    tracked: Tensor = 2 * (entropy1 + entropy2 - sum(conditional)) / dimension
    return tracked * dimension / 4


def wmse(z1: Tensor, z2: Tensor, *, eps: float, size: int) -> Tensor:
    """The official code: whitening of each view by the inverse of its Cholesky factor, and 2 - 2 cos."""

    def whiten(z: Tensor) -> Tensor:
        shrunk = (1 - eps) * covariance(z, z, lost=1) + eps * eye_like(z)
        inverse: Tensor = torch.linalg.inv(torch.linalg.cholesky(shrunk))
        return (z - z.mean(0)) @ inverse.T

    losses = [
        (2 - 2 * (F.normalize(whiten(a)) * F.normalize(whiten(b))).sum(1)).sum()
        for a, b in zip(*(z.tensor_split(len(z) // size) for z in (z1, z2)), strict=True)
    ]
    return torch.stack(losses).sum() / len(z1)


def deep_cca(z1: Tensor, z2: Tensor, *, ridge: float) -> Tensor:
    """Symmetric roots by eigenvalues, and the trace norm of T; without the second ridge under the root."""

    def root(s: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(s + ridge * torch.eye(len(s), dtype=s.dtype))
        symmetric: Tensor = vectors @ torch.diag(values**-0.5) @ vectors.T
        return symmetric

    s11, s22, s12 = covariance(z1, z1, lost=1), covariance(z2, z2, lost=1), covariance(z1, z2, lost=1)
    t = root(s11) @ s12 @ root(s22)
    # With fewer rows than dimensions the other singular values are zero, and their roots have no gradient.
    correlations: Tensor = torch.linalg.svdvals(t)[: min(len(z1) - 1, z1.shape[1])]
    return correlations.sum()


def gaussian_information(z1: Tensor, z2: Tensor, *, ridge: float) -> Tensor:
    """The textbook's: canonical correlations squared are eigenvalues of S11^-1 S12 S22^-1 S21."""
    r = ridge * eye_like(z1)
    s11, s22, s12 = covariance(z1, z1, lost=1), covariance(z2, z2, lost=1), covariance(z1, z2, lost=1)
    explained = s12 @ torch.linalg.inv(s22 + r) @ s12.T
    return gaussian_entropy(s11 + r) - gaussian_entropy(s11 + r - explained)


def emp_ssl(z1: Tensor, z2: Tensor) -> Tensor:
    """The official code's discrepancy, summed over the views: unit rows, eps^2 = 0.2."""
    views = [F.normalize(z) for z in (z1, z2)]
    scalar = z1.shape[1] / (len(z1) * 0.2)
    return sum((0.5 * torch.linalg.eigvalsh(eye_like(z) + scalar * z.T @ z).log().sum() for z in views), z1.sum() * 0)


def m_mae(z1: Tensor, _: Tensor) -> Tensor:
    z = F.normalize(z1)
    eigenvalues: Tensor = torch.linalg.eigvalsh(eye_like(z) + 3.0 / z.shape[1] * z.T @ z)
    return eigenvalues.log().sum()


def on_centered(estimator: Callable[..., Tensor], **arguments: float | str | None) -> Loss:
    return lambda z1, z2: estimator(rows.centered(z1), rows.centered(z2), **arguments)


CASES = (
    Case(name="logdet", ours=lambda z1, _: logdet(z1, beta=3.0), theirs=lambda z1, _: noisy_entropy(z1, beta=3.0)),
    Case(
        name="logdet, centred",
        ours=lambda z1, _: logdet(z1, beta=3.0, center=True),
        theirs=lambda z1, _: noisy_entropy(z1 - z1.mean(0), beta=3.0),
    ),
    Case(
        name="logdet, information",
        ours=lambda z1, z2: by_logdet.information(z1, z2, beta=3.0),
        theirs=lambda z1, z2: (
            noisy_entropy(z1, beta=3.0) + noisy_entropy(z2, beta=3.0) - noisy_entropy(torch.cat([z1, z2], 1), beta=3.0)
        ),
    ),
    Case(
        name="logdet, conditional entropy",
        ours=lambda z1, z2: by_logdet.conditional_entropy(z1, z2, beta=3.0),
        theirs=lambda z1, z2: noisy_entropy(torch.cat([z1, z2], 1), beta=3.0) - noisy_entropy(z2, beta=3.0),
    ),
    Case(name="ldmi", ours=on_centered(ldmi, eps=0.1), theirs=lambda z1, z2: corinfomax_tracker(z1, z2, eps=0.1)),
    Case(
        name="whitened mse",
        ours=on_centered(whitened_mse, eps=0.1),
        theirs=lambda z1, z2: wmse(z1, z2, eps=0.1, size=len(z1)),
    ),
    Case(
        name="whitened mse, parts of 3",
        ours=on_centered(whitened_mse, eps=0.1, size=3),
        theirs=lambda z1, z2: wmse(z1, z2, eps=0.1, size=3),
    ),
    Case(name="cca", ours=on_centered(cca, ridge=0.1), theirs=lambda z1, z2: gaussian_information(z1, z2, ridge=0.1)),
    Case(
        name="deep cca",
        ours=on_centered(cca, ridge=0.1, objective="correlation"),
        theirs=lambda z1, z2: deep_cca(z1, z2, ridge=0.1),
    ),
    Case(name="emp-ssl", ours=lambda *views: sum_of_rates(*views, eps2=0.2), theirs=emp_ssl),
    Case(name="m-mae", ours=lambda z1, _: tcr(rows.unit(z1), mu=3.0), theirs=m_mae),
    Case(name="m-mae, default", ours=lambda z1, _: tcr(rows.unit(z1)), theirs=m_mae),
)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def sum_of_rates(*views: Tensor, eps2: float) -> Tensor:
    return torch.stack([tcr(rows.unit(z), eps2=eps2) for z in views]).sum()


# Shapes with N < D, D < N < 2 D and 2 D < N, and the edge N = D.
@each_case
@pytest.mark.parametrize(("num", "dimension"), [(12, 4), (9, 9), (9, 7), (6, 23)])
def test_value_and_gradient_are_the_authors(case: Case, num: int, dimension: int) -> None:
    views = random_views(num, dimension)
    ours, theirs = case.ours(*views), case.theirs(*views)
    assert ours.shape == ()
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    gradients = [torch.autograd.grad(value, views, materialize_grads=True) for value in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)  # theirs divides by differences of eigenvalues


@each_case
@pytest.mark.parametrize(("num", "dimension"), [(6, 2), (6, 4), (3, 6)])
def test_gradient_is_that_of_finite_differences(case: Case, num: int, dimension: int) -> None:
    assert torch.autograd.gradcheck(case.ours, random_views(num, dimension, seed=1))


@each_case
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(case: Case, dtype: torch.dtype) -> None:
    views = tuple(z.detach().to(dtype).requires_grad_() for z in random_views(18, 8))
    value = case.ours(*views)
    assert value.dtype == torch.float32
    gradients = torch.autograd.grad(value, views, materialize_grads=True)
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert gradients[0].abs().sum() > 0
    lifted = case.ours(*(z.detach().double() for z in views))
    torch.testing.assert_close(value.double(), lifted, rtol=1e-5, atol=1e-5)  # float32 after the rows are lifted


@each_case
def test_autocast_does_not_lower_the_precision(case: Case) -> None:
    views = tuple(z.detach().float().requires_grad_() for z in random_views(18, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = case.ours(*views)
        gradients = torch.autograd.grad(inside, views, materialize_grads=True)
    outside = case.ours(*views)
    torch.testing.assert_close(inside, outside)
    torch.testing.assert_close(gradients, torch.autograd.grad(outside, views, materialize_grads=True))


@each_case
@pytest.mark.parametrize(("num", "dimension"), [(2, 3), (6, 4), (4, 6)])
def test_a_collapsed_batch_has_a_finite_value_and_gradient(case: Case, num: int, dimension: int) -> None:
    views = tuple(torch.full((num, dimension), 2.0).requires_grad_() for _ in range(2))
    if "parts" in case.name:
        views = tuple(torch.full((6, dimension), 2.0).requires_grad_() for _ in range(2))
    value = case.ours(*views)
    gradients = torch.autograd.grad(value, views, materialize_grads=True)
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)


@each_case
def test_shapes_alone_are_enough(case: Case) -> None:
    assert case.ours(*(z.to("meta") for z in random_views(6, 4))).shape == ()


def test_all_compile_into_one_graph() -> None:
    def total(z1: Tensor, z2: Tensor) -> Tensor:
        return torch.stack([case.ours(z1, z2) for case in CASES]).sum()

    views = random_views(6, 4)
    compiled = torch.compile(total, fullgraph=True, backend="eager")(*views)
    torch.testing.assert_close(compiled, total(*views))


# ---- coding rates of labels --------------------------------------------------------------------------------------

LABELS = ([0, 1, 0, 2, 1, 0, 0, 5], [3, 3, 3, 3, 3, 3, 3, 3], [0, 1, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("dimension", [3, 11])
def test_rate_of_labels_is_that_of_mcr2(labels: list[int], dimension: int) -> None:
    z = random_matrix(8, dimension).requires_grad_()
    found = by_tcr.conditional_entropy(rows.unit(z), torch.tensor(labels), eps2=0.3)
    expected = rate_of_labels(z, labels, eps2=0.3)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    gradients = torch.autograd.grad(found, z), torch.autograd.grad(expected, z)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)  # theirs divides by differences of eigenvalues


@pytest.mark.parametrize("labels", LABELS)
def test_gradient_of_the_rate_of_labels_is_that_of_finite_differences(labels: list[int]) -> None:
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    target = torch.tensor(labels[:6])

    def estimate(z: Tensor, g: Tensor) -> Tensor:
        return by_tcr.conditional_entropy(rows.unit(z), target, eps2=0.5, gamma=g)

    assert torch.autograd.gradcheck(estimate, (random_matrix(6, 3).requires_grad_(), gamma))


def test_a_factor_of_the_scale_is_another_distortion() -> None:
    u = rows.unit(random_matrix(7, 4))
    torch.testing.assert_close(tcr(u, eps2=0.5, gamma=2.0), tcr(u, eps2=0.25), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(tcr(u, mu=0.5, gamma=2.0), tcr(u, mu=1.0), rtol=1e-12, atol=1e-12)


def test_one_label_has_the_rate_of_all_rows_and_several_have_less() -> None:
    u = rows.unit(random_matrix(12, 4))
    for mu, eps2 in ((2.0, None), (None, 0.5)):
        one = by_tcr.conditional_entropy(u, torch.zeros(12, dtype=torch.int64), mu=mu, eps2=eps2)
        torch.testing.assert_close(one, tcr(u, mu=mu, eps2=eps2), rtol=1e-12, atol=1e-12)
    assert by_tcr.conditional_entropy(u, torch.arange(12) % 3, eps2=0.5) < tcr(u, eps2=0.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rate_of_labels_in_half_precision(dtype: torch.dtype) -> None:
    u = rows.unit(random_matrix(9, 4)).to(dtype).requires_grad_()
    value = by_tcr.conditional_entropy(u, torch.arange(9) % 4, eps2=0.2)
    assert value.dtype == torch.float32
    assert torch.autograd.grad(value, u)[0].isfinite().all()


# ---- numbers of the authors' code ------------------------------------------------------------------------------


def assert_printed(value: Tensor, printed: float) -> None:
    torch.testing.assert_close(value.item(), printed, rtol=0, atol=5.1e-7)  # half of the last printed digit


Views = tuple[Tensor, Tensor]


@pytest.mark.parametrize(("beta", "printed"), [(1.0, 0.754398), (10.0, 3.280088)])
def test_printed_logdet_without_its_constant(reference_views: Views, beta: float, printed: float) -> None:
    z1, _ = reference_views
    assert_printed(logdet(z1, beta=beta) - by_logdet.constant(z1, beta=beta), printed)


def test_printed_gaussian_entropy(reference_views: Views) -> None:
    z1, _ = reference_views
    unbiased = z1 * math.sqrt(6 / 5)
    assert_printed(logdet(unbiased, beta=1e9, center=True), 4.166621)


def test_printed_ldmi(reference_views: Views) -> None:
    assert_printed(ldmi(*map(rows.centered, reference_views), eps=0.1), 1.904358)
    by_beta = by_logdet.information(*reference_views, beta=10, center=True)
    assert_printed(by_beta, 1.904358)


def test_printed_whitened_mse(reference_views: Views) -> None:
    assert_printed(whitened_mse(*map(rows.centered, reference_views), eps=0), 0.349271)
    assert_printed(-information(*map(rows.centered, reference_views), eps=0), 0.349271)


@pytest.mark.parametrize(("eps2", "printed"), [(0.5, 2.063309), (0.2, 3.367184)])
def test_printed_coding_rate(reference_views: Views, eps2: float, printed: float) -> None:
    assert_printed(tcr(rows.unit(reference_views[0]), eps2=eps2), printed)


def test_printed_rate_of_classes(reference_views: Views) -> None:
    """MCR2's R_c: the rates of the classes, each with its own number of rows, weighted by that number."""
    u = rows.unit(reference_views[0])
    of_labels = by_tcr.conditional_entropy(u, torch.tensor([0, 0, 1, 1, 2, 2]), eps2=0.5)
    assert_printed(of_labels, 1.561291)
    assert_printed(of_labels - tcr(u, eps2=0.5), -0.502019)


def test_printed_rate_of_emp_ssl_on_raw_rows(reference_views: Views) -> None:
    assert_printed(torch.stack([tcr(z, eps2=0.2) for z in reference_views]).mean(), 4.337566)


def test_printed_rate_of_m_mae(reference_views: Views) -> None:
    assert_printed(tcr(rows.unit(reference_views[0]), mu=3), 2.849028)


# ---- laws with known answers -----------------------------------------------------------------------------------


def rows_of_covariance(covariance: Tensor, num: int) -> Tensor:
    """Rows whose mean is exactly 0 and whose biased covariance is exactly the given one."""
    white = random_matrix(num, len(covariance))
    orthonormal: Tensor = torch.linalg.qr(white - white.mean(0)).Q * math.sqrt(num)
    factor: Tensor = torch.linalg.cholesky(covariance)
    return orthonormal @ factor.T


def correlated(correlations: Tensor) -> Tensor:
    """Covariance of two variables whose columns correlate in pairs, seen through a random map of each."""
    dimension = len(correlations)
    eye = torch.eye(dimension, dtype=torch.float64)
    joint = torch.cat([torch.cat([eye, correlations.diag()], 1), torch.cat([correlations.diag(), eye], 1)])
    mix = torch.zeros(2 * dimension, 2 * dimension, dtype=torch.float64)
    mix[:dimension, :dimension] = random_matrix(dimension, dimension, seed=3) + 2 * eye
    mix[dimension:, dimension:] = random_matrix(dimension, dimension, seed=4) + 2 * eye
    return mix @ joint @ mix.T


@pytest.mark.parametrize("dimension", [1, 3, 16])
def test_information_of_gaussian_moments_is_exact(dimension: int) -> None:
    rho = torch.linspace(0.1, 0.95, dimension, dtype=torch.float64)
    expected = -0.5 * torch.log1p(-rho.square()).sum()
    c1, c2 = rows_of_covariance(correlated(rho), 64).tensor_split(2, dim=1)
    # Noise or ridge of 1e-10 of the smallest variance of interest moves the information by no more than 1e-7.
    for value in (ldmi(c1, c2, eps=1e-10), cca(c1, c2, ridge=1e-10), by_logdet.information(c1, c2, beta=1e10)):
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-6)
    total = cca(c1, c2, ridge=1e-10, objective="correlation")
    torch.testing.assert_close(total, rho.sum(), rtol=1e-6, atol=1e-6)


def test_entropies_of_gaussian_moments_are_exact_and_chain() -> None:
    joint = correlated(torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64))
    c1, c2 = rows_of_covariance(joint, 64).tensor_split(2, dim=1)
    both = torch.cat([c1, c2], dim=1)
    torch.testing.assert_close(logdet(both, beta=1e10), gaussian_entropy(joint), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(logdet(c1, beta=1e10), gaussian_entropy(joint[:3, :3]), rtol=1e-7, atol=1e-7)
    conditional = by_logdet.conditional_entropy(c1, c2, beta=7.0)
    torch.testing.assert_close(conditional + logdet(c2, beta=7.0), logdet(both, beta=7.0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(logdet(c1, beta=7.0) - conditional, by_logdet.information(c1, c2, beta=7.0))


def test_logdet_is_above_the_entropy_and_falls_to_it_with_beta() -> None:
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(4000, 2, generator=generator, dtype=torch.float64)  # entropy 0, mean 1/2
    values = [logdet(uniform, beta=beta, center=True).item() for beta in (1.0, 10.0, 100.0, 1e6)]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0.3  # a Gaussian of variance 1/12 has 0.177 nats a dimension
    assert logdet(uniform, beta=1e6) > values[-1]  # the mean mixed in
    normal = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
    # Three standard errors of the log-determinant, sqrt(2 D / N) / 2.
    assert logdet(normal, beta=1e6).item() == pytest.approx(math.log(2 * math.pi * math.e), abs=0.05)


def test_constant_of_logdet_is_the_entropy_of_the_noise() -> None:
    z = random_matrix(5, 3)
    beta = torch.tensor(4.0, dtype=torch.float64)
    torch.testing.assert_close(logdet(0 * z, beta=beta), torch.as_tensor(by_logdet.constant(z, beta=beta)))
    torch.testing.assert_close(by_logdet.constant(z, beta=4.0), gaussian_entropy(torch.eye(3) / 4).item())
    assert by_logdet.constant(z, z, beta=4.0) == 0  # entropies of the noise cancel in the information


def test_uncorrelated_but_dependent_variables_have_no_second_order_information() -> None:
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
    c1, c2 = rows.centered(x), rows.centered(x.square())
    for value in (ldmi(c1, c2), cca(c1, c2), by_logdet.information(c1, c2, beta=10, center=True)):
        assert value.item() == pytest.approx(0, abs=1e-12)


# ---- both sides of a batch -------------------------------------------------------------------------------------


def on_other_side(z: Tensor) -> Tensor:
    """The same rows with so many columns of zeros that their number exceeds that of the rows."""
    return F.pad(z, (0, len(z)))


BOTH_SIDES: tuple[tuple[str, Loss], ...] = (
    ("logdet", lambda z1, _: logdet(z1, beta=3.0) - by_logdet.constant(z1, beta=3.0)),
    ("logdet, information", lambda z1, z2: by_logdet.information(z1, z2, beta=3.0)),
    ("ldmi", lambda z1, z2: ldmi(z1, z2, eps=1e-3)),
    ("cca", lambda z1, z2: cca(z1, z2, ridge=1e-3)),
    ("deep cca", lambda z1, z2: cca(z1, z2, ridge=1e-3, objective="correlation")),
    ("tcr", lambda z1, _: tcr(z1, mu=float(z1.shape[1]))),
    ("variance_covariance", lambda z1, _: variance_covariance(z1, std=0) * z1.shape[1]),
)


@pytest.mark.parametrize("estimator", [e for _, e in BOTH_SIDES], ids=[name for name, _ in BOTH_SIDES])
@pytest.mark.parametrize(("num", "dimension"), [(12, 5), (8, 7)])
def test_both_sides_of_a_batch_give_the_same(estimator: Loss, num: int, dimension: int) -> None:
    views = random_views(num, dimension)
    here, there = estimator(*views), estimator(*(on_other_side(z) for z in views))
    torch.testing.assert_close(here, there, rtol=1e-10, atol=1e-10)
    gradients = [torch.autograd.grad(value, views, materialize_grads=True) for value in (here, there)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)  # the deep CCA factors matrices of condition 10^4


def test_moments_lie_on_the_smaller_side() -> None:
    for num, dimension in ((3, 7), (7, 3), (5, 5)):
        moment, total = smaller_side(random_matrix(num, dimension))
        assert len(moment) == min(num, dimension)
        assert total == num
    assert [len(m) for m in pair_moments(random_matrix(7, 4), random_matrix(7, 5))[:3]] == [7, 7, 7]
    assert [len(m) for m in pair_moments(random_matrix(9, 4), random_matrix(9, 5))[:3]] == [4, 5, 9]


def test_gradients_of_products() -> None:
    z = random_matrix(4, 3).requires_grad_()
    weight = random_matrix(4, 4, seed=1)  # not symmetric
    assert torch.autograd.gradcheck(lambda z: (gram(z) * weight).sum(), (z,))
    assert torch.autograd.gradcheck(lambda z: (second_moment(z) * weight[:3, :3]).sum(), (z,))
    assert torch.autograd.gradgradcheck(lambda z: gram(z).pow(3).sum() + second_moment(z).pow(3).sum(), (z,))


def test_gradient_of_scales() -> None:
    z = random_matrix(6, 3)
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: log_det_one_plus(s, z.T @ z), (scale,))
    assert torch.autograd.gradcheck(lambda s: logdet(z, beta=s), (scale,))
    assert torch.autograd.gradcheck(lambda s: tcr(z, mu=s) + tcr(z, eps2=s) + ldmi(z, z + 1, eps=s), (scale,))
    assert torch.autograd.gradcheck(lambda s: variance_covariance(z, std=s, cov=2 * s), (scale,))


@pytest.mark.parametrize("dimension", [3, 9])
def test_gradient_of_variance_covariance_at_both_sides_of_the_hinge(dimension: int) -> None:
    z = random_matrix(6, dimension).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: variance_covariance(rows.centered(z), std=2.0, cov=3.0), (z,))
    deviations = z.detach().std(dim=0)
    assert (deviations < 1).any()
    assert (deviations > 1).any()


# ---- hard cases ------------------------------------------------------------------------------------------------


def test_log_determinant_with_fewer_rows_than_dimensions_is_finite() -> None:
    """The log-determinant of a 64 x 128 batch is about -1014 or nan where nothing is added to the covariance."""
    z = torch.randn(64, 128, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for beta in (1.0, 1e3):
        value = logdet(z, beta=beta, center=True)
        (gradient,) = torch.autograd.grad(value, z)
        assert gradient.isfinite().all()
        # float32 has 7 digits, of which beta times the largest moment over the smallest that counts, 1, takes some.
        exact = logdet(z.detach().double(), beta=beta, center=True)
        torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=1e-4)


def test_float32_of_ldmi_and_cca_is_as_good_as_float64() -> None:
    c1, c2 = (rows.centered(z.detach()) for z in random_views(64, 48))
    estimators: tuple[Loss, ...] = (lambda a, b: ldmi(a, b, eps=1e-8), lambda a, b: cca(a, b, ridge=1e-8))
    for estimator in estimators:
        narrow, wide = estimator(c1.float(), c2.float()), estimator(c1.float().double(), c2.float().double())
        assert narrow.dtype == torch.float32
        torch.testing.assert_close(narrow, wide.float(), rtol=1e-6, atol=0)


def test_few_rows_of_many_dimensions_never_form_the_large_matrix_of_a_log_determinant() -> None:
    # (2^18)^2 numbers would take 256 GB.
    z1, z2 = (torch.randn(3, 2**18, generator=torch.Generator().manual_seed(k)) for k in range(2))
    values = (
        logdet(z1),
        by_logdet.information(z1, z2),
        tcr(rows.unit(z1)),
        ldmi(rows.centered(z1), rows.centered(z2)),
        cca(rows.centered(z1), rows.centered(z2), objective="correlation"),
    )
    assert all(value.isfinite() for value in values)


def test_equal_canonical_correlations_have_a_finite_gradient() -> None:
    z = rows_of_covariance(torch.eye(4, dtype=torch.float64), 16).requires_grad_()
    value = cca(z, z.detach(), objective="correlation", ridge=1e-3)
    (gradient,) = torch.autograd.grad(value, z)
    assert value.item() == pytest.approx(4, rel=2e-3)
    assert gradient.isfinite().all()


def test_a_coding_rate_has_one_scale() -> None:
    with pytest.raises(ValueError, match="takes one scale, `mu` or `eps2`"):
        tcr(random_matrix(4, 3), mu=1.0, eps2=0.5)


# ---- invariances -----------------------------------------------------------------------------------------------


def rotation(dimension: int, *, seed: int = 9) -> Tensor:
    orthogonal: Tensor = torch.linalg.qr(random_matrix(dimension, dimension, seed=seed)).Q
    return orthogonal


@pytest.mark.parametrize(("num", "dimension"), [(12, 4), (4, 9)])
def test_log_determinants_do_not_depend_on_axes(num: int, dimension: int) -> None:
    z1, z2 = (z.detach() for z in random_views(num, dimension))
    turned1, turned2 = z1 @ rotation(dimension), z2 @ rotation(dimension, seed=8)
    estimators: tuple[Loss, ...] = (
        lambda a, _: logdet(a),
        by_logdet.information,
        by_logdet.conditional_entropy,
        on_centered(ldmi),
        on_centered(cca),
        on_centered(cca, objective="correlation"),
        lambda a, _: tcr(rows.unit(a)),
    )
    for estimator in estimators:
        # The joint of N < D rows has eigenvalues of 10^3 over those of the ridge: 10^-10 of them is left.
        torch.testing.assert_close(estimator(turned1, turned2), estimator(z1, z2), rtol=1e-8, atol=1e-8)


def test_shifts_and_exchanges_leave_information() -> None:
    z1, z2 = (z.detach() for z in random_views(12, 4))
    for estimator in (on_centered(ldmi), on_centered(cca), on_centered(whitened_mse)):
        torch.testing.assert_close(estimator(z1 + 3, z2 - 5), estimator(z1, z2), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(estimator(z2, z1), estimator(z1, z2), rtol=1e-9, atol=1e-9)


def test_canonical_correlations_survive_any_invertible_map() -> None:
    z1, z2 = (z.detach() for z in random_views(40, 4))
    mixed = z1 @ (random_matrix(4, 4, seed=5) + 2 * torch.eye(4, dtype=torch.float64))
    for objective in ("information", "correlation"):
        estimator = on_centered(cca, ridge=1e-12, objective=objective)
        torch.testing.assert_close(estimator(mixed, z2), estimator(z1, z2), rtol=1e-8, atol=1e-8)


def test_whitening_undoes_lower_triangular_maps() -> None:
    z1, z2 = (z.detach() for z in random_views(40, 4))
    lower = random_matrix(4, 4, seed=5).tril(-1) + torch.diag(torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64))
    estimator = on_centered(whitened_mse, eps=0.0)
    torch.testing.assert_close(estimator(z1 @ lower.T + 1, z2), estimator(z1, z2), rtol=1e-9, atol=1e-9)
    assert estimator(z1 @ lower.T, z1).item() == pytest.approx(0, abs=1e-12)


def test_coding_rate_ignores_the_norm_of_rows_and_likes_spread() -> None:
    z = random_matrix(8, 4)
    scaled = z * (random_matrix(8, 1, seed=2).abs() + 0.1)
    torch.testing.assert_close(tcr(rows.unit(scaled)), tcr(rows.unit(z)), rtol=1e-12, atol=1e-12)
    even = torch.eye(4, dtype=torch.float64).repeat(2, 1)
    cap = 4 * math.log(1 + 3 / 4 * 8 / 4)
    assert tcr(even).item() == pytest.approx(cap)
    assert tcr(rows.unit(z)) < cap
    assert tcr(torch.ones_like(z) / 2).item() == pytest.approx(math.log(1 + 3 / 4 * 8))


def test_weights_of_whitening_parts_are_their_rows() -> None:
    """Seven rows in parts of at least three: four and three."""
    c1, c2 = (rows.centered(z.detach()) for z in random_views(7, 2))
    whole = whitened_mse(c1, c2, size=3)
    parts = [whitened_mse(*(rows.centered(c) for c in part)) for part in ((c1[:4], c2[:4]), (c1[4:], c2[4:]))]
    torch.testing.assert_close(whole, (4 * parts[0] + 3 * parts[1]) / 7)


# ---- rows without a direction, and covariances without an inverse -----------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_zero_row_of_a_whitened_view_has_no_gradient(dtype: torch.dtype) -> None:
    c = random_matrix(12, 3, seed=0).to(dtype).detach()
    c[0] = 0
    c, other = c.requires_grad_(), random_matrix(12, 3, seed=1).to(dtype).detach()
    (gradient,) = torch.autograd.grad(whitened_mse(c, other), c)
    # Through the covariance alone, to which every row adds its own multiple.
    assert gradient[0].abs().max() < 1e-5
    assert gradient[1:].any()


@pytest.mark.parametrize(
    ("estimate", "argument"),
    [
        (lambda c: whitened_mse(c, c, eps=0), "eps"),
        (lambda c: cca(c, c, ridge=1e-30), "ridge"),
        (lambda c: cca(c, c, ridge=1e-30, objective="correlation"), "ridge"),
        (lambda c: ldmi(c, c, eps=1e-30), "eps"),
        (lambda c: logdet(c, beta=1e30), "beta"),
        (lambda c: tcr(c, mu=1e30), "mu"),
    ],
    ids=["whitened_mse", "cca", "correlation", "ldmi", "logdet", "tcr"],
)
def test_what_to_do_about_a_singular_covariance_is_said(estimate: Callable[[Tensor], Tensor], argument: str) -> None:
    c = rows.centered(random_matrix(12, 3, seed=0))
    doubled = torch.cat([c, c], dim=1)
    with pytest.raises(torch.linalg.LinAlgError, match=f"`{argument}`"):  # type: ignore[attr-defined]
        estimate(doubled)

"""The truth table: every estimator, called in its ways, with what the mean of each call must be on the laws."""

import math
from collections.abc import Callable
from functools import partial

import torch
from scipy.special import ive
from torch import Tensor

from mvib.catalogue.signature import Form
from mvib.data.laws import Kind, Law, symmetric_channel
from mvib.estimators import adversarial, dv, infonce, jsd, nwj, smile, tuba
from mvib.estimators import tcr as by_tcr
from mvib.estimators.barber_agakov import barber_agakov
from mvib.estimators.club import club
from mvib.estimators.cross_entropy import cross_entropy
from mvib.estimators.l1out import l1out
from mvib.estimators.mmd import mmd
from mvib.estimators.patch_infonce import patch_infonce
from mvib.estimators.rate import rate
from mvib.estimators.rows import unit
from mvib.estimators.supcon import supcon
from mvib.nn.distributions import DiagonalGaussian, StandardNormal
from tests.estimators.truth.row import (
    Measure,
    Row,
    batch,
    contrast_deficit,
    has_density,
    has_light_ratio,
    has_normal_x,
    information,
    is_gaussian,
    is_independent,
    nothing,
    on_density,
    on_rows,
    on_scores,
    same_width,
)

LOG_2 = math.log(2)
LOG_2_PI_E = math.log(2 * math.pi * math.e)


# Critics. r is the exact log-ratio. The other critic is bounded, so that the direction is tested on laws where e^r has
# no variance: a bound holds for any critic.


def best(shift: float = 0.0) -> Callable[[Tensor], Tensor]:
    return lambda r: r + shift


def bounded(r: Tensor) -> Tensor:
    """A critic whose exponential lies between 1/2 and 3/2."""
    return (0.5 + r.sigmoid()).log()


def logarithm_bias(law: Law, num: int) -> float:
    """Of the log of a mean of e^r over all pairs: half its relative variance (e^(2I) - 1) / n^2, doubled."""
    return math.exp(2 * law.information) / num**2


def of_light_ratio(law: Law, _num: int = 0) -> float | None:
    return law.information if has_light_ratio(law) else None


def twice_js_less_constant(law: Law, _num: int) -> float | None:
    """Population of `jsd` at the log-ratio: 2 JS(p, pp) - 2 log 2, from the table of a discrete law."""
    if is_independent(law):
        return -2 * LOG_2
    if law.kind is not Kind.DISCRETE:
        return None
    values = torch.arange(5, dtype=torch.float64)[:, None]
    r = law.log_ratio(values[:, None], values[None])
    return ((r.exp() * -torch.nn.functional.softplus(-r) - torch.nn.functional.softplus(r)).sum() / 25).item()


CRITICS = (
    Row(
        name="nwj",
        about="best critic",
        measure=on_scores(nwj.nwj, best(1.0)),
        quantity=of_light_ratio,
        gap=nothing,
    ),
    Row(name="nwj", about="bounded critic", measure=on_scores(nwj.nwj, bounded), quantity=information),
    Row(
        name="tuba",
        about="best critic, baseline 2",
        measure=on_scores(partial(tuba.tuba, baseline=2.0), best(LOG_2)),
        quantity=of_light_ratio,
        gap=nothing,
    ),
    Row(name="tuba", about="bounded critic", measure=on_scores(tuba.tuba, bounded), quantity=information),
    Row(
        name="dv",
        about="best critic and a constant",
        measure=on_scores(dv.dv, best(-3.0)),
        quantity=of_light_ratio,
        gap=logarithm_bias,
        slack=logarithm_bias,
    ),
    Row(
        name="dv",
        about="bounded critic",
        measure=on_scores(dv.dv, bounded),
        quantity=information,
        # Variance of e^T at most 1/4, of its mean over all pairs at most four times that over n, its mean at least 1/2.
        slack=lambda _, num: 2 / num,
    ),
    Row(
        name="smile",
        about="no clip",
        measure=on_scores(partial(smile.smile, clip=math.inf), best()),
        population=of_light_ratio,
        bias=logarithm_bias,
    ),
    Row(
        name="smile",
        about="clip 5",
        measure=on_scores(smile.smile, best()),
        # The log-ratios of a symmetric channel and of independent variables are below the clip.
        population=lambda law, _: law.information if law.kind is Kind.DISCRETE or is_independent(law) else None,
        bias=logarithm_bias,
        cap=lambda law, x, y: law.log_ratio(x, y).mean() + 5.0,
    ),
    Row(
        name="jsd",
        measure=on_scores(jsd.jsd, best()),
        population=twice_js_less_constant,
        cap=lambda _law, x, _y: x.new_zeros(()),
    ),
)


# Conditional densities: those of the Gaussian laws. Y is standard normal.


def with_channel(law: Law) -> float | None:
    return law.information if law.conditional is not None else None


def noise_variances(law: Law) -> Tensor:
    assert law.conditional is not None
    _, std = law.conditional(torch.zeros(1, law.dim_x, dtype=torch.float64))
    return std[0].square()


def club_population(law: Law, _num: int) -> float | None:
    """E log p(y | x) over p less over pp: rho^2 / (1 - rho^2) for each pair (Cheng et al. 2020)."""
    if law.conditional is None:
        return None
    return (1 / noise_variances(law) - 1).sum().item()


def l1out_excess(law: Law, num: int) -> float:
    """Of the log of a mean over n - 1 pairs of e^r: half its relative variance where that is small, doubled."""
    return math.expm1(2 * law.information) / (num - 1) if law.information <= 1 else math.inf


def information_of_one_width(law: Law) -> float | None:
    return law.information if same_width(law) else None


def to_prior(posterior: DiagonalGaussian, _y: Tensor) -> Tensor:
    return rate(posterior, StandardNormal())


def to_wrong_reference(posterior: DiagonalGaussian, _y: Tensor) -> Tensor:
    wrong = DiagonalGaussian(mean=torch.full_like(posterior.mean, 0.3), std=torch.full_like(posterior.mean, 1.5))
    return rate(posterior, wrong)


def sampled_rate(posterior: DiagonalGaussian, y: Tensor) -> Tensor:
    return rate(posterior, StandardNormal(), sample=y, form="sampled")


SHARE = 0.6


def to_wider_context(shrink: float) -> Measure:
    """Rate of Z = Y given C, a noisy copy of X of correlation SHARE, with p(z | c) or a shrunk one as reference."""

    def measure(law: Law, x: Tensor, y: Tensor) -> Tensor:
        assert law.conditional is not None
        context = SHARE * x + math.sqrt(1 - SHARE**2) * torch.randn_like(x)
        mean, std = law.conditional(x)
        mean_from_context, _ = law.conditional(SHARE * context)
        squared = (1 - std.square()) * SHARE**2
        reference = DiagonalGaussian(mean=shrink * mean_from_context, std=(1 - squared).sqrt())
        return rate(DiagonalGaussian(mean=mean, std=std), reference, sample=y, form="sampled")

    return measure


def information_beside_context(law: Law) -> float | None:
    """I(X; Z | C) = I(X; Z) - I(C; Z), since Z depends on X alone."""
    if law.conditional is None:
        return None
    squared = (1 - noise_variances(law)) * SHARE**2
    return law.information + (1 - squared).log().sum().item() / 2


def less_entropy_of_y(law: Law) -> float | None:
    """What is left of I(X; Y) without the term H(Y), which the estimate drops."""
    if law.conditional is None:
        return None
    assert law.entropy_y is not None
    return law.information - law.entropy_y


def labels(factor: float) -> Measure:
    """Cross-entropy of the label Y and logits of it given X: the law's own, times a factor."""

    def measure(law: Law, x: Tensor, y: Tensor) -> Tensor:
        assert law.entropy_y is not None
        values = torch.arange(round(math.exp(law.entropy_y)), dtype=torch.float64)[:, None]
        return cross_entropy(factor * law.log_ratio(x[:, None], values[None]), y[:, 0].long())

    return measure


def distributions(law: Law, x: Tensor, _y: Tensor) -> Tensor:
    """Cross-entropy of the law's own distribution of the label given X and its logits."""
    assert law.entropy_y is not None
    values = torch.arange(round(math.exp(law.entropy_y)), dtype=torch.float64)[:, None]
    logits = law.log_ratio(x[:, None], values[None])
    return cross_entropy(logits, logits.softmax(dim=1))


def conditional_entropy_of_label(law: Law) -> float | None:
    if law.kind is not Kind.DISCRETE:
        return None
    assert law.entropy_y is not None
    return law.entropy_y - law.information


def with_less_error(step: int) -> Law:
    return symmetric_channel(num_values=5, error=(0.8, 0.5, 0.3, 0.1)[step])


DENSITIES = (
    Row(
        name="club",
        measure=on_density(club),
        quantity=with_channel,
        population=club_population,
    ),
    Row(
        name="club",
        about="shuffle",
        words={"negatives": "shuffle"},
        measure=on_density(partial(club, negatives="shuffle")),
        quantity=with_channel,
        population=club_population,
    ),
    Row(name="l1out", measure=on_density(l1out), quantity=with_channel, gap=l1out_excess),
    Row(name="rate", measure=on_density(to_prior), quantity=with_channel, gap=nothing),
    Row(name="rate", about="sampled", measure=on_density(sampled_rate), quantity=with_channel, gap=nothing),
    Row(name="rate", about="wrong reference", measure=on_density(to_wrong_reference), quantity=with_channel),
    Row(
        name="rate",
        form=Form.CONDITIONAL_INFORMATION,
        about="best reference",
        measure=to_wider_context(1.0),
        quantity=information_beside_context,
        gap=nothing,
    ),
    Row(
        name="rate",
        form=Form.CONDITIONAL_INFORMATION,
        about="wrong reference",
        measure=to_wider_context(0.4),
        quantity=information_beside_context,
    ),
    Row(name="barber_agakov", measure=on_density(barber_agakov), quantity=less_entropy_of_y, gap=nothing),
    Row(
        name="barber_agakov",
        about="wrong density",
        measure=on_density(barber_agakov, shrink=0.5, widen=1.3),
        quantity=less_entropy_of_y,
    ),
    Row(
        name="barber_agakov",
        form=Form.CONDITIONAL_ENTROPY,
        about="wrong density",
        measure=on_density(lambda q, y: -barber_agakov(q, y), shrink=0.5, widen=1.3),
        quantity=lambda law: conditional_entropy(law) if law.conditional is not None else None,
    ),
    Row(
        name="cross_entropy",
        form=Form.CONDITIONAL_ENTROPY,
        measure=labels(1.0),
        quantity=conditional_entropy_of_label,
        gap=nothing,
        family=with_less_error,
    ),
    Row(
        name="cross_entropy",
        form=Form.CONDITIONAL_ENTROPY,
        about="wrong logits",
        measure=labels(0.4),
        quantity=conditional_entropy_of_label,
        family=with_less_error,
    ),
    Row(
        name="cross_entropy",
        form=Form.CONDITIONAL_ENTROPY,
        about="distributions",
        measure=distributions,
        quantity=conditional_entropy_of_label,
        gap=nothing,
        family=with_less_error,
    ),
)


# Means and covariances.


def log_wishart(dim: int, dof: int) -> float:
    """E log det S / 2 for the second moments S of `dof` rows of the standard normal (Wishart; Anderson 2003, 7.5.3)."""
    halves = (dof - torch.arange(dim, dtype=torch.float64)) / 2
    return (torch.digamma(halves) - math.log(dof / 2)).sum().item() / 2


def gaussian_information(law: Law, dof: int) -> float | None:
    """Mean of the log-determinant estimate: the bias is that of the determinants, and the same for all covariances."""
    if not is_gaussian(law):
        return None
    bias = log_wishart(law.dim_x, dof) + log_wishart(law.dim_y, dof) - log_wishart(law.dim_x + law.dim_y, dof)
    return law.information + bias


def gaussian_entropy(law: Law, dof: int) -> float | None:
    if not is_gaussian(law):
        return None
    assert law.entropy_x is not None
    return law.entropy_x + log_wishart(law.dim_x, dof)


def gaussian_conditional_entropy(law: Law, dof: int) -> float | None:
    if not is_gaussian(law):
        return None
    assert law.entropy_xy is not None
    assert law.entropy_y is not None
    known = law.entropy_xy - law.entropy_y
    return known + log_wishart(law.dim_x + law.dim_y, dof) - log_wishart(law.dim_y, dof)


def conditional_entropy(law: Law) -> float | None:
    return law.entropy_xy - law.entropy_y if law.entropy_xy is not None and law.entropy_y is not None else None


def determinant_bias(dim: int, num: int) -> float:
    """Twice what the log-determinant of a Gaussian's moments is too low, to first order: D (D + 1) / (4 N)."""
    return dim * (dim + 1) / (2 * num)


BETA, EPS = 1e9, 1e-9
NUM_FOR_COVARIANCE = 512


def noise_bias(law: Law, _num: int) -> float:
    """Of the log-determinants for noise of variance 1e-9: no eigenvalue of the table's laws is below 0.01."""
    return 2e-7 * (law.dim_x + law.dim_y)


def mean_squared_difference(law: Law, _num: int) -> float | None:
    """E (x - y)^2 = 2 (1 - rho), averaged over dimensions."""
    if law.conditional is None:
        return None
    return (2 * (1 - (1 - noise_variances(law)).sqrt())).mean().item()


def isotropic_coding_rate(law: Law, num: int) -> float | None:
    """What `tcr` with mu = 3 tends to for rows spread evenly over the sphere: its cap."""
    return coding_rate_cap(law.dim_x, num, scale=3 / law.dim_x) if has_normal_x(law) else None


def label_of(y: Tensor) -> Tensor:
    """Y where it is a whole number from 0 on, else whether its first number is positive."""
    values = y[:, 0]
    return values.long() if (values == values.round()).all() and (values >= 0).all() else (values > 0).long()


def coded(x: Tensor) -> Tensor:
    """Rows that are orthogonal for different whole numbers, else the rows."""
    whole = x.shape[1] == 1 and bool((x == x.round()).all())
    return torch.nn.functional.one_hot(x[:, 0].long()).double() if whole else unit(x)


def given_a_label(law: Law) -> Tensor | None:
    """p(x | y) of a symmetric channel, the same for all labels but for their order."""
    if not law.name.startswith("symmetric channel"):
        return None
    assert law.entropy_x is not None
    number = round(math.exp(law.entropy_x))
    values = torch.arange(number, dtype=torch.float64)[:, None]
    return law.log_ratio(values, torch.zeros_like(values)).exp() / number


def rate_of_channel(law: Law, _num: int) -> float | None:
    """Of orthogonal rows, D of them: the moments of a label are diagonal, n p(x | y), and the scale D / (n / 2)."""
    shares = given_a_label(law)
    return None if shares is None else (2 * len(shares) * shares).log1p().sum().item() / 2


def few_rows_of_labels(law: Law, num: int) -> float:
    """Half the variance of log(1 + s f), f a share p of m rows: s^2 p / (2 m (1 + s p)^2) <= s / (2 m); doubled."""
    shares = given_a_label(law)
    assert shares is not None
    number = len(shares)
    return 2 * number * 2 * number / (2 * num / number) / 2


def coding_rate_cap(dim: int, num: int, *, scale: float) -> float:
    smaller = min(num, dim)
    return smaller * math.log1p(scale * num / smaller)


def log_mean_square(num: int, dim: int) -> float:
    """Minus log of the mean squared entry of a Gram matrix of n even unit rows: 1 on the diagonal, 1 / D off it."""
    return -math.log(1 / num + (1 - 1 / num) / dim)


def of_wide_kernel(name: str, form: Form) -> Measure:
    """Order 2 with Gaussian kernels of variance D."""

    def measure(law: Law, x: Tensor, y: Tensor) -> Tensor:
        return on_rows(name, form, order=2.0, kernel="gaussian", sigma=math.sqrt(law.dim_x))(law, x, y)

    return measure


def mean_square(num: int, law: Law, *, with_y: bool = True) -> float:
    """Mean squared entry of the kernel matrix of variance D of X, or of its product with Y's.

    A squared kernel of a difference of variance 2 has mean (1 + 4 / D)^(-1/2) a dimension; the product for a pair of
    correlation rho ((1 + 4 / D)^2 - (4 rho / D)^2)^(-1/2).
    """
    of_one = 4 / law.dim_x
    correlation = (1 - noise_variances(law)).sqrt()
    joint = ((1 + of_one) ** 2 - (of_one * correlation).square()).rsqrt().prod().item()
    off_diagonal = joint if with_y else (1 + of_one) ** (-law.dim_x / 2)
    return 1 / num + (1 - 1 / num) * off_diagonal


def log_of_mean_bias(_law: Law, num: int) -> float:
    """Of minus the log of a mean over n^2 pairs: half its relative variance, which is at most 4 / n."""
    return 4 / num


def normal_sigreg() -> float:
    """Mean of the statistic for normal rows, whatever their number: N E |phi_N - phi|^2 = 1 - phi^2, integrated."""
    t = torch.linspace(0, 3, 17, dtype=torch.float64)
    return 2 * torch.trapezoid((1 - (-t.square()).exp()) * (-t.square() / 2).exp(), t).item()


SECOND_ORDER = (
    Row(
        name="variance_covariance",
        form=Form.ENTROPY,
        about="hinge off",
        measure=on_rows("variance_covariance", Form.ENTROPY, gamma=0.25),
        # The squared covariance of two independent columns has mean 1 / (N - 1).
        population=lambda law, num: -(law.dim_x - 1) / (num - 1) if has_normal_x(law) else None,
    ),
    Row(
        name="variance_covariance",
        form=Form.ENTROPY,
        about="normalized, hinge off",
        measure=on_rows("variance_covariance", Form.ENTROPY, gamma=0.25, normalize=True),
        # A squared sample correlation of independent columns has mean 1 / (N - 1).
        population=lambda law, num: -(1 - 1 / law.dim_x) / (num - 1) if has_normal_x(law) else None,
    ),
    Row(
        name="cross_correlation",
        measure=on_rows("cross_correlation", Form.INFORMATION, lambda_=0.1),
        # A squared sample correlation of independent columns has mean 1 / (N - 1). The eps of the rows' transform is
        # added to variances near 1, once for each factor of a correlation.
        population=lambda law, num: (
            -law.dim_x * (1 + 1 / (num - 1) + 0.1 * (law.dim_x - 1) / (num - 1)) if is_independent(law) else None
        ),
        bias=lambda law, _: 4e-5 * law.dim_x,
    ),
    Row(
        name="logdet",
        form=Form.ENTROPY,
        measure=on_rows("logdet", Form.ENTROPY, beta=BETA),
        quantity=lambda law: law.entropy_x if has_density(law) else None,
        slack=lambda law, num: determinant_bias(law.dim_x, num),
        population=gaussian_entropy,
        bias=noise_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="logdet",
        form=Form.ENTROPY,
        about="with noise, centred",
        measure=on_rows("logdet", Form.ENTROPY, beta=2.0, center=True),
        quantity=lambda law: law.entropy_x if has_density(law) else None,
        slack=lambda law, num: determinant_bias(law.dim_x, num),
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="logdet",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("logdet", Form.CONDITIONAL_ENTROPY, beta=BETA),
        quantity=lambda law: conditional_entropy(law) if has_density(law) else None,
        slack=lambda law, num: determinant_bias(law.dim_x + law.dim_y, num),
        population=gaussian_conditional_entropy,
        bias=noise_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="logdet",
        measure=on_rows("logdet", Form.INFORMATION, beta=BETA),
        population=gaussian_information,
        bias=noise_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="ldmi",
        measure=on_rows("ldmi", Form.INFORMATION, eps=EPS),
        population=lambda law, num: gaussian_information(law, num - 1),
        bias=noise_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="cca",
        measure=on_rows("cca", Form.INFORMATION, ridge=EPS),
        population=lambda law, num: gaussian_information(law, num - 1),
        bias=noise_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="cca",
        about="correlation",
        words={"objective": "correlation"},
        measure=on_rows("cca", Form.INFORMATION, objective="correlation"),
        cap=lambda law, x, y: x.new_tensor(min(law.dim_x, law.dim_y)),
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="whitened_mse",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("whitened_mse", Form.CONDITIONAL_ENTROPY),
        # The cosine of independent rows of symmetric laws has mean 0.
        population=lambda law, _: 2.0 if is_independent(law) else None,
    ),
    Row(
        name="whitened_mse",
        measure=on_rows("whitened_mse", Form.INFORMATION),
        population=lambda law, _: -2.0 if is_independent(law) else None,
        cap=lambda _law, x, _y: x.new_zeros(()),
    ),
    Row(
        name="tcr",
        form=Form.ENTROPY,
        measure=on_rows("tcr", Form.ENTROPY),
        population=isotropic_coding_rate,
        # Entries of the moments of even rows vary by about 1 / (D N), relative to 1 / D; half the sum of squares.
        bias=lambda law, num: law.dim_x * (law.dim_x + 1) / (2 * num),
        cap=lambda law, x, _y: x.new_tensor(coding_rate_cap(law.dim_x, len(x), scale=3 / law.dim_x)),
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="tcr",
        form=Form.ENTROPY,
        about="eps2",
        measure=on_rows("tcr", Form.ENTROPY, eps2=0.5),
        cap=lambda law, x, _y: x.new_tensor(coding_rate_cap(law.dim_x, len(x), scale=law.dim_x / (len(x) * 0.5)) / 2),
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="tcr",
        form=Form.CONDITIONAL_ENTROPY,
        about="of a label",
        measure=lambda _law, x, y: by_tcr.conditional_entropy(coded(x), label_of(y), eps2=0.5),
        population=rate_of_channel,
        bias=few_rows_of_labels,
        family=with_less_error,
        num_rows=NUM_FOR_COVARIANCE,
        invariant=False,
    ),
    Row(
        name="collision",
        form=Form.ENTROPY,
        measure=on_rows("collision", Form.ENTROPY),
        population=lambda law, num: -math.exp(-log_mean_square(num, law.dim_x)) if has_normal_x(law) else None,
        cap=lambda law, x, _y: x.new_tensor(-1 / min(len(x), law.dim_x)),
    ),
    Row(
        name="covariance_contrast",
        form=Form.ENTROPY,
        about="first batch",
        measure=on_rows("covariance_contrast", Form.ENTROPY),
        population=lambda law, num: -0.1 * math.exp(-log_mean_square(num, law.dim_x)) if has_normal_x(law) else None,
        cap=lambda _law, x, _y: x.new_zeros(()),
    ),
    Row(
        name="running_logdet",
        form=Form.ENTROPY,
        about="first batch",
        measure=on_rows("running_logdet", Form.ENTROPY),
        # A hundredth of the identity, and the covariance 1 / D of even unit rows.
        population=lambda law, _: math.log(0.01 + 0.99 / law.dim_x) if has_normal_x(law) else None,
        bias=lambda law, num: determinant_bias(law.dim_x, num) * 2 / law.dim_x,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="renyi",
        form=Form.ENTROPY,
        about="order 2, linear",
        measure=on_rows("renyi", Form.ENTROPY, order=2.0, kernel="linear"),
        population=lambda law, num: log_mean_square(num, law.dim_x) if has_normal_x(law) else None,
        bias=log_of_mean_bias,
        cap=lambda law, x, _y: x.new_tensor(math.log(min(len(x), law.dim_x))),
    ),
    Row(
        name="renyi",
        form=Form.ENTROPY,
        about="order 2, gaussian",
        measure=of_wide_kernel("renyi", Form.ENTROPY),
        population=lambda law, num: -math.log(mean_square(num, law, with_y=False)) if has_normal_x(law) else None,
        bias=log_of_mean_bias,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="renyi",
        form=Form.CONDITIONAL_ENTROPY,
        about="order 2, gaussian",
        measure=of_wide_kernel("renyi", Form.CONDITIONAL_ENTROPY),
        population=lambda law, num: (
            math.log(mean_square(num, law, with_y=False) / mean_square(num, law)) if has_normal_x(law) else None
        ),
        bias=log_of_mean_bias,
    ),
    Row(
        name="matrix_mi",
        about="order 2, gaussian",
        measure=of_wide_kernel("matrix_mi", Form.INFORMATION),
        population=lambda law, num: (
            math.log(mean_square(num, law) / mean_square(num, law, with_y=False) ** 2) if has_normal_x(law) else None
        ),
        bias=log_of_mean_bias,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="renyi",
        form=Form.ENTROPY,
        about="order 1, gaussian",
        measure=on_rows("renyi", Form.ENTROPY, order=1.0, kernel="gaussian"),
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="renyi",
        form=Form.CONDITIONAL_ENTROPY,
        about="order 2, linear",
        measure=on_rows("renyi", Form.CONDITIONAL_ENTROPY, order=2.0, kernel="linear"),
        population=lambda law, num: (
            log_mean_square(num, law.dim_x * law.dim_y) - log_mean_square(num, law.dim_y)
            if is_independent(law)
            else None
        ),
        bias=log_of_mean_bias,
    ),
    Row(
        name="matrix_mi",
        about="order 2, linear",
        measure=on_rows("matrix_mi", Form.INFORMATION, order=2.0, kernel="linear"),
        population=lambda law, num: (
            log_mean_square(num, law.dim_x)
            + log_mean_square(num, law.dim_y)
            - log_mean_square(num, law.dim_x * law.dim_y)
            if is_independent(law)
            else None
        ),
        bias=log_of_mean_bias,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="matrix_mi",
        about="order 1, linear",
        measure=on_rows("matrix_mi", Form.INFORMATION, order=1.0, kernel="linear"),
        cap=lambda law, x, _y: x.new_tensor(math.log(min(len(x), law.dim_x, law.dim_y))),
    ),
    Row(
        name="sigreg",
        form=Form.DIVERGENCE,
        measure=on_rows("sigreg", Form.DIVERGENCE, slices=64),
        population=lambda law, _: normal_sigreg() if has_normal_x(law) else None,
    ),
)


# Kernels on pairs of rows.


def mixture_population(kernel_variance: float, law: Law) -> float:
    """Of `pairwise` for standard normal rows and noise of variance 1: the mean of -log of a kernel's mean.

    For X' standard normal the mean of exp(-|x - X'|^2 / (2 c)) is that of a density of variance 1 + c, without the
    normaliser of the kernel's own: (c / (1 + c))^(1/2) exp(-x^2 / (2 (1 + c))) a dimension.
    """
    c = kernel_variance
    return law.dim_x * (LOG_2_PI_E / 2 + math.log((1 + c) / c) / 2 + 1 / (2 * (1 + c)))


def own_pair_bias(dim: int, num: int, kernel_variance: float) -> float:
    """Of -log mean k: the own pair adds (1 - m) / n to the mean m, whose variance subtracts; 1 / (n m) on average."""
    c = kernel_variance
    # E 1 / m for m = (c / (1 + c))^(1/2) exp(-x^2 / (2 (1 + c))) and x standard normal.
    return ((1 + c) / c) ** dim / num


def narrow_normal(law: Law) -> bool:
    return has_normal_x(law) and law.dim_x <= 4


def best_discriminator(factor: float, loss: adversarial.Loss) -> Measure:
    """Of a normal X times a factor, from the standard normal: the log-ratio of the densities."""

    def measure(law: Law, x: Tensor, _y: Tensor) -> Tensor:
        codes = factor * x
        scores = (x.square() - codes.square()).sum(dim=1) / 2 + law.dim_x * math.log(factor)
        return adversarial.adversarial(scores, loss=loss)

    return measure


def adversarial_population(law: Law, _num: int) -> float | None:
    """E_q log(1 + q / p) - log 2 for q normal of standard deviation 2, by quadrature."""
    if not has_normal_x(law) or law.dim_x > 1:
        return None
    z = torch.linspace(-30, 30, 6001, dtype=torch.float64)
    log_ratio = 3 * z.square() / 8 - LOG_2
    density = (-z.square() / 8).exp() / math.sqrt(8 * math.pi)
    return torch.trapezoid(density * torch.nn.functional.softplus(log_ratio), z).item() - LOG_2


def is_narrow_gaussian(law: Law) -> bool:
    return is_gaussian(law) and law.dim_x <= 2


def smoothed(law: Law, num: int) -> tuple[float, float, float]:
    """Cross-entropies of X, of Y and of both with what the kernels of Scott's bandwidth make of their density.

    A Gaussian of covariance C becomes, for many rows, one of C + h^2, h^2 = N^(-2 / (D + 4)): all columns have variance
    1. The mean of -log of the first under the second is (log det 2 pi (C + h^2) + tr (C + h^2)^-1 C) / 2.
    """
    x, y = law.sample(4, torch.Generator().manual_seed(0))
    dims = (x.shape[1], y.shape[1])
    correlation = (1 - noise_variances(law)).sqrt()
    spectra = (torch.ones(dims[0]), torch.ones(dims[1]), torch.cat([1 + correlation, 1 - correlation]))
    entropies = []
    for spectrum in spectra:
        wide = spectrum.double() + num ** (-2 / (len(spectrum) + 4))
        entropies.append(((2 * math.pi * wide).log() + spectrum / wide).sum().item() / 2)
    return entropies[0], entropies[1], entropies[2]


def smoothed_entropy(law: Law, num: int) -> float | None:
    return smoothed(law, num)[0] if law.dim_x <= 2 and law.conditional is not None else None


def smoothed_information(law: Law, num: int) -> float | None:
    if law.conditional is None or law.dim_x > 1:
        return None
    entropy_x, entropy_y, entropy_xy = smoothed(law, num)
    return entropy_x + entropy_y - entropy_xy


def kernel_sum_bias(dim: int, num: int) -> float:
    """Of -log of a mean of n kernels: half its relative variance, or less a kernel at its own centre, over n.

    With m the smoothed density, of variance 1 + h^2, both are below (2 pi h^2)^(-D/2) E 1 / m / n, and E 1 / m is
    (2 pi)^(D/2) (1 + h^2)^D h^-D.
    """
    width = num ** (-1 / (dim + 4))
    return float(((1 + width**2) / width**2) ** dim / num)


def smoothed_entropy_bias(law: Law, num: int) -> float:
    return kernel_sum_bias(law.dim_x, num)


def smoothing_and_bias(law: Law, num: int) -> float:
    """What the kernels add to the entropy, and what their number does."""
    width = num ** (-1 / (law.dim_x + 4))
    return law.dim_x * (math.log1p(width**2) / 2) + kernel_sum_bias(law.dim_x, num)


def smoothed_information_bias(law: Law, num: int) -> float:
    # The sharper density of both is proportionally higher, and so is a kernel's share in it.
    return sum(kernel_sum_bias(dim, num) for dim in (law.dim_x, law.dim_y, law.dim_x + law.dim_y))


def hsic_population(law: Law, _num: int) -> float | None:
    """HSIC of Gaussian pairs for kernels exp(-d^2 / 2): each mean is a Gaussian integral.

    For a pair of correlation rho: E k l = (9 - 4 rho^2)^(-1/2), E k E l = 1/3, E [E k E l] = (9 - rho^2)^(-1/2).
    """
    if law.conditional is None:
        return None
    squared = 1 - noise_variances(law)
    joint, crossed = (9 - 4 * squared).rsqrt().prod(), (9 - squared).rsqrt().prod()
    return (joint + 3.0**-law.dim_x - 2 * crossed).item()


def mmd_population(law: Law, _num: int) -> float | None:
    """MMD of X times 2 from the standard normal for exp(-d^2 / 8): three Gaussian integrals."""
    if not has_normal_x(law):
        return None
    # Variance of a difference of two codes, of two draws, and of a code and a draw; that of the kernel is 4.
    terms = ((1, 4.0 + 4.0), (1, 1.0 + 1.0), (-2, 4.0 + 1.0))
    return float(sum(sign * (1 + variance / 4) ** (-law.dim_x / 2) for sign, variance in terms))


def distance_from_prior(factor: float, *, sigma: float | None = None) -> Measure:
    """Of rows that are spread out, from as many drawn ones."""
    return lambda _law, x, _y: mmd(factor * x, torch.randn_like(x), sigma=sigma)


KERNELS = (
    Row(
        name="pairwise",
        form=Form.ENTROPY,
        about="upper",
        measure=on_rows("pairwise", Form.ENTROPY),
        # X plus noise of variance 1, for X standard normal.
        quantity=lambda law: law.dim_x / 2 * (LOG_2_PI_E + LOG_2) if narrow_normal(law) else None,
        slack=lambda law, num: own_pair_bias(law.dim_x, num, 1.0),
        population=lambda law, _: mixture_population(1.0, law) if narrow_normal(law) else None,
        bias=lambda law, num: own_pair_bias(law.dim_x, num, 1.0),
        cap=lambda law, x, _y: x.new_tensor(law.dim_x / 2 * LOG_2_PI_E + math.log(len(x))),
    ),
    Row(
        name="pairwise",
        form=Form.ENTROPY,
        about="lower",
        words={"bound": "lower"},
        measure=on_rows("pairwise", Form.ENTROPY, bound="lower"),
        quantity=lambda law: law.dim_x / 2 * (LOG_2_PI_E + LOG_2) if has_normal_x(law) else None,
        population=lambda law, _: mixture_population(4.0, law) if narrow_normal(law) else None,
        bias=lambda law, num: own_pair_bias(law.dim_x, num, 4.0),
        cap=lambda law, x, _y: x.new_tensor(law.dim_x / 2 * LOG_2_PI_E + math.log(len(x))),
    ),
    Row(
        name="kde",
        form=Form.ENTROPY,
        about="scott",
        measure=on_rows("kde", Form.ENTROPY),
        population=smoothed_entropy,
        bias=smoothed_entropy_bias,
        quantity=lambda law: law.entropy_x if is_narrow_gaussian(law) else None,
        slack=smoothing_and_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="kde",
        form=Form.ENTROPY,
        about="leave one out",
        words={"estimate": "leave_one_out"},
        measure=on_rows("kde", Form.ENTROPY, estimate="leave_one_out"),
        population=smoothed_entropy,
        bias=smoothed_entropy_bias,
        quantity=lambda law: law.entropy_x if is_narrow_gaussian(law) else None,
        slack=smoothing_and_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="kde",
        about="scott",
        measure=on_rows("kde", Form.INFORMATION),
        population=smoothed_information,
        bias=smoothed_information_bias,
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="kde",
        about="one bandwidth",
        measure=on_rows("kde", Form.INFORMATION, bandwidth=0.01),
        grows=False,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="hsic",
        about="unbiased",
        measure=on_rows("hsic", Form.INFORMATION, sigma=1.0, form="unbiased"),
        population=hsic_population,
    ),
    Row(
        name="hsic",
        about="normalized",
        measure=on_rows("hsic", Form.INFORMATION, normalized=True),
        cap=lambda _law, x, _y: x.new_ones(()),
    ),
    Row(
        name="mmd",
        form=Form.DIVERGENCE,
        about="from its own law",
        measure=distance_from_prior(1.0),
        population=lambda law, _: 0.0 if has_normal_x(law) else None,
        cap=lambda _law, x, _y: x.new_tensor(2.0),
    ),
    Row(
        name="adversarial",
        form=Form.DIVERGENCE,
        about="from its own law",
        measure=best_discriminator(1.0, "non_saturating"),
        population=lambda law, _: 0.0 if has_normal_x(law) else None,
        # The discriminator of these rows knows normal codes only.
        grows=False,
    ),
    Row(
        name="adversarial",
        form=Form.DIVERGENCE,
        about="twice as wide",
        measure=best_discriminator(2.0, "non_saturating"),
        population=adversarial_population,
        grows=False,
    ),
    Row(
        name="adversarial",
        form=Form.DIVERGENCE,
        about="saturating, twice as wide",
        measure=best_discriminator(2.0, "saturating"),
        cap=lambda _law, x, _y: x.new_tensor(LOG_2),
        grows=False,
    ),
    Row(
        name="mmd",
        form=Form.DIVERGENCE,
        about="twice as wide",
        measure=distance_from_prior(2.0, sigma=2.0),
        population=mmd_population,
        grows=False,
    ),
)


# Nearest neighbours, slices, probes.


def neighbour_bias(law: Law, dim: int, num: int) -> float:
    """Order of the relative change of a density over the ball of k = 3 neighbours.

    It is k / N of the mass wide: (k / N)^(2 / D) where the density has second derivatives and dimensions are few,
    (k / N)^(1 / D) at edges and in general (Gao, Oh, Viswanath 2018, arXiv:1604.03006, theorem 3).
    """
    has_edges = "uniform" in law.name or law.kind is Kind.SINGULAR
    return float((3 / num) ** ((1 if has_edges or dim > 2 else 2) / dim))


def joint_neighbour_bias(law: Law, num: int) -> float:
    return neighbour_bias(law, law.dim_x + law.dim_y, num)


def few_dimensions(law: Law) -> float | None:
    """Information where 1,000 rows tell it; the spiral winds tighter than their neighbours are near."""
    return law.information if law.dim_x + law.dim_y <= 4 and not law.name.startswith("spiral") else None


def few_continuous_dimensions(law: Law) -> float | None:
    return few_dimensions(law) if law.kind in (Kind.CONTINUOUS, Kind.SINGULAR) else None


def entropy_of_few_dimensions(law: Law) -> float | None:
    return law.entropy_x if law.dim_x <= 3 and has_density(law) else None


NEIGHBOURS = (
    Row(
        name="ksg",
        measure=on_rows("ksg", Form.INFORMATION),
        quantity=few_continuous_dimensions,
        slack=joint_neighbour_bias,
        num_rows=1000,
    ),
    Row(
        name="ksg",
        about="variant 2",
        words={"variant": "2"},
        measure=on_rows("ksg", Form.INFORMATION, variant=2),
        quantity=few_continuous_dimensions,
        slack=joint_neighbour_bias,
        num_rows=1000,
    ),
    Row(
        name="ksg",
        about="mixed",
        words={"variant": "mixed"},
        measure=on_rows("ksg", Form.INFORMATION, variant="mixed"),
        quantity=few_dimensions,
        slack=joint_neighbour_bias,
        num_rows=1000,
    ),
    Row(
        name="kozachenko_leonenko",
        form=Form.ENTROPY,
        measure=on_rows("kozachenko_leonenko", Form.ENTROPY),
        quantity=entropy_of_few_dimensions,
        slack=lambda law, num: neighbour_bias(law, law.dim_x, num),
        num_rows=1000,
    ),
    Row(
        name="kozachenko_leonenko",
        form=Form.ENTROPY,
        about="euclidean",
        words={"norm": "euclidean"},
        measure=on_rows("kozachenko_leonenko", Form.ENTROPY, norm="euclidean"),
        quantity=entropy_of_few_dimensions,
        slack=lambda law, num: neighbour_bias(law, law.dim_x, num),
        num_rows=1000,
    ),
    Row(
        name="sliced",
        measure=on_rows("sliced", Form.INFORMATION, slices=8),
        quantity=lambda law: law.information if law.kind in (Kind.CONTINUOUS, Kind.SINGULAR) else None,
        gap=lambda law, num: joint_neighbour_bias(law, num) if law.dim_x == law.dim_y == 1 else math.inf,
        slack=lambda law, num: neighbour_bias(law, 2, num),
        num_rows=256,
    ),
    Row(
        name="v_information",
        about="linear, Gaussian rows",
        measure=on_rows("v_information", Form.INFORMATION),
        quantity=lambda law: law.information if is_gaussian(law) and law.dim_x + law.dim_y < 64 else None,
        # Each fitted number costs about 1 / (2 n) on rows it was not fitted to; doubled.
        gap=lambda law, num: law.dim_y * (law.dim_x + law.dim_y + 3) / (0.8 * num),
        num_rows=NUM_FOR_COVARIANCE,
    ),
    Row(
        name="v_information",
        about="linear, labels",
        measure=lambda law, x, y: on_rows("v_information", Form.INFORMATION)(law, x, y.long()),
        quantity=lambda law: law.information if law.kind is Kind.DISCRETE else None,
        num_rows=NUM_FOR_COVARIANCE,
        family=with_less_error,
        invariant=False,
    ),
)


# Plain losses and similarities.


def cosine_is_one(law: Law) -> float:
    """How often two Gaussian numbers have one sign: 1/2 + asin(rho) / pi."""
    return 0.5 + math.asin(math.sqrt(1 - noise_variances(law).item())) / math.pi


def siglip_of_signs(law: Law, num: int) -> float | None:
    """For numbers the cosines are 1 and -1, and the scores 0 and -20."""
    if law.conditional is None or law.dim_x > 1:
        return None
    same = cosine_is_one(law)
    of_pair = -same * LOG_2 - (1 - same) * (20 + math.log1p(math.exp(-20)))
    return of_pair - (num - 1) * (LOG_2 + math.log1p(math.exp(-20))) / 2


def spectral_population(law: Law, _num: int) -> float | None:
    """2 E <x, y> - E <x, y'>^2 over mu, for rows that are too short to be clipped."""
    if law.conditional is None:
        return None
    return (2 * (1 - noise_variances(law)).sqrt().sum().item() - law.dim_x) / LONGEST**2


def uniformity_on_sphere(law: Law, _num: int) -> float | None:
    """-log E exp(-2 t (1 - cos)) on the sphere: a Bessel function, the normaliser of von Mises and Fisher."""
    if not has_normal_x(law):
        return None
    t, half = 2.0, law.dim_x / 2
    log_bessel = math.log(ive(half - 1, 2 * t)) + 2 * t
    return 2 * t - (math.lgamma(half) + (1 - half) * math.log(t) + log_bessel)


def against_a_queue(law: Law, x: Tensor, y: Tensor) -> Tensor:
    _, earlier = batch(law, 256, 999)
    return infonce.infonce(unit(x), unit(y), negatives="queue", queue=unit(earlier))


def beside_noise(_law: Law, x: Tensor, y: Tensor) -> Tensor:
    """One location that is Y, and one that knows nothing."""
    return patch_infonce(x, torch.stack([y, torch.randn_like(y)], dim=1))


def distances_of_normals(law: Law, _num: int) -> float | None:
    """Minus the mean log of the smoothed density's values, where kernels of variance 1 have height 1."""
    return law.dim_x * (LOG_2 / 2 + 1 / 4) if narrow_normal(law) and law.conditional is not None else None


def within_random_domains(_law: Law, x: Tensor, y: Tensor) -> Tensor:
    """Domains of which neither variable knows: the information within them is that of all."""
    return infonce.infonce(unit(x), unit(y), negatives="other_view", temperature=0.1, domain=torch.arange(len(x)) % 2)


def supcon_of_label(_law: Law, x: Tensor, y: Tensor) -> Tensor:
    return supcon(coded(x), label_of(y), temperature=1.0)


def supcon_population(law: Law, _num: int) -> float | None:
    """E s_ap - log E exp(s_ab), where a product is 1 for equal values of X, of m even ones, and 0 for others."""
    shares = given_a_label(law)
    return None if shares is None else (shares.square().sum() - math.log(1 + (math.e - 1) / len(shares))).item()


def label_shares(_law: Law, x: Tensor, y: Tensor) -> Tensor:
    """The mean log of how much more often a row is drawn from the others of the label than from all others."""
    labels = label_of(y)
    others = (labels == labels[:, None]).sum(dim=1).double() - 1
    shares = ((len(x) - 1) / others).log()
    return shares.where(others > 0, 0.0).mean()


LONGEST = 100.0


def over_logits(of: Callable[[Tensor], Tensor]) -> float:
    """The mean of a function of the difference of two standard normal logits, by quadrature."""
    d = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    return torch.trapezoid(of(d) * (-d.square() / 4).exp() / math.sqrt(4 * math.pi), d).item()


def of_two_logits(law: Law) -> bool:
    return has_normal_x(law) and law.dim_x == 2


def predicted_entropy(law: Law, _num: int) -> float | None:
    """The entropy of a class of two."""
    if not of_two_logits(law):
        return None
    return over_logits(lambda d: torch.special.entr(d.sigmoid()) + torch.special.entr((-d).sigmoid()))


def predicted_divergence(law: Law, _num: int) -> float | None:
    """E sum_k p_k (a_k - b_k), of pairs of correlation rho (1 - rho) E sum_k p_k a_k: normalisers have equal means."""
    if not of_two_logits(law):
        return None
    correlation = (1 - noise_variances(law)).sqrt()
    return (1 - correlation[0].item()) * over_logits(lambda d: d / 2 * (d / 2).tanh())


def even_classes(law: Law, _num: int) -> float | None:
    return math.log(law.dim_x) if has_normal_x(law) and law.dim_x > 1 else None


def few_rows_of_classes(law: Law, num: int) -> float:
    """Half the chi-square of the mean prediction, whose variances are at most its probabilities; doubled."""
    return law.dim_x / num


def difference_scales(law: Law) -> Tensor:
    """Standard deviations of x - y."""
    return (2 * (1 - (1 - noise_variances(law)).sqrt())).sqrt()


def mean_absolute_difference(law: Law, _num: int) -> float | None:
    if law.conditional is None:
        return None
    return math.sqrt(2 / math.pi) * difference_scales(law).mean().item()


def mean_smooth_difference(law: Law, _num: int) -> float | None:
    """Of a normal d: E min(d^2 / 2, |d| - 1/2), from the truncated moments."""
    if law.conditional is None:
        return None
    s = difference_scales(law)
    inside = torch.special.erf(1 / (math.sqrt(2) * s))
    edge = (-1 / (2 * s.square())).exp()
    squares = (s.square() * inside - math.sqrt(2 / math.pi) * s * edge) / 2
    beyond = math.sqrt(2 / math.pi) * s * edge - (1 - inside) / 2
    return float((squares + beyond).mean())


SURROGATES = (
    Row(
        name="l1",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("l1", Form.CONDITIONAL_ENTROPY),
        population=mean_absolute_difference,
    ),
    Row(
        name="smooth_l1",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("smooth_l1", Form.CONDITIONAL_ENTROPY),
        population=mean_smooth_difference,
    ),
    Row(
        name="relative_entropy",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("relative_entropy", Form.CONDITIONAL_ENTROPY),
        population=predicted_divergence,
    ),
    Row(
        name="prediction_entropy",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("prediction_entropy", Form.CONDITIONAL_ENTROPY),
        population=predicted_entropy,
        cap=lambda law, x, _y: x.new_tensor(math.log(law.dim_x)),
        # It is about the class that X predicts, whatever Y is.
        grows=False,
    ),
    Row(
        name="prediction_entropy",
        form=Form.ENTROPY,
        measure=on_rows("prediction_entropy", Form.ENTROPY),
        population=even_classes,
        bias=few_rows_of_classes,
        cap=lambda law, x, _y: x.new_tensor(math.log(law.dim_x)),
        grows=False,
    ),
    Row(
        name="mse",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("mse", Form.CONDITIONAL_ENTROPY),
        population=mean_squared_difference,
    ),
    Row(
        name="cosine",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("cosine", Form.CONDITIONAL_ENTROPY),
        population=lambda law, _: 0.0 if is_independent(law) else None,
    ),
)

CONTRASTIVE = (
    Row(
        name="infonce",
        about="best critic",
        measure=on_scores(infonce.from_critic, best(2.0)),
        quantity=information,
        gap=contrast_deficit,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="infonce",
        about="bounded critic",
        measure=on_scores(infonce.from_critic, bounded),
        quantity=information,
    ),
    Row(
        name="infonce",
        about="cosines, all",
        measure=on_rows("infonce", Form.INFORMATION),
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(2 * len(x) - 1)),
    ),
    Row(
        name="infonce",
        about="cosines, other view",
        words={"negatives": "other_view"},
        measure=on_rows("infonce", Form.INFORMATION, negatives="other_view", temperature=0.1),
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="infonce",
        about="cosines, first view",
        words={"negatives": "other_view", "anchors": "first"},
        measure=on_rows("infonce", Form.INFORMATION, negatives="other_view", anchors="first", temperature=0.1),
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="infonce",
        about="cosines, queue",
        words={"negatives": "queue(256)"},
        measure=against_a_queue,
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(257)),
    ),
    Row(
        name="infonce",
        about="cosines, own view",
        words={"negatives": "own_view"},
        measure=on_rows("infonce", Form.INFORMATION, negatives="own_view", temperature=0.1),
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="infonce",
        about="cosines, within domains of no information",
        measure=within_random_domains,
        quantity=information_of_one_width,
    ),
    Row(
        name="patch_infonce",
        about="one location",
        measure=on_rows("patch_infonce", Form.INFORMATION),
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(len(x))),
    ),
    Row(
        name="patch_infonce",
        about="another location of noise",
        measure=beside_noise,
        quantity=information_of_one_width,
        cap=lambda _law, x, _y: x.new_tensor(math.log(2 * len(x) - 1)),
    ),
    Row(
        name="distance_infonce",
        measure=on_rows("distance_infonce", Form.INFORMATION, bandwidth=2.0),
        population=distances_of_normals,
        bias=lambda law, num: own_pair_bias(law.dim_x, num, 1.0),
        # The term of the pair itself is what it leaves out.
        grows=False,
    ),
    Row(
        name="supcon",
        about="of a label",
        measure=supcon_of_label,
        population=supcon_population,
        # Half the relative variance of a mean of n exponentials, and one row of n that is not among its own others.
        bias=lambda _law, num: 2 / num,
        cap=label_shares,
        family=with_less_error,
        invariant=False,
    ),
    Row(
        name="dcl",
        about="warm",
        measure=on_rows("dcl", Form.INFORMATION, temperature=10.0),
        # Minus half the variance of a similarity, which is at most 1 / 10^2.
        population=lambda law, _: 0.0 if is_independent(law) else None,
        bias=lambda _law, _num: 0.006,
    ),
    Row(
        name="siglip",
        measure=on_rows("siglip", Form.INFORMATION),
        population=siglip_of_signs,
        cap=lambda _law, x, _y: x.new_zeros(()),
    ),
    Row(
        name="spectral",
        about="not clipped",
        measure=on_rows("spectral", Form.INFORMATION, mu=LONGEST**2),
        population=spectral_population,
    ),
    Row(
        name="spectral",
        measure=on_rows("spectral", Form.INFORMATION),
        cap=lambda _law, x, _y: x.new_tensor(2.0),
    ),
    Row(
        name="alignment",
        form=Form.CONDITIONAL_ENTROPY,
        measure=on_rows("alignment", Form.CONDITIONAL_ENTROPY),
        population=lambda law, _: 2.0 if is_independent(law) else None,
    ),
    Row(
        name="uniformity",
        form=Form.ENTROPY,
        measure=on_rows("uniformity", Form.ENTROPY),
        population=uniformity_on_sphere,
        bias=log_of_mean_bias,
        cap=lambda _law, x, _y: x.new_tensor(4.0 * len(x) / (len(x) - 1)),
    ),
)

ROWS = (*CONTRASTIVE, *CRITICS, *DENSITIES, *SECOND_ORDER, *KERNELS, *NEIGHBOURS, *SURROGATES)

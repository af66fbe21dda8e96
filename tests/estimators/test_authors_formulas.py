"""Each estimator against its authors' formula, written out here, in value and gradient; and what all share."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mvib.estimators import distance_infonce as by_distance
from mvib.estimators import patch_infonce as by_patches
from mvib.estimators import rows
from mvib.estimators.barber_agakov import barber_agakov
from mvib.estimators.collision import collision
from mvib.estimators.cosine import cosine
from mvib.estimators.covariance_contrast import covariance_contrast
from mvib.estimators.cross_correlation import cross_correlation
from mvib.estimators.cross_entropy import cross_entropy
from mvib.estimators.distance_infonce import distance_infonce
from mvib.estimators.infonce import Negatives, constant, infonce
from mvib.estimators.jsd import jsd
from mvib.estimators.l1 import l1
from mvib.estimators.mse import mse
from mvib.estimators.patch_infonce import patch_infonce
from mvib.estimators.prediction_entropy import conditional_entropy, prediction_entropy
from mvib.estimators.rate import rate
from mvib.estimators.relative_entropy import relative_entropy
from mvib.estimators.running_logdet import running_logdet
from mvib.estimators.smooth_l1 import smooth_l1
from mvib.estimators.variance_covariance import variance_covariance
from mvib.nn.distributions import DiagonalGaussian, StandardNormal, VonMisesFisher
from tests.estimators import transcriptions
from tests.estimators.transcriptions import total

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    ours: Loss
    theirs: Loss


def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """The loss of the SimCLR paper, as lightly writes it: the row itself is dropped from the candidates."""
    num = len(z1)
    z = torch.cat([z1, z2]) / torch.cat([z1, z2]).norm(dim=1, keepdim=True)
    scores = (z @ z.T / temperature)[~torch.eye(2 * num, dtype=torch.bool)].view(2 * num, 2 * num - 1)
    positive = torch.cat([torch.arange(num) + num - 1, torch.arange(num)])
    return F.cross_entropy(scores, positive)


def simclr_tensorflow(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    """Google's code: large scores subtracted from the row itself, the means of both directions added."""
    u1, u2 = F.normalize(z1), F.normalize(z2)
    large = 1e9 * torch.eye(len(u1), dtype=u1.dtype)
    labels = torch.arange(len(u1))
    a = torch.cat([u1 @ u2.T / temperature, u1 @ u1.T / temperature - large], 1)
    b = torch.cat([u2 @ u1.T / temperature, u2 @ u2.T / temperature - large], 1)
    return F.cross_entropy(a, labels) + F.cross_entropy(b, labels)


def clip(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    scores = F.normalize(z1) @ F.normalize(z2).T / temperature
    labels = torch.arange(len(z1))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


def vicreg(x: Tensor, y: Tensor) -> Tensor:
    """main_vicreg.py, with 25, 25 and 1."""
    num, dimension = x.shape
    repr_loss = F.mse_loss(x, y)
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    std_x, std_y = torch.sqrt(x.var(dim=0) + 0.0001), torch.sqrt(y.var(dim=0) + 0.0001)
    std_loss = F.relu(1 - std_x).mean() / 2 + F.relu(1 - std_y).mean() / 2
    off_diagonal = ~torch.eye(dimension, dtype=torch.bool)
    cov_x, cov_y = x.T @ x / (num - 1), y.T @ y / (num - 1)
    cov_loss = cov_x[off_diagonal].pow(2).sum() / dimension + cov_y[off_diagonal].pow(2).sum() / dimension
    return 25 * repr_loss + 25 * std_loss + cov_loss


def our_vicreg(z1: Tensor, z2: Tensor) -> Tensor:
    entropies = [variance_covariance(rows.centered(z), std=12.5) for z in (z1, z2)]
    return 25 * mse(z1, z2) - entropies[0] - entropies[1]


def barlow_twins(z1: Tensor, z2: Tensor) -> Tensor:
    """main.py of Barlow Twins on one process."""
    bn = nn.BatchNorm1d(z1.shape[1], affine=False, dtype=z1.dtype)
    c: Tensor = bn(z1).T @ bn(z2) / len(z1)
    on_diag = (torch.diagonal(c) - 1).pow(2).sum()
    off_diag = c[~torch.eye(len(c), dtype=torch.bool)].pow(2).sum()
    return on_diag + 0.0051 * off_diag


def byol(prediction: Tensor, target: Tensor) -> Tensor:
    """The regression loss of DeepMind's helpers.py."""
    normalised = [x * torch.rsqrt(x.square().sum(-1, keepdim=True).clamp_min(1e-12)) for x in (prediction, target)]
    return (normalised[0] - normalised[1]).square().sum(-1).mean()


def vib_rate(mu: Tensor, rho: Tensor) -> Tensor:
    sigma = (1 + (rho - 5).exp()).log()
    return (0.5 * (mu**2 + sigma**2 - 1) - sigma.log()).sum(1).mean()


def our_vib_rate(mu: Tensor, rho: Tensor) -> Tensor:
    return rate(DiagonalGaussian(mean=mu, std=F.softplus(rows.raw(rho) - 5)), StandardNormal())


def vae_distortion(prediction: Tensor, x: Tensor) -> Tensor:
    """Decoder of variance 1 / (2 pi), whose normaliser is 1: the squared error times pi, summed over pixels."""
    return torch.pi * (prediction - x).square().sum(1).mean()


def our_vae_distortion(prediction: Tensor, x: Tensor) -> Tensor:
    std = torch.full_like(rows.raw(prediction), (2 * torch.pi) ** -0.5)
    return -barber_agakov(DiagonalGaussian(mean=prediction, std=std), x)


def mvib_skl(mu1: Tensor, mu2: Tensor) -> Tensor:
    s1, s2 = 0.5, 0.8
    kl12 = (mu1 - mu2) ** 2 / (2 * s2**2) + s1**2 / (2 * s2**2) - 0.5 + math.log(s2 / s1)
    kl21 = (mu1 - mu2) ** 2 / (2 * s1**2) + s2**2 / (2 * s1**2) - 0.5 + math.log(s1 / s2)
    return 0.5 * (kl12.sum(1).mean() + kl21.sum(1).mean())


def our_mvib_skl(mu1: Tensor, mu2: Tensor) -> Tensor:
    p = DiagonalGaussian(mean=mu1, std=torch.full_like(rows.raw(mu1), 0.5))
    q = DiagonalGaussian(mean=mu2, std=torch.full_like(rows.raw(mu2), 0.8))
    return (rate(p, q) + rate(q, p)) / 2


def classifier(logits: Tensor, targets: Tensor) -> Tensor:
    p = targets.exp() / targets.exp().sum(1, keepdim=True)
    return -(p * (logits - logits.exp().sum(1, keepdim=True).log())).sum(1).mean()


def mvib_jsd(positive: Tensor, negative: Tensor) -> Tensor:
    return (1 + (-positive).exp()).log().mean() + (1 + negative.exp()).log().mean()


def our_nt_xent(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    u1, u2 = rows.unit(z1), rows.unit(z2)
    return constant(u1, u2, temperature=temperature) - infonce(u1, u2, temperature=temperature)


def our_clip(z1: Tensor, z2: Tensor) -> Tensor:
    u1, u2 = rows.unit(z1), rows.unit(z2)
    cap = constant(u1, u2, negatives="other_view")
    return cap - infonce(u1, u2, temperature=0.3, negatives="other_view")


def our_first(z1: Tensor, z2: Tensor, *, negatives: Negatives, extra: Tensor | None = None) -> Tensor:
    u1, u2 = rows.unit(z1), rows.unit(z2)
    cap = constant(u1, u2, negatives=negatives, anchors="first", extra=extra)
    return cap - infonce(u1, u2, temperature=0.3, negatives=negatives, anchors="first", extra=extra)


def identity(z: Tensor) -> Tensor:
    return torch.eye(z.shape[1], dtype=z.dtype)


def by_correlations(z: Tensor) -> Tensor:
    return variance_covariance(rows.centered(z), cov=200.0, normalize=True)


CASES = (
    Case(
        name="nt-xent, temperature 0.5",
        ours=lambda z1, z2: our_nt_xent(z1, z2, temperature=0.5),
        theirs=lambda z1, z2: nt_xent(z1, z2, temperature=0.5),
    ),
    Case(
        name="nt-xent, temperature 0.01",
        ours=lambda z1, z2: our_nt_xent(z1, z2, temperature=0.01),
        theirs=lambda z1, z2: nt_xent(z1, z2, temperature=0.01),
    ),
    Case(
        name="simclr in tensorflow",
        ours=lambda z1, z2: 2 * our_nt_xent(z1, z2, temperature=0.2),
        theirs=lambda z1, z2: simclr_tensorflow(z1, z2, temperature=0.2),
    ),
    Case(name="clip", ours=our_clip, theirs=lambda z1, z2: clip(z1, z2, temperature=0.3)),
    Case(name="vicreg", ours=our_vicreg, theirs=vicreg),
    Case(
        name="barlow twins",
        ours=lambda z1, z2: -cross_correlation(rows.standardized(z1), rows.standardized(z2)),
        theirs=barlow_twins,
    ),
    Case(
        name="byol",
        ours=lambda z1, z2: -barber_agakov(VonMisesFisher(direction=z1, kappa=2), z2),
        theirs=byol,
    ),
    Case(name="byol by cosine", ours=lambda z1, z2: 2 + 2 * cosine(rows.unit(z1), rows.unit(z2)), theirs=byol),
    Case(name="vib rate", ours=our_vib_rate, theirs=vib_rate),
    Case(name="vae distortion", ours=our_vae_distortion, theirs=vae_distortion),
    Case(name="mvib skl", ours=our_mvib_skl, theirs=mvib_skl),
    Case(name="mvib jsd", ours=lambda p, n: -jsd(p.flatten(), n.flatten()), theirs=mvib_jsd),
    Case(name="classifier", ours=lambda z, t: cross_entropy(z, t.softmax(1)), theirs=classifier),
    Case(
        name="swapped prediction",
        ours=lambda z, t: cross_entropy(z, rows.raw(t).softmax(1), temperature=0.3),
        theirs=lambda z, t: transcriptions.swapped_prediction(z, t.softmax(1), temperature=0.3),
    ),
    Case(
        name="virtual adversarial training",
        ours=lambda z1, z2: relative_entropy(z1, z2, temperature=0.7),
        theirs=lambda z1, z2: transcriptions.vat(z1, z2, temperature=0.7),
    ),
    Case(
        name="mean entropy",
        ours=lambda z1, z2: prediction_entropy(z1, temperature=0.3) + prediction_entropy(z2),
        theirs=lambda z1, z2: transcriptions.mean_entropy(z1, temperature=0.3) + transcriptions.mean_entropy(z2),
    ),
    Case(
        name="entropy minimisation",
        ours=lambda z1, z2: conditional_entropy(z1, z2, temperature=0.3) + conditional_entropy(z2, z1),
        theirs=lambda z1, z2: (
            transcriptions.entropy_minimisation(z1, temperature=0.3) + transcriptions.entropy_minimisation(z2)
        ),
    ),
    Case(name="simmim", ours=l1, theirs=transcriptions.mean_absolute),
    Case(
        name="i-jepa, narrow",
        ours=lambda z1, z2: smooth_l1(z1, z2, beta=0.5),
        theirs=lambda z1, z2: transcriptions.huber(z1, z2, beta=0.5),
    ),
    Case(
        name="vibcreg",
        ours=lambda z1, z2: -by_correlations(z1) - by_correlations(z2),
        theirs=lambda z1, z2: total([transcriptions.vibcreg_entropy(z, std=25.0, cov=200.0) for z in (z1, z2)]),
    ),
    Case(
        name="amdim, one location",
        ours=lambda z1, z2: by_patches.constant(z1, z2) - patch_infonce(z1, z2, clip=2.0, penalty=0.3),
        theirs=lambda z1, z2: transcriptions.amdim(z1, z2[:, None], clip=2.0, penalty=0.3),
    ),
    Case(
        name="infocl",
        ours=lambda z1, z2: by_distance.constant(z1, z2) - distance_infonce(z1, z2, bandwidth=5.0),
        theirs=lambda z1, z2: transcriptions.info_cl([z1], [z2], bandwidth=5.0),
    ),
    Case(
        name="u-mae",
        ours=lambda z1, z2: -collision(rows.unit(z1)) - collision(rows.unit(z2)),
        theirs=lambda z1, z2: transcriptions.u_mae_uniformity(z1) + transcriptions.u_mae_uniformity(z2),
    ),
    Case(
        name="tico, first batch",
        ours=lambda z1, z2: -covariance_contrast(rows.unit(z1)) - covariance_contrast(rows.unit(z2), momentum=0.3),
        theirs=lambda z1, z2: (
            transcriptions.ti_co_contrast(z1, 0 * identity(z1), beta=0.9)[0]
            + transcriptions.ti_co_contrast(z2, 0 * identity(z2), beta=0.3)[0]
        ),
    ),
    Case(
        name="corinfomax, first batch",
        ours=lambda z1, z2: running_logdet(rows.unit(z1), momentum=0.1) + running_logdet(rows.unit(z2), momentum=0.3),
        theirs=lambda z1, z2: (
            transcriptions.big_bang(z1, identity(z1), 0 * z1[0].detach(), forgetting=0.1, eps=1e-8)[0]
            + transcriptions.big_bang(z2, identity(z2), 0 * z2[0].detach(), forgetting=0.3, eps=1e-8)[0]
        ),
    ),
    Case(
        name="moco v3, one direction",
        ours=lambda z1, z2: our_first(z1, z2, negatives="other_view"),
        theirs=lambda z1, z2: transcriptions.one_direction(z1, z2, temperature=0.3),
    ),
    Case(
        name="nt-xent, first view",
        ours=lambda z1, z2: our_first(z1, z2, negatives="all"),
        theirs=lambda z1, z2: transcriptions.first_of_both_views(z1, z2, temperature=0.3),
    ),
    Case(
        name="c-simclr, one direction",
        ours=lambda z1, z2: our_first(z1, z2, negatives="other_view", extra=rows.unit(z1.flip(1) + z2)),
        theirs=lambda z1, z2: transcriptions.with_extra(z1, z2, z1.flip(1) + z2, temperature=0.3),
    ),
    Case(name="i-jepa", ours=smooth_l1, theirs=lambda z1, z2: transcriptions.huber(z1, z2, beta=1.0)),
)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def random_views(num: int, dimension: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z1 = torch.randn(num, dimension, generator=generator, dtype=torch.float64)
    z2 = 0.8 * z1 + 0.6 * torch.randn(num, dimension, generator=generator, dtype=torch.float64)
    return z1.requires_grad_(), z2.requires_grad_()


@each_case
@pytest.mark.parametrize(("num", "dimension"), [(6, 4), (9, 9), (5, 23), (12, 17)])
def test_value_and_gradient_are_the_authors(case: Case, num: int, dimension: int) -> None:
    # 5 x 23 takes the Gram side of every second-order sum, 12 x 17 that of one matrix and not of two.
    views = random_views(num, dimension)
    ours, theirs = case.ours(*views), case.theirs(*views)
    assert ours.shape == ()
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    gradients = torch.autograd.grad(ours, views), torch.autograd.grad(theirs, views)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


# At temperature 0.01 finite differences lose their digits to the curvature, and the running matrix of TiCo takes no
# gradient; the authors' gradients are compared above.
WITHOUT_DIFFERENCES = ("0.01", "tico")


@pytest.mark.parametrize(
    "case", [case for case in CASES if not any(word in case.name for word in WITHOUT_DIFFERENCES)], ids=lambda c: c.name
)
@pytest.mark.parametrize(("num", "dimension"), [(5, 3), (3, 7)])
def test_gradient_is_that_of_finite_differences(case: Case, num: int, dimension: int) -> None:
    assert torch.autograd.gradcheck(case.ours, random_views(num, dimension, seed=1))


@each_case
def test_order_of_examples_does_not_matter(case: Case) -> None:
    z1, z2 = random_views(8, 5)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(case.ours(z1[order], z2[order]), case.ours(z1, z2), rtol=1e-12, atol=1e-12)


@each_case
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_float32_and_finite_gradients(case: Case, dtype: torch.dtype) -> None:
    views = tuple(z.detach().to(dtype).requires_grad_() for z in random_views(16, 8))
    loss = case.ours(*views)
    assert loss.dtype == torch.float32
    gradients = torch.autograd.grad(loss, views)
    assert all(gradient.isfinite().all() and gradient.abs().sum() > 0 for gradient in gradients)
    lifted = case.ours(*(z.detach().double() for z in views))
    torch.testing.assert_close(loss.double(), lifted, rtol=1e-4, atol=1e-4)  # float32 at logits of up to 100


@each_case
def test_autocast_does_not_lower_the_precision(case: Case) -> None:
    views = tuple(z.detach().float() for z in random_views(16, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = case.ours(*views)
    torch.testing.assert_close(inside, case.ours(*views))


@each_case
def test_shapes_alone_are_enough(case: Case) -> None:
    loss = case.ours(*(z.to("meta") for z in random_views(4, 6)))
    assert loss.shape == ()


def test_all_compile_into_one_graph() -> None:
    def all_of_them(z1: Tensor, z2: Tensor) -> Tensor:
        return total([case.ours(z1, z2) for case in CASES])

    views = random_views(6, 4)
    compiled = torch.compile(all_of_them, fullgraph=True, backend="eager")(*views)
    torch.testing.assert_close(compiled, all_of_them(*views))

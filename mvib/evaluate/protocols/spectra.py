"""Numbers of a representation that need no labels: RankMe, LiDAR, alpha-ReQ. All in float64."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from mvib.evaluate.protocols.material import Material
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found

Matrix = npt.NDArray[np.floating]

RANKME_EPSILON = 1e-7
LIDAR_DELTA = 1e-4
LIDAR_EPSILON = 1e-7
FIRST_RANK, LAST_RANK = 11, 100
# Eigenvalues below this share of the largest are rounding.
_ROUNDING = 1e-12


def rankme(features: Float[Matrix, "N D"]) -> float:
    """RankMe: exp of the entropy (nats) of p_k = s_k / sum s + 1e-7, with the singular values s of the features.

    The features are not centred. It lies near 1 for one direction and near D for D equally strong ones; 0 where all
    features are 0.

    Source: Garrido, Balestriero, Najman, LeCun 2023, arXiv:2210.02885, equations 1 and 2.
    """
    values = np.linalg.svd(np.asarray(features, dtype=np.float64), compute_uv=False)
    return _exp_of_entropy(values, epsilon=RANKME_EPSILON)


def lidar(views: Float[Matrix, "N Q D"], *, delta: float = LIDAR_DELTA) -> float:
    """LiDAR: the same of the eigenvalues of the discriminant of examples, each a class with its views.

    With mu_i the mean over the Q views of example i and mu the mean of these,
    S_b = sum_i (mu_i - mu)(mu_i - mu)^T / (N - 1),
    S_w = sum_ij (e_ij - mu_i)(e_ij - mu_i)^T / (N (Q - 1)) + delta 1, and the matrix is S_w^-1/2 S_b S_w^-1/2.

    Args:
        views: at least two examples with at least two views each.
        delta: added to the variances within examples, so that they have an inverse.

    Source: Thilak et al. 2024, arXiv:2312.04000, section 4, with N - 1 and N (Q - 1) for the expectations.
    """
    rows = np.asarray(views, dtype=np.float64)
    num_examples, num_views, width = rows.shape
    assert num_examples > 1, "LiDAR compares examples"
    assert num_views > 1, "LiDAR needs the spread within an example"
    means = rows.mean(axis=1)
    between = means - means.mean(axis=0)
    within = (rows - means[:, None]).reshape(-1, width)
    covariance_between = between.T @ between / (num_examples - 1)
    covariance_within = within.T @ within / (num_examples * (num_views - 1)) + delta * np.eye(width)
    # The same eigenvalues as with the symmetric root, and no root of a matrix.
    factor = np.linalg.cholesky(covariance_within)
    half = np.linalg.solve(factor, covariance_between)
    values = np.linalg.eigvalsh(np.linalg.solve(factor, half.T))
    return _exp_of_entropy(np.clip(values, 0.0, None), epsilon=LIDAR_EPSILON)


def alpha_req(features: Float[Matrix, "N D"]) -> float:
    """Decay alpha of the eigenvalues of the covariance: lambda_j ~ j^-alpha, by weighted least squares of logarithms.

    The ranks j are 11 to 100 with the weights 1 / j, fewer where there are fewer eigenvalues above rounding, and from
    1 where there are not 22.

    Raises:
        CannotMeasureError: there are fewer than two eigenvalues above rounding.

    Source: Agrawal, Mondal, Ghosh, Richards 2022 (NeurIPS), section 2; the fit is that of Stringer et al. 2019, which
        the authors' code uses.
    """
    rows = np.asarray(features, dtype=np.float64)
    centred = rows - rows.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2 / max(1, len(rows) - 1)
    values = values[values > _ROUNDING * values.max(initial=0.0)]
    if len(values) < 2:
        raise CannotMeasureError("the representation has fewer than two directions, which have no decay")
    first = FIRST_RANK if len(values) >= 2 * FIRST_RANK else 1
    ranks = np.arange(first, min(LAST_RANK, len(values)) + 1)
    weights = 1.0 / ranks
    x, y = np.log(ranks), np.log(values[ranks - 1])
    x_centred = x - (weights * x).sum() / weights.sum()
    return float(-(weights * x_centred * y).sum() / (weights * x_centred**2).sum())


def find_rankme(material: Material, seed: int) -> Mapping[str, Found]:
    """RankMe of the held-out part."""
    return {"rank": Found(rankme(material.test_features))}


def find_alpha_req(material: Material, seed: int) -> Mapping[str, Found]:
    """The decay of the held-out part."""
    return {"alpha": Found(alpha_req(material.test_features))}


def find_lidar(material: Material, seed: int) -> Mapping[str, Found]:
    """LiDAR of views of held-out examples."""
    views = material.views(seed)
    if views is None:
        raise CannotMeasureError("the method has no views of what it represents")
    if not np.isfinite(views).all():
        raise CannotMeasureError("the representation of a view holds values that are not finite")
    if len(views) < 2:
        raise CannotMeasureError("there are fewer than two examples")
    return {"rank": Found(lidar(views))}


def _exp_of_entropy(values: npt.NDArray[np.float64], *, epsilon: float) -> float:
    total = values.sum()
    if total == 0:
        return 0.0
    shares = values / total + epsilon
    return float(np.exp(-(shares * np.log(shares)).sum()))

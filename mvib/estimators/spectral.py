"""The spectral contrastive loss: I(Z1; Z2) by the squared products of rows of different examples."""

# Shape suffixes: B rows of this rank, N rows of all ranks, D dimension.

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import product
from mvib.estimators.gram import second_moment
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, offset_and_total


def spectral(
    z1: Float[Tensor, "B D"], z2: Float[Tensor, "B D"], *, mu: float = 1.0, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) by a low-rank factor of the density ratio (spectral contrastive loss).

    (2 mean_i <z1_i, z2_i> - mean_{i != j} <z1_i, z2_j>^2) / mu, where rows longer than sqrt(mu) are first scaled to
    that norm. For mu = 1 its expectation is at most 1 + chi^2(p(z1, z2), p(z1) p(z2)), with equality where <z1, z2> is
    the density ratio: a bound on another divergence than that of mutual information, and without unit.

    The sum of all squares is <z1'z1, z2'z2>, so that with many examples only D x D matrices are formed, and exchanged.

    Args:
        z1: rows of the first view on this rank, of any norm (`rows.raw`).
        z2: rows of the second view, row i from the same example as row i of `z1`.
        mu: greatest squared norm of a row, greater than 0.
        ranks: that share the batch, of at least 2 examples.

    Returns:
        Scalar without unit, at most 2; minus the loss of the official code.

    Raises:
        ValueError: fewer than two examples.

    Source: HaoChen, Wei, Gaidon, Ma 2021, arXiv:2106.04156, eq. 6 and section 5. Official code:
    jhaochenz/spectral_contrastive_learning, whose rows are clipped likewise; identical.
    """
    z1, z2 = _clipped(at_least_float32(z1), mu), _clipped(at_least_float32(z2), mu)
    offset, total = offset_and_total(len(z1), ranks)
    if total < 2:
        raise ValueError(f"`spectral` compares the rows of different examples, and has {total}: give at least 2")
    with without_autocast(z1):
        positive_B = (z1 * z2).sum(dim=1)
        # One product for the N x N scores, one for each of the two D x D moments.
        if total < 2 * z1.shape[1]:
            scores_BN = product(z1, ranks.rows(z2).T)
            scores_BN.diagonal(offset).zero_()
            squares = ranks.sum(scores_BN.square().sum())
        else:
            all_squares = (second_moment(z1, ranks=ranks) * second_moment(z2, ranks=ranks)).sum()
            squares = all_squares - ranks.sum(positive_B.square().sum())
    return (2 * ranks.sum(positive_B.sum()) - squares / (total - 1)) / (total * mu)


def _clipped(z: Float[Tensor, "B D"], mu: float) -> Float[Tensor, "B D"]:
    """Rows scaled to norm sqrt(mu) where they are longer."""
    longest = math.sqrt(mu)
    norms: Tensor = torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return z * (longest * norms.clamp_min(longest).reciprocal())

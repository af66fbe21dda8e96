"""The sigmoid loss: I(Z1; Z2) by judging every pair of rows on its own."""

# Shape suffixes: B rows of this rank.

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, offset_and_total
from mvib.estimators.scores import sum_of_softplus


def siglip(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.1,
    bias: float | Float[Tensor, ""] = -10.0,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) by the logistic discrimination of joint from independent pairs (SigLIP).

    With s = u1 u2' / temperature + bias, -(1/N) (sum_i softplus(-s_ii) + sum_{i != j} softplus(s_ij)): a sum over the
    candidates, a mean over the examples. The best s is log p(z1, z2) / (p(z1) p(z2)) - log(N - 1), so that the bias
    takes up the number of negatives; the value bounds the information on neither side.

    Args:
        u1: projections of the first view on this rank, rows of unit norm (`rows.unit`).
        u2: projections of the second view, row i from the same example as row i of `u1`, rows of unit norm.
        temperature: divides the cosines; greater than 0, no unit. A scalar tensor may be learnt.
        bias: added to all scores. A scalar tensor may be learnt.
        ranks: that share the batch.

    Returns:
        Scalar without unit, at most 0; minus the loss of the paper.

    Source: Zhai et al. 2023, arXiv:2303.15343, eq. 1 and algorithm 1, with their starting values; identical. Official
    code: google-research/big_vision. Across ranks open_clip divides by the rows of its own rank and averages the
    gradients of the ranks: the same for even batches.
    """
    u1, u2 = at_least_float32(u1), at_least_float32(u2)
    scale = 1 / temperature
    offset, total = offset_and_total(len(u1), ranks)
    with without_autocast(u1):
        positive_B = (u1 * u2).sum(dim=1) * scale + bias
        negatives = sum_of_softplus(u1, ranks.rows(u2), scale=scale, bias=bias, without_diagonal=offset)
    return ranks.sum(F.logsigmoid(positive_B).sum() - negatives) / total

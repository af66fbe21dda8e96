"""The decoupled contrastive loss: InfoNCE without the pair itself among its candidates."""

# Shape suffixes: B rows of this rank.

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks, offset_and_total
from mvib.estimators.scores import log_partitions_of_views


def dcl(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.1,
    sigma: float | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) in nats by contrasting each pair with the other examples alone (DCL, DCLW).

    With s = u u' / temperature, log(2N - 2) + mean_i(w_i s_ip - logsumexp_j s_ij), where i runs over the 2N rows of
    both views, p is the other view of i, and j runs over the rows of both views of the other N - 1 examples. All w_i
    are 1 without `sigma`; with it w_i = 2 - N softmax_i(<u1_i, u2_i> / sigma), which gives pairs that are far apart
    more weight, and has no gradient.

    Since the pair is not among its candidates nothing caps the value, and it bounds nothing: on few examples the log
    of the mean of their exponentials is too small in expectation, so the value errs upwards.

    Args:
        u1: projections of the first view on this rank, rows of unit norm (`rows.unit`).
        u2: projections of the second view, row i from the same example as row i of `u1`, rows of unit norm.
        temperature: divides the cosines; greater than 0, no unit. A scalar tensor may be learnt.
        sigma: of the weights, greater than 0; None for none. The paper has 0.5.
        ranks: that share the batch, of at least 2 examples.

    Returns:
        Scalar, nats for `sigma` None, mean over rows and directions. `constant` minus it is the loss of the paper.

    Source: Yeh et al. 2022, arXiv:2110.06848, eq. 6 and 7. lightly's DCLLoss and DCLWLoss give the same loss; the
    weights there are of the rank's own rows even where those of other ranks are candidates, here of the global batch.
    Official code: raminnakhli/Decoupled-Contrastive-Learning, one direction, whose weights have a gradient.
    """
    u1, u2 = at_least_float32(u1), at_least_float32(u2)
    with without_autocast(u1):
        cosine_B = (u1 * u2).sum(dim=1)
        of_first_B, of_second_B = log_partitions_of_views(
            u1, u2, scale=1 / temperature, with_pairs=False, with_own_view=True, ranks=ranks
        )
    weighted_B = cosine_B if sigma is None else cosine_B * _weights(cosine_B.detach(), sigma, ranks)
    local = ((of_first_B + of_second_B) / 2 - weighted_B / temperature).mean()
    cap = constant(u1, u2, temperature=temperature, sigma=sigma, ranks=ranks)
    return cap - mean_over_ranks(local, len(u1), ranks)


def constant(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.1,
    sigma: float | None = None,
    ranks: Ranks = ALONE,
) -> float:
    """Return the log of the number of candidates, 2N - 2, in nats."""
    return math.log(2 * sum(ranks.counts(len(u1))) - 2)


def _weights(cosine_B: Float[Tensor, " B"], sigma: float, ranks: Ranks) -> Float[Tensor, " B"]:
    """Weights of the pairs of this rank, whose mean over the global batch is 1."""
    offset, total = offset_and_total(len(cosine_B), ranks)
    shares = torch.softmax(ranks.rows(cosine_B) / sigma, dim=0)
    return 2 - total * shares[offset : offset + len(cosine_B)]

"""InfoNCE and its NT-Xent form: I(Z1; Z2) by telling each pair from the other pairs of the batch."""

# Shape suffixes: B batch.

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast

Negatives = Literal["all", "other_view"]


def infonce(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.5,
    negatives: Negatives = "all",
) -> Float[Tensor, ""]:
    """Lower bound on I(Z1; Z2) in nats by contrasting each pair with the other pairs of the batch (InfoNCE).

    With s = u u' / temperature, `other_view` is log B + mean_i(s_ii - logsumexp_j s_ij), the candidates j running over
    the rows of the other view, averaged over both directions. `all` is log(2B - 1) + mean_i(s_ip - logsumexp_{j != i}
    s_ij), where i runs over the 2B rows of both views, p is the other view of i, and only i itself is left out of the
    candidates (NT-Xent).

    `other_view` is a lower bound in expectation over batches of independent pairs. `all` is one approximately, since
    its negatives come from the mixture of both views. Neither exceeds its cap, `constant`.

    Args:
        u1: projections of the first view, rows of unit norm (`rows.unit`).
        u2: projections of the second view, row i from the same example as row i of `u1`, rows of unit norm.
        temperature: divides the cosines; greater than 0, no unit. A scalar tensor may be learnt.
        negatives: the candidates each row is contrasted with.

    Returns:
        Scalar, nats, mean over rows and directions. `constant` minus it is the loss of the papers.

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748, eq. 4; Poole et al. 2019, arXiv:1905.06922; NT-Xent:
    Chen et al. 2020, arXiv:2002.05709, eq. 1. Official code: google-research/simclr, objective.py at 383d414, lines
    75-86. Differs from it: the mean over the 2B rows as in the paper, where the code adds the means of the two
    directions (twice the loss); the row itself is removed exactly, where the code subtracts 1e9 from its score.
    """
    u1, u2 = at_least_float32(u1), at_least_float32(u2)
    with without_autocast(u1):
        scaled1, scaled2 = u1 / temperature, u2 / temperature
        positive_B = (scaled1 * u2).sum(dim=1)
        cross_BB = scaled1 @ u2.T
        partition1_B, partition2_B = cross_BB.logsumexp(dim=1), cross_BB.logsumexp(dim=0)
        match negatives:
            case "other_view":
                pass
            case "all":
                partition1_B = torch.logaddexp(partition1_B, _log_partition_of_others(scaled1, u1))
                partition2_B = torch.logaddexp(partition2_B, _log_partition_of_others(scaled2, u2))
            case _:
                assert_never(negatives)
    loss = ((partition1_B + partition2_B) / 2 - positive_B).mean()
    return constant(u1, u2, temperature=temperature, negatives=negatives) - loss


def constant(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.5,
    negatives: Negatives = "all",
) -> float:
    """Return the cap of the estimate in nats: the log of the number of candidates, the positive included."""
    match negatives:
        case "other_view":
            return math.log(len(u1))
        case "all":
            return math.log(2 * len(u1) - 1)
        case _:
            assert_never(negatives)


def _log_partition_of_others(scaled: Float[Tensor, "B D"], u: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
    """Return the log-sum-exp of each row's similarities to the other rows of its own view."""
    # Minus infinity before the exponential takes the row itself out without a mask or a copy of the scores.
    return (scaled @ u.T).fill_diagonal_(-math.inf).logsumexp(dim=1)

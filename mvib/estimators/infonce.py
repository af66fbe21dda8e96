"""InfoNCE, its NT-Xent form, and that of MoCo: I(Z1; Z2) by telling each pair from other pairs."""

# Shape suffixes: B rows of this rank.

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks
from mvib.estimators.scores import log_partition, log_partitions_of_views

Negatives = Literal["all", "other_view", "queue"]


def infonce(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.5,
    negatives: Negatives = "all",
    queue: Float[Tensor, "K D"] | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Lower bound on I(Z1; Z2) in nats by contrasting each pair with the other pairs of the batch (InfoNCE).

    With s = u u' / temperature and N examples on all ranks, `other_view` is log N + mean_i(s_ii - logsumexp_j s_ij),
    the candidates j running over the rows of the other view, averaged over both directions. `all` is log(2N - 1) +
    mean_i(s_ip - logsumexp_{j != i} s_ij), where i runs over the 2N rows of both views, p is the other view of i, and
    only i itself is left out of the candidates (NT-Xent). `queue` is log(K + 1) + mean_i(s_ip - logsumexp_j s_ij),
    where i runs over the rows of the first view, and j over its pair p in the second and the K rows of the queue
    (MoCo); each example then stands alone.

    `other_view` is a lower bound in expectation over batches of independent pairs. `all` is one approximately, since
    its negatives come from the mixture of both views, and so is `queue`, whose rows come from earlier encoders. None
    exceeds its cap, `constant`.

    No score is held for longer than a block of them lasts (`mvib.estimators.scores`), so memory grows with N and not
    with its square.

    Args:
        u1: projections of the first view on this rank, rows of unit norm (`rows.unit`); the queries of a queue.
        u2: projections of the second view, row i from the same example as row i of `u1`, rows of unit norm; the keys.
        temperature: divides the cosines; greater than 0, no unit. A scalar tensor may be learnt.
        negatives: the candidates each row is contrasted with.
        queue: rows of unit norm from the second view of earlier batches, the same on all ranks; for negatives: queue.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over rows and directions. `constant` minus it is the loss of the papers.

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748, eq. 4; Poole et al. 2019, arXiv:1905.06922; NT-Xent:
    Chen et al. 2020, arXiv:2002.05709, eq. 1; queue: He et al. 2020, arXiv:1911.05722, eq. 1. Official code:
    google-research/simclr, objective.py at 383d414, lines 75-86. Differs from it: the mean over the 2N rows as in the
    paper, where the code adds the means of the two directions (twice the loss); the row itself is removed exactly,
    where the code subtracts 1e9 from its score. Across ranks lightly contrasts with the rows of its own rank unless it
    is told to gather them; open_clip keeps, by default, the gradient of its own rows only.
    """
    u1, u2 = at_least_float32(u1), at_least_float32(u2)
    scale = 1 / temperature
    with without_autocast(u1):
        positive_B = (u1 * u2).sum(dim=1) * scale
        match negatives:
            case "queue":
                assert queue is not None
                partition_B = torch.logaddexp(positive_B, log_partition(u1, queue.to(u1.dtype), scale=scale))
            case "all" | "other_view":
                of_first_B, of_second_B = log_partitions_of_views(
                    u1, u2, scale=scale, with_pairs=True, with_own_view=negatives == "all", ranks=ranks
                )
                partition_B = (of_first_B + of_second_B) / 2
            case _:
                assert_never(negatives)
    cap = constant(u1, u2, temperature=temperature, negatives=negatives, queue=queue, ranks=ranks)
    return cap - mean_over_ranks((partition_B - positive_B).mean(), len(u1), ranks)


def from_critic(
    positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Lower bound on I(X; Y) in nats by contrasting each pair with M others by the scores of a critic (InfoNCE).

    log(M + 1) + mean_i(T(x_i, y_i) - logsumexp over T(x_i, y_i) and the M scores of x_i with others).

    Args:
        positive: T(x_i, y_i), the critic on this rank's pairs, linear output.
        negative: T of row i with M others of the global batch; M is the same on all ranks.
        ranks: that share the batch.

    Returns:
        Scalar, nats, at most log(M + 1).

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748, eq. 4. ermongroup/smile-mi-estimator at afa72e0,
    estimators.py, has the same value for M = N - 1; its separable critic contrasts x for a fixed y.
    """
    positive, negative = at_least_float32(positive), at_least_float32(negative)
    candidates = torch.cat([positive[:, None], negative], dim=1)
    local = (positive - candidates.logsumexp(dim=1)).mean()
    return math.log(candidates.shape[1]) + mean_over_ranks(local, len(positive), ranks)


def constant(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.5,
    negatives: Negatives = "all",
    queue: Float[Tensor, "K D"] | None = None,
    ranks: Ranks = ALONE,
) -> float:
    """Return the cap of the estimate in nats: the log of the number of candidates, the positive included."""
    match negatives:
        case "queue":
            assert queue is not None
            return math.log(1 + len(queue))
        case "other_view":
            return math.log(sum(ranks.counts(len(u1))))
        case "all":
            return math.log(2 * sum(ranks.counts(len(u1))) - 1)
        case _:
            assert_never(negatives)

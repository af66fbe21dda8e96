"""InfoNCE, its NT-Xent form, that of MoCo, and within domains: I(Z1; Z2) by telling each pair from other pairs."""

# Shape suffixes: B rows of this rank.

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, assert_never

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks, offset_and_total
from mvib.estimators.scores import log_partition, log_partitions_of_views

Negatives = Literal["all", "other_view", "own_view", "queue"]
Anchors = Literal["both", "first"]


def infonce(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.5,
    negatives: Negatives = "all",
    anchors: Anchors = "both",
    queue: Float[Tensor, "K D"] | None = None,
    domain: Int[Tensor, " B"] | None = None,
    extra: Float[Tensor, "B D"] | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Lower bound on I(Z1; Z2) in nats by contrasting each pair with the other pairs of the batch (InfoNCE).

    With s = u u' / temperature and N examples on all ranks, `other_view` is log N + mean_i(s_ii - logsumexp_j s_ij),
    the candidates j running over the rows of the other view, averaged over both directions. `all` is log(2N - 1) +
    mean_i(s_ip - logsumexp_{j != i} s_ij), where i runs over the 2N rows of both views, p is the other view of i, and
    only i itself is left out of the candidates (NT-Xent). `own_view` has as candidates of a row its pair and the N - 1
    others of its own view. `queue` is log(K + 1) + mean_i(s_ip - logsumexp_j s_ij), where i runs over the rows of the
    first view, and j over its pair p in the second and the K rows of the queue (MoCo); each example then stands alone.

    Where only the first view's rows are anchors, i runs over them alone, against the same candidates; the second view
    may then be without gradient, or another variable altogether. With a `domain` only candidates of the row's own
    domain are left: the value is about I(Z1; Z2 | domain), and what tells domains apart is of no use (DCoDR). `extra`
    are further rows, one an example, that all others of the batch are contrasted with: log(2N - 1) + mean_i(s_ii -
    log(sum_j e^s_ij + sum_{j != i} e^t_ij)), t the scores with them (C-SimCLR, whose anchors are samples, and whose
    extra candidates are the means of their own view).

    How it bounds, in expectation over batches of independent examples, and for any temperature:

    `other_view` is a lower bound. Given an anchor, its pair and the N - 1 other rows of the other view are exchangeable
    once the pair is drawn from the marginal, so that the mean of e^s over that of all candidates is 1 (Poole et al.).

    `all` and `extra` have more candidates, which only lower the value less what the cap grows by: they are at most
    log((2N - 1) / N) above `other_view`, so that the value less log(2 - 1/N) is a lower bound, whatever the views are.
    The value itself is none. Negatives of another marginal can be told from the pair by that alone. Where both views
    have one marginal, as draws of one augmentation, each negative is independent of the pair and of its law, and the
    bound by log(2N - 1) still fails: the two rows of a negative example depend on each other, so that the candidates
    are not exchangeable. For Z1 = Z2 uniform on 10 values and N = 10 the value goes to 2.3057 at low temperatures, and
    I = log 10 = 2.3026.

    `own_view` is a lower bound where both views have one marginal: one row of each other example. Otherwise it bounds
    the sum of the information and the divergence of the two marginals, which may be infinite. So does `queue`, whose
    negatives come from earlier encoders: it is a lower bound where the encoder of the keys stands still. None exceeds
    its cap, `constant`.

    No score is held for longer than a block of them lasts (`mvib.estimators.scores`), so memory grows with N and not
    with its square.

    Args:
        u1: projections of the first view on this rank, rows of unit norm (`rows.unit`); the queries of a queue.
        u2: projections of the second view, row i from the same example as row i of `u1`, rows of unit norm; the keys.
        temperature: divides the cosines; greater than 0, no unit. A scalar tensor may be learnt.
        negatives: the candidates each row is contrasted with.
        anchors: whose rows are told from others: of both views in turn, or of the first. Those of a queue are the
            first's.
        queue: rows of unit norm from the second view of earlier batches, the same on all ranks; for negatives: queue.
        domain: a whole number for each example of this rank; candidates are of the same one. None for any.
        extra: rows of unit norm, row i from the same example as row i of `u1`, for anchors: first and negatives:
            other_view.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over rows and directions. `constant` minus it is the loss of the papers.

    Raises:
        ValueError: extra rows are given for other anchors or negatives than theirs, or a domain with a queue, the rows
            of which have none.

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748, eq. 4; Poole et al. 2019, arXiv:1905.06922; NT-Xent:
    Chen et al. 2020, arXiv:2002.05709, eq. 1; queue: He et al. 2020, arXiv:1911.05722, eq. 1; first anchors:
    Chen, Xie, He 2021, arXiv:2104.02057, eq. 1 (MoCo v3, each direction, without its factor 2 temperature); domain:
    Kahana, Hoshen 2022, arXiv:2203.11284 (with own_view); extra: Lee et al. 2021, arXiv:2109.12909. Official code:
    google-research/simclr, objective.py at 383d414, lines 75-86. Differs from it: the mean over the 2N rows as in the
    paper, where the code adds the means of the two directions (twice the loss); the row itself is removed exactly,
    where the code subtracts 1e9 from its score. jonkahana/DCoDR, model/modules.py at 5f447f5, draws at most so many
    negatives; here are all of them, as there where classes are small. Across ranks lightly contrasts with the rows of
    its own rank unless it is told to gather them; open_clip keeps, by default, the gradient of its own rows only.
    """
    if extra is not None and (anchors, negatives) != ("first", "other_view"):
        raise ValueError("`extra` rows are candidates of anchors: first, beside those of negatives: other_view")
    if domain is not None and negatives == "queue":
        raise ValueError("the rows of a queue have no domain: use negatives of the batch")
    u1, u2 = at_least_float32(u1), at_least_float32(u2)
    scale = 1 / temperature
    with without_autocast(u1):
        positive_B = (u1 * u2).sum(dim=1) * scale
        match negatives:
            case "queue":
                assert queue is not None
                partition_B = torch.logaddexp(positive_B, log_partition(u1, queue.to(u1.dtype), scale=scale))
            case "all" | "other_view" if anchors == "both" and domain is None:
                of_first_B, of_second_B = log_partitions_of_views(
                    u1, u2, scale=scale, with_pairs=True, with_own_view=negatives == "all", ranks=ranks
                )
                partition_B = (of_first_B + of_second_B) / 2
            case _:
                others = partial(_log_sums, scale=scale, domain=domain, ranks=ranks)
                views = [(u1, u2), (u2, u1)] if anchors == "both" else [(u1, u2)]
                partitions = [_partition(*pair, positive_B, negatives, extra, others) for pair in views]
                partition_B = torch.stack(partitions).mean(dim=0)
    given: dict[str, Any] = {"queue": queue, "domain": domain, "extra": extra}
    cap = constant(u1, u2, temperature=temperature, negatives=negatives, anchors=anchors, ranks=ranks, **given)
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
        Scalar, nats, at most log(M + 1). `constant_from_critic` minus it is the loss of the paper.

    Source: van den Oord, Li, Vinyals 2018, arXiv:1807.03748, eq. 4. ermongroup/smile-mi-estimator at afa72e0,
    estimators.py, has the same value for M = N - 1; its separable critic contrasts x for a fixed y.
    """
    positive, negative = at_least_float32(positive), at_least_float32(negative)
    candidates = torch.cat([positive[:, None], negative], dim=1)
    local = (positive - candidates.logsumexp(dim=1)).mean()
    return constant_from_critic(positive, negative) + mean_over_ranks(local, len(positive), ranks)


def constant_from_critic(
    positive: Float[Tensor, " B"], negative: Float[Tensor, "B M"], *, ranks: Ranks = ALONE
) -> float:
    """Return the cap of the estimate from the scores of a critic in nats, log(M + 1)."""
    return math.log(negative.shape[1] + 1)


def constant(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    temperature: float | Float[Tensor, ""] = 0.5,
    negatives: Negatives = "all",
    anchors: Anchors = "both",
    queue: Float[Tensor, "K D"] | None = None,
    domain: Int[Tensor, " B"] | None = None,
    extra: Float[Tensor, "B D"] | None = None,
    ranks: Ranks = ALONE,
) -> float:
    """Return the cap of the estimate in nats: the log of the number of candidates, the positive included.

    Of candidates within a domain it is the mean of those logs over the examples of all ranks.
    """
    if negatives == "queue":
        assert queue is not None
        return math.log(1 + len(queue))
    sizes = [sum(ranks.counts(len(u1)))]
    if domain is not None:
        sizes = torch.unique(ranks.rows(domain), return_counts=True)[1].tolist()
    twice = negatives == "all" or extra is not None
    return sum(size * math.log(2 * size - 1 if twice else size) for size in sizes) / max(1, sum(sizes))


def _partition(
    own: Float[Tensor, "B D"],
    other: Float[Tensor, "B D"],
    positive_B: Float[Tensor, " B"],
    negatives: Literal["all", "other_view", "own_view"],
    extra: Float[Tensor, "B D"] | None,
    log_sums: Callable[..., Float[Tensor, " B"]],
) -> Float[Tensor, " B"]:
    """Log-sum-exp of the scores of each row of one view with its candidates."""
    match negatives:
        case "own_view":
            return torch.logaddexp(positive_B, log_sums(own, own, with_same=False))
        case "other_view" if extra is None:
            return log_sums(own, other, with_same=True)
        case "other_view" | "all":
            further = own if extra is None else extra.to(own.dtype)
            return torch.logaddexp(log_sums(own, other, with_same=True), log_sums(own, further, with_same=False))
        case _:
            assert_never(negatives)


def _log_sums(
    u: Float[Tensor, "B D"],
    others: Float[Tensor, "B D"],
    *,
    with_same: bool,
    scale: float | Float[Tensor, ""],
    domain: Int[Tensor, " B"] | None,
    ranks: Ranks,
) -> Float[Tensor, " B"]:
    """Log-sum-exp of the scores of each row with rows of its domain, that of its own example among them or not."""
    offset, _ = offset_and_total(len(u), ranks)
    rows = ranks.rows(others)
    domains = None if domain is None else ranks.rows(domain)
    if domain is None or domains is None or not len(u):
        return log_partition(u, rows, scale=scale, without_diagonal=None if with_same else offset)
    log_sums, order = [], []
    for name in torch.unique(domain):
        here, there = (domain == name).nonzero()[:, 0], (domains == name).nonzero()[:, 0]
        # The examples of this rank stand next to each other among those of all ranks.
        same = None if with_same else int((there < offset).sum())
        log_sums.append(log_partition(u[here], rows[there], scale=scale, without_diagonal=same))
        order.append(here)
    return torch.cat(log_sums)[torch.cat(order).argsort()]

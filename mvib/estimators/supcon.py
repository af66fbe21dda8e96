"""The supervised contrastive loss: I(Z; Y) by telling rows of one label from those of others."""

# Shape suffixes: B rows of this rank, views included, N those of all ranks, D dimension, K labels.

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks, offset_and_total
from mvib.estimators.scores import log_partition


def supcon(
    *variables: Float[Tensor, "B D"] | Int[Tensor, " B"],
    temperature: float | Float[Tensor, ""] = 0.1,
    base: float | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z; Y) in nats by contrasting the rows of each label with all others (SupCon, the sum outside).

    With s = u u' / temperature over the N rows of all views and ranks, and P(a) the other rows of the label of row a,
    the loss is (temperature / base) mean_a of -1/|P(a)| sum_{p in P(a)} (s_ap - logsumexp_{b != a} s_ab), where a row
    that is the only one of its label counts zero. The value is `constant`, (temperature / base) log(N - 1) for each row
    that has others of its label, less that loss.

    Each of its terms contrasts a pair that shares a label, and knows one row of the other only by that, so the value
    stands for I(Z; Y); but other rows of the label are among the candidates, and the rows of an example share more than
    the label, so it bounds nothing. The |P(a)| shares of the positives add up to at most one, and the value is at most
    the mean of log((N - 1) / |P(a)|): about the entropy of the labels.

    Args:
        variables: one or several views, rows of unit norm (`rows.unit`), row i of all from the same example; and last
            the labels of the examples, whole numbers.
        temperature: divides the cosines; greater than 0, no unit. A scalar tensor may be learnt.
        base: scales the value by temperature / base; greater than 0. None for no scaling.
        ranks: that share the batch.

    Returns:
        Scalar, nats for `base` None, mean over the rows of all views.

    Source: Khosla et al. 2020, arXiv:2004.11362, eq. 2 (L_out). Official code: HobbitLong/SupContrast, losses.py, which
    has base 0.07, and adds 1e-9 to the sums over e^(1 / temperature); in its older versions a row without others of its
    label is not a number. Differs from solo-learn's, whose logarithm is of the sum over the positives. The official
    loss is of the rows of one rank, here of all.
    """
    *views, labels = variables
    u = torch.cat([at_least_float32(view) for view in views])
    offset, total = offset_and_total(len(u), ranks)
    all_u, place, counts = _by_label(u, labels.repeat(len(views)), ranks)
    mine = place[offset : offset + len(u)]
    positives_B = (counts[mine] - 1).to(u.dtype)
    with without_autocast(u):
        partition_B = log_partition(u, u if ranks.size == 1 else all_u, scale=1 / temperature, without_diagonal=offset)
        sums_KD = all_u.new_zeros(len(counts), u.shape[1]).index_add(0, place, all_u)
        # The scores with the others of the label add up to that with their sum.
        of_label_B = (u * (sums_KD[mine] - u)).sum(dim=1) / temperature
    has_others = positives_B > 0
    loss_B = (partition_B - of_label_B / positives_B.clamp_min(1)).where(has_others, 0.0)
    local = loss_B.mean() * _factor(temperature, base)
    cap = _share(counts, total) * _factor(temperature, base) * math.log(max(1, total - 1))
    return cap - mean_over_ranks(local, len(u), ranks)


def constant(
    *variables: Float[Tensor, "B D"] | Int[Tensor, " B"],
    temperature: float | Float[Tensor, ""] = 0.1,
    base: float | None = None,
    ranks: Ranks = ALONE,
) -> float | Float[Tensor, ""]:
    """Return (temperature / base) log(N - 1) times the share of the N rows that have others of their label, in nats."""
    *views, labels = variables
    all_labels = ranks.rows(labels.repeat(len(views)))
    counts = torch.unique(all_labels, return_counts=True)[1]
    number = len(all_labels)
    return _share(counts, number) * _factor(temperature, base) * math.log(max(1, number - 1))


def _by_label(
    u: Float[Tensor, "B D"], labels: Int[Tensor, " B"], ranks: Ranks
) -> tuple[Float[Tensor, "N D"], Int[Tensor, " N"], Int[Tensor, " K"]]:
    """The rows of all ranks, the place of the label of each among the labels there are, and how many rows each has."""
    _, place, counts = torch.unique(ranks.rows(labels), return_inverse=True, return_counts=True)
    return ranks.rows(u), place, counts


def _share(counts: Int[Tensor, " K"], number: int) -> float:
    return float(counts[counts > 1].sum()) / max(1, number)


def _factor(temperature: float | Float[Tensor, ""], base: float | None) -> float | Float[Tensor, ""]:
    return 1.0 if base is None else temperature / base

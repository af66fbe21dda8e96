"""InfoNCE of a vector and the locations of a map: I(A; B) by telling the places of one's own image from all others."""

# Shape suffixes: B examples of this rank, N of all ranks, S locations of A, T of B, D dimension, R rows of a block.

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import product
from mvib.estimators.kernels import sum_over_rows
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, offset_and_total


def patch_infonce(
    a: Float[Tensor, "B D"] | Float[Tensor, "B S D"] | Float[Tensor, "B D H W"],
    b: Float[Tensor, "B T D"] | Float[Tensor, "B D H W"] | Float[Tensor, "B D"],
    *,
    clip: float = 20.0,
    penalty: float = 0.05,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Lower bound on I(A; B) in nats by contrasting each location of B with those of the other examples (AMDIM).

    With the raw scores r_ijt = <a_i, b_jt> / sqrt(D) and s = clip tanh(r / clip), log(1 + (N - 1) T) + mean_it [ s_iit
    - log(e^s_iit + sum_{j != i, t'} e^s_ijt') ] - penalty mean_ijt r_ijt^2: every location of the own example is a
    positive, the others of the own example are no candidates. Where A has locations too, each of them is such an a_i,
    and the value is the mean over all.

    With one location of each it is `infonce` with products for a critic, less the penalty, and a lower bound in
    expectation. With several it bounds the mean over locations of I(A_s; B_t) as N grows: on few examples those of an
    image, which resemble each other, count as T independent ones.

    Args:
        a: a row for each example of this rank (`rows.raw`), or rows at several locations, as tokens or as a map.
        b: rows of the same width at T locations of the same examples, as tokens or as a map, or at one.
        clip: scores approach plus and minus this number, greater than 0.
        penalty: weight of the mean squared raw score, at least 0.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over examples and locations. `constant` minus it is the loss of the paper for one pair of
        sources, with its regulariser.

    Source: Bachman, Hjelm, Buchwalter 2019, arXiv:1906.00910. Official code:
    Philip-Bachman/amdim-public, costs.py, NCE_MI_MULTI; identical for a vector. Differs from it where A has locations:
    the code draws one of them for each image at every step. The default of its class is clip 10, that of its training
    command 20; older versions have penalty 0.04.
    """
    sources, tokens = _tokens(at_least_float32(a)), _tokens(at_least_float32(b))
    offset, total = offset_and_total(len(sources), ranks)
    all_tokens = ranks.rows(tokens)
    locations, width = tokens.shape[1:]
    candidates = all_tokens.flatten(end_dim=1).T
    per_example = sources.shape[1]
    rows = sources.flatten(end_dim=1)

    def statistics(start: int, stop: int) -> Float[Tensor, " 2"]:
        raw_RNT = (product(rows[start:stop], candidates) / math.sqrt(width)).reshape(-1, total, locations)
        scores_RNT = clip * (raw_RNT / clip).tanh()
        here = torch.arange(start, stop, device=rows.device)
        example = here // per_example + offset
        own_RT = scores_RNT[here - start, example]
        is_own = example[:, None] == torch.arange(total, device=rows.device)
        # The least number and not minus infinity, of which one example alone would have nothing else.
        others_R = scores_RNT.masked_fill(is_own[:, :, None], torch.finfo(rows.dtype).min).flatten(1).logsumexp(dim=1)
        shares_RT = own_RT - torch.logaddexp(own_RT, others_R[:, None])
        return torch.stack([shares_RT.sum(), raw_RNT.square().sum()])

    with without_autocast(rows):
        sums = ranks.sum(sum_over_rows(statistics, range(len(rows)), num_columns=candidates.shape[1]))
    number = total * per_example * locations
    return constant(a, b, ranks=ranks) + sums[0] / number - penalty * sums[1] / (total * number)


def constant(
    a: Float[Tensor, "B D"] | Float[Tensor, "B S D"] | Float[Tensor, "B D H W"],
    b: Float[Tensor, "B T D"] | Float[Tensor, "B D H W"] | Float[Tensor, "B D"],
    *,
    clip: float = 20.0,
    penalty: float = 0.05,
    ranks: Ranks = ALONE,
) -> float:
    """Return the cap of the estimate in nats, the log of the number of candidates, 1 + (N - 1) T."""
    return math.log(1 + (sum(ranks.counts(len(a))) - 1) * _tokens(b).shape[1])


def _tokens(b: Tensor) -> Float[Tensor, "B T D"]:
    """The rows of all locations of tokens, of a map, or of one location."""
    if b.dim() == 4:
        return b.flatten(start_dim=2).transpose(1, 2)
    return b if b.dim() == 3 else b[:, None]

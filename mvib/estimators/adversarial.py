"""A divergence by a discriminator that tells codes from rows of the prior, trained beside what makes the codes."""

# Shape suffixes: B rows of this rank, S scores of each.

import math
from typing import Literal, assert_never

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks

Loss = Literal["non_saturating", "saturating"]


def adversarial(
    fake: Float[Tensor, "B *S"], *, loss: Loss = "non_saturating", ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Surrogate of D(q || p) in nats by the scores of a discriminator on codes of density q, for a prior p.

    With the best discriminator, whose score is log p / q, `non_saturating` is E_q log(1 + q / p) - log 2 = KL(q || p) -
    KL(q || m), m = (p + q) / 2, and `saturating` is KL(q || m), at most log 2: one half of twice the Jensen-Shannon
    divergence. Both are then zero where the codes follow the prior, and only there. With any other discriminator, such
    as one that is still being trained, neither bounds anything. The gradient of `saturating` is gone where the
    discriminator is sure; that of `non_saturating`, which pushes the same way, is greatest there.

    Args:
        fake: scores of the codes of this rank, high for what looks like the prior, linear output; their gradient is to
            reach the codes alone. Several scores of a row are averaged.
        loss: non_saturating: -mean log sigmoid(T) - log 2, labels flipped; saturating: mean log sigmoid(-T) + log 2,
            minus the discriminator's own loss of codes.
        ranks: that share the batch.

    Returns:
        Scalar, nats at the best discriminator. `constant` taken off, it is the loss of the papers for the encoder.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1 and section 3; for codes: Makhzani et al. 2015,
    arXiv:1511.05644 (adversarial autoencoder); Hjelm et al. 2019, arXiv:1808.06670, eq. 7 (Deep InfoMax, saturating).
    """
    scores = at_least_float32(fake)
    match loss:
        case "non_saturating":
            local = -F.logsigmoid(scores).mean()
        case "saturating":
            local = F.logsigmoid(-scores).mean()
        case _:
            assert_never(loss)
    return mean_over_ranks(local, len(fake), ranks) + constant(fake, loss=loss)


def constant(fake: Float[Tensor, "B *S"], *, loss: Loss = "non_saturating", ranks: Ranks = ALONE) -> float:
    """Return what makes the value zero at the prior: minus log 2, or log 2 for the saturating loss."""
    return -math.log(2) if loss == "non_saturating" else math.log(2)


def fit(real: Float[Tensor, "B *S"], fake: Float[Tensor, "B *S"]) -> Float[Tensor, ""]:
    """How badly a discriminator tells rows of the prior from codes: what it minimises, in nats.

    -mean log sigmoid(T(real)) - mean log sigmoid(-T(fake)), the binary cross-entropies of both added up. 2 log 2 less
    it is at most twice the Jensen-Shannon divergence of codes and prior, and that at the best discriminator.

    Args:
        real: scores of rows drawn from the prior on this rank, linear output.
        fake: scores of as many codes, which take no gradient from it.

    Returns:
        Scalar, nats, mean over the rows of this rank, at least 0.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, eq. 1.
    """
    return -F.logsigmoid(at_least_float32(real)).mean() - F.logsigmoid(-at_least_float32(fake)).mean()

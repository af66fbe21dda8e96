"""Entropy of the labels of a batch: the constant of the Barber-Agakov bound on I(Z; Y), which is known for labels."""

# Shape suffixes: B batch, K classes.

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.ranks import ALONE, Ranks


def label_entropy(labels: Int[Tensor, "B"], *, classes: int, ranks: Ranks = ALONE) -> Float[Tensor, ""]:
    """Plug-in entropy H(Y) of a batch of labels, in nats; it does not depend on any parameter.

    Args:
        labels: classes 0..K-1.
        classes: K.
        ranks: the processes that share the batch.

    Returns:
        Scalar in [0, log K], in float64 so that it can be added to an estimate of any precision and taken off again.

    Source: review, equation 8: I(Y; Z) >= H(Y) + E log q(y | z).
    """
    counts_K = ranks.sum(torch.bincount(labels, minlength=classes).to(torch.float64))
    frequencies_K = counts_K / counts_K.sum().clamp(min=1)
    entropy: Tensor = torch.special.entr(frequencies_K).sum()
    return entropy

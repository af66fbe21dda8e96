"""Ranks from singular values, and a list thinned out for a file."""

# Shape suffixes: K number of singular values.

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

_MOST = 64
# RankMe adds it to every share, so that none has no logarithm.
_EPSILON = 1e-7


def effective_rank(values: Float[Tensor, " K"]) -> float:
    """The effective rank: exp of the entropy in nats of singular values normalised to sum 1; 0 where all are zero.

    Source: Roy and Vetterli, "The effective rank", EUSIPCO 2007, definition 1.
    """
    total = values.sum()
    if float(total) <= 0:
        return 0.0
    shares_K = values / total
    return float(torch.special.entr(shares_K).sum().exp())


def rankme(values: Float[Tensor, " K"]) -> float:
    """RankMe: the effective rank of features that are not centred, with 1e-7 added to every share.

    Source: Garrido, Balestriero, Najman, LeCun 2023, arXiv:2210.02885, equation 3.
    """
    total = values.sum()
    if float(total) <= 0:
        return 0.0
    shares_K = values / total + _EPSILON
    return float((-(shares_K * shares_K.log()).sum()).exp())


def thin_out(values: Tensor) -> Sequence[float]:
    """The largest first, at most 64 of them: the first, the last, and others evenly between."""
    ordered = values.sort(descending=True).values
    if len(ordered) > _MOST:
        ordered = ordered[torch.linspace(0, len(ordered) - 1, _MOST).round().long()]
    return tuple(float(f"{value:.6g}") for value in ordered.tolist())

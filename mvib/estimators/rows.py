"""Transforms of a batch of rows that estimators share, so that a compiled step computes each of them once.

Each lifts half precision to float32 and keeps float64; axis 0 holds the examples (B), axis 1 the dimensions (D).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks


def raw(z: Float[Tensor, "B *D"]) -> Float[Tensor, "B *D"]:
    """Rows as they are, in at least float32."""
    return at_least_float32(z)


def unit(z: Float[Tensor, "B D"], *, eps: float = 1e-12) -> Float[Tensor, "B D"]:
    """Rows scaled to unit Euclidean norm: z / max(||z||, eps).

    A row of zeros stays one, without a gradient: it has no direction, and one over `eps` is no slope to follow. In half
    precision `eps` is at least the smallest normal number (6e-5 in float16): rows below it have lost their digits, and
    the gradient of shorter ones would not be finite in that precision.

    Source: the denominator is that of `torch.nn.functional.normalize`. DeepMind's BYOL helper has
    sqrt(max(||z||^2, 1e-12)); the two differ for norms below 1e-6 only.
    """
    lifted = at_least_float32(z)
    norms: Tensor = torch.linalg.vector_norm(lifted, dim=1, keepdim=True)
    least = max(eps, torch.finfo(z.dtype).tiny) if z.is_floating_point() else eps
    return lifted / norms.clamp_min(least).masked_fill(norms == 0, torch.inf)


def centered(z: Float[Tensor, "B D"], *, ranks: Ranks = ALONE) -> Float[Tensor, "B D"]:
    """Columns with their mean over the batch removed, over the rows of all ranks."""
    return _centered(z, ranks)[0]


def standardized(z: Float[Tensor, "B D"], *, eps: float = 1e-5, ranks: Ranks = ALONE) -> Float[Tensor, "B D"]:
    """Columns with zero mean and unit variance over the batch of all ranks: (z - mean) / sqrt(biased variance + eps).

    This is batch normalisation without affine parameters and without running statistics, as Barlow Twins
    applies it to each view. A constant column becomes zero.
    """
    # Centred before it is scaled: torch's fused kernel scales first, and loses a small spread around a large mean.
    c, total = _centered(z, ranks)
    return c * torch.rsqrt(ranks.sum(c.square().sum(dim=0)) / total + eps)


def _centered(z: Float[Tensor, "B D"], ranks: Ranks) -> tuple[Float[Tensor, "B D"], float | Float[Tensor, ""]]:
    """Return centred columns, and the number of rows they are centred over."""
    lifted = at_least_float32(z)
    if ranks.size == 1:
        return lifted - lifted.mean(dim=0), len(z)
    # The sums and the number of rows travel together, since ranks may have uneven numbers of them.
    sums = ranks.sum(torch.cat([lifted.sum(dim=0), lifted.new_tensor([len(z)])]))
    total = sums[-1].detach()
    return lifted - sums[:-1] / total, total

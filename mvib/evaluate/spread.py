"""How many dimensions a representation uses: the first signs of collapse."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

Rows = npt.NDArray[np.floating]

# Below this share of the largest feature's scale a spread is rounding.
_CONSTANT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a representation is spread out.

    Attributes:
        dimensions: how many numbers represent an example.
        constant_dimensions: how many of them are the same for every example.
        effective_rank: how many dimensions are used, between 0 (all examples at one point) and `dimensions`.
        std: standard deviation of a dimension over the examples, mean over the dimensions.
    """

    dimensions: int
    constant_dimensions: int
    effective_rank: float
    std: float


def measure_spread(features: Float[Rows, "N D"]) -> Spread:
    """The spread of finite features.

    The effective rank is that of the features less their mean, so that a representation that has collapsed to a point
    has rank 0 wherever the point is.
    """
    std_D = features.std(axis=0, dtype=np.float64)
    scale = float(np.abs(features).max(initial=0.0))
    is_constant = std_D <= _CONSTANT * scale
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    # What is constant up to rounding would otherwise count as a direction of its own.
    centred[:, is_constant] = 0.0
    return Spread(
        dimensions=features.shape[1],
        constant_dimensions=int(is_constant.sum()),
        effective_rank=effective_rank(centred),
        std=float(std_D.mean()),
    )


def effective_rank(matrix: Float[Rows, "N D"]) -> float:
    """The effective rank: exp of the entropy in nats of the singular values, normalised to sum 1.

    Args:
        matrix: any finite matrix.

    Returns:
        Between 1 and the smaller side; 0 for a matrix of zeros, which has no singular value to normalise.

    Source: Roy and Vetterli, "The effective rank", EUSIPCO 2007, definition 1.
    """
    values = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    total = values.sum()
    if total == 0:
        return 0.0
    shares = values[values > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))

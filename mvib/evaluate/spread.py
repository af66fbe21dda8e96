"""How many dimensions a representation uses: the first signs of collapse."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float

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


def without_constant_dimensions(features: Float[Rows, "N D"]) -> Float[npt.NDArray[np.float64], "N D"]:
    """Finite features less their mean, in float64; a dimension that is the same for every example is 0 throughout.

    What is constant up to rounding would otherwise count as a direction of its own.
    """
    centred: npt.NDArray[np.float64] = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    centred[:, _are_constant(features)] = 0.0
    return centred


def _are_constant(features: Float[Rows, "N D"]) -> Bool[npt.NDArray[np.bool_], " D"]:
    scale = float(np.abs(features).max(initial=0.0))
    constant: npt.NDArray[np.bool_] = features.std(axis=0, dtype=np.float64) <= _CONSTANT * scale
    return constant


def measure_spread(features: Float[Rows, "N D"]) -> Spread:
    """The spread of finite features.

    The effective rank is that of the features less their mean, so that a representation that has collapsed to a point
    has rank 0 wherever the point is.
    """
    return Spread(
        dimensions=features.shape[1],
        constant_dimensions=int(_are_constant(features).sum()),
        effective_rank=effective_rank(without_constant_dimensions(features)),
        std=float(features.std(axis=0, dtype=np.float64).mean()),
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

"""Information of random projections of two variables (sliced information), for measuring."""

# Shape suffixes: D dimension, K dimension of a projection.

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from mvib.estimators import ksg
from mvib.estimators.neighbours import number, table
from mvib.estimators.ranks import ALONE, Ranks


def sliced(
    a: Float[Tensor, "B *D"],
    b: Float[Tensor, "B *E"],
    *,
    slices: int = 128,
    dim: int = 1,
    k: int = 3,
    seed: int = 0,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Estimate in nats of the sliced information, a lower bound on I(A; B) that many dimensions do not harm.

    The mean over random pairs of projections (U, V) of I(U'A; V'B), each estimated by `ksg` (variant 1). U and V are
    uniform among the matrices of `dim` orthonormal columns, independent of each other. No projection has more
    information than what it is of, so the population's value is at most I(A; B); it is zero iff A and B are
    independent. It may be far below I, and processing a variable can raise it. The estimate has the error of `ksg` in
    2 `dim` dimensions, averaged, and that of the finite number of slices.

    Args:
        a: rows of one variable, or one number a row.
        b: rows of another, row i from the same example as row i of `a`.
        slices: number of pairs of projections; the standard error falls as one over its root.
        dim: dimension of the projections, at most those of both variables.
        k: number of neighbours.
        seed: of the projections, which are the same for the same seed.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over slices, without gradient.

    Raises:
        ValueError: `dim` above the dimension of a variable; what `ksg` raises.

    Source: Goldfeld, Greenewald 2021, arXiv:2110.05279, definition 1; k-sliced: Goldfeld et al. 2022,
    arXiv:2206.08526, definition 1.
    """
    x, y = table(a, ranks), table(b, ranks)
    narrowest = min(x.shape[1], y.shape[1])
    if not 1 <= dim <= narrowest:
        raise ValueError(f"a projection of dimension {dim} of rows of dimension {narrowest}: give a smaller `dim`")
    if slices < 1:
        raise ValueError(f"the mean of {slices} slices: give at least one")
    draws = np.random.default_rng(seed)
    values = [
        ksg.information(
            x @ _projection(x.shape[1], dim, draws), y @ _projection(y.shape[1], dim, draws), k=k, variant=1
        )
        for _ in range(slices)
    ]
    return number(float(np.mean(values)), a)


def _projection(dimension: int, dim: int, draws: np.random.Generator) -> Float64[ndarray, "D K"]:
    """Draw orthonormal columns, uniform on the Stiefel manifold."""
    orthonormal, triangular = np.linalg.qr(draws.standard_normal((dimension, dim)))
    # Uniform only with the factorisation that is unique, the one of a positive diagonal.
    projection: Float64[ndarray, "D K"] = orthonormal * np.sign(np.diagonal(triangular))
    return projection

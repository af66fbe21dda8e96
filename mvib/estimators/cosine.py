"""Negative cosine similarity: the von Mises-Fisher surrogate of a conditional entropy."""

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32


def cosine(u1: Float[Tensor, "B D"], u2: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """Surrogate of H(U1 | U2) on the unit sphere by the mean of minus the cosine.

    -mean_i <u1_i, u2_i>: the cross-entropy with a von Mises-Fisher density of concentration 1, without its normaliser,
    so a surrogate and no bound.

    Args:
        u1: values of one variable, rows of unit norm (`rows.unit`).
        u2: their predictions, or the other view, rows of unit norm.

    Returns:
        Scalar without unit in [-1, 1], symmetric.

    Source: Chen, He 2021, arXiv:2011.10566, eq. 1. Official code: facebookresearch/simsiam, main_simsiam.py
    at a7bc177, line 295, which averages this over the two directions. BYOL's loss per direction is 2 + 2 cosine.
    """
    return -(at_least_float32(u1) * at_least_float32(u2)).sum(dim=1).mean()

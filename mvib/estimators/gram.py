"""Second moments of rows, taken on the smaller side of the batch.

The D x D matrix z'z and the N x N matrix z z' have the same spectrum but for zeros, so whatever depends on the spectrum
alone (log-determinants, sums of squares, matrix entropies) may be computed on either; the smaller one is the cheaper.
Source: Garrido, Chen, Bardes, Najman, LeCun 2022, arXiv:2206.02574.
"""

# Shape suffixes: B batch of this rank, N batch of all ranks, D dimension, M the smaller of N and D.

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import product
from mvib.estimators.precision import without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def gram(z: Float[Tensor, "B D"]) -> Float[Tensor, "B B"]:
    """Return z z', the products of all pairs of rows; its gradient costs one product, where autograd takes two."""
    product: Tensor = _Gram.apply(z)  # type: ignore[no-untyped-call]
    return product


def second_moment(z: Float[Tensor, "B D"], *, ranks: Ranks = ALONE) -> Float[Tensor, "D D"]:
    """Return z'z, summed over the rows of all ranks; its gradient costs one product, where autograd takes two."""
    product: Tensor = _SecondMoment.apply(z)  # type: ignore[no-untyped-call]
    return ranks.sum(product)


def smaller_side(z: Float[Tensor, "B D"], *, ranks: Ranks = ALONE) -> tuple[Float[Tensor, "M M"], int]:
    """Return z z' or z'z over the rows of all ranks, whichever is the smaller matrix, and the number of those rows.

    What crosses the ranks is the smaller of the rows and the D x D matrix, so it never grows beyond D * D.
    """
    total = sum(ranks.counts(len(z)))
    if total < z.shape[1]:
        return gram(ranks.rows(z)), total
    return second_moment(z, ranks=ranks), total


def pair_moments(
    z1: Float[Tensor, "B D1"], z2: Float[Tensor, "B D2"], *, ranks: Ranks = ALONE
) -> tuple[Float[Tensor, "M1 M1"], Float[Tensor, "M2 M2"], Float[Tensor, "M M"], int]:
    """Return matrices with the spectra of z1'z1, z2'z2 and of the joint (z1, z2)'(z1, z2), and the number of rows.

    On the side of the rows the joint one is the sum of the others; on that of the dimensions they are its blocks.
    """
    total, dimension1 = sum(ranks.counts(len(z1))), z1.shape[1]
    if total < dimension1 + z2.shape[1]:
        gram1, gram2 = gram(ranks.rows(z1)), gram(ranks.rows(z2))
        return gram1, gram2, gram1 + gram2, total
    joint = second_moment(torch.cat([z1, z2], dim=1), ranks=ranks)
    return joint[:dimension1, :dimension1], joint[dimension1:, dimension1:], joint, total


def off_diagonal_square_sum(
    a: Float[Tensor, "B D"], b: Float[Tensor, "B D"], *, ranks: Ranks = ALONE
) -> Float[Tensor, ""]:
    """Return the sum of the squared off-diagonal entries of the D x D matrix a'b, over the rows of all ranks.

    With fewer examples than dimensions the D x D matrix is never formed: ||a'b||_F^2 = <a a', b b'>, where the Gram
    matrices are N x N, and the squared diagonal is subtracted. Both ways are exact. Pass the same tensor twice for the
    products of a matrix with itself; its Gram matrix is then computed once.
    """
    num_grams = 1 if a is b else 2
    if num_grams * sum(ranks.counts(len(a))) >= a.shape[1]:
        product_DD = second_moment(a, ranks=ranks) if a is b else ranks.sum(product(a.T, b))
        return product_DD.fill_diagonal_(0).square().sum()
    a_ND = ranks.rows(a)
    b_ND = a_ND if a is b else ranks.rows(b)
    gram_a_NN = gram(a_ND)
    gram_b_NN = gram_a_NN if a is b else gram(b_ND)
    diagonal_D = (a_ND * b_ND).sum(dim=0)
    return (gram_a_NN * gram_b_NN).sum() - diagonal_D.square().sum()


class _Gram(torch.autograd.Function):
    """z z', with one product in the backward pass."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(z)
        return z @ z.T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """(G + G') z: both places of z at once."""
        z: Tensor = ctx.saved_tensors[0]
        with without_autocast(z):
            return (gradients[0] + gradients[0].T) @ z


class _SecondMoment(torch.autograd.Function):
    """z'z, with one product in the backward pass."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(z)
        return z.T @ z

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Z (G + G'): both places of z at once."""
        z: Tensor = ctx.saved_tensors[0]
        with without_autocast(z):
            return z @ (gradients[0] + gradients[0].T)

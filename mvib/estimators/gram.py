"""Sums over cross-product matrices, taken on the smaller side of the batch."""

# Shape suffixes: B batch, D dimension.

from jaxtyping import Float
from torch import Tensor


def off_diagonal_square_sum(a: Float[Tensor, "B D"], b: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """Return the sum of the squared off-diagonal entries of the D x D matrix a'b.

    With fewer examples than dimensions the D x D matrix is never formed: ||a'b||_F^2 = <a a', b b'>, where the Gram
    matrices are B x B, and the squared diagonal is subtracted. Both ways are exact. Pass the same tensor twice for the
    products of a matrix with itself; its Gram matrix is then computed once.
    """
    batch, dimension = a.shape
    num_grams = 1 if a is b else 2
    if num_grams * batch >= dimension:
        return (a.T @ b).fill_diagonal_(0).square().sum()
    gram_a_BB = a @ a.T
    gram_b_BB = gram_a_BB if a is b else b @ b.T
    diagonal_D = (a * b).sum(dim=0)
    return (gram_a_BB * gram_b_BB).sum() - diagonal_D.square().sum()

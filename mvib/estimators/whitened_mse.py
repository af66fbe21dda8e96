"""The distance of whitened views: agreement under the constraint that each view fills all directions evenly."""

# Shape suffixes: B batch of this rank, N batch of all ranks, D dimension.

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only
from mvib.estimators.log_determinant import check_rows, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.rows import centered

_LEAST_NORM = 1e-12  # as `rows.unit`
_REMEDY = "give a larger `eps`, or more rows to be whitened together than they have dimensions"


def whitened_mse(
    c1: Float[Tensor, "B D"],
    c2: Float[Tensor, "B D"],
    *,
    eps: float = 1e-4,
    size: int | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(Z1 | Z2) by the squared distance of the whitened views, rows scaled to unit norm (W-MSE).

    mean_i (2 - 2 cos(w1_i, w2_i)), w = L^-1 c with L L' = (1 - eps) Cov + eps I the Cholesky factor of the unbiased
    covariance, of each view on its own. Whitening fixes the Gaussian entropies of the views, so that what is left of
    I(Z1; Z2) is minus the conditional entropy; no bound. Gradients pass both views and the factors. In [0, 4],
    invariant to an affine map of each column of each view where eps is 0.

    Args:
        c1: one view, columns centred (`rows.centered`).
        c2: the other, row i from the same example as row i of `c1`.
        eps: shrinkage of the covariance to the identity, in [0, 1). 0 is the authors', and needs more rows than
            dimensions of both views; at least twice as many are advised in any case.
        size: number of rows that are whitened together, None for all: the batch is cut in the order of its rows into
            parts of at least this size, each centred and whitened on its own. The authors take 128, and a random order.
            Parts run over the ranks, so the rows are gathered.
        ranks: that share the batch.

    Returns:
        Scalar without unit, mean over rows.

    Raises:
        torch.linalg.LinAlgError: a covariance is singular and eps too small to mend it, as that of no more rows than
            dimensions is where eps is 0.

    Source: Ermolov et al. 2021 (W-MSE), arXiv:2007.06346. Differs from solo-learn, which stops the gradient
    of the second view (same value); and from stable-pretraining, which whitens both views together by ZCA.
    """
    c1, c2 = at_least_float32(c1), at_least_float32(c2)
    with without_autocast(c1):
        if size is None:
            return _distance(_whitened(c1, eps, ranks), _whitened(c2, eps, ranks), ranks)
        c1, c2 = ranks.rows(c1), ranks.rows(c2)
        num_parts = max(1, len(c1) // size)
        parts = zip(c1.tensor_split(num_parts), c2.tensor_split(num_parts), strict=True)
        whitened = [[_whitened(centered(c), eps, ALONE) for c in part] for part in parts]
        w1, w2 = (torch.cat(views) for views in zip(*whitened, strict=True))
        return _distance(w1, w2, ALONE)


def information(
    c1: Float[Tensor, "B D"],
    c2: Float[Tensor, "B D"],
    *,
    eps: float = 1e-4,
    size: int | None = None,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) by minus `whitened_mse`, the entropy of a whitened view being fixed.

    Args:
        c1: one view, columns centred (`rows.centered`).
        c2: the other, row i from the same example as row i of `c1`.
        eps: shrinkage of the covariance to the identity.
        size: number of rows that are whitened together, None for all.
        ranks: that share the batch.

    Returns:
        Scalar without unit, at most 0.
    """
    return -whitened_mse(c1, c2, eps=eps, size=size, ranks=ranks)


def _distance(w1: Float[Tensor, "B D"], w2: Float[Tensor, "B D"], ranks: Ranks) -> Float[Tensor, ""]:
    cosines: Tensor = _SumOfCosines.apply(w1, w2)  # type: ignore[no-untyped-call]
    return 2 - 2 * ranks.sum(cosines) / sum(ranks.counts(len(w1)))


def _whitened(c: Float[Tensor, "B D"], eps: float, ranks: Ranks) -> Float[Tensor, "B D"]:
    whitened: Tensor = _Whiten.apply(c, eps, ranks)  # type: ignore[no-untyped-call]
    return whitened


class _Whiten(torch.autograd.Function):
    """c L^-T with L L' = (1 - eps) c'c / (N - 1) + eps I, c of all ranks; two products in the backward pass."""

    @staticmethod
    def forward(ctx: Any, c: Tensor, eps: float, ranks: Ranks) -> Tensor:
        """Factor the covariance, and multiply the rows by the inverse of the factor."""
        total = sum(ranks.counts(len(c)))
        scale = (1 - eps) / (total - 1)
        covariance_DD = ranks.sum(c.T @ c).mul_(scale)
        covariance_DD.diagonal().add_(eps)
        if eps == 0:
            check_rows(total, c.shape[1], remedy=_REMEDY)
        with remedied(_REMEDY):
            factor_DD = torch.linalg.cholesky(covariance_DD)
        # One inverse of D x D and products with it are faster than triangular systems for all rows.
        identity_DD = torch.eye(len(factor_DD), dtype=c.dtype, device=c.device)
        inverse_DD: Tensor = torch.linalg.solve_triangular(factor_DD, identity_DD, upper=False)
        whitened = c @ inverse_DD.T
        ctx.save_for_backward(whitened, inverse_DD)
        ctx.scale, ctx.ranks = scale, ranks
        return whitened

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """(g - scale w S) L^-1, S the symmetric matrix with the lower triangle of g'w over all ranks.

        With Phi the lower triangle with half its diagonal, the gradient of the covariance is
        -L^-T Phi(g'w) L^-1; it meets c = w L', so that no product with the factor is left but one.
        """
        gradient = gradients[0]
        saved: tuple[Tensor, Tensor] = ctx.saved_tensors
        whitened, inverse_DD = saved
        lower_DD = ctx.ranks.sum(gradient.T @ whitened).tril_()
        symmetric_DD = lower_DD + lower_DD.tril(-1).T
        through = torch.addmm(gradient, whitened, symmetric_DD, alpha=-ctx.scale)
        return through @ inverse_DD, None, None


class _SumOfCosines(torch.autograd.Function):
    """Sum of the cosines of rows, with as few passes over the rows as there can be."""

    @staticmethod
    def forward(ctx: Any, w1: Tensor, w2: Tensor) -> Tensor:
        """From products and norms of rows; a zero row has cosine 0."""
        norms = [w.norm(dim=1, keepdim=True) for w in (w1, w2)]
        # As `rows.unit`: a row of zeros has no direction, and no gradient.
        norms = [norm.clamp(min=_LEAST_NORM).masked_fill_(norm == 0, torch.inf) for norm in norms]
        cosines: Tensor = torch.linalg.vecdot(w1, w2, dim=1)[:, None] / (norms[0] * norms[1])
        ctx.save_for_backward(w1, w2, cosines, *norms)
        return cosines.sum()

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Of a cosine with respect to its first row: w2 / (|w1| |w2|) - cos w1 / |w1|^2."""
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        w1, w2, cosines, norms1, norms2 = saved
        across = gradients[0] / (norms1 * norms2)
        along = -gradients[0] * cosines
        return (
            torch.addcmul(across * w2, along / norms1.square(), w1),
            torch.addcmul(across * w1, along / norms2.square(), w2),
        )

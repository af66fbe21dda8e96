"""The variance and covariance terms of VICReg, read as a surrogate of the entropy H(Z)."""

# Shape suffixes: D dimension.

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only
from mvib.estimators.gram import off_diagonal_square_sum
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks


def variance_covariance(
    c: Float[Tensor, "B D"],
    *,
    std: float | Float[Tensor, ""] = 25.0,
    cov: float | Float[Tensor, ""] = 1.0,
    gamma: float = 1.0,
    eps: float = 1e-4,
    normalize: bool = False,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of the differential entropy H(Z) by a hinge on standard deviations and a penalty on covariances.

    -( std mean_d relu(gamma - sqrt(C_dd + eps)) + cov sum_{d != e} C_de^2 / D ), with C = c'c / (B - 1) the unbiased
    covariance. Neither an upper nor a lower bound: log det C would give the Gaussian upper bound on H(Z), which this
    replaces. It is at most 0, and 0 iff the columns are uncorrelated and sqrt(C_dd + eps) is at least gamma.

    With `normalize` the second term is cov sum_{d != e} R_de^2 / D^2, with the correlations R_de = C_de / sqrt(C_dd
    C_ee) in the place of covariances, and their mean over all entries in the place of a sum over D (VIbCReg): it then
    says nothing about the spread of the columns, which is left to the hinge.

    Args:
        c: representations with centred columns (`rows.centered`), B >= 2.
        std: weight of the hinge on the standard deviations.
        cov: weight of the squared covariances.
        gamma: standard deviation from which a column is spread enough.
        eps: added to the variance inside the root, which keeps the gradient finite at collapse.
        normalize: whether correlations take the place of covariances; those with a constant column are zero.
        ranks: that share the batch.

    Returns:
        Scalar without unit, one view.

    Source: Bardes, Ponce, LeCun 2022, arXiv:2105.04906, eq. 1 to 4; entropy reading: Shwartz-Ziv et al. 2023,
    arXiv:2303.00633. Official code: facebookresearch/vicreg, main_vicreg.py at 4e12602, lines 202-213. Differs from
    it: the code halves the hinge of each view (give std=12.5 for its default); the covariance is divided by the size
    of the given batch less one, not of the configured one, which matters for an incomplete last batch. normalize: Lee,
    Aune 2021, arXiv:2109.00783 (VIbCReg), with cov=200; solo-learn, losses/vibcreg.py, covariance_loss; identical.
    """
    c = at_least_float32(c)
    total = sum(ranks.counts(len(c)))
    if normalize:
        with without_autocast(c):
            return _of_correlations(c, std, cov, gamma, eps, total, ranks)
    if total < c.shape[1]:
        c, ranks = ranks.rows(c), ALONE
    with without_autocast(c):
        value: Tensor = _VarianceCovariance.apply(c, std, cov, gamma, eps, total, ranks)  # type: ignore[no-untyped-call]
    return value


def _of_correlations(
    c: Float[Tensor, "B D"],
    std: float | Float[Tensor, ""],
    cov: float | Float[Tensor, ""],
    gamma: float,
    eps: float,
    total: int,
    ranks: Ranks,
) -> Float[Tensor, ""]:
    squares_D = ranks.sum(c.square().sum(dim=0))
    hinge = (gamma - (squares_D / (total - 1) + eps).sqrt()).clamp_min(0).mean()
    # Columns of unit norm, but for those of a norm below 1e-12.
    columns = c * squares_D.clamp_min(1e-24).rsqrt()
    redundancy = off_diagonal_square_sum(columns, columns, ranks=ranks) / c.shape[1] ** 2
    return -(std * hinge + cov * redundancy)


class _VarianceCovariance(torch.autograd.Function):
    """The estimate with one matrix product forward and one backward, on the smaller side of the batch."""

    @staticmethod
    def forward(
        ctx: Any,
        c: Tensor,
        std: float | Tensor,
        cov: float | Tensor,
        gamma: float,
        eps: float,
        total: int,
        ranks: Ranks,
    ) -> Tensor:
        """Hinge and sum of squared covariances."""
        dimension = c.shape[1]
        if total < dimension:
            squares_D = c.square().sum(dim=0)
            product = c @ c.T
            # ||c'c||_F = ||c c'||_F; what is on the diagonal of c'c is taken off.
            off_diagonal = product.square().sum() - squares_D.square().sum()
        else:
            product = ranks.sum(c.T @ c)
            squares_D = product.diagonal().clone()
            off_diagonal = product.fill_diagonal_(0).square().sum()
        deviation_D = (squares_D / (total - 1) + eps).sqrt_()
        hinge = (gamma - deviation_D).clamp_(min=0).mean()
        redundancy = off_diagonal / ((total - 1) ** 2 * dimension)
        ctx.save_for_backward(c, product, squares_D, deviation_D, hinge, redundancy)
        ctx.std, ctx.cov, ctx.gamma, ctx.total, ctx.ranks = std, cov, gamma, total, ranks
        return -(std * hinge + cov * redundancy)

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Of the rows, and of the weights where they are learnt."""
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        c, product, squares_D, deviation_D, hinge, redundancy = saved
        dimension, degrees = c.shape[1], ctx.total - 1
        gradient = ctx.ranks.sum(gradients[0])
        of_hinge_D = (deviation_D < ctx.gamma) / deviation_D * (gradient * ctx.std / (dimension * degrees))
        of_square = gradient * ctx.cov * (-4 / (degrees**2 * dimension))
        with without_autocast(c):
            if ctx.total < dimension:
                of_rows = (of_square * product) @ c
                of_rows.addcmul_(c, of_hinge_D - of_square * squares_D)
            else:
                # The diagonal of the product is zero, and takes the gradient of the variances.
                matrix_DD = of_square * product
                matrix_DD.diagonal().copy_(of_hinge_D)
                of_rows = c @ matrix_DD
        of_std, of_cov = (-gradients[0] * part for part in (hinge, redundancy))
        weights = [part if ctx.needs_input_grad[1 + k] else None for k, part in enumerate((of_std, of_cov))]
        return of_rows, *weights, None, None, None, None

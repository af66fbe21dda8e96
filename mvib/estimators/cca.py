"""Canonical correlations: the Gaussian mutual information of two variables, or the objective of deep CCA."""

# Shape suffixes: D1, D2 dimensions of the two variables.

from typing import Any, Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only
from mvib.estimators.gram import second_moment
from mvib.estimators.log_determinant import gaussian_information, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks

Objective = Literal["information", "correlation"]


def cca(
    c1: Float[Tensor, "B D1"],
    c2: Float[Tensor, "B D2"],
    *,
    objective: Objective = "information",
    ridge: float = 1e-3,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of I(Z1; Z2) in nats by canonical correlations rho, exact for jointly Gaussian variables.

    information: -sum_k log(1 - rho_k^2) / 2, the information of a Gaussian of the same covariances; for other laws it
    may lie above or below I. correlation: sum_k rho_k, which grows with it. The rho are the singular values of
    S11^-1/2 S12 S22^-1/2, with unbiased covariances and the ridge added to the diagonals of S11 and S22.

    With N rows the information overestimates by about D1 D2 / (2 N); with N <= D1 + D2 it is set by the ridge alone.
    Computed in float64, as by the authors.

    Args:
        c1: one variable, columns centred (`rows.centered`).
        c2: the other, row i from the same example as row i of `c1`.
        objective: what is made of the correlations.
        ridge: variance added to every dimension, greater than 0, in squared units of the rows.
        ranks: that share the batch.

    Returns:
        Scalar in the precision of the rows: nats, at least 0 (information); without unit, in [0, min(D1, D2)]
        (correlation).

    Raises:
        torch.linalg.LinAlgError: the ridge is too small for the variances of the rows.

    Source: Hotelling 1936; Andrew et al. 2013 (deep CCA, ICML), section 3, with all correlations. Code:
    Michaelvll/DeepCCA, objectives.py. Differs from it: it adds the ridge a second time under the root; its choice of
    all singular values sums the norms of columns; its gradient divides by differences of eigenvalues and so is not
    finite for equal correlations, where this one is the polar factor.
    """
    precision = at_least_float32(c1).dtype
    c1, c2 = c1.double(), c2.double()
    with without_autocast(c1), remedied("give more rows, or a larger `ridge`, which is added to every variance"):
        match objective:
            case "information":
                value = gaussian_information(c1, c2, noise=ridge, lost=1, ranks=ranks)
            case "correlation":
                value = _sum_of_correlations(c1, c2, ridge, ranks)
            case _:
                assert_never(objective)
    return value.to(precision)


def _sum_of_correlations(
    c1: Float[Tensor, "B D1"], c2: Float[Tensor, "B D2"], ridge: float, ranks: Ranks
) -> Float[Tensor, ""]:
    total = sum(ranks.counts(len(c1)))
    if total < max(c1.shape[1], c2.shape[1]):
        c1, c2, ranks = _in_span(ranks.rows(c1)), _in_span(ranks.rows(c2)), ALONE
    dimension1 = c1.shape[1]
    joint = second_moment(torch.cat([c1, c2], dim=1), ranks=ranks) / (total - 1)
    blocks = joint[:dimension1, :dimension1], joint[dimension1:, dimension1:]
    factors = [torch.linalg.cholesky(s + ridge * torch.eye(len(s), dtype=s.dtype, device=s.device)) for s in blocks]
    half = torch.linalg.solve_triangular(factors[0], joint[:dimension1, dimension1:], upper=False)
    coherence = torch.linalg.solve_triangular(factors[1], half.T, upper=False)
    value: Tensor = _NuclearNorm.apply(coherence)  # type: ignore[no-untyped-call]
    return value


def _in_span(c: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
    """Return coordinates of the rows in an orthonormal basis of their span, where there are more dimensions than rows.

    The correlations depend on the products of rows alone, so their gradient lies in the span too, and the basis may be
    held fixed.
    """
    if len(c) >= c.shape[1]:
        return c
    basis: Tensor = torch.linalg.qr(c.detach().T).Q
    return c @ basis


class _NuclearNorm(torch.autograd.Function):
    """Sum of the singular values, whose gradient U V' is finite for equal ones too."""

    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        """Keep the polar factor."""
        u, values, vh = torch.linalg.svd(t, full_matrices=False)
        # Singular values that are zero but for rounding have no direction of their own.
        kept = values > values.max() * max(t.shape) * torch.finfo(t.dtype).eps
        ctx.save_for_backward((u * kept) @ vh)
        total: Tensor = values.sum()
        return total

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The polar factor."""
        polar: Tensor = ctx.saved_tensors[0]
        return gradients[0] * polar

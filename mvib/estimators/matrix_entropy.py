"""Renyi entropy of the spectrum of a positive matrix, with a gradient that is finite for equal eigenvalues."""

# Shape suffixes: M side of a square matrix.

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only

# Up to this distance of an order from 1 the sum of the powers is near enough to 1 to be told by its difference from it.
_NEAR_ONE = 0.1


def matrix_entropy(a: Float[Tensor, "M M"], *, order: float) -> Float[Tensor, ""]:
    """Return log(sum_k p_k^order) / (1 - order) in nats, -sum_k p_k log p_k for order 1; p are eigenvalues over trace.

    Order 2 takes the sum of all squared entries and needs no eigenvalues. For other orders the spectrum is computed in
    float64, since near order 1 a rounding of the sum is divided by what is left of 1 - order.

    Args:
        a: symmetric, positive semidefinite; of any trace, on which the entropy does not depend.
        order: greater than 0.

    Returns:
        Scalar in the precision of the matrix, in [0, log M]. 0, without a gradient, for a matrix of zeros.
    """
    if order == 2:
        norm: Tensor = torch.linalg.vector_norm(a)
        # That of a matrix of zeros has no logarithm; of a mask only, so that a number that is none stays so.
        is_zero = norm == 0
        return 2 * (a.trace().masked_fill(is_zero, 1.0) / norm.masked_fill(is_zero, 1.0)).log()
    value: Tensor = _SpectralEntropy.apply(a, order)  # type: ignore[no-untyped-call]
    return value


class _SpectralEntropy(torch.autograd.Function):
    """The entropy H of the eigenvalues, whose gradient is a function of the matrix.

    The gradient of a function of the spectrum needs no differences of eigenvalues, which those of single eigenvectors
    have in denominators. With respect to an eigenvalue it is
    order / (1 - order) (exp((order - 1) (log p_k + H)) - 1) / trace, and -(log p_k + H) / trace for order 1.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, order: float) -> Tensor:
        """From the eigenvalues, and keep the gradient if one is asked for."""
        smallest = len(a) * torch.finfo(a.dtype).eps if order < 1 else 0.0
        if not ctx.needs_input_grad[0]:
            return _entropy(torch.linalg.eigvalsh(a.double()), order, smallest)[0].to(a.dtype)
        eigenvalues, vectors = torch.linalg.eigh(a.double())
        entropy, slopes = _entropy(eigenvalues, order, smallest)
        ctx.save_for_backward(((vectors * slopes) @ vectors.T).to(a.dtype))
        return entropy.to(a.dtype)

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient that is there already."""
        derivative: Tensor = ctx.saved_tensors[0]
        return gradients[0] * derivative, None


def _entropy(eigenvalues: Float[Tensor, " M"], order: float, smallest: float) -> tuple[Tensor, Float[Tensor, " M"]]:
    """Return the entropy and its slopes; eigenvalues at most `smallest` of the largest are zero but for rounding."""
    # Those that are not a number are not among them.
    is_zero = eigenvalues <= smallest * eigenvalues[-1].clamp_min(0)
    kept = eigenvalues.masked_fill(is_zero, 0.0)
    trace = kept.sum()
    is_nothing = trace == 0
    trace = trace.masked_fill(is_nothing, 1.0)
    shares = kept / trace
    logs = shares.masked_fill(is_zero, 1.0).log()
    if order == 1:
        entropy = -(shares * logs).sum()
        return entropy, (-(logs + entropy) / trace).masked_fill(is_zero, 0.0)
    if abs(order - 1) <= _NEAR_ONE:
        entropy = torch.log1p((shares * torch.expm1((order - 1) * logs)).sum()) / (1 - order)
    else:
        powers = (order * logs).masked_fill(is_zero, -torch.inf)
        total = powers.logsumexp(dim=0)
        entropy = total.masked_fill(is_nothing, 0.0) / (1 - order)
    slopes = order / (1 - order) * torch.expm1((order - 1) * (logs + entropy)) / trace
    # Of a zero eigenvalue a gradient may be infinite below order 1; no change of the rows changes it in first order.
    of_zero = trace.new_zeros(()) if order < 1 else order / (order - 1) / trace
    return entropy, torch.where(is_zero, of_zero, slopes).masked_fill(is_nothing, 0.0)

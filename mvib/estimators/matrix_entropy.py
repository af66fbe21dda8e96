"""Renyi entropy of a positive matrix of trace one, with a gradient that is finite for equal eigenvalues."""

# Shape suffixes: M side of a square matrix.

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


def matrix_entropy(a: Float[Tensor, "M M"], *, order: float) -> Float[Tensor, ""]:
    """Return log(sum_k lambda_k^order) / (1 - order) in nats, -sum_k lambda_k log lambda_k for order 1.

    Order 2 is -log of the sum of all squared entries and needs no eigenvalues.

    Args:
        a: symmetric, positive semidefinite, of trace 1.
        order: greater than 0.
    """
    if order == 2:
        norm: Tensor = torch.linalg.vector_norm(a)
        return -2 * norm.log()
    total: Tensor = _SpectralSum.apply(a, order)  # type: ignore[no-untyped-call]
    return -total if order == 1 else total.log() / (1 - order)


class _SpectralSum(torch.autograd.Function):
    """Sum over the eigenvalues of f(lambda) = lambda^order, or lambda log lambda for order 1; its gradient is f'(A).

    The gradient of a function of the spectrum needs no differences of eigenvalues, which those of single eigenvectors
    have in denominators.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, order: float) -> Tensor:
        """Sum over the eigenvalues, and keep f'(A) if a gradient is asked for."""
        if not ctx.needs_input_grad[0]:
            return _terms(torch.linalg.eigvalsh(a), order)[0].sum()
        eigenvalues, vectors = torch.linalg.eigh(a)
        terms, slopes = _terms(eigenvalues, order)
        ctx.save_for_backward((vectors * slopes) @ vectors.T)
        return terms.sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """f'(A)."""
        derivative: Tensor = ctx.saved_tensors[0]
        return gradients[0] * derivative, None


def _terms(eigenvalues: Float[Tensor, " M"], order: float) -> tuple[Float[Tensor, " M"], Float[Tensor, " M"]]:
    """Return f and f' at the eigenvalues; those that are zero but for rounding, or below, count as zero."""
    smallest = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps * eigenvalues[-1] if order < 1 else 0.0
    positive = eigenvalues > smallest
    safe = torch.where(positive, eigenvalues, 1.0)
    if order == 1:
        logs = safe.log()
        return safe * logs, (logs + 1) * positive
    return safe.pow(order) * positive, order * safe.pow(order - 1) * positive

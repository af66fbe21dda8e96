"""Sums of squared kernels over all pairs of rows, in blocks of rows: all that entropies of order 2 ask of a kernel."""

# Shape suffixes: N batch, D dimension, R rows of a block, V variables.

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only

_PAIRS_AT_ONCE = 2**20


def square_sums(variables: Sequence[Float[Tensor, "N _"]], *, gaussian: bool) -> Float[Tensor, " V+1"]:
    """Return the sum over all pairs i, j of k_v(i, j)^2 for each variable v, and last that of their product over v.

    The kernels are never held but for a block of rows. They are computed again in the backward pass, which with one
    product for the gradient makes three for each variable: as many as autograd takes for the bare product of the rows.

    Args:
        variables: rows of each variable; for the gaussian kernel in units of the bandwidth.
        gaussian: whether the kernel is exp(-|z_i - z_j|^2 / 2) or the product of rows <z_i, z_j>.
    """
    sums: Tensor = _SquareSums.apply(gaussian, *variables)  # type: ignore[no-untyped-call]
    return sums


def entropies_of_order_two(variables: Sequence[Float[Tensor, "N _"]], *, gaussian: bool) -> Float[Tensor, " V+1"]:
    """Return the Renyi entropies of order 2 of the kernel of each variable, and last that of their product, in nats.

    Minus the log of the sum of the squared entries of the kernel over its trace. 0, without a gradient, where the trace
    is zero.

    Args:
        variables: rows of each variable; for the gaussian kernel in units of the bandwidth, else of unit norm or zero.
        gaussian: which kernel, as in `square_sums`.
    """
    sums = square_sums(variables, gaussian=gaussian)
    if gaussian:
        return 2 * math.log(len(variables[0])) - sums.log()
    # The norm of a row has no gradient: it is one, or zero.
    diagonals = [z.detach().square().sum(dim=1) for z in variables]
    traces = torch.stack([diagonal.sum() for diagonal in (*diagonals, reduce(torch.mul, diagonals))])
    is_zero = traces == 0
    return 2 * traces.masked_fill(is_zero, 1.0).log() - sums.masked_fill(is_zero, 1.0).log()


class _SquareSums(torch.autograd.Function):
    """The sums; by symmetry the gradient of a row comes from its own row of the kernel, doubled."""

    @staticmethod
    def forward(ctx: Any, gaussian: bool, *variables: Tensor) -> Tensor:
        """Add up the blocks."""
        ctx.gaussian = gaussian
        ctx.save_for_backward(*variables)
        total = variables[0].new_zeros(len(variables) + 1)
        for block in _blocks(len(variables[0])):
            squares = [_kernel(z, block, gaussian=gaussian).square_() for z in variables]
            parts = [*squares, reduce(torch.mul, squares)]
            total += torch.stack([part.sum() for part in parts])
        return total

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Block by block."""
        variables: tuple[Tensor, ...] = ctx.saved_tensors
        of_rows = [torch.empty_like(z) for z in variables]
        *of_each, of_joint = gradients[0]
        for block in _blocks(len(variables[0])):
            kernels = [_kernel(z, block, gaussian=ctx.gaussian) for z in variables]
            squares = [kernel.square() for kernel in kernels]
            for v, (z, kernel) in enumerate(zip(variables, kernels, strict=True)):
                others = squares[:v] + squares[v + 1 :]
                # Four: the derivative of a square, and both places of the row.
                weight = 4 * (of_each[v] + of_joint * reduce(torch.mul, others, torch.ones_like(of_joint)))
                if ctx.gaussian:
                    weight = weight * squares[v]
                    of_rows[v][block] = weight @ z - weight.sum(dim=1, keepdim=True) * z[block]
                else:
                    of_rows[v][block] = (weight * kernel) @ z
        return None, *of_rows


def _kernel(z: Float[Tensor, "N D"], block: slice, *, gaussian: bool) -> Float[Tensor, "R N"]:
    """Return the kernel of the rows of a block with all rows."""
    products = z[block] @ z.T
    if not gaussian:
        return products
    halves = z.square().sum(dim=1) / 2
    kernel = products.sub_(halves).sub_(halves[block, None]).clamp_(max=0).exp_()
    # Of a row with itself: its norms rarely cancel to the last digit, and a sum below the number of rows would put the
    # entropy above its logarithm.
    kernel.diagonal(block.start).fill_(1)
    return kernel


def _blocks(num_rows: int) -> Iterator[slice]:
    size = max(1, _PAIRS_AT_ONCE // max(1, num_rows))
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))

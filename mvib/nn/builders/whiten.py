"""Features without correlation over the batch."""

# Shape suffixes: N rows of this rank, G groups, C features of a group.

import math
from typing import Any, Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.derivatives import first_only
from mvib.estimators.log_determinant import check_rows, remedied
from mvib.estimators.precision import at_least_float32, without_autocast
from mvib.estimators.ranks import ALONE, Ranks, offset_and_total
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape, ShapeError

Method = Literal["iternorm", "zca", "cholesky"]

_ITERNORM_GROUPS = 64
_REMEDY = "give `whiten` a larger `eps`, or more rows together than a group has features"


class Whiten(nn.Module):
    """Centres and decorrelates the features of each group over the global batch; gradients pass the statistics.

    In evaluation mode it uses running means of the centre and of the whitening matrix. It computes in at least float32.
    """

    running_mean: Tensor
    running_matrix: Tensor

    def __init__(
        self,
        axis: int,
        *,
        groups: int,
        group_width: int,
        method: Method,
        iterations: int,
        eps: float,
        momentum: float,
        affine: bool,
        size: int | None,
    ) -> None:
        """Take the axis of the features, the batch being axis 0, how they are grouped, and what `whiten` takes."""
        super().__init__()
        self.axis = axis
        self.groups = groups
        self.method: Method = method
        self.iterations = iterations
        self.eps = eps
        self.momentum = momentum
        self.size = size
        width = groups * group_width
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_matrix", torch.eye(group_width).repeat(groups, 1, 1))
        self.affine = affine
        if affine:
            self.weight = nn.Parameter(torch.ones(width))
            self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "B *E"], *, ranks: Ranks = ALONE) -> Float[Tensor, "B *E"]:
        """Return the whitened features, in the shape of x."""
        rows = at_least_float32(x).movedim(self.axis, -1)
        flat = rows.flatten(0, -2)
        with without_autocast(flat):
            if self.training:
                whitened = self._whitened(flat, ranks) if self.size is None else self._in_parts(flat, self.size, ranks)
            else:
                whitened = self._decorrelated(flat - self.running_mean.to(flat), self.running_matrix.to(flat))
        if self.affine:
            whitened = whitened * self.weight + self.bias
        return whitened.reshape(rows.shape).movedim(-1, self.axis)

    def _in_parts(self, rows: Float[Tensor, "N D"], size: int, ranks: Ranks) -> Float[Tensor, "N D"]:
        """Whiten parts of at least `size` rows of the global batch, each on its own."""
        offset, total = offset_and_total(len(rows), ranks)
        parts = ranks.rows(rows).tensor_split(max(1, total // size))
        return torch.cat([self._whitened(part, ALONE) for part in parts])[offset : offset + len(rows)]

    def _whitened(self, rows: Float[Tensor, "N D"], ranks: Ranks) -> Float[Tensor, "N D"]:
        total = sum(ranks.counts(len(rows)))
        mean = ranks.sum(rows.sum(dim=0)) / total
        centered = rows - mean
        grouped_GNC = self._grouped(centered)
        matrix_GCC = self._matrix(ranks.sum(grouped_GNC.mT @ grouped_GNC), total)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_matrix.lerp_(matrix_GCC.to(self.running_matrix), self.momentum)
        return self._decorrelated(centered, matrix_GCC)

    def _grouped(self, rows: Float[Tensor, "N D"]) -> Float[Tensor, "G N C"]:
        return rows.reshape(len(rows), self.groups, rows.shape[1] // self.groups).transpose(0, 1)

    def _decorrelated(self, centered: Float[Tensor, "N D"], matrix: Float[Tensor, "G C C"]) -> Float[Tensor, "N D"]:
        return (self._grouped(centered) @ matrix.mT).transpose(0, 1).flatten(1)

    def _matrix(self, products: Float[Tensor, "G C C"], total: int) -> Float[Tensor, "G C C"]:
        """The whitening matrix of each group, from sums of products of centred features.

        Raises:
            torch.linalg.LinAlgError: the covariance has no inverse, and `eps` is too small to mend it.
        """
        identity_CC = torch.eye(products.shape[-1], dtype=products.dtype, device=products.device)
        # On the meta device there are a few rows of nothing.
        if self.eps == 0 and self.method != "iternorm" and not products.is_meta:
            check_rows(total, len(identity_CC), remedy=_REMEDY)
        match self.method:
            case "iternorm":
                return self._inverse_root(products / total + self.eps * identity_CC, identity_CC)
            case "zca":
                root: Tensor = _InverseRoot.apply(products / total + self.eps * identity_CC)  # type: ignore[no-untyped-call]
                return root
            case "cholesky":
                covariance_GCC = (1 - self.eps) * products / (total - 1) + self.eps * identity_CC
                with remedied(_REMEDY):
                    factor_GCC = torch.linalg.cholesky(covariance_GCC)
                inverse: Tensor = torch.linalg.solve_triangular(
                    factor_GCC, identity_CC.expand_as(factor_GCC), upper=False
                )
                return inverse
            case _:
                assert_never(self.method)

    def _inverse_root(self, covariance: Float[Tensor, "G C C"], identity: Float[Tensor, "C C"]) -> Tensor:
        """The inverse square root by Newton's iteration P <- (3 P - P^3 S) / 2, S the covariance of trace one."""
        trace = covariance.diagonal(dim1=-2, dim2=-1).sum(dim=-1).reshape(-1, 1, 1)
        scaled_GCC = covariance / trace
        root_GCC = identity.expand_as(scaled_GCC)
        for _ in range(self.iterations):
            root_GCC = torch.baddbmm(root_GCC, root_GCC @ root_GCC @ root_GCC, scaled_GCC, beta=1.5, alpha=-0.5)
        return root_GCC * trace.rsqrt()


class _InverseRoot(torch.autograd.Function):
    """The symmetric inverse root of a covariance, with a gradient that equal eigenvalues do not harm."""

    @staticmethod
    def forward(ctx: Any, covariance: Tensor) -> Tensor:
        """From eigenvalues and eigenvectors."""
        values, vectors = torch.linalg.eigh(covariance)
        roots = values.sqrt()
        ctx.save_for_backward(roots, vectors)
        inverse_root: Tensor = (vectors / roots.unsqueeze(-2)) @ vectors.mT
        return inverse_root

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Divided differences of s^-1/2, which are -1 / (a b (a + b)) for roots a and b of two eigenvalues."""
        saved: tuple[Tensor, Tensor] = ctx.saved_tensors
        roots, vectors = saved
        gradient = gradients[0]
        with without_autocast(roots):
            first, second = roots.unsqueeze(-1), roots.unsqueeze(-2)
            turned = vectors.mT @ ((gradient + gradient.mT) / 2) @ vectors
            divided = turned / (first * second * (first + second))
            of_covariance: Tensor = -vectors @ divided @ vectors.mT
            return of_covariance


def whiten(
    shape: Shape,
    *,
    method: Method = "iternorm",
    groups: int | None = None,
    iterations: int = 5,
    eps: float = 1e-5,
    momentum: float = 0.1,
    affine: bool = True,
    size: int | None = None,
) -> nn.Module:
    """Build a whitening layer.

    Args:
        shape: of an example; all steps of a sequence, and all places of a map, count as rows.
        method: `zca`, the symmetric inverse root of the biased covariance + eps I; `iternorm`, the same approximately,
            by Newton's iteration; `cholesky`, L^-1 with L L' = (1 - eps) Cov + eps I of the unbiased covariance.
        groups: number of equal groups of neighbouring features that are whitened each on its own. Left out, it is one
            for `zca` and `cholesky`, and for `iternorm` 64, or another number where 64 do not divide the features (one
            feature a group is standardised only).
        iterations: of Newton's method; few, since rounding errors grow with them.
        eps: see `method`.
        momentum: share of the last batch in the running statistics.
        affine: whether a learned scale and shift of each feature follow.
        size: number of rows that are whitened together, None for all: the global batch is cut in the order of its rows
            into parts of at least this size.

    Raises:
        ShapeError: the shape has no axis, or the groups do not divide the features.

    Source: `iternorm`: Huang et al. 2019, arXiv:1904.03441, algorithm 1, as the last layer of Lee and Aune 2021
    (VIbCReg), arXiv:2109.00783; groups as in solo-learn (solo/utils/whitening.py). `zca`: Huang et al. 2018,
    arXiv:1804.08450. `cholesky`: Ermolov et al. 2021 (W-MSE), arXiv:2007.06346, where `eps: 0, affine: false,
    size: 128`. Differs from them: statistics are those of all ranks, and a gradient passes in evaluation mode.
    """
    axis, width = resolve_features(shape)
    if groups is None:
        groups = _default_groups(width) if method == "iternorm" else 1
    elif width % groups:
        raise ShapeError(
            expected=f"a number of features that {groups} groups divide",
            found=shape,
            remedy=f"use `groups: {math.gcd(width, groups)}`",
        )
    return Whiten(
        axis,
        groups=groups,
        group_width=width // groups,
        method=method,
        iterations=iterations,
        eps=eps,
        momentum=momentum,
        affine=affine,
        size=size,
    )


def _default_groups(width: int) -> int:
    """The authors' rule: the width of a group is halved until it divides the features."""
    group_width = math.ceil(width / _ITERNORM_GROUPS)
    while width % group_width:
        group_width //= 2
    return width // group_width

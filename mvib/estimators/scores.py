"""Sums over the scores of all pairs of rows, <a_i, b_j>, that never hold more of them than one block at a time.

What is held between the passes is the rows and one number for each; the scores of a block are computed anew in the
backward pass. Only where all scores are few are they kept, since that is faster.
"""

# Shape suffixes: B rows of this rank, N rows of a, M rows of b, R and C those of a block.

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.derivatives import first_only
from mvib.estimators.ranks import ALONE, Ranks, offset_and_total

_KEPT_AT_MOST = 2**21

Scale = float | Float[Tensor, ""]


def log_partition(
    a: Float[Tensor, "N D"],
    b: Float[Tensor, "M D"],
    *,
    scale: Scale = 1.0,
    row_bias: Float[Tensor, " N"] | None = None,
    column_bias: Float[Tensor, " M"] | None = None,
    without_diagonal: int | None = None,
    block: int | None = None,
) -> Float[Tensor, " N"]:
    """Log-sum-exp of each row of the scores scale <a_i, b_j> + row_bias_i + column_bias_j.

    Where b is a, and so is one bias the other, scores are symmetric and only half of the blocks are computed.

    Args:
        a: rows.
        b: rows to score against.
        scale: factor of the products; a scalar tensor may ask for a gradient.
        row_bias: added to the scores of each row of `a`.
        column_bias: added to the scores of each row of `b`.
        without_diagonal: the scores of row i of `a` with row i + `without_diagonal` of `b` are left out; None: none is.
        block: rows and columns of a block; None for what suits the device.

    Returns:
        Log-sums; minus infinity, without a gradient, for a row all of whose scores are left out.
    """
    symmetric = a is b and row_bias is column_bias and without_diagonal in (None, 0)
    others = (None, row_bias, None) if symmetric else (b, row_bias, column_bias)
    log_sums: Tensor = _LogPartition.apply(a, scale, *others, without_diagonal, block, False)[0]  # type: ignore[no-untyped-call]
    return log_sums


def log_partitions(
    a: Float[Tensor, "N D"],
    b: Float[Tensor, "M D"],
    *,
    scale: Scale = 1.0,
    without_diagonal: int | None = None,
    block: int | None = None,
) -> tuple[Float[Tensor, " N"], Float[Tensor, " M"]]:
    """Log-sum-exp of each row and of each column of the scores scale <a_i, b_j>, from one pass over them.

    The arguments are those of `log_partition`.
    """
    plan = (without_diagonal, block, True)
    log_sums: tuple[Tensor, Tensor] = _LogPartition.apply(a, scale, b, None, None, *plan)  # type: ignore[no-untyped-call]
    return log_sums


def log_partitions_of_views(
    u1: Float[Tensor, "B D"],
    u2: Float[Tensor, "B D"],
    *,
    scale: Scale,
    with_pairs: bool,
    with_own_view: bool,
    ranks: Ranks = ALONE,
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """Log-sum-exp of the scores of each row of either view with the rows of the global batch.

    Args:
        u1: rows of the first view on this rank.
        u2: rows of the second view, row i from the same example as row i of `u1`.
        scale: factor of the products.
        with_pairs: whether the score of a row with that of the other view of its own example is in the sum.
        with_own_view: whether the scores with the other rows of its own view are.
        ranks: that share the batch.
    """
    if ranks.size == 1:
        offset, all1, all2 = 0, u1, u2
        of_first, of_second = log_partitions(u1, u2, scale=scale, without_diagonal=None if with_pairs else 0)
    else:
        offset, _ = offset_and_total(len(u1), ranks)
        all1, all2 = ranks.rows(u1), ranks.rows(u2)
        left_out = None if with_pairs else offset
        of_first = log_partition(u1, all2, scale=scale, without_diagonal=left_out)
        of_second = log_partition(u2, all1, scale=scale, without_diagonal=left_out)
    if not with_own_view:
        return of_first, of_second
    own1 = log_partition(u1, all1, scale=scale, without_diagonal=offset)
    own2 = log_partition(u2, all2, scale=scale, without_diagonal=offset)
    return torch.logaddexp(of_first, own1), torch.logaddexp(of_second, own2)


def sum_of_softplus(
    a: Float[Tensor, "N D"],
    b: Float[Tensor, "M D"],
    *,
    scale: Scale = 1.0,
    bias: Scale = 0.0,
    without_diagonal: int | None = None,
    block: int | None = None,
) -> Float[Tensor, ""]:
    """Sum of log(1 + exp(scale <a_i, b_j> + bias)) over all pairs.

    Its gradient is computed along with it where one is asked for, so that no score is computed twice.

    Args:
        a: rows.
        b: rows to score against.
        scale: factor of the products; a scalar tensor may ask for a gradient.
        bias: added to all scores; a scalar tensor may ask for a gradient.
        without_diagonal: the scores of row i of `a` with row i + `without_diagonal` of `b` are left out; None: none is.
        block: rows and columns of a block; None for what suits the device.
    """
    total: Tensor = _SumOfSoftplus.apply(a, scale, b, bias, without_diagonal, block, torch.is_grad_enabled())  # type: ignore[no-untyped-call]
    return total


class _Scores:
    """The scores of rows with rows, block by block; without others, of rows with themselves."""

    def __init__(
        self,
        a: Tensor,
        b: Tensor | None,
        scale: Scale,
        *,
        row_bias: Tensor | None = None,
        column_bias: Tensor | None = None,
        without_diagonal: int | None,
        block: int | None,
    ) -> None:
        self.symmetric = b is None
        self.scaled, self.b = a * scale, a if b is None else b
        self.row_bias, self.column_bias = row_bias, row_bias if b is None else column_bias
        self.without_diagonal = without_diagonal
        self.all = slice(0, len(a)), slice(0, len(self.b))
        self.are_few = 0 < len(a) * len(self.b) <= _KEPT_AT_MOST and block is None
        # On a processor a block stays in its cache; on other devices the number of calls is what counts.
        self.block = block or (1024 if a.device.type == "cpu" else 4096)

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of each block; of symmetric scores, those on and above the diagonal."""
        num_rows, num_columns = len(self.scaled), len(self.b)
        for row in range(0, num_rows, self.block):
            for column in range(row if self.symmetric else 0, num_columns, self.block):
                yield slice(row, min(row + self.block, num_rows)), slice(column, min(column + self.block, num_columns))

    def of(self, rows: slice, columns: slice) -> Float[Tensor, "R C"]:
        """The scores of a block, minus infinity where they are left out."""
        scores_RC = self.scaled[rows] @ self.b[columns].T
        if self.row_bias is not None:
            scores_RC += self.row_bias[rows, None]
        if self.column_bias is not None:
            scores_RC += self.column_bias[columns]
        if self.without_diagonal is not None:
            start = rows.start + self.without_diagonal - columns.start
            if -scores_RC.shape[0] < start < scores_RC.shape[1]:
                scores_RC.diagonal(start).fill_(-math.inf)
        return scores_RC


class _LogSum:
    """Log-sum-exp along one direction of scores whose blocks arrive one after the other.

    The largest term and the sum over it stay apart: the logarithm of their product would round to what the largest term
    has left of precision, and all shares with it.
    """

    def __init__(self, like: Tensor, number: int) -> None:
        # The least number and not minus infinity, whose difference from itself is not a number.
        self.maximum = like.new_full((number,), torch.finfo(like.dtype).min)
        self.total = like.new_zeros(number)

    def add(self, scores_RC: Float[Tensor, "R C"], part: slice, dim: int) -> None:
        """Add up a block along one of its dimensions."""
        maximum = torch.maximum(self.maximum[part], scores_RC.amax(dim=dim))
        block = (scores_RC - maximum.unsqueeze(dim)).exp_().sum(dim=dim)
        self.total[part] = self.total[part] * (self.maximum[part] - maximum).exp_() + block
        self.maximum[part] = maximum

    def value(self) -> Tensor:
        """The log-sums; minus infinity for no terms."""
        return self.total.log() + self.maximum


class _LogPartition(torch.autograd.Function):
    """Log-sums of scores, whose shares in their sum are computed again for the gradient unless they are few."""

    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        scale: Scale,
        b: Tensor | None,
        row_bias: Tensor | None,
        column_bias: Tensor | None,
        without_diagonal: int | None,
        block: int | None,
        with_columns: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Log-sums of rows, and of columns if they are asked for."""
        ctx.scale = None if isinstance(scale, Tensor) else scale
        ctx.without_diagonal, ctx.block = without_diagonal, block
        scores = _Scores(
            a,
            b,
            scale,
            row_bias=row_bias,
            column_bias=column_bias,
            without_diagonal=without_diagonal,
            block=block,
        )
        if scores.are_few:
            scores_NM = scores.of(*scores.all)
            of_columns, *column_terms = _log_sums(scores_NM, dim=0) if with_columns else (None, None, None)
            of_rows, *row_terms = _log_sums(scores_NM, dim=1)
        else:
            rows = _LogSum(scores.scaled, len(a))
            columns = _LogSum(scores.scaled, len(scores.b)) if with_columns else None
            for row_part, column_part in scores.blocks():
                scores_RC = scores.of(row_part, column_part)
                rows.add(scores_RC, row_part, dim=1)
                if columns is not None:
                    columns.add(scores_RC, column_part, dim=0)
                if scores.symmetric and row_part != column_part:
                    rows.add(scores_RC, column_part, dim=0)
            of_rows, row_terms = rows.value(), [rows.maximum, rows.total]
            of_columns, column_terms = None, [None, None]
            if columns is not None:
                of_columns, column_terms = columns.value(), [columns.maximum, columns.total]
        ctx.save_for_backward(
            a, scale if isinstance(scale, Tensor) else None, b, row_bias, column_bias, *row_terms, *column_terms
        )
        return of_rows, of_columns

    @staticmethod
    @first_only
    def backward(ctx: Any, row_gradient: Tensor, column_gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradient of a log-sum with respect to a score is the share of its exponential in the sum."""
        a, scale, b, row_bias, column_bias, *terms = ctx.saved_tensors
        scale = ctx.scale if scale is None else scale
        row_terms, column_terms = terms[:2], terms[2:]
        scores = _Scores(
            a,
            b,
            scale,
            row_bias=row_bias,
            column_bias=column_bias,
            without_diagonal=ctx.without_diagonal,
            block=ctx.block,
        )
        of_a, of_scale, of_b, of_row_bias, of_column_bias = ctx.needs_input_grad[:5]
        wanted = _Gradients(scores, a, (of_a, of_scale, of_b, of_row_bias, of_column_bias))
        of_rows = _over(row_gradient, row_terms[1])
        of_columns = _over(column_gradient, column_terms[1]) if column_gradient is not None else None
        if scores.are_few:
            weights_NM = row_terms[0] * of_rows[:, None]
            if of_columns is not None:
                weights_NM.addcmul_(column_terms[0], of_columns)
            if scores.symmetric:
                weights_NM = weights_NM + weights_NM.T
            wanted.add(weights_NM, *scores.all)
            return *wanted.values(scale), None, None, None
        row_maximum, column_maximum = row_terms[0], column_terms[0]
        if scores.symmetric:
            of_columns, column_maximum = of_rows, row_maximum
        for rows, columns in scores.blocks():
            scores_RC = scores.of(rows, columns)
            weights_RC = (scores_RC - row_maximum[rows, None]).exp_().mul_(of_rows[rows, None])
            if of_columns is not None:
                weights_RC += scores_RC.sub_(column_maximum[columns]).exp_().mul_(of_columns[columns])
            wanted.add(weights_RC, rows, columns)
        return *wanted.values(scale), None, None, None


class _SumOfSoftplus(torch.autograd.Function):
    """Sum of the softplus of scores, with its gradient made in the same pass."""

    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        scale: Scale,
        b: Tensor,
        bias: Scale,
        without_diagonal: int | None,
        block: int | None,
        learns: bool,
    ) -> Tensor:
        """Sum over blocks."""
        scores = _Scores(a, b, scale, without_diagonal=without_diagonal, block=block)
        wanted = _Gradients(scores, a, (*ctx.needs_input_grad[:3], False, False))
        total, slope = a.new_zeros(()), a.new_zeros(())
        for rows, columns in scores.blocks():
            scores_RC = scores.of(rows, columns)
            scores_RC += bias
            # softplus(s) = - log sigmoid(-s) at every s, where `torch.nn.functional.softplus` is s above 20.
            total -= F.logsigmoid(-scores_RC).sum()
            if learns:
                weights_RC = scores_RC.sigmoid_()
                slope += weights_RC.sum()
                wanted.add(weights_RC, rows, columns)
        of_bias = slope if ctx.needs_input_grad[3] else None
        ctx.save_for_backward(*wanted.values(scale)[:3], of_bias)
        return total

    @staticmethod
    @first_only
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradient that is there already."""
        return *(None if saved is None else saved * gradients[0] for saved in ctx.saved_tensors), None, None, None


class _Gradients:
    """What weights on the scores say about rows, scale and biases."""

    def __init__(self, scores: _Scores, a: Tensor, needed: tuple[bool, bool, bool, bool, bool]) -> None:
        of_a, of_scale, of_b, of_row_bias, of_column_bias = needed
        self.scores, self.a = scores, a
        self.of_a, self.of_scale = of_a, of_scale
        # Of the scaled rows; those of the rows and of the scale follow from it.
        self.scaled = torch.zeros_like(a) if of_a or of_scale else None
        self.b = torch.zeros_like(scores.b) if of_b else None
        self.row_bias = a.new_zeros(len(a)) if of_row_bias else None
        self.column_bias = a.new_zeros(len(scores.b)) if of_column_bias else None

    def add(self, weights_RC: Float[Tensor, "R C"], rows: slice, columns: slice) -> None:
        """Add what a block says; one of symmetric scores off the diagonal stands for its mirror image too."""
        self._add(weights_RC, rows, columns)
        if self.scores.symmetric and rows != columns:
            self._add(weights_RC.T, columns, rows)

    def _add(self, weights_RC: Float[Tensor, "R C"], rows: slice, columns: slice) -> None:
        if self.scaled is not None:
            self.scaled[rows].addmm_(weights_RC, self.scores.b[columns])
        if self.b is not None:
            self.b[columns].addmm_(weights_RC.T, self.scores.scaled[rows])
        if self.row_bias is not None:
            self.row_bias[rows] += weights_RC.sum(dim=1)
        if self.column_bias is not None:
            self.column_bias[columns] += weights_RC.sum(dim=0)

    def values(self, scale: Scale) -> tuple[Tensor | None, ...]:
        """Gradients of a, the scale, b, and the biases."""
        of_a = self.scaled * scale if self.scaled is not None and self.of_a else None
        of_scale = (self.scaled * self.a).sum() if self.scaled is not None and self.of_scale else None
        if of_scale is not None and self.scores.symmetric:
            of_scale /= 2
        return of_a, of_scale, self.b, self.row_bias, self.column_bias


def _log_sums(scores_NM: Float[Tensor, "N M"], dim: int) -> tuple[Tensor, Float[Tensor, "N M"], Tensor]:
    """Log-sums along a dimension; the exponentials of the scores over the largest, and their sums."""
    maximum = scores_NM.amax(dim=dim, keepdim=True).clamp_min_(torch.finfo(scores_NM.dtype).min)
    exponentials_NM = (scores_NM - maximum).exp_()
    total = exponentials_NM.sum(dim=dim)
    return total.log() + maximum.squeeze(dim), exponentials_NM, total


def _over(gradient: Float[Tensor, " N"], total: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """The gradient of log-sums over their sums, whose largest term is 1: only sums of nothing are less."""
    return gradient / total.clamp_min(1)

"""Balanced assignment of a batch to prototypes."""

# Shape suffixes: N rows of this rank, K prototypes.

from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks
from mvib.nn.builders.features import resolve_features
from mvib.nn.shapes import Shape

Of = Literal["scores", "probabilities"]


class Sinkhorn(nn.Module):
    """Scales a table of examples and prototypes so that every prototype gets the same share of the global batch.

    Prototypes and examples are normalised in turn, examples last: each row sums to one, the columns to nearly the same.
    Without gradient.
    """

    def __init__(self, axis: int, *, temperature: float, iterations: int, of: Of) -> None:
        """Take the axis of the prototypes, the batch being axis 0, and what `sinkhorn` takes."""
        super().__init__()
        self.axis = axis
        self.temperature = temperature
        self.iterations = iterations
        self.of: Of = of

    @torch.no_grad()
    def forward(self, x: Float[Tensor, "B *E"], *, ranks: Ranks = ALONE) -> Float[Tensor, "B *E"]:
        """Return the shares of each example, in at least float32."""
        rows = at_least_float32(x).movedim(self.axis, -1)
        # In logs nothing overflows. The totals 1 / K and 1 / N of the authors are factors that the last step removes.
        log_shares_NK = self._log_weights(rows.flatten(0, -2))
        for _ in range(self.iterations):
            log_shares_NK = log_shares_NK - _log_sum_of_columns(log_shares_NK, ranks)
            log_shares_NK = log_shares_NK.log_softmax(dim=1)
        return log_shares_NK.softmax(dim=1).reshape(rows.shape).movedim(-1, self.axis)

    def _log_weights(self, rows: Float[Tensor, "N K"]) -> Float[Tensor, "N K"]:
        match self.of:
            case "scores":
                return rows / self.temperature
            case "probabilities":
                return rows.clamp_min(torch.finfo(rows.dtype).tiny).log()
            case _:
                assert_never(self.of)


def sinkhorn(shape: Shape, *, temperature: float = 0.05, iterations: int = 3, of: Of = "scores") -> nn.Module:
    """Build the balanced assignment of a batch of scores to as many prototypes as there are features.

    Args:
        shape: of an example; all steps of a sequence, and all places of a map, count as examples.
        temperature: of scores, > 0.
        iterations: how often both sides are normalised; 0 gives the softmax.
        of: `scores`, whose weights are exp(score / temperature), or `probabilities`, which are the weights.

    Raises:
        ShapeError: the shape has no axis.

    Source: Caron et al. 2020 (SwAV), arXiv:2006.09882, section 3.1; official code (facebookresearch/swav at 04b8f43,
    main_swav.py, `distributed_sinkhorn`). Of probabilities: Assran et al. 2022 (MSN), arXiv:2204.07141, official code
    (src/losses.py). Differs from both: in logs, and for any numbers of rows on the ranks.
    """
    return Sinkhorn(resolve_features(shape).axis, temperature=temperature, iterations=iterations, of=of)


def _log_sum_of_columns(logs: Float[Tensor, "N K"], ranks: Ranks) -> Float[Tensor, " K"]:
    """Log of the sum of exponentials over the rows of all ranks."""
    # A rank without rows takes part too.
    nothing_1K = logs.new_full((1, logs.shape[1]), -torch.inf)
    largest_K = ranks.maximum(torch.cat([nothing_1K, logs]).amax(dim=0))
    return largest_K + ranks.sum((logs - largest_K).exp().sum(dim=0)).log()

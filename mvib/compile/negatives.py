"""Scores of a critic on pairs that belong together and on pairs that do not."""

from typing import Any, Literal, assert_never

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.ranks import Ranks, offset_and_total, row_before_each

Negatives = Literal["roll", "all"]


def score_pairs(
    critic: Any, x: Float[Tensor, "B *E1"], y: Float[Tensor, "B *E2"], *, negatives: Negatives, ranks: Ranks
) -> tuple[Float[Tensor, " B"], Float[Tensor, "B M"]]:
    """Scores of this rank's pairs, and of pairs of the product of the marginals.

    Args:
        critic: T(x, y), with `others` for a row against all rows but its own.
        x: rows of this rank.
        y: rows of this rank, row i from the same example as row i of x.
        negatives: roll: each y with the x before it, one cyclic shift of the global batch (M = 1); all: each x with
            the y of every other example of it (M = N - 1).
        ranks: that share the batch.
    """
    positive: Tensor = critic(x, y)
    match negatives:
        case "roll":
            rolled: Tensor = critic(row_before_each(x, ranks), y)
            return positive, rolled.unsqueeze(1)
        case "all":
            offset, _ = offset_and_total(len(x), ranks)
            others: Tensor = critic.others(x, ranks.rows(y), offset=offset)
            return positive, others
        case _:
            assert_never(negatives)

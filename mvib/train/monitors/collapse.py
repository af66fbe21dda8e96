"""How a representation collapses: to a point, onto few dimensions, or onto few points."""

# Shape suffixes: N rows, D dimension.

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# Rows that differ by less than this share of their length are one.
_EQUAL = 1e-2
_ROUNDING = 1e-6
# Rows nearer than this share of the root mean square distance are at one point.
_SAME_POINT = 0.03
# Fewer points than one for so many rows are few.
_ROWS_A_POINT = 16
# Of the dimensions there could be; a code of a few dimensions is narrow by design.
_FEW_DIMENSIONS = 0.02
_FEWEST_DIMENSIONS = 1.5
_NARROW = 8
_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapsed:
    """A kind of collapse and what was seen, a sentence."""

    kind: str
    why: str


def find_kind(z: Float[Tensor, "N D"], *, rank: float, classes: int | None) -> Collapsed | None:
    """The kind of collapse of a sample, the gravest first; none where it has not collapsed.

    Args:
        z: finite rows of the representation.
        rank: their effective rank, centred.
        classes: number of classes that the method predicts; rows of one class may well fall on one point then.
    """
    rows = z.double()
    length = float(rows.square().sum(dim=1).mean().sqrt())
    centred = rows - rows.mean(dim=0)
    spread = float(centred.square().sum(dim=1).mean().sqrt())
    if spread <= _EQUAL * length:
        apart = spread / length if length else 0.0
        return Collapsed(kind="complete", why=f"all rows are equal, to {max(apart, _ROUNDING):.0e} of their length")
    points = count_points(centred[:_ROWS])
    seen = min(len(rows), _ROWS)
    if points * _ROWS_A_POINT <= seen and (classes is None or points < classes):
        return Collapsed(kind="cluster", why=f"{seen} rows fall on {points} points")
    dimensions = min(z.shape)
    if z.shape[1] >= _NARROW and rank < max(_FEWEST_DIMENSIONS, _FEW_DIMENSIONS * dimensions):
        return Collapsed(kind="dimensional", why=f"the effective rank is {rank:.2f} of {dimensions} dimensions")
    return None


def count_points(rows: Float[Tensor, "N D"]) -> int:
    """How many points centred rows fall on: each is counted by the first row that is near it."""
    distances = torch.cdist(rows, rows)
    near = distances <= _SAME_POINT * distances.square().mean().sqrt()
    return len(set(near.to(torch.uint8).argmax(dim=1).tolist()))

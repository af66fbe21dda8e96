"""Vectors of one map beside the nearest vectors of another: nearest themselves, or at the nearest places."""

# Shape suffixes: B batch, K places of the first, L places of the second, D features, N pairs.

import math
from typing import Literal, assert_never

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError, describe

By = Literal["features", "location"]


class Match(nn.Module):
    """The pairs of a vector and its nearest of which the distance is least, in the order of the first's places."""

    def __init__(self, count: int) -> None:
        """Say how many pairs are kept."""
        super().__init__()
        self.count = count

    def forward(
        self,
        first: Float[Tensor, "B *K"],
        second: Float[Tensor, "B *L"],
        where_first: Float[Tensor, "B *K"] | None = None,
        where_second: Float[Tensor, "B *L"] | None = None,
    ) -> Float[Tensor, "B 2N D"]:
        """Return the first's vectors of all pairs, and then the second's.

        Args:
            first: sequence (B, K, D), or map (B, D, height, width), every vector of which is matched.
            second: of the same width; a vector of it may be the nearest of several.
            where_first: sequence or map of K vectors, the distances between which decide in the place of the features'.
            where_second: of L vectors.
        """
        from_BKD, to_BLD = _vectors(first), _vectors(second)
        with torch.no_grad():
            if where_first is None or where_second is None:
                nearest_BN, chosen_BN = self._choose(from_BKD, to_BLD)
            else:
                nearest_BN, chosen_BN = self._choose(_vectors(where_first), _vectors(where_second))
        return torch.cat([_take(from_BKD, chosen_BN), _take(to_BLD, nearest_BN)], dim=1)

    def _choose(
        self, a_BKE: Float[Tensor, "B K E"], b_BLE: Float[Tensor, "B L E"]
    ) -> tuple[Int[Tensor, "B N"], Int[Tensor, "B N"]]:
        """The second's places of all pairs, and the first's in rising order."""
        # The way through a matrix product loses the digits of vectors that are close.
        wide = [values.to(torch.promote_types(values.dtype, torch.float32)) for values in (a_BKE, b_BLE)]
        distance_BKL = torch.cdist(wide[0], wide[1], compute_mode="donot_use_mm_for_euclid_dist")
        least_BK, nearest_BK = distance_BKL.min(dim=2)
        chosen_BN = least_BK.argsort(dim=1, stable=True)[:, : self.count].sort(dim=1).values
        return nearest_BK.gather(1, chosen_BN), chosen_BN


def match(shapes: tuple[Shape, ...], *, count: int | None = None, by: By = "features") -> nn.Module:
    """Build the matching of the vectors of one map, or sequence, with those of another: `(A, B) -> M`.

    Every vector of A has its nearest in B, in Euclidean distance; the `count` pairs that are nearest are kept, in the
    order of A's places. Gradients reach the vectors that are kept, and not the choice.

    Args:
        shapes: of A and B; by location also of two maps or sequences that say where their vectors lie.
        count: number of pairs; all of A's vectors when left out.
        by: whether features or locations are near.

    Returns:
        A module to sequences of 2 count vectors: A's vectors of all pairs, and then B's, so that step p belongs to
        step p + count.

    Raises:
        ShapeError: there are not as many variables as are needed, they are no maps or sequences, A and B differ in
            width, there are fewer than `count` vectors, or locations are not those of A and B.

    Source: Bardes, Ponce, LeCun 2022, arXiv:2210.01571, section 3.2; official code facebookresearch/VICRegL,
    main_vicregl.py at 1345219, lines 570-640.
    """
    needed = 2 if by == "features" else 4
    if len(shapes) != needed:
        raise ShapeError(
            expected=f"{needed} variables to match by {by}, and not {len(shapes)}",
            found=shapes[0],
            remedy=_remedy(by),
        )
    sizes = [_size(shape) for shape in shapes]
    (number, width), (_, other_width) = sizes[0], sizes[1]
    if width != other_width:
        raise ShapeError(
            expected=f"vectors of {width} features, as those of the first are",
            found=shapes[1],
            remedy="match outputs of one encoder",
        )
    if count is not None and count > number:
        raise ShapeError(
            expected=f"at least {count} vectors", found=shapes[0], remedy=f"write `count: {number}`, or leave it out"
        )
    for place, of in zip(shapes[2:], shapes[:2], strict=False):
        if _size(place)[0] != _size(of)[0]:
            raise ShapeError(
                expected=f"a location for each vector of {describe(of)}",
                found=place,
                remedy=f"draw the locations of as many cells as the map has: {' x '.join(map(str, of[1:]))}",
            )
    return Match(number if count is None else count)


def _remedy(by: By) -> str:
    match by:
        case "features":
            return "give two maps: `(A, B) -> M`"
        case "location":
            return "give two maps and where their places lie: `(A, B, G, H) -> M`"
        case _:
            assert_never(by)


def _size(shape: Shape) -> tuple[int, int]:
    """Number of vectors of an example, and their width."""
    match shape:
        case (steps, width):
            return steps, width
        case (width, *places) if len(places) == 2:
            return math.prod(places), width
        case _:
            raise ShapeError(
                expected="a sequence (steps, features) or a map (channels, height, width)",
                found=shape,
                remedy="match before `pool()` or `flatten()`",
            )


def _vectors(values: Float[Tensor, "B *K"]) -> Float[Tensor, "B K D"]:
    return values if values.dim() == 3 else values.flatten(2).transpose(1, 2)


def _take(values_BKD: Float[Tensor, "B K D"], index_BN: Int[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
    return values_BKD.gather(1, index_BN[:, :, None].expand(-1, -1, values_BKD.shape[2]))

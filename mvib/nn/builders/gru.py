"""A gated recurrent network."""

# Shape suffixes: B batch, T steps, D dimension.

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.precision import without_autocast
from mvib.nn.shapes import Shape, ShapeError


class LastState(nn.Module):
    """The hidden state of a gated recurrent network after the last step, the first state being zero."""

    def __init__(self, width_in: int, width: int, *, is_sequence: bool) -> None:
        """Take the width of a step and of the state, and whether the steps come as one sequence."""
        super().__init__()
        self.is_sequence = is_sequence
        self.gru = nn.GRU(width_in, width, batch_first=True)

    def forward(self, *steps: Float[Tensor, "B *E"]) -> Float[Tensor, "B H"]:
        """Return the state after the last of the steps, which are in order."""
        x_BTD = steps[0] if self.is_sequence else torch.stack(steps, dim=1)
        with without_autocast(x_BTD):
            _, states = self.gru(x_BTD.to(next(self.gru.parameters()).dtype))
        last: Tensor = states[0]
        return last


def gru(shapes: tuple[Shape, ...], *, width: int) -> nn.Module:
    """Build one layer of a gated recurrent network over steps, which are variables or those of one sequence.

    Args:
        shapes: of the steps in order, all vectors of one width; or one sequence (steps, features).
        width: of the state, which is the output.

    Raises:
        ShapeError: neither of both.

    Source: Cho et al. 2014, arXiv:1406.1078; in the form of cuDNN, as `torch.nn.GRU`.
    """
    first = shapes[0]
    if len(shapes) == 1 and len(first) == 2:
        return LastState(first[1], width, is_sequence=True)
    for shape in shapes:
        if len(shape) != 1 or shape != first:
            raise ShapeError(
                expected="one sequence (steps, features), or vectors of one width as steps",
                found=shape,
                remedy="make each step a vector first, as by `mlp(256, 128)`",
            )
    return LastState(first[0], width, is_sequence=False)

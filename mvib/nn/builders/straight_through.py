"""The value of one variable with the gradient of another."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError, describe


class StraightThrough(nn.Module):
    """E + sg(C - E): the value of C, whose gradient goes to E as if it were its value."""

    def forward(self, encoded: Float[Tensor, "B *E"], code: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
        """Return the value of `code` with the gradient of `encoded`."""
        return encoded + (code - encoded).detach()


def straight_through(shapes: tuple[Shape, ...]) -> nn.Module:
    """Build the straight-through estimator of two variables of one shape, E first and its code C second.

    Raises:
        ShapeError: there are not two, or their shapes differ.

    Source: Bengio et al. 2013, arXiv:1308.3432; van den Oord et al. 2017 (VQ-VAE), arXiv:1711.00937, section 3.2.
    """
    match shapes:
        case (encoded, code):
            if encoded != code:
                raise ShapeError(
                    expected=f"the shape of the variable that it replaces, {describe(encoded)}",
                    found=code,
                    remedy="give the code of the variable before it: `(E, C) -> Q`",
                )
        case _:
            raise ShapeError(
                expected=f"two variables, a value and its code, and not {len(shapes)}",
                found=shapes[0],
                remedy="give both: `(E, C) -> Q`",
            )
    return StraightThrough()

"""Global average pooling."""

from jaxtyping import Float
from torch import Tensor, nn

from mvib.nn.shapes import Shape, ShapeError


class GlobalAverage(nn.Module):
    """Mean over some axes, the batch being axis 0."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        """Name the axes to average over."""
        super().__init__()
        self.axes = axes

    def forward(self, x: Float[Tensor, "B *E"]) -> Float[Tensor, "B D"]:
        """Return the mean over the axes."""
        return x.mean(dim=self.axes)


def pool(shape: Shape) -> nn.Module:
    """Build the average over the places of an image, or over the steps of a sequence: a vector.

    Raises:
        ShapeError: the shape is neither.
    """
    match len(shape):
        case 2:
            return GlobalAverage((1,))
        case 3:
            return GlobalAverage((2, 3))
        case num_axes:
            raise ShapeError(
                expected="an image (channels, height, width) or a sequence (steps, features)",
                found=shape,
                remedy="leave `pool()` out" if num_axes < 2 else "use `flatten()`",
            )

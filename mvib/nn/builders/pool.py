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


class WithoutFirst(nn.Module):
    """A sequence without its first steps."""

    def __init__(self, skip: int) -> None:
        """Say how many steps are left out."""
        super().__init__()
        self.skip = skip

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B R D"]:
        """Return the steps that remain."""
        return x[:, self.skip :]


def pool(shape: Shape, *, skip: int = 0) -> nn.Module:
    """Build the average over the places of an image, or over the steps of a sequence: a vector.

    Args:
        shape: of an example.
        skip: number of steps at the front of a sequence that are left out, such as 1 for a class token.

    Raises:
        ShapeError: the shape is neither, or there is nothing beside the steps to skip.
    """
    if skip and (len(shape) != 2 or shape[0] <= skip):
        raise ShapeError(
            expected=f"a sequence (steps, features) of more than {skip} steps", found=shape, remedy="use `pool()`"
        )
    match len(shape):
        case 2:
            return nn.Sequential(WithoutFirst(skip), GlobalAverage((1,))) if skip else GlobalAverage((1,))
        case 3:
            return GlobalAverage((2, 3))
        case num_axes:
            raise ShapeError(
                expected="an image (channels, height, width) or a sequence (steps, features)",
                found=shape,
                remedy="leave `pool()` out" if num_axes < 2 else "use `flatten()`",
            )

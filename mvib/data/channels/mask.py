"""Random erasure of single pixels or features."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape, check_number
from mvib.estimators.draws import uniform


class _Mask(nn.Module):
    """The erasure channel: each pixel or feature is lost on its own."""

    def __init__(self, shape: Shape, ratio: float) -> None:
        super().__init__()
        # A pixel is lost with all its channels.
        self.kept_shape = (1, *shape[1:]) if len(shape) == 3 else shape
        self.ratio = ratio

    def forward(self, examples: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
        """Sets what is lost to zero, drawn from torch's global generator; the rest keeps its value."""
        # Half precision would round the ratio.
        drawn = uniform((len(examples), *self.kept_shape), like=examples, dtype=torch.float32)
        return examples * (drawn >= self.ratio)


def mask(shape: Shape, *, ratio: float = 0.5) -> nn.Module:
    """Builds the channel that sets pixels, or features of data that are not images, to zero independently.

    Args:
        shape: of one example; three axes are an image, whose pixels are lost in all channels at once.
        ratio: probability that one is lost.

    Returns:
        A module from examples (B, *shape) to their views.

    Raises:
        ChannelError: the ratio is not a probability.
    """
    check_number(ratio, (0.0, 1.0), name="ratio", channel="mask")
    return _Mask(shape, ratio)

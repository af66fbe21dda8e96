"""A number of the objective, which may follow a schedule."""

import torch
from torch import Tensor

from mvib.semantics.values import Scalar, is_constant, value_at


class Number:
    """A number of the objective; one that follows a schedule is a tensor, so that compiled graphs need not change."""

    def __init__(self, scalar: Scalar) -> None:
        """Start at the beginning of training."""
        self.scalar = scalar
        self.tensor = None if is_constant(scalar) else torch.tensor(value_at(scalar, 0.0), dtype=torch.float64)
        self.constant = value_at(scalar, 0.0)

    def set_progress(self, progress: float) -> None:
        """Follow the schedule."""
        if self.tensor is not None:
            self.tensor.fill_(value_at(self.scalar, progress))

    def times(self, value: Tensor) -> Tensor:
        """The product with a tensor, in the tensor's precision."""
        if self.tensor is not None:
            return value * self.tensor.to(value.dtype)
        return value if self.constant == 1 else value * self.constant

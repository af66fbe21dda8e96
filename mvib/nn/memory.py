"""What an estimator remembers of earlier batches: rows, or the average of a number. Saved with the model."""

# Shape suffixes: N rows of a batch, K rows of the queue, D dimension.

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.covariance_contrast import running_moment
from mvib.estimators.ranks import ALONE, Ranks
from mvib.estimators.running_logdet import running_covariance


@runtime_checkable
class Remembering(Protocol):
    """A module that takes up what it saw in a step once the step is done: a centre, a support set."""

    def after_step(self) -> None:
        """Take up the step."""
        ...


class Queue(nn.Module):
    """The rows of the last batches, the oldest out first, without gradient.

    It starts empty. Its rows are to be the same on all ranks, so it is to be given the rows of all of them.

    Source: He et al. 2020, arXiv:1911.05722, section 3.2. Differs from the official code (facebookresearch/moco at
    132aea9), which starts full of random rows, and takes only batches whose number of rows divides its size.
    """

    memory: Tensor
    count: Tensor
    place: Tensor

    def __init__(self, *, size: int, width: int) -> None:
        """Make room for `size` rows of `width` numbers."""
        super().__init__()
        self.register_buffer("memory", torch.zeros(size, width))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def rows(self) -> Float[Tensor, "K D"]:
        """Return the rows it has, at most its size, in no order. The next `push` writes over them."""
        return self.memory[: int(self.count)]

    @torch.no_grad()
    def push(self, rows: Float[Tensor, "N D"]) -> None:
        """Write rows over the oldest; of more than its size the last ones stay."""
        size, number = len(self.memory), len(rows)
        kept = rows.detach()[max(0, number - size) :]
        first = self.place + (number - len(kept))
        places = (first + torch.arange(len(kept), device=self.memory.device)) % size
        self.memory[places] = kept.to(self.memory)
        self.place.copy_((self.place + number) % size)
        self.count.copy_((self.count + number).clamp(max=size))


class MovingAverage(nn.Module):
    """The log of an exponential moving average of a positive number that is given by its log.

    average <- weight average + (1 - weight) number, the first number being the first average. In evaluation mode it
    stays as it is.
    """

    log_average: Tensor
    is_empty: Tensor

    def __init__(self, weight: float) -> None:
        """Take the weight of the past, in [0, 1)."""
        super().__init__()
        self.weight = weight
        # Beside a finite number, since a checkpoint holds no other.
        self.register_buffer("log_average", torch.zeros(()))
        self.register_buffer("is_empty", torch.ones((), dtype=torch.bool))

    @torch.no_grad()
    def update(self, log_number: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """Take in a number and return the log of the average, the number being in it."""
        number = log_number.detach().to(self.log_average)
        later = self._mixed(number) if self.training else self.log_average
        average = torch.where(self.is_empty, number, later)
        if self.training:
            self.log_average.copy_(average)
            self.is_empty.zero_()
        return average.to(log_number)

    def _mixed(self, number: Float[Tensor, ""]) -> Float[Tensor, ""]:
        largest = torch.maximum(self.log_average, number)
        past, present = (self.log_average - largest).exp(), (number - largest).exp()
        return largest + (self.weight * past + (1 - self.weight) * present).log()


class RunningMoment(nn.Module):
    """The second moments of the rows of earlier batches, as `mvib.estimators.covariance_contrast` averages them.

    They start as zero. In evaluation mode they stay as they are.
    """

    covariance: Tensor

    def __init__(self, *, width: int, momentum: float = 0.9) -> None:
        """Take the width of the rows and the weight of the past, in [0, 1)."""
        super().__init__()
        self.momentum = momentum
        self.register_buffer("covariance", torch.zeros(width, width))

    @torch.no_grad()
    def forward(self, rows: Float[Tensor, "N D"], *, ranks: Ranks = ALONE) -> dict[str, Tensor]:
        """Take in the rows of a batch and return what was there before them, as the estimator takes it."""
        before = self.covariance.clone()
        if self.training:
            self.covariance.copy_(running_moment(rows, before, momentum=self.momentum, ranks=ranks))
        return {"covariance": before}


class RunningCovariance(nn.Module):
    """Mean and covariance of the rows of earlier batches, as `mvib.estimators.running_logdet` averages them.

    They start as zero and as the identity, in float64. In evaluation mode they stay as they are.
    """

    covariance: Tensor
    mean: Tensor

    def __init__(self, *, width: int, momentum: float = 0.01) -> None:
        """Take the width of the rows and the weight of the past, in [0, 1)."""
        super().__init__()
        self.momentum = momentum
        self.register_buffer("covariance", torch.eye(width, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(width, dtype=torch.float64))

    @torch.no_grad()
    def forward(self, rows: Float[Tensor, "N D"], *, ranks: Ranks = ALONE) -> dict[str, Tensor]:
        """Take in the rows of a batch and return what was there before them, as the estimator takes it."""
        before, mean = self.covariance.clone(), self.mean.clone()
        if self.training:
            covariance, running_mean = running_covariance(rows, before, mean, momentum=self.momentum, ranks=ranks)
            self.covariance.copy_(covariance)
            self.mean.copy_(running_mean)
        return {"covariance": before, "mean": mean}

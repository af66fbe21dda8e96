"""Batch normalisation over the rows of all processes that share a batch."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mvib.estimators.draws import sharing_ranks

_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation whose statistics in training are those of the whole batch, whichever rows a process has.

    Values, running statistics and, once gradients are averaged over processes, gradients are those of one process with
    the whole batch. Unlike `torch.nn.SyncBatchNorm` it works on every device, and for processes without rows.
    """

    def forward(self, input: Float[Tensor, "B C *E"]) -> Float[Tensor, "B C *E"]:
        """Normalise each channel."""
        ranks = sharing_ranks()
        if ranks.size == 1 or not (self.training or self.running_mean is None):
            return super().forward(input)
        kept, axes = (1, -1, *[1] * (input.dim() - 2)), [0, *range(2, input.dim())]
        # Half precision would lose the variance in the square of the mean.
        x = input if input.dtype == torch.float64 else input.float()
        number = x.new_tensor([x.numel() / max(1, x.shape[1])])
        sums = ranks.sum(torch.cat([x.sum(dim=axes), number]))
        total = sums[-1].detach()
        if total <= 1:
            raise ValueError(
                f"batch normalisation needs more than one value per channel, and gets {tuple(input.shape)}"
            )
        mean = sums[:-1] / total
        centered = x - mean.reshape(kept)
        variance = ranks.sum(centered.square().sum(dim=axes)) / total
        if self.training and self.track_running_stats:
            self._follow(mean.detach(), variance.detach() * (total / (total - 1)))
        normalized = centered * torch.rsqrt(variance + self.eps).reshape(kept)
        if self.weight is not None:
            normalized = normalized * self.weight.reshape(kept) + self.bias.reshape(kept)
        return normalized.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected rows of channels, got a tensor of {input.dim()} axes")

    @torch.no_grad()
    def _follow(self, mean: Float[Tensor, " C"], variance: Float[Tensor, " C"]) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)


class UnsharedNormError(Exception):
    """A module has a batch normalisation of its own making, which sees the rows of one process alone."""


def share_batch_norm(module: nn.Module) -> None:
    """Let every batch normalisation within a module take its statistics over all processes; its weights stay.

    Raises:
        UnsharedNormError: it has one that is more than torch's.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, SharedBatchNorm):
            continue
        if type(child) in _PLAIN:
            setattr(module, name, _shared(child))  # type: ignore[arg-type]
        elif isinstance(child, _BatchNorm):
            raise UnsharedNormError(f"`{type(child).__name__}` cannot take its statistics over several processes")
        else:
            share_batch_norm(child)


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    shared = SharedBatchNorm(
        norm.num_features,
        eps=norm.eps,
        momentum=norm.momentum,
        affine=norm.affine,
        track_running_stats=norm.track_running_stats,
        device="meta",
    )
    # The very parameters and buffers, so that an optimizer and momentum copies that hold them go on.
    shared._parameters, shared._buffers = norm._parameters, norm._buffers
    return shared.train(norm.training)

"""The optimizers, over the trained parameters of a module."""

from collections.abc import Callable
from typing import Any, assert_never, overload

import torch
from torch import Tensor, nn

from mvib.train.config import AdamW, Optimizer, Sgd
from mvib.train.config import Lars as LarsConfig
from mvib.train.errors import SettingError


class Lars(torch.optim.Optimizer):
    """SGD with momentum whose step for each layer is scaled by the ratio of the norms of weights and gradient.

    For a weight w with gradient g: g' = g + weight_decay w, the step is eta |w| / |g'| g' (g' itself where one of the
    norms is 0), the momentum buffer m <- momentum m + step without dampening, and w <- w - lr m. Parameters of one
    axis (biases, affine maps of normalisation layers) are neither decayed nor scaled.

    Source: You, Gitman, Ginsburg 2017, arXiv:1708.03888, algorithm 1. Official code: facebookresearch/vicreg,
    main_vicreg.py, class LARS with `exclude_bias_and_norm`.
    """

    def __init__(
        self,
        params: Any,
        *,
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.9,
        eta: float = 1e-3,
    ) -> None:
        """Take parameters, or groups of them, as every optimizer of torch does."""
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "eta": eta})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step_weight(weight, weight.grad, group)
        return loss

    def _step_weight(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        update = gradient
        if weight.ndim > 1:
            update = gradient.add(weight, alpha=group["weight_decay"])
            weight_norm, update_norm = weight.norm(), update.norm()
            ratio = group["eta"] * weight_norm / update_norm
            is_usable = (weight_norm > 0) & (update_norm > 0)
            update = update * torch.where(is_usable, ratio, torch.ones_like(ratio))
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer = state["momentum_buffer"]
        buffer.mul_(group["momentum"]).add_(update)
        weight.sub_(buffer, alpha=group["lr"])


def build_optimizer(module: nn.Module, config: Optimizer) -> torch.optim.Optimizer:
    """An optimizer over the parameters of a module that are trained.

    Weight decay is not applied to parameters of one axis: biases and the affine maps of normalisation layers.

    Args:
        module: whose parameters with `requires_grad`; momentum copies and frozen networks have none.
        config: which optimizer.

    Raises:
        SettingError: nothing is trained.
    """
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not trained:
        raise SettingError("the method has no trained weights", "`mvib show` lists its encoders and decoders")
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    match config:
        case AdamW(lr=lr, betas=betas):
            return torch.optim.AdamW(groups, lr=lr, betas=betas)
        case Sgd(lr=lr, momentum=momentum, nesterov=nesterov):
            return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov)
        case LarsConfig(lr=lr, momentum=momentum, eta=eta):
            return Lars(groups, lr=lr, momentum=momentum, eta=eta)
        case _:
            assert_never(config)


def set_rates(optimizer: torch.optim.Optimizer, *, lr: float, weight_decay: float) -> None:
    """Set the learning rate of the next step, and the weight decay of what is decayed.

    Args:
        optimizer: made by `build_optimizer`.
        lr: of all parameters.
        weight_decay: of parameters of more than one axis.
    """
    for group in optimizer.param_groups:
        group["lr"] = lr
        group["weight_decay"] = weight_decay if group["params"][0].ndim > 1 else 0.0

"""The training settings of a spec as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from mvib.semantics.method import Method
from mvib.semantics.values import ArgumentValue, BoundCall, Constant, Named, Operation, Scalar, Scheduled, value_at
from mvib.train.errors import SettingError


class Precision(Enum):
    """The precision in which the networks run; losses are always computed in at least float32."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay."""

    lr: float
    weight_decay: float
    betas: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgd:
    """Stochastic gradient descent with momentum."""

    lr: float
    weight_decay: float
    momentum: float
    nesterov: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lars:
    """SGD whose step for each layer is scaled by the ratio of the norms of weights and gradient; `eta` scales it."""

    lr: float
    weight_decay: float
    momentum: float
    eta: float


Optimizer = AdamW | Sgd | Lars


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineRate:
    """Half a cosine from the peak to `final` times the peak, after a linear rise over the fraction `warmup`."""

    warmup: float
    final: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantRate:
    """The peak, after a linear rise over the fraction `warmup`."""

    warmup: float


Rate = CosineRate | ConstantRate


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Everything about training that is not the method.

    Attributes:
        data: name of the data source; when arrays are given, of where they come from.
        epochs: passes over the training data, at least 1.
        batch: examples a step.
        optimizer: with its peak learning rate.
        weight_decay: of the optimizer, over training.
        rate: the learning rate over training.
        precision: of the networks.
        seed: of weights, order and views.
        labelled: how many examples keep a partial label, none for all.
        tuning: share of the training part that is left out of training, to choose settings by.
        clip: largest norm of the gradient, none for no clipping.
        accumulate: in how many parts a batch is computed, one after the other.
    """

    data: str
    epochs: int
    batch: int
    optimizer: Optimizer
    weight_decay: Scalar
    rate: Rate
    precision: Precision
    seed: int
    labelled: int | None
    tuning: float
    clip: float | None
    accumulate: int


def read_config(method: Method, *, data: str | None = None, epochs: int | None = None) -> TrainConfig:
    """The training settings of a method.

    Args:
        method: a resolved method, whose settings have their defaults.
        data: in the place of the data source of the spec.
        epochs: in the place of the spec's.

    Raises:
        SettingError: there are no epochs.
    """
    settings = method.settings
    config = TrainConfig(
        data=str(settings["data"]),
        epochs=_whole(settings["epochs"]),
        batch=_whole(settings["batch"]),
        optimizer=_optimizer(_call(settings["optimizer"])),
        weight_decay=_scalar(_call(settings["optimizer"])["weight_decay"]),
        rate=_rate(_call(settings["schedule"])),
        precision=Precision(settings["precision"]),
        seed=_whole(settings["seed"]),
        labelled=None if settings["labelled"] is None else _whole(settings["labelled"]),
        tuning=_plain(settings["tuning"]),
        clip=None if settings["clip"] is None else _plain(settings["clip"]),
        accumulate=_whole(settings["accumulate"]),
    )
    config = replace(config, data=data or config.data, epochs=config.epochs if epochs is None else epochs)
    if config.epochs < 1:
        raise SettingError(
            f"{config.epochs} epochs are asked for, and training takes at least one", "write `--set train.epochs=40`"
        )
    return config


def settings_text(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a method as plain values for JSON, calls as a spec would write them."""
    return {name: value.text() if isinstance(value, BoundCall) else value for name, value in settings.items()}


def _optimizer(call: BoundCall) -> Optimizer:
    lr, weight_decay = _number(call["lr"]), _number(call["weight_decay"])
    match call.name:
        case "adamw":
            betas = call["betas"]
            assert isinstance(betas, tuple)
            return AdamW(lr=lr, weight_decay=weight_decay, betas=(float(betas[0]), float(betas[1])))
        case "sgd":
            momentum = _number(call["momentum"])
            nesterov = bool(call["nesterov"])
            if nesterov and momentum == 0:
                raise SettingError("Nesterov's momentum is asked for, and the momentum is 0", "leave `nesterov` out")
            return Sgd(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov)
        case "lars":
            momentum, eta = _number(call["momentum"]), _number(call["eta"])
            return Lars(lr=lr, weight_decay=weight_decay, momentum=momentum, eta=eta)
        case name:
            raise SettingError(f"there is no optimizer `{name}` to train with", "write `optimizer: adamw(lr: 1e-3)`")


def _rate(call: BoundCall) -> Rate:
    match call.name:
        case "cosine":
            return CosineRate(warmup=_number(call["warmup"]), final=_number(call["final"]))
        case "constant":
            return ConstantRate(warmup=_number(call["warmup"]))
        case name:
            raise SettingError(f"there is no schedule `{name}` to train with", "write `schedule: cosine(warmup: 0.1)`")


def _call(value: object) -> BoundCall:
    assert isinstance(value, BoundCall)
    return value


def _number(value: ArgumentValue) -> float:
    if isinstance(value, Constant | Named | Operation | Scheduled):
        return value_at(value, 0.0)
    assert isinstance(value, int | float)
    return float(value)


def _scalar(value: ArgumentValue) -> Scalar:
    assert isinstance(value, Scalar)
    return value


def _plain(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value

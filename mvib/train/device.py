"""Where a run is computed."""

import torch

from mvib.compile import CompiledModel
from mvib.train.errors import SettingError

DEVICES = ("cpu", "cuda", "mps", "auto")


def choose_device(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: `cpu`, `cuda`, `mps`, or `auto` for the first that is there of cuda, mps and cpu.

    Raises:
        SettingError: there is no such device here.
    """
    is_there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, available in is_there.items() if available)
    if name not in is_there:
        raise SettingError(f"there is no device `{name}`", f"name one of {', '.join(DEVICES)}")
    if not is_there[name]:
        usable = " or ".join(f"`{device}`" for device, available in is_there.items() if available)
        raise SettingError(f"this machine has no `{name}` that torch can use", f"use {usable}")
    return torch.device(name)


def move_model(model: CompiledModel, device: torch.device) -> CompiledModel:
    """The model on a device, the weights of convolutions in the order in memory that is fastest there."""
    if device.type == "mps":
        return model.to(device)
    # Channels last: a fifth faster with small images on a CPU, and what tensor cores want on a GPU.
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def device_of(model: CompiledModel) -> torch.device:
    """Where the weights of a model are."""
    parameter = next(model.parameters(), None)
    return parameter.device if parameter is not None else torch.device("cpu")

"""The processes of a run: how they are started or found, and which of them this one is.

Without help from outside, lightning-fabric starts them by running the program again with its arguments. `torchrun` and
SLURM have started theirs. Each has one device.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from mvib.launched import IS_STARTED, RANK, is_started_by_another, started_by_torchrun
from mvib.train.device import choose_device
from mvib.train.errors import SettingError

_PATIENCE = 1.0
_FAILED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a run is to be computed.

    Attributes:
        device: `cpu`, `cuda`, `mps` or `auto`.
        devices: on each machine, a process each; none for those of `torchrun`, or one.
        nodes: machines; none for those of `torchrun`, or one.
        compile: whether networks and objective are compiled by `torch.compile`.
        fsdp: whether each process keeps a part of the weights alone.
    """

    device: str = "cpu"
    devices: int | None = None
    nodes: int | None = None
    compile: bool = False
    fsdp: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether there are several processes."""
        devices, nodes = _numbers(self)
        return devices * nodes > 1


def start_processes(placement: Placement) -> torch.device:
    """Start the processes of a run, or join those that were started.

    Returns:
        The device of this one.

    Raises:
        SettingError: there is no such device here, or not as many, or the processes cannot be started.
    """
    device = choose_device(placement.device)
    devices, nodes = _numbers(placement)
    if devices * nodes == 1:
        return device
    if device.type == "mps":
        raise SettingError(f"{devices * nodes} devices are asked for, and there is one `mps`", "leave out `--devices`")
    if device.type == "cuda" and torch.cuda.device_count() < devices:
        number = torch.cuda.device_count()
        title = f"{devices} devices are asked for, and this machine has {number}"
        raise SettingError(title, f"write `--devices {number}`")
    if nodes > 1 and "MASTER_ADDR" not in os.environ and "SLURM_JOB_ID" not in os.environ:
        title = f"{nodes} machines are asked for, and nothing says where the first of them is"
        raise SettingError(title, "set `MASTER_ADDR`, `MASTER_PORT` and `NODE_RANK`, or use `torchrun`")
    if is_started_by_another():
        _end_with_parent()
    # What is started now has it too.
    os.environ[IS_STARTED] = "1"
    strategy = DDPStrategy(process_group_backend="nccl" if device.type == "cuda" else "gloo")
    try:
        with _quiet():
            fabric = Fabric(accelerator=device.type, devices=devices, num_nodes=nodes, strategy=strategy)
            fabric.launch()
    except (ValueError, KeyError, dist.DistError) as error:
        why = str(error).partition("\n")[0]
        raise SettingError(f"the processes cannot be started: {why}", "change `--devices` and `--nodes`") from error
    os.environ[RANK] = str(dist.get_rank())
    return fabric.device


def _numbers(placement: Placement) -> tuple[int, int]:
    """Devices of a machine, and machines: those asked for, or those that `torchrun` has started."""
    started = started_by_torchrun()
    if started is None:
        return placement.devices or 1, placement.nodes or 1
    for asked, there, what in (
        (placement.devices, started[0], "devices"),
        (placement.nodes, started[1], "nodes"),
    ):
        if asked is not None and asked != there:
            raise SettingError(
                f"{asked} {what} are asked for, and `torchrun` started processes for {there}", f"leave out `--{what}`"
            )
    return started


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: nobody would, while it waits for the others."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PATIENCE)
        os._exit(_FAILED)

    threading.Thread(target=watch, daemon=True, name="end-with-parent").start()


@contextmanager
def _quiet() -> Iterator[None]:
    """Fabric tells its own story of processes; ours is told by events."""
    loggers = [logging.getLogger(name) for name in ("lightning_fabric", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

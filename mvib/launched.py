"""Whether this process is one of several of a run, and which of them, as far as its environment says. Without torch."""

import os

# Variables of this program: that it was started as one of several, and which of them it has been.
IS_STARTED, RANK = "MVIB_STARTED", "MVIB_RANK"


def is_first_process() -> bool:
    """Whether this process of a run is the one that writes and prints; the only one is."""
    if RANK in os.environ:
        return os.environ[RANK] == "0"
    if started_by_torchrun() is not None:
        return os.environ["RANK"] == "0"
    return not is_started_by_another()


def is_launching() -> bool:
    """Whether this process will start the others, so that none of them is there yet."""
    return IS_STARTED not in os.environ and started_by_torchrun() is None and "SLURM_JOB_ID" not in os.environ


def is_started_by_another() -> bool:
    """Whether the first process of a run has started this one, and so looks after its end."""
    if IS_STARTED not in os.environ or started_by_torchrun() is not None:
        return False
    return os.environ.get("LOCAL_RANK", "0") != "0"


def started_by_torchrun() -> tuple[int, int] | None:
    """What `torchrun` has started: processes of this machine, and machines; none where it is not there."""
    names = ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK", "TORCHELASTIC_RUN_ID")
    if not all(name in os.environ for name in names):
        return None
    world, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    return local, world // local

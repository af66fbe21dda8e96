"""Random numbers of a run: each step has its own seed, so that a run can go on from any step to the same bits."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

# First words of the seeds of the two uses; with them no step shares its numbers with another use of the seed.
_STEP, _HELD_OUT = 1, 2


def seed_weights(seed: int) -> None:
    """Seed the drawing of the initial weights; `torch.manual_seed(seed)` before `mvib.compile` gives the same ones."""
    torch.manual_seed(seed)


def seed_step(seed: int, step: int) -> None:
    """Seed the views and samples of one step of training, the first being step 0."""
    torch.manual_seed(_mixed(seed, _STEP, step))


def seed_held_out(seed: int) -> None:
    """Seed the views and samples of the held-out part: the same in every epoch, so that epochs can be compared."""
    torch.manual_seed(_mixed(seed, _HELD_OUT))


def _mixed(*words: int) -> int:
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """The same numbers in every run on one machine, where that costs nothing.

    The state of torch's global generator and torch's settings are those of the caller again afterwards.
    """
    devices = [device] if device.type == "cuda" else []
    is_strict, is_warning = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    is_filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    benchmark = torch.backends.cudnn.benchmark
    with torch.random.fork_rng(devices=devices):
        # On a GPU the strict mode refuses operations that have no repeatable form; on the CPU there are none in use.
        if device.type == "cpu":
            torch.use_deterministic_algorithms(True, warn_only=True)
            # Nothing here reads memory that it has not written; to fill it all the same takes a twentieth of a step.
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(is_strict, warn_only=is_warning)
            torch.utils.deterministic.fill_uninitialized_memory = is_filled  # type: ignore[attr-defined]
            torch.backends.cudnn.benchmark = benchmark

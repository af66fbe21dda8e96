"""Ctrl-C during training: the first one waits for the step in progress, so that the weights are those of a step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """Whether the user has asked to stop."""

    is_made: bool = False


@contextmanager
def interrupt_after_step() -> Iterator[StopRequest]:
    """Turn the first Ctrl-C into a request; a second one raises `KeyboardInterrupt` where it finds the program.

    Outside the main thread, and where the program handles Ctrl-C itself, everything stays as it is.
    """
    request = StopRequest()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield request
        return

    def remember(number: int, frame: FrameType | None) -> None:
        request.is_made = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, remember)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

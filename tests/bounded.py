"""A limit on the time of a piece of work that does not depend on what else the machine does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def within_cpu_seconds(seconds: float) -> Iterator[None]:
    """Raises TimeoutError where the body computes for longer; waiting for the processor does not count."""

    def expire(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"this computes for more than {seconds:g} seconds")

    before = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

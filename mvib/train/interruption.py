"""Signals during training: each waits for the step in progress, so that the weights are those of a step.

Ctrl-C (SIGINT) and SIGTERM, by which clusters announce the end of a job, ask the run to save and leave; SIGUSR1 asks it
to save and go on.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_LEAVE = (signal.SIGINT, signal.SIGTERM)
_CHILD = getattr(signal, "SIGCHLD", None)
_SAVE = tuple(getattr(signal, name) for name in ("SIGUSR1",) if hasattr(signal, name))


@dataclass(slots=True)
class StopRequest:
    """What the user or the system has asked for.

    Attributes:
        stopped_by: the signal that asks to stop, none as long as there was none.
        is_save_wanted: whether to save and go on.
    """

    stopped_by: int | None = None
    is_save_wanted: bool = False

    @property
    def is_made(self) -> bool:
        """Whether to stop."""
        return self.stopped_by is not None

    def take_save(self) -> bool:
        """Whether to save; asked for once, it is told once."""
        wanted, self.is_save_wanted = self.is_save_wanted, False
        return wanted


@contextmanager
def interrupt_after_step() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request to stop, and SIGUSR1 into one to save.

    A second SIGINT raises `KeyboardInterrupt` where it finds the program, and a second SIGTERM ends it. Outside the
    main thread, and for a signal that the program handles itself, everything stays as it is.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in (*_LEAVE, *_SAVE)}
    ours = {number for number, handler in before.items() if handler in {signal.default_int_handler, signal.SIG_DFL}}

    def stop(number: int, frame: FrameType | None) -> None:
        request.stopped_by = number
        signal.signal(number, before[number])
        if _CHILD is not None and _CHILD not in ours:
            # Where the signal is for all processes of a job, those that read data end too, and torch would raise an
            # error for that wherever it finds the program.
            before[_CHILD] = signal.getsignal(_CHILD) or signal.SIG_DFL
            ours.add(_CHILD)
            signal.signal(_CHILD, signal.SIG_DFL)

    def save(number: int, frame: FrameType | None) -> None:
        request.is_save_wanted = True

    handlers: dict[int, Callable[[int, FrameType | None], None]] = {
        **dict.fromkeys(_LEAVE, stop),
        **dict.fromkeys(_SAVE, save),
    }
    for number in ours:
        signal.signal(number, handlers[number])
    try:
        yield request
    finally:
        for number in tuple(ours):
            signal.signal(number, before[number])

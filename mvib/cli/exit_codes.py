"""What the exit codes of `mvib` mean."""

DONE = 0
SPEC_WRONG = 1
WRONG_USAGE = 2
FAILED = 3
INTERRUPTED = 130


def exit_code_of(signal: int) -> int:
    """The code that shells and clusters know for a process ended by a signal: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + signal

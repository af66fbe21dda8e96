"""What the exit codes of `mvib` mean."""

DONE = 0
SPEC_WRONG = 1
WRONG_USAGE = 2
FAILED = 3
INTERRUPTED = 130

"""What can stop a run: a setting, a folder, numbers that are not finite, the user."""

from pathlib import Path
from signal import SIGINT


class SettingError(Exception):
    """A training setting cannot be used: the user's mistake.

    Attributes:
        title: what is wrong, in one line that stands alone.
        remedy: text that the user can paste or follow.
    """

    def __init__(self, title: str, remedy: str) -> None:
        super().__init__(f"{title}; {remedy}")
        self.title = title
        self.remedy = remedy


class FolderError(Exception):
    """A run folder cannot be used: it holds another run, or is no run, or is damaged.

    Attributes:
        title: what is wrong, in one line that stands alone.
        remedy: text that the user can paste or follow.
    """

    def __init__(self, title: str, remedy: str) -> None:
        super().__init__(f"{title}; {remedy}")
        self.title = title
        self.remedy = remedy


class DamagedCheckpointError(FolderError):
    """A checkpoint is cut off, altered, or no checkpoint at all."""


class DiskFullError(OSError):
    """There is no room for the next checkpoint: the run has failed, and the last good checkpoint stays."""


class NonFiniteError(Exception):
    """A number that training depends on is infinite or not a number: the run has failed.

    Attributes:
        culprit: the term, the gradient or the weights that broke.
        step: how many steps had been taken.
        checkpoint: the last good checkpoint, none when the run writes nothing.
        checkpoint_step: how many steps it has seen.
    """

    def __init__(self, culprit: str, *, step: int, checkpoint: Path | None, checkpoint_step: int) -> None:
        kept = f"; the last good checkpoint is `{checkpoint}`, of step {checkpoint_step}" if checkpoint else ""
        super().__init__(f"after {step} steps {culprit}{kept}")
        self.culprit = culprit
        self.step = step
        self.checkpoint = checkpoint
        self.checkpoint_step = checkpoint_step


class SingularError(NonFiniteError):
    """A covariance that training inverts has no inverse: the run has failed. The culprit is a clause that says why."""


class Interrupted(KeyboardInterrupt):
    """The user, or the system on a signal, stopped the run.

    Attributes:
        step: how many steps the checkpoint has seen.
        folder: the run folder, none when the run writes nothing.
        signal: the number of the signal that stopped it.
    """

    def __init__(self, *, step: int, folder: Path | None, signal: int = SIGINT) -> None:
        kept = f"; its checkpoint is in `{folder}`" if folder is not None else "; nothing was written"
        super().__init__(f"interrupted after {step} steps{kept}")
        self.step = step
        self.folder = folder
        self.signal = int(signal)


class FirstProcessFailed(Exception):
    """The first process of a run has failed, and says why; the others leave."""

    def __init__(self) -> None:
        super().__init__("the first process of the run has failed")


class PeerLostError(Exception):
    """Another process of a run has ended, so that this one cannot go on; the last checkpoint stays."""

    def __init__(self) -> None:
        super().__init__(
            "another process of the run has ended; a training goes on from its last checkpoint with `--resume`"
        )

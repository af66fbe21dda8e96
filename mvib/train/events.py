"""What a run tells whoever watches it. Nothing below the command line prints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mvib.train.history import EpochRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The run begins, or goes on.

    Attributes:
        method: its name.
        data: name of the data.
        epochs: how many in all.
        steps: how many in all.
        step: how many have been taken before, in a run that goes on.
        trained_parameters: how many numbers are trained.
        train_examples: how many examples there are to train on.
        terms: labels of the terms.
        folder: where the run is written, none when it is not.
        device: where it runs.
    """

    method: str
    data: str
    epochs: int
    steps: int
    step: int
    trained_parameters: int
    train_examples: int
    terms: tuple[str, ...]
    folder: Path | None
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """One step of the optimizer.

    Attributes:
        epoch: which epoch it belongs to, from 1.
        step: how many steps have been taken.
        examples: in its batch.
        loss: what is minimised.
        terms: the estimate of each term.
    """

    epoch: int
    step: int
    examples: int
    loss: float
    terms: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochEnded:
    """An epoch is over, and its line of the metrics is written."""

    record: EpochRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointWritten:
    """The state after a step is safe."""

    path: Path
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSkipped:
    """Something beside the training could not be made, and the run goes on without it."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What a user should know of the run or of its data: a sentence."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollapseSeen:
    """The representation has collapsed.

    Attributes:
        step: after which it was seen.
        kind: `complete`, `dimensional` or `cluster`.
        why: what was seen, a sentence.
        term: label of the term that most likely draws the model there, empty where none is known.
    """

    step: int
    kind: str
    why: str
    term: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last epoch is over and everything is written."""

    step: int
    seconds: float
    files: tuple[Path, ...]


Event = Started | StepTaken | EpochEnded | CheckpointWritten | CollapseSeen | Noted | PartSkipped | Finished
Observer = Callable[[Event], None]


def ignore_event(event: Event) -> None:
    """Watch nothing."""

"""How long a training is: its epochs, its batches, its steps."""

from dataclasses import dataclass

from mvib.data import count_batches
from mvib.train.config import TrainConfig
from mvib.train.errors import SettingError
from mvib.train.examples import Examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long a training is.

    Attributes:
        epochs: passes over the data.
        batches: an epoch.
        drop_last: whether the incomplete batch at the end of an epoch is left out.
    """

    epochs: int
    batches: int
    drop_last: bool

    @property
    def steps(self) -> int:
        """How many in all."""
        return self.epochs * self.batches


def plan_course(config: TrainConfig, examples: Examples, *, couples_batch: bool) -> Course:
    """How many steps a training takes.

    Args:
        config: of the run.
        examples: to train on.
        couples_batch: whether a term couples the examples of a batch; then all batches are of one size.

    Raises:
        SettingError: there are fewer examples than one batch takes.
    """
    number = examples.num_train
    if number < config.batch:
        remedy = f"write `--set train.batch={number}`" if number > 1 else "training takes at least two examples"
        raise SettingError(f"a batch of {config.batch} examples is asked for, and there are {number}", remedy)
    # A rest of one example is no batch for batch normalisation.
    drop_last = couples_batch or number % config.batch == 1
    batches = count_batches(number, size=config.batch, drop_last=drop_last)
    return Course(epochs=config.epochs, batches=batches, drop_last=drop_last)

"""Which combination of a sweep is best on the tuning split."""

from collections.abc import Sequence
from dataclasses import dataclass

from mvib.cli.sweep_outcome import Outcome, by_settings, over_seeds

# Numbers of which more is not better.
_UNORDERED = ("alpha-req alpha", "effective rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen combination.

    Attributes:
        by: the number that is largest on the tuning split, the mean over seeds.
        runs: of the combination, one a seed.
    """

    by: str
    runs: tuple[Outcome, ...]

    @property
    def settings(self) -> str:
        """In words."""
        settings = self.runs[0].point.settings
        return " ".join(f"{name}={value}" for name, value in settings) or "the only combination"


class NothingChosenError(Exception):
    """No combination can be chosen; the message says why."""


def choose(outcomes: Sequence[Outcome]) -> Choice:
    """The combination with the largest mean over seeds of the first number of which more is better.

    Args:
        outcomes: of all runs, the seeds of a combination together. One with a run that failed, or has no such number,
            is not chosen; of equals the first is.

    Raises:
        NothingChosenError: there is none.
    """
    groups = [(group, over_seeds([outcome.metrics for outcome in group])) for _, group in by_settings(outcomes)]
    for name in over_seeds([outcome.metrics for outcome in outcomes]):
        complete = [
            (cells[name].mean, group)
            for group, cells in groups
            if name not in _UNORDERED and name in cells and len(cells[name].values) == len(group)
        ]
        if complete:
            _, runs = max(complete, key=lambda pair: pair[0] or 0.0)
            return Choice(by=name, runs=tuple(runs))
    if all(outcome.why for outcome in outcomes):
        raise NothingChosenError("no run has finished")
    raise NothingChosenError("no combination has a number for all its seeds of which more is better: name a `--probe`")

"""How often the state of a run is saved."""

import re
from dataclasses import dataclass

from mvib.train.errors import SettingError

# The end of an epoch is saved unless writing would take more than a twentieth of the time.
_SHARE_OF_TIME = 20
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_REMEDY = "write `epoch`, `500 steps`, `30 s`, `10 min` or `2 h`, or several with commas: `500 steps, 10 min`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """When a checkpoint is written besides those at the start, at the end and on request.

    The end of an epoch is always an occasion, unless it follows the last one so closely that writing would take more
    than a twentieth of the time. None of it changes the numbers of the run.

    Attributes:
        steps: after every so many within an epoch too; none for no such rule.
        seconds: as soon as so many have gone by since the last one; none for no such rule.
    """

    steps: int | None = None
    seconds: float | None = 60.0

    def is_due_after_step(self, *, step: int, seconds: float) -> bool:
        """Whether to save in the middle of an epoch.

        Args:
            step: how many have been taken in all.
            seconds: since the last checkpoint.
        """
        by_steps = self.steps is not None and step % self.steps == 0
        return by_steps or (self.seconds is not None and seconds >= self.seconds)

    def is_due_after_epoch(self, *, step: int, seconds: float, seconds_to_write: float) -> bool:
        """Whether to save at the end of an epoch.

        Args:
            step: how many have been taken in all.
            seconds: since the last checkpoint.
            seconds_to_write: that it took.
        """
        return seconds >= _SHARE_OF_TIME * seconds_to_write or self.is_due_after_step(step=step, seconds=seconds)


def parse_cadence(text: str) -> Cadence:
    """The cadence that a user writes: `epoch`, `500 steps`, `10 min`, or several with commas.

    Raises:
        SettingError: it is none.
    """
    steps: int | None = None
    seconds: float | None = None
    for part in (part.strip() for part in text.split(",")):
        if part in {"epoch", "1 epoch"}:
            continue
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(steps?|s|min|h)?", part)
        if match is None or len(part) > 40:
            raise SettingError(f"`{part}` does not say how often to write a checkpoint", _REMEDY)
        number, unit = match.groups(default="steps")
        if float(number) <= 0 or (unit not in _SECONDS and "." in number):
            raise SettingError(f"checkpoints every `{part}` are asked for", _REMEDY)
        if unit in _SECONDS:
            seconds = float(number) * _SECONDS[unit]
        else:
            steps = int(number)
    return Cadence(steps=steps, seconds=seconds)

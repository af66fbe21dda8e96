"""How training looks on standard error: a progress bar on a terminal, ten lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from mvib.source import printable_lines
from mvib.train.events import (
    CollapseSeen,
    EpochEnded,
    Event,
    Noted,
    PartSkipped,
    Started,
    StepTaken,
    ignore_event,
)

_NUM_LINES = 10
# How much the latest step counts in the throughput that is shown.
_SMOOTHING = 0.1


@contextmanager
def watch_training(*, is_quiet: bool) -> Iterator[Callable[[Event], None]]:
    """An observer that shows the training on standard error.

    Args:
        is_quiet: show nothing.
    """
    if is_quiet:
        yield ignore_event
    elif sys.stderr.isatty():
        console = Console(stderr=True)
        columns = (
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}", style="bold"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            yield Bar(progress)
    else:
        yield Lines()


class Pace:
    """How fast steps are taken, and how long the rest takes."""

    def __init__(self) -> None:
        """Wait for the first step."""
        self.seconds_per_step = 0.0
        self.examples_per_second = 0.0
        self._last: float | None = None

    def count(self, examples: int) -> None:
        """Take note of a step."""
        now = time.perf_counter()
        before, self._last = self._last, now
        if before is None:
            # The first step loads what is loaded once, and says nothing about the others.
            return
        seconds = max(now - before, 1e-9)
        share = _SMOOTHING if self.seconds_per_step else 1.0
        self.seconds_per_step += share * (seconds - self.seconds_per_step)
        self.examples_per_second += share * (examples / seconds - self.examples_per_second)

    def time_left(self, steps: int) -> str:
        """The time that some steps take, in words."""
        seconds = round(self.seconds_per_step * steps)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def describe_numbers(loss: float, terms: Mapping[str, float], examples_per_second: float, time_left: str) -> str:
    """Loss, estimates, throughput and the time left, in a line."""
    estimates = "".join(f"  {name} {value:.4g}" for name, value in terms.items())
    return f"loss {loss:.4g}{estimates}  {examples_per_second:,.0f} examples/s  {time_left} left"


def describe_start(event: Started) -> str:
    """What is trained on what, in a line."""
    begins = f"from step {event.step} on, " if event.step else ""
    where = f" -> {event.folder}" if event.folder is not None else ""
    return (
        f"{event.method} on {event.data}, {event.train_examples:,} examples: {begins}{event.epochs} epochs, "
        f"{event.steps:,} steps, {event.trained_parameters:,} trained parameters, {event.device}{where}"
    )


def describe_collapse(event: CollapseSeen) -> str:
    """What has collapsed, when, and by which term, in a line."""
    term = f"; most likely by the term `{event.term}`" if event.term else ""
    return f"warning: {event.kind} collapse of the representation after step {event.step:,}: {event.why}{term}"


class Bar:
    """A progress bar."""

    def __init__(self, progress: Progress) -> None:
        """Show nothing until the run starts."""
        self._progress = progress
        self._pace = Pace()
        self._task: TaskID | None = None
        self._steps = 0

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started():
                self._steps = event.steps
                self._progress.console.print(Text(printable_lines(describe_start(event))))
                self._task = self._progress.add_task(
                    "", total=event.steps, completed=event.step, epoch=1, epochs=event.epochs, numbers=""
                )
            case StepTaken() if self._task is not None:
                self._pace.count(event.examples)
                left = self._pace.time_left(self._steps - event.step)
                numbers = describe_numbers(event.loss, event.terms, self._pace.examples_per_second, left)
                self._progress.update(self._task, completed=event.step, epoch=event.epoch, numbers=numbers)
            case CollapseSeen():
                self._progress.console.print(Text(describe_collapse(event), style="bold red"))
            case Noted(text=text):
                self._progress.console.print(Text(printable_lines(f"note: {text}")))
            case PartSkipped():
                self._progress.console.print(Text(f"{event.what} is left out: {event.why}"))
            case _:
                pass


class Lines:
    """A line at the start, and one for every tenth of the epochs."""

    def __init__(self) -> None:
        """Show nothing until the run starts."""
        self._pace = Pace()
        self._epochs = self._steps = 0

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started():
                self._epochs, self._steps = event.epochs, event.steps
                click.echo(printable_lines(describe_start(event)), err=True)
            case StepTaken():
                self._pace.count(event.examples)
            case EpochEnded(record=record):
                tenth = -(-self._epochs // _NUM_LINES)
                if record.epoch % tenth == 0 or record.epoch == self._epochs:
                    left = self._pace.time_left(self._steps - record.step)
                    rate = record.examples_per_second
                    numbers = describe_numbers(record.train.loss, record.train.terms, rate, left)
                    click.echo(f"epoch {record.epoch:>{len(str(self._epochs))}}/{self._epochs}  {numbers}", err=True)
            case CollapseSeen():
                click.echo(describe_collapse(event), err=True)
            case Noted(text=text):
                click.echo(printable_lines(f"note: {text}"), err=True)
            case PartSkipped():
                click.echo(f"{event.what} is left out: {event.why}", err=True)
            case _:
                pass

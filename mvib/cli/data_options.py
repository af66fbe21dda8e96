"""The options of the verbs that read data."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def data_options(command: Command) -> Command:
    """Add `--data`, `--image-size` and `--skip-bad` to a command, as `data`, `image_size` and `skip_bad`."""
    for option in (
        click.option(
            "--skip-bad", default=None, type=click.IntRange(min=0), help="Bad items that may be left out; default: 0."
        ),
        click.option(
            "--image-size",
            default=None,
            type=click.IntRange(min=1),
            help="Pictures: the shorter side is made so long, and the middle cut out.",
        ),
        click.option(
            "--data",
            multiple=True,
            metavar="DATA",
            help="In the place of the spec's or the run's: digits, folder:PATH, npz:PATH, csv:PATH,label=COLUMN, ...; "
            "for several variables NAME=DATA, once for each. docs/data.md has every form.",
        ),
    ):
        command = option(command)
    return command

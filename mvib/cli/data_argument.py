"""`--data`, `--image-size` and `--skip-bad` of the verbs that read data, put into one text. Imports torch."""

from collections.abc import Sequence

import click

from mvib.cli.run_errors import explained
from mvib.data import with_option


def read_data(given: Sequence[str], *, default: str | None, image_size: int | None, skip_bad: int | None) -> str | None:
    """The data that a command names; leaves with an exit code where they cannot be meant.

    Args:
        given: each `--data`; several are for a variable each, `NAME=KIND:...`.
        default: what there is without one.
        image_size: the shorter side of pictures.
        skip_bad: how many bad items may be left out.

    Returns:
        The text, none where nothing was said.
    """
    text = ",".join(given) or None
    with explained():
        for option, flag, value in (("size", "--image-size", image_size), ("skip", "--skip-bad", skip_bad)):
            if value is None:
                continue
            source = text or default
            if source is None:
                raise click.UsageError(f"{flag} is for the data: give them with --data")
            text = with_option(source, option, value, flag=flag)
    return text

"""What can stop a run, in words on standard error and as an exit code. Imports torch: for verbs that run a model."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from mvib.cli.exit_codes import FAILED, INTERRUPTED, SPEC_WRONG, WRONG_USAGE
from mvib.cli.spec_argument import print_diagnostics
from mvib.compile import ExampleError
from mvib.data import DataError
from mvib.diagnostics import SpecError
from mvib.evaluate import ProbeError
from mvib.train import FolderError, Interrupted, NonFiniteError, SettingError


@contextmanager
def explained() -> Iterator[None]:
    """Turn the mistakes of a user, a run that fails and an interruption into words and an exit code."""
    try:
        yield
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        raise click.exceptions.Exit(SPEC_WRONG) from error
    except (DataError, ExampleError, SettingError, FolderError, ProbeError) as error:
        click.echo(f"error: {error}", err=True)
        raise click.exceptions.Exit(WRONG_USAGE) from error
    except NonFiniteError as error:
        click.echo(f"error: the run has failed: {error}", err=True)
        raise click.exceptions.Exit(FAILED) from error
    except Interrupted as interrupted:
        where = f"; go on with `mvib train --resume {interrupted.folder}`" if interrupted.folder is not None else ""
        click.echo(f"{interrupted}{where}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from interrupted
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        click.echo(f"error: the run has failed: {error.strerror or error}{place}", err=True)
        raise click.exceptions.Exit(FAILED) from error

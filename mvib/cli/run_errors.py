"""What can stop a run, in words on standard error and as an exit code. Imports torch: for verbs that run a model."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from mvib.cli.exit_codes import FAILED, SPEC_WRONG, WRONG_USAGE, exit_code_of
from mvib.cli.spec_argument import print_diagnostics
from mvib.compile import ExampleError
from mvib.data import DataError, WorkerEndedError
from mvib.diagnostics import SpecError
from mvib.evaluate import ProbeError
from mvib.inside import NotPlainError
from mvib.launched import is_first_process, is_started_by_another, started_by_torchrun
from mvib.source import printable_lines
from mvib.train import FolderError, Interrupted, NonFiniteError, SettingError
from mvib.train.errors import FirstProcessFailed, PeerLostError

_PATIENCE = 2.0


@contextmanager
def explained(*, options: str = "") -> Iterator[None]:
    """Turn the mistakes of a user, a run that fails and an interruption into words and an exit code.

    Args:
        options: with which a run that was interrupted goes on as it was, as they are written.
    """
    try:
        with _of_one_process():
            yield
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        raise click.exceptions.Exit(SPEC_WRONG) from error
    except WorkerEndedError as error:
        click.echo(printable_lines(f"error: the run has failed: {error}"), err=True)
        raise click.exceptions.Exit(FAILED) from error
    except (DataError, ExampleError, SettingError, FolderError, ProbeError, NotPlainError) as error:
        click.echo(printable_lines(f"error: {error}"), err=True)
        raise click.exceptions.Exit(WRONG_USAGE) from error
    except NonFiniteError as error:
        click.echo(printable_lines(f"error: the run has failed: {error}"), err=True)
        raise click.exceptions.Exit(FAILED) from error
    except Interrupted as interrupted:
        again = " ".join(filter(None, ("mvib train --resume", str(interrupted.folder), options)))
        where = f"; go on with `{again}`" if interrupted.folder is not None else ""
        click.echo(printable_lines(f"{interrupted}{where}"), err=True)
        raise click.exceptions.Exit(exit_code_of(interrupted.signal)) from interrupted
    except PeerLostError as error:
        click.echo(f"error: the run has failed: {error}", err=True)
        raise click.exceptions.Exit(FAILED) from error
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        click.echo(printable_lines(f"error: the run has failed: {error.strerror or error}{place}"), err=True)
        raise click.exceptions.Exit(FAILED) from error


@contextmanager
def _of_one_process() -> Iterator[None]:
    """What all processes of a run meet is told by the first; what one of the others alone can meet, by that one."""
    try:
        yield
    except (FirstProcessFailed, PeerLostError, Interrupted) as error:
        if is_first_process():
            raise
        if started_by_torchrun() is not None:
            # It ends the first, which is about to say why, as soon as it sees another fail.
            time.sleep(_PATIENCE)
        # lightning-fabric would kill the first, which is still at work, for any other exit code.
        raise click.exceptions.Exit(0 if is_started_by_another() else _code(error)) from error
    except (SpecError, SettingError, FolderError, ProbeError, NonFiniteError) as error:
        if is_first_process():
            raise
        raise click.exceptions.Exit(FAILED) from error


def _code(error: BaseException) -> int:
    return exit_code_of(error.signal) if isinstance(error, Interrupted) else FAILED

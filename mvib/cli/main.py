"""The command `mvib`: loads a verb only when it is called, and turns every mistake into words and an exit code."""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from mvib.cli.exit_codes import FAILED, INTERRUPTED
from mvib.diagnostics import nearest
from mvib.version import __version__

VERBS = {
    "check": "parse, resolve and check specs",
    "show": "a method at a glance: graph, objective, terms",
    "render": "draw the information-path diagram",
    "prove": "prove claims, or find out why they do not follow",
    "diff": "compare two methods: graph, quantities, estimators, assumptions",
    "compile": "compile a spec: parameters and shapes",
    "train": "train a spec",
    "sweep": "train every combination of some settings, and tabulate",
    "eval": "evaluate trained runs with probes",
    "export": "the encoder of a run, or what it makes of the data, as files",
    "report": "runs side by side in one HTML file",
    "estimate": "an information quantity of arrays from disk",
    "list": "what there is: methods, estimators, modules, data",
    "explain": "what an estimator, a module or a diagnostic means",
    "fmt": "the one canonical layout",
}


class LazyGroup(click.Group):
    """A group whose commands are modules, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"mvib.cli.{_module_of(cmd_name)}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click, with a suggestion for a misspelt verb."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            meant = nearest(args[0], VERBS)
            hint = f"; did you mean `{meant}`?" if meant else f"; the verbs are {', '.join(VERBS)}"
            raise click.UsageError(f"there is no verb `{args[0]}`{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of verbs, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


def _module_of(verb: str) -> str:
    # `list` is a built-in name and `compile` a package; their modules have names of their own.
    return {"list": "list_entries", "compile": "compile_spec", "eval": "eval"}.get(verb, verb)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="mvib %(version)s")
def cli() -> None:
    """mvib: representation learning from a spec. FILE is a path, `-` for standard input, or a bundled name (vicreg)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: in the place of those of the process.

    Returns:
        The exit code: 0 done, 1 the spec or claim is wrong, 2 wrong usage, 3 the run failed, 130 interrupted.
    """
    try:
        result = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone, as with `mvib show vicreg | head`: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        click.echo(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        return FAILED
    except Exception as error:
        if os.environ.get("MVIB_TRACEBACK"):
            raise
        click.echo(
            f"internal error: {type(error).__name__}: {error}\n"
            "This is a mistake in mvib, not in your spec. Please report it with the spec and the command; "
            "MVIB_TRACEBACK=1 shows where it happened.",
            err=True,
        )
        return FAILED

"""The FILE argument of the verbs: reading, analysing, and printing what is wrong."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from mvib.catalogue import PluginError
from mvib.cli.exit_codes import SPEC_WRONG, WRONG_USAGE
from mvib.diagnostics import Diagnostic, Severity, nearest, render_text
from mvib.driver import Analysis, SpecNotFoundError, analyse, read_source
from mvib.launched import is_first_process
from mvib.source import SourceFile, printable
from mvib.syntax.parser import MAX_CHARACTERS

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set a parameter, or a train setting (train.batch=512).",
)
plugin_option = click.option(
    "--plugin", "plugins", multiple=True, metavar="NAME", help="Allow an installed plug-in; it is imported."
)


def spec_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument FILE and the options --set and --plugin."""
    return click.argument("file")(set_option(plugin_option(function)))


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping.

    Raises:
        click.UsageError: an option has no `=`.
    """
    pairs = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise click.UsageError(f"--set takes NAME=VALUE, for example --set beta=0.1, and not `{setting}`")
        pairs[name.strip()] = value.strip()
    return pairs


def read_file(file: str) -> SourceFile:
    """The source behind FILE; exits with 2 when there is none."""
    try:
        if file == "-":
            return read_source("<stdin>", text=sys.stdin.read(MAX_CHARACTERS + 1))
        return read_source(file)
    except SpecNotFoundError as error:
        meant = nearest(error.name, error.known)
        hint = f"; did you mean `{meant}`?" if meant else f"; bundled are {', '.join(error.known)}"
        click.echo(printable(f"error: {error}{hint if not error.why else ''}"), err=True)
        raise click.exceptions.Exit(WRONG_USAGE) from error


def analyse_file(
    file: str,
    settings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    *,
    claim: str | None = None,
    prove: bool = True,
) -> Analysis:
    """Read and analyse FILE; exits with 2 when it, or a plug-in, is not there."""
    overrides = parse_settings(settings)
    source = read_file(file)
    try:
        return analyse(source, overrides=overrides, plugins=tuple(plugins), claim=claim, prove=prove)
    except PluginError as error:
        click.echo(f"error: {error}", err=True)
        raise click.exceptions.Exit(WRONG_USAGE) from error


def load_analysis(file: str, settings: Sequence[str] = (), plugins: Sequence[str] = ()) -> Analysis:
    """The analysis of a sound spec: prints errors and warnings to standard error, and exits with 1 when it is wrong.

    Notes are for `mvib check`. Of several processes of a run the first prints.
    """
    analysis = analyse_file(file, settings, plugins)
    if is_first_process():
        print_diagnostics([found for found in analysis.diagnostics if found.severity is not Severity.NOTE])
    if not analysis.is_sound:
        raise click.exceptions.Exit(SPEC_WRONG)
    return analysis


def print_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics to standard error, in colour on a terminal."""
    if diagnostics:
        click.echo(render_text(diagnostics, colour=sys.stderr.isatty()), err=True)

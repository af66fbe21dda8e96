"""`mvib check FILE...`: parse, resolve and check; exit 0 when there are no errors, 1 otherwise."""

import sys

import click

from mvib.cli.exit_codes import DONE, SPEC_WRONG
from mvib.cli.spec_argument import analyse_file, plugin_option, set_option
from mvib.diagnostics import Diagnostic, Severity, render_concise, render_json, render_sarif, render_text
from mvib.version import __version__


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@set_option
@plugin_option
@click.option(
    "--format", "form", type=click.Choice(["text", "concise", "json", "sarif"]), default="text", help="Of the findings."
)
def command(files: tuple[str, ...], settings: tuple[str, ...], plugins: tuple[str, ...], form: str) -> int:
    """Parse, resolve and check specs."""
    analyses = [analyse_file(file, settings, plugins) for file in files]
    found = [diagnostic for analysis in analyses for diagnostic in analysis.diagnostics]
    claims = sum(len(analysis.method.claims) for analysis in analyses if analysis.method is not None)
    match form:
        case "json":
            click.echo(render_json(found))
        case "sarif":
            click.echo(render_sarif(found, version=__version__))
        case "concise":
            click.echo(render_concise(found), nl=False)
        case _:
            if found:
                click.echo(render_text(found, colour=sys.stdout.isatty()))
            click.echo(_summary(len(files), found, claims))
    return SPEC_WRONG if any(diagnostic.is_error for diagnostic in found) else DONE


def _summary(num_files: int, found: list[Diagnostic], claims: int) -> str:
    counts = {severity: sum(d.severity is severity for d in found) for severity in Severity}
    parts = [f"{n} {s.value}{'s' if n > 1 else ''}" for s, n in counts.items() if n]
    files = f"{num_files} spec{'s' if num_files > 1 else ''} checked"
    open_claims = sum(d.slug in {"false-claim", "unproved-claim", "undecided-claim"} for d in found)
    stated = f"; {claims} claim{'s' if claims > 1 else ''} proved" if claims and not open_claims else ""
    return f"{files}: {', '.join(parts) if parts else 'nothing wrong'}{stated}"

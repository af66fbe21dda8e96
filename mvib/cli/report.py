"""`mvib report RUN...`: one HTML file of runs that opens offline."""

import json
from pathlib import Path

import click

from mvib.cli.spec_argument import plugin_option
from mvib.source import printable

_DEFAULT = "report.html"


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o", "--output", default=None, metavar="OUT", help=f"OUT.html; default: {_DEFAULT} in the folder of a single run."
)
@plugin_option
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of what is said of the file."
)
def command(runs: tuple[str, ...], output: str | None, plugins: tuple[str, ...], form: str) -> None:
    """Report the runs in the folders RUNS side by side; the file holds all that it shows."""
    path = Path(output) if output is not None else Path(runs[0] if len(runs) == 1 else ".") / _DEFAULT
    if output is not None and path.suffix.lower() not in {".html", ".htm"}:
        words = f"a report is HTML: write `-o {path.with_suffix('.html')}`, and not `{path}`"
        raise click.UsageError(printable(words))
    if output is not None and not path.parent.is_dir():
        raise click.UsageError(printable(f"there is no folder `{path.parent}`"))

    from mvib.cli.run_errors import explained  # noqa: PLC0415 - imports torch
    from mvib.report import read_runs, render_page  # noqa: PLC0415
    from mvib.writing import write_whole  # noqa: PLC0415

    with explained():
        read = read_runs(runs, plugins=plugins)
        write_whole(path, render_page(read).encode())
    if form == "json":
        listed = [{"run": folder, "notes": list(run.notes)} for folder, run in zip(runs, read, strict=True)]
        click.echo(json.dumps({"written": str(path), "runs": listed}, indent=2))
    else:
        click.echo(printable(f"wrote {path}"))

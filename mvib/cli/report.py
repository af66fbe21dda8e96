"""`mvib report RUN...`: one HTML file of runs that opens offline."""

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
def command(runs: tuple[str, ...], output: str | None, plugins: tuple[str, ...]) -> None:
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
        write_whole(path, render_page(read_runs(runs, plugins=plugins)).encode())
    click.echo(printable(f"wrote {path}"))

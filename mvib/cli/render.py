"""`mvib render FILE`: the information-path diagram as an image, DOT, TikZ or Mermaid."""

from pathlib import Path

import click

from mvib.cli.exit_codes import FAILED
from mvib.cli.spec_argument import load_analysis, spec_options
from mvib.render import FORMATS, LayoutError, format_of, render_content
from mvib.render.image import draws_vectors
from mvib.source import printable_lines
from mvib.writing import write_whole

_STANDARD_OUTPUT = "-"


@click.command("render")
@spec_options
@click.option(
    "-o", "--output", default=None, metavar="OUT", help="OUT.svg, .png, .pdf, .dot, .tex or .mmd; - prints it."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default=None, help="In the place of the ending of OUT.")
def command(
    file: str, settings: tuple[str, ...], plugins: tuple[str, ...], output: str | None, form: str | None
) -> int | None:
    """Draw the information-path diagram; without -o into NAME.svg in this folder."""
    form = form or _form_of(output)
    analysis = load_analysis(file, settings, plugins)
    try:
        content = render_content(analysis, form)
    except LayoutError as error:
        click.echo(printable_lines(f"error: {error}"), err=True)
        return FAILED
    if output == _STANDARD_OUTPUT:
        click.echo(content, nl=False)
        return None
    path = Path(output or f"{_stem(file)}.{form}")
    if not path.parent.is_dir():
        raise click.UsageError(f"there is no folder `{path.parent}`")
    write_whole(path, content)
    click.echo(f"wrote {path}")
    if form == "pdf" and not draws_vectors(form):
        click.echo("note: it holds an image; with the system's `dot` (graphviz) it holds lines and letters", err=True)
    return None


def _form_of(output: str | None) -> str:
    if output is None:
        return "svg"
    if output == _STANDARD_OUTPUT:
        raise click.UsageError(f"-o - needs --format, one of {', '.join(FORMATS)}")
    try:
        return format_of(Path(output))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _stem(file: str) -> str:
    return "diagram" if file == "-" else Path(file).stem

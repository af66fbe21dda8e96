"""`mvib show FILE`: the method at a glance: graph, objective, terms and what their estimators promise."""

import click

from mvib.cli.spec_argument import load_analysis, spec_options
from mvib.render.summary import summary_json, summary_latex, summary_text

_PRINTERS = {"text": summary_text, "json": summary_json, "latex": summary_latex}


@click.command("show")
@spec_options
@click.option("--format", "form", type=click.Choice(list(_PRINTERS)), default="text", help="Of what is printed.")
def command(file: str, settings: tuple[str, ...], plugins: tuple[str, ...], form: str) -> None:
    """Print a method at a glance."""
    click.echo(_PRINTERS[form](load_analysis(file, settings, plugins)), nl=False)

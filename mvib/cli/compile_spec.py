"""`mvib compile FILE`: the compiled module without training it: networks, shapes, parameters."""

import json

import click

from mvib.cli.exit_codes import SPEC_WRONG, WRONG_USAGE
from mvib.cli.spec_argument import load_analysis, print_diagnostics, spec_options
from mvib.diagnostics import SpecError


@click.command("compile")
@spec_options
@click.option("--data", default=None, help="Data set whose shapes are used; default: that of the train block.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(file: str, settings: tuple[str, ...], plugins: tuple[str, ...], data: str | None, form: str) -> int | None:
    """Compile a spec and print its networks, their shapes and parameters."""
    analysis = load_analysis(file, settings, plugins)
    from mvib.compile.compiler import compile_model  # noqa: PLC0415 - torch only when the spec is sound
    from mvib.compile.example import ExampleError  # noqa: PLC0415
    from mvib.compile.summary import summarise  # noqa: PLC0415
    from mvib.data import DataError  # noqa: PLC0415
    from mvib.train.examples import example_of  # noqa: PLC0415

    try:
        model = compile_model(analysis, example_of(analysis, data))
    except SpecError as error:
        print_diagnostics(error.diagnostics)
        return SPEC_WRONG
    except (DataError, ExampleError) as error:
        click.echo(f"error: {error}", err=True)
        return WRONG_USAGE
    summary = summarise(model)
    if form == "json":
        click.echo(json.dumps(summary, indent=2))
        return None
    rows = [
        ("network", "kind", "parameters"),
        *((n["name"], n["kind"], f"{n['parameters']:,}") for n in summary["networks"]),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for name, kind, count in rows:
        click.echo(f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {count:>{widths[2]}}")
    click.echo("")
    click.echo("variables: " + ", ".join(f"{name} {shape}" for name, shape in summary["variables"].items()))
    click.echo(f"trained parameters: {summary['trained']:,}; copies and frozen: {summary['untrained']:,}")
    return None

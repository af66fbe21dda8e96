"""`mvib compile FILE`: the compiled module without training it: networks, shapes, parameters, or a file of its own."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvib.cli.exit_codes import FAILED, SPEC_WRONG, WRONG_USAGE
from mvib.cli.spec_argument import load_analysis, print_diagnostics, spec_options
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.source import printable_lines
from mvib.writing import write_whole

if TYPE_CHECKING:
    from mvib.compile.model import CompiledModel

_STANDARD_OUTPUT = "-"


@click.command("compile")
@spec_options
@click.option("--data", default=None, help="Data set whose shapes are used; default: that of the train block.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default=None, help="Of the table of networks.")
@click.option(
    "--emit",
    type=click.Choice(["python"]),
    default=None,
    help="Write the method as one PyTorch file that needs no mvib, in the place of the table.",
)
@click.option(
    "-o", "--output", default=None, metavar="OUT.py", help="Where --emit writes; without it, or -, it prints."
)
def command(
    file: str,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
    data: str | None,
    form: str | None,
    emit: str | None,
    output: str | None,
) -> int | None:
    """Compile a spec and print its networks, their shapes and parameters; or write its code as a file of its own."""
    path = _path(emit, output, form)
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
        click.echo(printable_lines(f"error: {error}"), err=True)
        return WRONG_USAGE
    if emit is not None:
        return _emit(analysis, model, path)
    summary = summarise(model)
    if form == "json":
        click.echo(json.dumps({**summary, "code": _code(analysis, model)}, indent=2))
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
    code = _code(analysis, model)
    if code is not None:
        lines = f"{len(code.splitlines()):,} lines of PyTorch that need no mvib"
        click.echo(f"code: {lines}; `mvib compile {shlex.quote(file)} --emit python` prints them, `-o` writes them")
    return None


def _code(analysis: Analysis, model: "CompiledModel") -> str | None:
    """The method as one PyTorch file; none where it cannot be written as one."""
    from mvib.compile.emission import EmissionError, emit_source  # noqa: PLC0415 - torch only when the spec is sound

    try:
        return emit_source(analysis, model)
    except EmissionError:
        return None


def _path(emit: str | None, output: str | None, form: str | None) -> Path | None:
    """Where a file goes, None for the standard output.

    Raises:
        click.UsageError: the options do not go together, or there is no such folder.
    """
    if emit is None and output is not None:
        raise click.UsageError("-o is where --emit writes: add --emit python")
    if emit is not None and form is not None:
        raise click.UsageError("--format is of the table of networks, and --emit writes none: leave one of them out")
    if output is None or output == _STANDARD_OUTPUT:
        return None
    path = Path(output)
    if not path.parent.is_dir():
        raise click.UsageError(f"there is no folder `{path.parent}`")
    return path


def _emit(analysis: Analysis, model: "CompiledModel", path: Path | None) -> int | None:
    from mvib.compile.emission import EmissionError, emit_source  # noqa: PLC0415 - torch only when the spec is sound

    try:
        source = emit_source(analysis, model)
    except EmissionError as error:
        click.echo(f"error: this method cannot be written as a file of its own: {error}", err=True)
        return FAILED
    if path is None:
        click.echo(source, nl=False)
        return None
    write_whole(path, source.encode())
    click.echo(f"wrote {path}")
    return None

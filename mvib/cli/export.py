"""`mvib export RUN`: the encoder of a run, and what it makes of the data, as files for other programs."""

import json

import click

from mvib.cli.data_options import data_options
from mvib.cli.exit_codes import FAILED
from mvib.cli.spec_argument import plugin_option
from mvib.source import printable, printable_lines


@click.command("export")
@click.argument("run", type=click.Path())
@click.option("-o", "--out", default=None, type=click.Path(), help="Folder for the files; default: RUN/export.")
@click.option(
    "--format",
    "formats",
    default="safetensors,torch",
    show_default=True,
    metavar="NAMES",
    help="Which, with commas: safetensors, torch, onnx (the encoder); npy, parquet (the representation of the data).",
)
@data_options
@click.option("--json", "is_json", is_flag=True, help="Print what was written as JSON.")
@plugin_option
def command(
    run: str,
    out: str | None,
    formats: str,
    data: tuple[str, ...],
    image_size: int | None,
    skip_bad: int | None,
    is_json: bool,
    plugins: tuple[str, ...],
) -> None:
    """Write the encoder of the run in the folder RUN, or the representation of its data, for other programs."""
    from mvib.cli.data_argument import read_data  # noqa: PLC0415
    from mvib.cli.run_errors import explained  # noqa: PLC0415
    from mvib.export import ExportError, export_run  # noqa: PLC0415 - imports torch
    from mvib.export.export import read_formats  # noqa: PLC0415
    from mvib.train import load_run  # noqa: PLC0415

    given = read_data(data, default=None, image_size=image_size, skip_bad=skip_bad)
    try:
        with explained():
            names = read_formats(formats)
            loaded = load_run(run, data=given, plugins=plugins)
            found = export_run(loaded, out, formats=names, plugins=plugins)
    except ExportError as error:
        click.echo(printable_lines(f"error: {error}"), err=True)
        raise click.exceptions.Exit(FAILED) from error
    if is_json:
        result = {
            "folder": str(found.folder),
            "files": dict(found.files),
            "differences": dict(found.differences),
            "notes": list(found.notes),
        }
        click.echo(json.dumps(result, indent=2, allow_nan=False))
        return
    click.echo(printable(f"written to {found.folder}:"))
    for file, size in found.files.items():
        click.echo(f"  {file}: {size:,} bytes")
    for what, difference in found.differences.items():
        click.echo(f"{what} equals the model to {difference:.1e}")
    for note in found.notes:
        click.echo(printable(f"note: {note}"))

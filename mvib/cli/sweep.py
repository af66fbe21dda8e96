"""`mvib sweep FILE --set beta=1e-4,1e-3 --seeds 3`: every combination of settings, trained, probed and tabulated."""

import click

from mvib.catalogue import PluginError
from mvib.cli.data_options import data_options
from mvib.cli.exit_codes import SPEC_WRONG, WRONG_USAGE
from mvib.cli.spec_argument import plugin_option, print_diagnostics, read_file
from mvib.cli.sweep_grid import GridPoint, read_grid
from mvib.diagnostics import Severity
from mvib.driver import Analysis, analyse
from mvib.source import SourceFile


@click.command("sweep")
@click.argument("file")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE,VALUE,...",
    help="Values of a parameter or train setting, with commas; several --set are combined.",
)
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 1000), help="Of each: 0, 1, ...")
@data_options
@click.option("--out", default=None, type=click.Path(), help="Folder of the runs; default: runs/sweep-METHOD.")
@click.option("--probe", "probes", default="knn,linear", show_default=True, metavar="NAMES", help="As of `mvib eval`.")
@click.option("--device", default="cpu", type=click.Choice(["cpu", "cuda", "mps", "auto"]), show_default=True)
@click.option("--workers", default=None, type=click.IntRange(0, 256), help="Processes that read data.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv", "markdown"]), default="text", help="Of the table."
)
@plugin_option
def command(
    file: str,
    settings: tuple[str, ...],
    seeds: int,
    data: tuple[str, ...],
    image_size: int | None,
    skip_bad: int | None,
    out: str | None,
    probes: str,
    device: str,
    workers: int | None,
    form: str,
    plugins: tuple[str, ...],
) -> None:
    """Train a spec with every combination of some settings, and print a table of probes: mean and spread over seeds.

    The same command again goes on where it stopped: finished runs are skipped, one that broke is repeated.
    """
    grid = read_grid(settings, seeds=seeds)
    source = read_file(file)
    points = [(point, _analyse(source, point, plugins)) for point in grid]
    _print_remarks(points[0][1])

    from mvib.cli.data_argument import read_data  # noqa: PLC0415 - torch only for sound specs
    from mvib.cli.sweep_run import SweepRequest, sweep_and_report  # noqa: PLC0415

    method = points[0][1].method
    assert method is not None
    request = SweepRequest(
        points=tuple(points),
        data=read_data(data, default=str(method.settings["data"]), image_size=image_size, skip_bad=skip_bad),
        out=out if out is not None else f"runs/sweep-{method.name.casefold()}",
        probes=probes,
        device=device,
        workers=workers,
        plugins=plugins,
        form=form,
    )
    sweep_and_report(request)


def _analyse(source: SourceFile, point: GridPoint, plugins: tuple[str, ...]) -> Analysis:
    """All of them before the first is trained: a wrong value is not to show after a day."""
    try:
        analysis = analyse(source, overrides=point.overrides, plugins=plugins)
    except PluginError as error:
        click.echo(f"error: {error}", err=True)
        raise click.exceptions.Exit(WRONG_USAGE) from error
    if not analysis.is_sound:
        print_diagnostics([found for found in analysis.diagnostics if found.severity is Severity.ERROR])
        click.echo(f"error: this is with {point}; nothing was trained", err=True)
        raise click.exceptions.Exit(SPEC_WRONG)
    return analysis


def _print_remarks(analysis: Analysis) -> None:
    print_diagnostics([found for found in analysis.diagnostics if found.severity is Severity.WARNING])

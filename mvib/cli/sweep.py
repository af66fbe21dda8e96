"""`mvib sweep FILE --set beta=1e-4,1e-3 --seeds 3`: every combination of settings, trained, probed and tabulated."""

from collections.abc import Mapping, Sequence

import click

from mvib.catalogue import PluginError
from mvib.cli.data_options import data_options
from mvib.cli.exit_codes import SPEC_WRONG, WRONG_USAGE
from mvib.cli.spec_argument import plugin_option, print_diagnostics, read_file
from mvib.cli.sweep_grid import GridPoint, read_grid
from mvib.diagnostics import Severity
from mvib.driver import Analysis, analyse
from mvib.source import SourceFile

# Where a spec leaves out no examples to choose by.
_TUNING, _TUNING_SHARE = "train.tuning", "0.2"


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

    A fifth of the training examples is left out of training, for the probes that choose among the combinations; the
    held-out examples judge the chosen one.

    The same command again goes on where it stopped: finished runs are skipped, one that broke is repeated.
    """
    grid = read_grid(settings, seeds=seeds)
    source = read_file(file)
    points = _analyse_all(source, grid, plugins)
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


def _analyse_all(
    source: SourceFile, grid: Sequence[GridPoint], plugins: tuple[str, ...]
) -> list[tuple[GridPoint, Analysis]]:
    """All of them before the first is trained: a wrong value is not to show after a day."""
    first = _analyse(source, grid[0], {}, plugins)
    assert first.method is not None
    is_given = any(name == _TUNING for name, _ in grid[0].settings) or first.method.settings["tuning"] != 0
    added = {} if is_given else {_TUNING: _TUNING_SHARE}
    found = [(point, _analyse(source, point, added, plugins)) for point in grid]
    for point, analysis in found:
        if analysis.method is not None and analysis.method.settings["tuning"] == 0:
            raise click.UsageError(
                f"a sweep chooses by examples that are left out of training, and {point} leaves out none: write "
                f"--set {_TUNING}={_TUNING_SHARE}"
            )
    return found


def _analyse(source: SourceFile, point: GridPoint, added: Mapping[str, str], plugins: tuple[str, ...]) -> Analysis:
    try:
        analysis = analyse(source, overrides={**added, **point.overrides}, plugins=plugins)
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

"""`mvib eval RUN`: probes of a trained run, with the untrained network beside it."""

import click

from mvib.cli.data_options import data_options
from mvib.cli.spec_argument import plugin_option


@click.command("eval")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path())
@click.option(
    "--probe", "probes", default="knn,linear,classifier", show_default=True, metavar="NAMES", help="Which, with commas."
)
@click.option(
    "--seeds", default=1, show_default=True, type=click.IntRange(1, 1000), help="Of the protocols that draw anything."
)
@data_options
@click.option("--device", default="cpu", type=click.Choice(["cpu", "cuda", "mps", "auto"]), show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@plugin_option
def command(
    runs: tuple[str, ...],
    probes: str,
    seeds: int,
    data: tuple[str, ...],
    image_size: int | None,
    skip_bad: int | None,
    device: str,
    form: str,
    plugins: tuple[str, ...],
) -> None:
    """Evaluate the run in the folder RUN, or several, by probes of its frozen representation.

    `--probe all` runs every protocol; `cka` compares several runs on the same held-out examples.
    """
    from mvib.cli.data_argument import read_data  # noqa: PLC0415
    from mvib.cli.evaluation_run import EvaluationRequest, evaluate_and_report  # noqa: PLC0415 - imports torch

    request = EvaluationRequest(
        folders=runs,
        probes=probes,
        seeds=seeds,
        data=read_data(data, default=None, image_size=image_size, skip_bad=skip_bad),
        device=device,
        plugins=plugins,
        is_json=form == "json",
    )
    evaluate_and_report(request)

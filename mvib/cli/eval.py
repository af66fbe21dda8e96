"""`mvib eval RUN`: probes of a trained run, with the untrained network beside it."""

import click

from mvib.cli.spec_argument import plugin_option


@click.command("eval")
@click.argument("run", type=click.Path())
@click.option(
    "--probe", "probes", default="knn,linear,classifier", show_default=True, metavar="NAMES", help="Which, with commas."
)
@click.option("--data", default=None, metavar="DATA", help="Data in the place of those it was trained on.")
@click.option("--device", default="cpu", type=click.Choice(["cpu", "cuda", "mps", "auto"]), show_default=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@plugin_option
def command(run: str, probes: str, data: str | None, device: str, form: str, plugins: tuple[str, ...]) -> None:
    """Evaluate the run in the folder RUN by probes of its frozen representation."""
    from mvib.cli.evaluation_run import EvaluationRequest, evaluate_and_report  # noqa: PLC0415 - imports torch

    request = EvaluationRequest(
        folder=run, probes=probes, data=data, device=device, plugins=plugins, is_json=form == "json"
    )
    evaluate_and_report(request)

"""`mvib estimate NAME --x A.npy --y B.npy`: an information quantity of arrays from disk."""

import json
from pathlib import Path

import click

from mvib.cli.exit_codes import WRONG_USAGE
from mvib.cli.spec_argument import parse_settings, plugin_option, set_option


@click.command("estimate")
@click.argument("estimator")
@click.option(
    "--x", "x_file", required=True, type=click.Path(dir_okay=False), help="Rows of the first variable (.npy)."
)
@click.option(
    "--y", "y_file", default=None, type=click.Path(dir_okay=False), help="Rows of the second variable (.npy)."
)
@set_option
@click.option("--level", default=0.95, show_default=True, help="Probability of the interval.")
@click.option("--resamples", default=20, show_default=True, help="Half-samples behind the interval; 0 for none.")
@click.option("--seed", default=0, show_default=True, help="Of everything that is drawn.")
@plugin_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(
    estimator: str,
    x_file: str,
    y_file: str | None,
    settings: tuple[str, ...],
    level: float,
    resamples: int,
    seed: int,
    plugins: tuple[str, ...],
    form: str,
) -> int | None:
    """Estimate an information quantity of arrays; --set gives arguments of the estimator.

    A critic or a conditional density is trained on half of the rows and measured on the other half. The interval is
    that of the sampling error.
    """
    import numpy as np  # noqa: PLC0415 - only this verb reads arrays

    from mvib.evaluate.information import measure_information  # noqa: PLC0415
    from mvib.evaluate.information.measurement import describe  # noqa: PLC0415

    try:
        arrays = [np.load(Path(path), allow_pickle=False) for path in (x_file, y_file) if path is not None]
        found = measure_information(
            estimator,
            arrays[0],
            arrays[1] if len(arrays) > 1 else None,
            parse_settings(settings),
            level=level,
            resamples=resamples,
            seed=seed,
            plugins=plugins,
        )
    except (OSError, ValueError, EOFError, TypeError) as error:
        click.echo(f"error: {error}", err=True)
        return WRONG_USAGE
    promise = found.promise
    if form == "json":
        result = {
            "estimator": estimator,
            "call": promise.estimator,
            "quantity": promise.quantity,
            "value": found.value,
            "interval": promise.interval,
            "level": promise.level,
            "bound": promise.bound,
            "exact_when": promise.exact_when,
            "saturation": promise.saturation,
            "units": promise.units,
            "num_examples": promise.num_examples,
        }
        click.echo(json.dumps(result))
        return None
    click.echo(f"{promise.quantity} by {promise.estimator}: {describe(found)}")
    for title, text in (("exact when", promise.exact_when), ("saturates at", promise.saturation)):
        if text:
            click.echo(f"  {title}: {text}")
    return None

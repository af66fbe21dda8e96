"""`mvib estimate NAME --x A.npy --y B.npy`: an information quantity of arrays from disk."""

import json
from pathlib import Path

import click

from mvib.catalogue import load_catalogue
from mvib.cli.exit_codes import WRONG_USAGE
from mvib.cli.spec_argument import parse_settings, set_option


@click.command("estimate")
@click.argument("estimator")
@click.option(
    "--x", "x_file", required=True, type=click.Path(dir_okay=False), help="Rows of the first variable (.npy)."
)
@click.option(
    "--y", "y_file", default=None, type=click.Path(dir_okay=False), help="Rows of the second variable (.npy)."
)
@set_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(estimator: str, x_file: str, y_file: str | None, settings: tuple[str, ...], form: str) -> int | None:
    """Estimate an information quantity of arrays; --set gives arguments of the estimator."""
    import numpy as np  # noqa: PLC0415 - only this verb reads arrays

    from mvib.compile.estimation import estimate_from_samples  # noqa: PLC0415

    try:
        arrays = [np.load(Path(path), allow_pickle=False) for path in (x_file, y_file) if path is not None]
        arguments = {name: _number(value) for name, value in parse_settings(settings).items()}
        value = estimate_from_samples(estimator, arrays[0], arrays[1] if len(arrays) > 1 else None, arguments)
    except (OSError, ValueError, EOFError, TypeError) as error:
        click.echo(f"error: {error}", err=True)
        return WRONG_USAGE
    entry = load_catalogue().estimators[estimator]
    result = {"estimator": estimator, "value": value, "bound": entry.bound.value, "units": entry.units}
    if form == "json":
        click.echo(json.dumps(result))
    else:
        click.echo(f"{value:.6g} {entry.units if entry.units != 'none' else '(no unit)'}  ({entry.bound.value})")
    return None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text

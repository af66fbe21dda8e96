"""`mvib estimate NAME --x A.npy --y B.npy`: an information quantity of arrays from disk."""

import json
import tokenize
import warnings
from pathlib import Path
from typing import Any

import click

from mvib.catalogue import load_catalogue
from mvib.catalogue.catalogue import PluginError
from mvib.cli.exit_codes import WRONG_USAGE
from mvib.cli.spec_argument import parse_settings, plugin_option, set_option
from mvib.source import printable_lines


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
    for the mean of the estimator over samples of this size.
    """
    from mvib.estimators.neighbours import TiesWarning  # noqa: PLC0415
    from mvib.evaluate.information import measure_information  # noqa: PLC0415 - torch is loaded only when asked for
    from mvib.evaluate.information.call import find_entry  # noqa: PLC0415
    from mvib.evaluate.information.measurement import describe  # noqa: PLC0415

    try:
        find_entry(load_catalogue(plugins), estimator)
        with warnings.catch_warnings():
            # The remarks below say it.
            warnings.simplefilter("ignore", TiesWarning)
            found = measure_information(
                estimator,
                _read_array(x_file),
                _read_array(y_file) if y_file is not None else None,
                parse_settings(settings),
                level=level,
                resamples=resamples,
                seed=seed,
                plugins=plugins,
            )
    except (ValueError, PluginError) as error:
        click.echo(printable_lines(f"error: {error}"), err=True)
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
            "remarks": promise.remarks,
        }
        click.echo(json.dumps(result))
        return None
    click.echo(f"{promise.quantity} by {promise.estimator}: {describe(found)}")
    for title, text in (("exact when", promise.exact_when), ("saturates at", promise.saturation)):
        if text:
            click.echo(f"  {title}: {text}")
    for remark in promise.remarks:
        click.echo(f"  note: {remark}")
    return None


def _read_array(file: str) -> Any:
    """The array of a .npy file. Pickled objects are never read, so a file cannot run code.

    Raises:
        ValueError: the file is not there, is no .npy file, or holds objects; says what to do.
    """
    import numpy as np  # noqa: PLC0415 - only this verb reads arrays

    remedy = "write the array with `numpy.save(file, array)`, of numbers"
    try:
        with Path(file).open("rb") as opened:
            if opened.read(6) != b"\x93NUMPY":
                raise ValueError(f"`{file}` is no .npy file; {remedy}")
            opened.seek(0)
            return np.load(opened, allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"there is no file `{file}`; check the path") from None
    except OSError as error:
        raise ValueError(f"`{file}` cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise ValueError(f"`{file}` says that it holds more numbers than there is memory for; {remedy}") from error
    except (ValueError, EOFError, SyntaxError, RecursionError, tokenize.TokenError) as error:
        if str(error).startswith("`"):
            raise
        raise ValueError(f"`{file}` holds no array of numbers, or is cut short; {remedy}") from error

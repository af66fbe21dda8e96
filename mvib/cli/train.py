"""`mvib train FILE`: train a spec and write a run folder."""

import click

from mvib.cli.spec_argument import load_analysis, parse_settings, plugin_option, set_option


@click.command("train")
@click.argument("file", required=False)
@click.option("--data", default=None, metavar="DATA", help="Data in the place of the spec's: digits, npz:PATH.")
@set_option
@click.option("--backbone", default=None, metavar="MODULE", help="What backbone() stands for: 'conv(64, 128)'.")
@click.option("--epochs", default=None, type=click.IntRange(min=1), help="Passes over the training data.")
@click.option("--out", default=None, type=click.Path(), help="Folder of the run; default: a new one in runs/.")
@click.option(
    "--resume", default=None, type=click.Path(), help="Go on with the run in this folder; FILE is not needed."
)
@click.option("--device", default="cpu", type=click.Choice(["cpu", "cuda", "mps", "auto"]), show_default=True)
@click.option("--quiet", is_flag=True, help="Print the folder of the run and nothing else.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the summary.")
@plugin_option
def command(
    file: str | None,
    data: str | None,
    settings: tuple[str, ...],
    backbone: str | None,
    epochs: int | None,
    out: str | None,
    resume: str | None,
    device: str,
    quiet: bool,
    form: str,
    plugins: tuple[str, ...],
) -> None:
    """Train a spec and write a run folder; probes show the untrained network beside the trained one."""
    given = [f"train.backbone={backbone}"] if backbone is not None else []
    given += [f"train.epochs={epochs}"] if epochs is not None else []
    given += settings
    _check_usage(file=file, resume=resume, out=out, given=given)
    analysis = load_analysis(file, given, plugins) if file is not None else None

    from mvib.cli.training_run import TrainRequest, train_and_report  # noqa: PLC0415 - torch only for a sound spec

    request = TrainRequest(
        analysis=analysis,
        data=data,
        overrides=parse_settings(given),
        out=out,
        resume=resume,
        device=device,
        plugins=plugins,
        is_quiet=quiet,
        is_json=form == "json",
    )
    train_and_report(request)


def _check_usage(*, file: str | None, resume: str | None, out: str | None, given: list[str]) -> None:
    if file is None and resume is None:
        raise click.UsageError("name a spec: a file, `-` for standard input, or a bundled name (vicreg)")
    if out is not None and resume is not None:
        raise click.UsageError("a run goes on in its own folder: leave out --out")
    if file is None and given:
        raise click.UsageError("a run goes on with its own settings: leave out --set, --backbone and --epochs")

"""`mvib train FILE`: train a spec and write a run folder."""

from importlib.metadata import entry_points

import click

from mvib.catalogue.catalogue import PLUGIN_GROUPS
from mvib.cli.data_options import data_options
from mvib.cli.spec_argument import load_analysis, parse_settings, plugin_option, set_option


@click.command("train")
@click.argument("file", required=False)
@data_options
@set_option
@click.option("--backbone", default=None, metavar="MODULE", help="What backbone() stands for: 'conv(64, 128)'.")
@click.option("--epochs", default=None, type=click.IntRange(min=1), help="Passes over the training data.")
@click.option("--out", default=None, type=click.Path(), help="Folder of the run; default: a new one in runs/.")
@click.option(
    "--resume", default=None, type=click.Path(), help="Go on with the run in this folder; FILE is not needed."
)
@click.option("--device", default="cpu", type=click.Choice(["cpu", "cuda", "mps", "auto"]), show_default=True)
@click.option(
    "--devices",
    default=None,
    type=click.IntRange(1, 4096),
    help="On each machine, a process each; default: 1, or those of torchrun.",
)
@click.option("--nodes", default=None, type=click.IntRange(1, 999), help="Machines; default: 1, or those of torchrun.")
@click.option("--compile", "is_compiled", is_flag=True, help="Compile networks and objective with torch.compile.")
@click.option(
    "--fsdp", "is_sharded", is_flag=True, help="Part weights, gradients and optimizer state among the processes."
)
@click.option(
    "--workers", default=None, type=click.IntRange(0, 256), help="Processes that read data; default: one a core, to 8."
)
@click.option(
    "--checkpoint-every",
    default=None,
    metavar="TIME",
    help="Besides the end of an epoch: `500 steps`, `30 s`, `10 min`, `2 h`, several with commas, or `epoch` for none; "
    "default: 1 min.",
)
@click.option("--keep", default=2, type=click.IntRange(1, 1000), show_default=True, help="Checkpoints that are kept.")
@click.option(
    "--monitor",
    # `torchrun` takes the first for one of its own options cut short.
    "--monitors",
    "monitors",
    default="all",
    show_default=True,
    metavar="NAMES",
    help="What is watched on held-out data, with commas: rank,knn; or none.",
)
@click.option(
    "--probe",
    "probes",
    default=None,
    metavar="NAMES",
    help="At the end, of the trained and the untrained network, as of `mvib eval`: lbfgs,rankme; or none; default: "
    "knn,linear,classifier.",
)
@click.option(
    "--sink", "sinks", multiple=True, metavar="NAME", help="Where numbers go beside JSON lines: csv, tensorboard."
)
@click.option("--quiet", is_flag=True, help="Print the folder of the run and nothing else.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the summary.")
@plugin_option
def command(
    file: str | None,
    data: tuple[str, ...],
    image_size: int | None,
    skip_bad: int | None,
    settings: tuple[str, ...],
    backbone: str | None,
    epochs: int | None,
    out: str | None,
    resume: str | None,
    device: str,
    devices: int | None,
    nodes: int | None,
    is_compiled: bool,
    is_sharded: bool,
    workers: int | None,
    checkpoint_every: str | None,
    keep: int,
    monitors: str,
    probes: str | None,
    sinks: tuple[str, ...],
    quiet: bool,
    form: str,
    plugins: tuple[str, ...],
) -> None:
    """Train a spec and write a run folder; probes show the untrained network beside the trained one."""
    given = [f"train.backbone={backbone}"] if backbone is not None else []
    given += [f"train.epochs={epochs}"] if epochs is not None else []
    given += settings
    _check_usage(file=file, resume=resume, out=out, given=given, devices=devices, nodes=nodes)
    of_spec = _of_spec(plugins, sinks)
    analysis = load_analysis(file, given, of_spec) if file is not None else None

    from mvib.cli.data_argument import read_data  # noqa: PLC0415
    from mvib.cli.training_run import TrainRequest, train_and_report  # noqa: PLC0415 - torch only for a sound spec

    request = TrainRequest(
        analysis=analysis,
        data=read_data(
            data,
            default=str(analysis.method.settings["data"]) if analysis is not None and analysis.method else None,
            image_size=image_size,
            skip_bad=skip_bad,
        ),
        overrides=parse_settings(given),
        out=out,
        resume=resume,
        device=device,
        devices=devices,
        nodes=nodes,
        is_compiled=is_compiled,
        is_sharded=is_sharded,
        workers=workers,
        checkpoint_every=checkpoint_every,
        keep=keep,
        monitors=monitors,
        probes=probes,
        sinks=sinks,
        plugins=of_spec,
        sink_plugins=plugins,
        is_quiet=quiet,
        is_json=form == "json",
    )
    train_and_report(request)


def _of_spec(plugins: tuple[str, ...], sinks: tuple[str, ...]) -> tuple[str, ...]:
    """The plug-ins that a spec may use: one that gives a sink and nothing else is not for specs."""
    return tuple(
        name
        for name in plugins
        if name not in sinks or any(entry_points(group=group, name=name) for group in PLUGIN_GROUPS)
    )


def _check_usage(
    *, file: str | None, resume: str | None, out: str | None, given: list[str], devices: int | None, nodes: int | None
) -> None:
    if file is None and resume is None:
        raise click.UsageError("name a spec: a file, `-` for standard input, or a bundled name (vicreg)")
    if out is not None and resume is not None:
        raise click.UsageError("a run goes on in its own folder: leave out --out")
    if file == "-" and (devices or 1) * (nodes or 1) > 1:
        raise click.UsageError("several processes cannot read one standard input: give the spec as a file")
    if file is None and given:
        raise click.UsageError("a run goes on with its own settings: leave out --set, --backbone and --epochs")
